//! Who may send requests, and how many: bearer tokens and a rate.
//!
//! Every request but those to `/healthz` passes here first. The token says who the client is: the
//! transport binds sessions to it, and the [`CallHook`](crate::supervise::CallHook) gets its name.
//! A server without tokens and without a rate pays one branch.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

use super::{Body, text};
use crate::{
    log_limit::LogLimit,
    metrics::{Shed, count_shed},
    supervise::Caller,
};

type TooSoon = NotUntil<<DefaultClock as Clock>::Instant>;

/// Requests between two looks for addresses that need no memory any more.
const REQUESTS_PER_SWEEP: u32 = 4096;

/// Bearer tokens (RFC 6750), of which every request has to bring one. `Debug` shows none of them.
#[derive(Clone)]
pub struct Tokens(Arc<[Token]>);

struct Token {
    secret: Box<[u8]>,
    id: SubjectId,
    name: Box<str>,
}

/// What tells a token from others, on every instance of a server and after every restart: a part of
/// its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SubjectId(u128);

/// The token that a request has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'t> {
    /// The place of the token among those of this server.
    number: u32,
    id: SubjectId,
    name: &'t str,
}

/// A text has no tokens, or something else. The message shows none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokensError {
    /// A line is no token with an optional name.
    #[error(
        "line {0} is not TOKEN or TOKEN NAME, where TOKEN has only letters, digits and -._~+/ \
         and may end with ="
    )]
    Line(usize),
    /// A token comes twice.
    #[error("line {0} repeats the token of another line")]
    Twice(usize),
    /// There is no token.
    #[error("there is no token in it; `openssl rand -hex 32` makes one")]
    Empty,
}

/// Who may send requests, and how many. By default that is everyone, and any number.
#[derive(Clone, Default)]
pub struct Access(Option<Arc<Inner>>);

struct Inner {
    tokens: Option<Tokens>,
    rate: Option<Rate>,
    wrong_tokens: LogLimit,
}

/// A number of requests a second, for each token, or for each address that sends without one.
struct Rate {
    of_tokens: Box<[DefaultDirectRateLimiter]>,
    of_networks: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
    requests: AtomicU32,
    rejections: LogLimit,
}

/// Why a request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("Unauthorized: this server needs a token; send `Authorization: Bearer TOKEN`")]
    NoToken,
    #[error("Unauthorized: the server does not know this token")]
    WrongToken,
    #[error("Bad Request: there are two Authorization headers, or one without a token")]
    Malformed,
    #[error("Too Many Requests: the server's --rate-limit is reached; try again later")]
    TooMany { retry_after_s: u64 },
}

impl Tokens {
    /// Checks the token of a request.
    fn check(&self, headers: &HeaderMap) -> Result<Subject<'_>, AccessError> {
        let mut sent = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (sent.next(), sent.next()) else {
            let is_missing = !headers.contains_key(header::AUTHORIZATION);
            return Err(if is_missing {
                AccessError::NoToken
            } else {
                AccessError::Malformed
            });
        };
        let value = value.as_bytes();
        let (scheme, token) = value
            .iter()
            .position(|byte| *byte == b' ')
            .map_or((value, b"".as_slice()), |blank| value.split_at(blank));
        if !scheme.eq_ignore_ascii_case(b"Bearer") {
            return Err(AccessError::NoToken);
        }
        let token = token.trim_ascii();
        if token.is_empty() {
            return Err(AccessError::Malformed);
        }
        self.find(token).ok_or(AccessError::WrongToken)
    }

    /// Returns the token that equals `sent`. It compares `sent` with all of them, and the time of a
    /// comparison depends on nothing but the lengths.
    fn find(&self, sent: &[u8]) -> Option<Subject<'_>> {
        let mut found = 0;
        for (number, token) in (1_u32..).zip(&*self.0) {
            found.conditional_assign(&number, token.secret.ct_eq(sent));
        }
        let number = found.checked_sub(1)?;
        let token = self.0.get(number as usize)?;
        Some(Subject::new(number, token.id, &token.name))
    }
}

/// One token a line, with an optional name after it. Empty lines and lines that begin with `#` are
/// skipped. A token without a name is called `token-1`, `token-2`, ... by its place.
impl FromStr for Tokens {
    type Err = TokensError;

    fn from_str(text: &str) -> Result<Self, TokensError> {
        let mut tokens: Vec<Token> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (secret, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            if !is_b64token(secret) {
                return Err(TokensError::Line(number));
            }
            let secret = secret.as_bytes();
            if tokens.iter().any(|token| *token.secret == *secret) {
                return Err(TokensError::Twice(number));
            }
            let name = match name.trim() {
                "" => format!("token-{}", tokens.len() + 1),
                name => name.to_owned(),
            };
            tokens.push(Token {
                secret: secret.into(),
                id: SubjectId::of(secret),
                name: name.into(),
            });
        }
        if tokens.is_empty() {
            return Err(TokensError::Empty);
        }
        Ok(Self(tokens.into()))
    }
}

/// Whether `text` may stand after `Bearer` (RFC 6750, section 2.1).
fn is_b64token(text: &str) -> bool {
    let token = text.trim_end_matches('=');
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !token.is_empty() && token.bytes().all(is_part)
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} tokens", self.0.len())
    }
}

impl<'t> Subject<'t> {
    pub(crate) fn new(number: u32, id: SubjectId, name: &'t str) -> Self {
        Self { number, id, name }
    }

    /// Returns the name of the token.
    #[must_use]
    pub fn name(self) -> &'t str {
        self.name
    }

    /// Returns the place of the token among those of this server.
    pub(crate) fn number(self) -> u32 {
        self.number
    }

    /// Returns what no other token has.
    pub(crate) fn id(self) -> SubjectId {
        self.id
    }
}

impl SubjectId {
    fn of(secret: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(secret).into();
        let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
        Self(u128::from_be_bytes(*first))
    }
}

impl fmt::Display for SubjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl Access {
    /// Asks for one of `tokens`, and takes `rate` requests a second for each of them; without tokens
    /// for each address.
    #[must_use]
    pub fn new(tokens: Option<Tokens>, rate: Option<NonZeroU32>) -> Self {
        if tokens.is_none() && rate.is_none() {
            return Self::default();
        }
        let count = tokens.as_ref().map_or(0, |tokens| tokens.0.len());
        Self(Some(Arc::new(Inner {
            rate: rate.map(|rate| Rate::new(Quota::per_second(rate), count)),
            tokens,
            wrong_tokens: LogLimit::default(),
        })))
    }

    /// Admits a request of the client at `client`, and returns the token that it has brought.
    ///
    /// # Errors
    /// When it has brought none that the server knows, or comes too soon.
    pub(crate) fn admit(
        &self,
        headers: &HeaderMap,
        client: IpAddr,
    ) -> Result<Option<Subject<'_>>, AccessError> {
        let Some(inner) = &self.0 else {
            return Ok(None);
        };
        let subject = match &inner.tokens {
            Some(tokens) => tokens.check(headers).map(Some),
            None => Ok(None),
        };
        if let Some(rate) = &inner.rate {
            // A request with a wrong token counts for its address, so that nobody tries many, and
            // nobody uses up what is another's.
            let subject = subject.as_ref().ok().copied().flatten();
            rate.take(subject, client, NonZeroU32::MIN)?;
        }
        if subject == Err(AccessError::WrongToken)
            && let Some(left_out) = inner.wrong_tokens.admit()
        {
            tracing::warn!(%client, left_out, "a request with a wrong token was rejected");
        }
        subject
    }

    /// Counts the messages of a batch: all but the first, because that one is the request.
    ///
    /// # Errors
    /// When they come too soon.
    pub(crate) fn admit_batch(
        &self,
        caller: &Caller<'_>,
        messages: usize,
    ) -> Result<(), AccessError> {
        let rate = self.0.as_ref().and_then(|inner| inner.rate.as_ref());
        let others = messages.saturating_sub(1).try_into().unwrap_or(u32::MAX);
        match (rate, caller.client, NonZeroU32::new(others)) {
            (Some(rate), Some(client), Some(others)) => {
                rate.take(caller.subject, client.ip(), others)
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.0.as_ref();
        formatter
            .debug_struct("Access")
            .field("tokens", &inner.and_then(|inner| inner.tokens.as_ref()))
            .field("has_rate", &inner.is_some_and(|inner| inner.rate.is_some()))
            .finish()
    }
}

impl Rate {
    fn new(quota: Quota, tokens: usize) -> Self {
        Self {
            of_tokens: (0..tokens).map(|_| RateLimiter::direct(quota)).collect(),
            of_networks: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            requests: AtomicU32::new(0),
            rejections: LogLimit::default(),
        }
    }

    fn take(
        &self,
        subject: Option<Subject<'_>>,
        client: IpAddr,
        requests: NonZeroU32,
    ) -> Result<(), AccessError> {
        let of_token = subject.and_then(|subject| self.of_tokens.get(subject.number as usize));
        let taken = if let Some(limiter) = of_token {
            limiter.check_n(requests).map(|taken| self.waiting(taken))
        } else {
            self.forget_old_networks();
            let network = network(client);
            let taken = self.of_networks.check_key_n(&network, requests);
            taken.map(|taken| self.waiting(taken))
        };
        // More messages than a second may have never fit.
        let wait = taken.unwrap_or(Some(Duration::from_secs(1)));
        let Some(wait) = wait else { return Ok(()) };
        count_shed(Shed::Rate);
        if let Some(left_out) = self.rejections.admit() {
            tracing::warn!(%client, left_out, "a request over --rate-limit was rejected");
        }
        let whole_seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Err(AccessError::TooMany {
            retry_after_s: whole_seconds.max(1),
        })
    }

    /// Returns how long to wait before the next try, if the request comes too soon.
    fn waiting(&self, taken: Result<(), TooSoon>) -> Option<Duration> {
        let too_soon = taken.err()?;
        Some(too_soon.wait_time_from(self.clock.now()))
    }

    /// Forgets addresses whose last second is over, now and then: clients with many addresses must
    /// not fill the memory.
    fn forget_old_networks(&self) {
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        if count % REQUESTS_PER_SWEEP == REQUESTS_PER_SWEEP - 1 {
            self.of_networks.retain_recent();
            self.of_networks.shrink_to_fit();
        }
    }
}

/// Returns what counts as one client: an IPv4 address, or an IPv6 network, because a host has all
/// addresses of its network.
fn network(client: IpAddr) -> IpAddr {
    const HOST_BITS: u32 = 64;
    match client.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() >> HOST_BITS << HOST_BITS).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

impl AccessError {
    /// Responds as RFC 6750, section 3, and RFC 6585, section 4, say.
    pub(crate) fn into_response(self) -> Response<Body> {
        let (status, name, value) = match self {
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(r#"Bearer realm="mcp""#),
            ),
            Self::WrongToken => (
                StatusCode::UNAUTHORIZED,
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(
                    r#"Bearer realm="mcp", error="invalid_token", error_description="the server does not know this token""#,
                ),
            ),
            Self::Malformed => (
                StatusCode::BAD_REQUEST,
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(
                    r#"Bearer realm="mcp", error="invalid_request", error_description="one Authorization header with one token is needed""#,
                ),
            ),
            Self::TooMany { retry_after_s } => (
                StatusCode::TOO_MANY_REQUESTS,
                header::RETRY_AFTER,
                HeaderValue::from(retry_after_s),
            ),
        };
        let mut response = text(status, self.to_string());
        response.headers_mut().insert(name, value);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    fn tokens(text: &str) -> Result<Tokens, TokensError> {
        text.parse()
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let values = values.iter().map(|value| value.parse().unwrap());
        values.map(|value| (header::AUTHORIZATION, value)).collect()
    }

    #[test]
    fn a_file_has_tokens_with_names_or_without() {
        let read = tokens("# those of the team\nabc.DEF-1_~+/==  Ada Lovelace \n\n\tsecond\r\n");
        let read = read.unwrap();
        let names: Vec<_> = read.0.iter().map(|token| &*token.name).collect();
        assert_eq!(names, ["Ada Lovelace", "token-2"]);
        assert_eq!(read.find(b"second").map(Subject::name), Some("token-2"));
        assert_eq!(format!("{read:?}"), "2 tokens");
        for (text, error) in [
            ("", TokensError::Empty),
            ("# nothing\n \n", TokensError::Empty),
            ("good\n\"quoted\"", TokensError::Line(2)),
            ("=", TokensError::Line(1)),
            ("a=b", TokensError::Line(1)),
            ("t\u{e9}l\u{e9}", TokensError::Line(1)),
            ("a one\nb\na two", TokensError::Twice(3)),
        ] {
            assert_eq!(tokens(text).unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn only_a_whole_token_is_known() {
        let tokens = tokens("first ada\nsecond").unwrap();
        let check = |values: &[&str]| tokens.check(&headers(values)).map(|found| found.name);
        for value in ["Bearer first", "bearer first", "BEARER   first "] {
            assert_eq!(check(&[value]), Ok("ada"), "{value}");
        }
        assert_eq!(check(&["Bearer second"]), Ok("token-2"));
        for value in [
            "Bearer firs",
            "Bearer first2",
            "Bearer FIRST",
            "Bearer first second",
        ] {
            assert_eq!(check(&[value]), Err(AccessError::WrongToken), "{value}");
        }
        for value in ["Basic first", "first", ""] {
            assert_eq!(check(&[value]), Err(AccessError::NoToken), "{value}");
        }
        assert_eq!(check(&[]), Err(AccessError::NoToken));
        for values in [
            &["Bearer"][..],
            &["Bearer "],
            &["Bearer first", "Bearer first"],
        ] {
            assert_eq!(check(values), Err(AccessError::Malformed), "{values:?}");
        }
    }

    /// Takes so many requests an hour, so that a slow machine changes nothing.
    fn limited(tokens: Option<Tokens>, requests: u32) -> Access {
        let quota = Quota::per_hour(NonZeroU32::new(requests).unwrap());
        let count = tokens.as_ref().map_or(0, |tokens| tokens.0.len());
        Access(Some(Arc::new(Inner {
            rate: Some(Rate::new(quota, count)),
            tokens,
            wrong_tokens: LogLimit::default(),
        })))
    }

    fn is_too_many<T>(outcome: &Result<T, AccessError>) -> bool {
        matches!(outcome, Err(AccessError::TooMany { retry_after_s: 1.. }))
    }

    #[test]
    fn each_token_has_a_rate_of_its_own_and_wrong_ones_count_for_the_address() {
        let access = limited(tokens("first\nsecond").ok(), 2);
        let admit = |value: &str| {
            let headers = headers(&[value]);
            access.admit(&headers, ADDRESS).map(|_| ())
        };
        for value in ["Bearer wrong", "Bearer wrong"] {
            assert_eq!(admit(value), Err(AccessError::WrongToken));
        }
        assert!(is_too_many(&admit("Bearer wrong")));
        for value in ["Bearer first", "Bearer second"] {
            assert_eq!([admit(value), admit(value)], [Ok(()), Ok(())], "{value}");
            assert!(is_too_many(&admit(value)), "{value}");
        }
    }

    #[test]
    fn the_messages_of_a_batch_count() {
        let access = limited(None, 10);
        let caller = Caller {
            client: Some((ADDRESS, 1).into()),
            ..Caller::default()
        };
        assert_eq!(access.admit(&HeaderMap::new(), ADDRESS), Ok(None));
        assert_eq!(access.admit_batch(&caller, 8), Ok(()));
        for messages in [8, 100] {
            let outcome = access.admit_batch(&caller, messages);
            assert!(is_too_many(&outcome), "{messages}");
        }
        assert_eq!(access.admit_batch(&caller, 1), Ok(()));
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn addresses_are_forgotten() {
        let access = Access::new(None, NonZeroU32::new(1_000_000));
        let addresses = 3 * REQUESTS_PER_SWEEP;
        for number in 0..addresses {
            let address = IpAddr::V4(number.into());
            assert_eq!(access.admit(&HeaderMap::new(), address), Ok(None));
        }
        let rate = access.0.as_ref().unwrap().rate.as_ref().unwrap();
        assert!(rate.of_networks.len() < addresses as usize / 2);
    }
}
