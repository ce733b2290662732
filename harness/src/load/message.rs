//! JSON-RPC messages: built before the load, classified when they come in, paired by their ids.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::errors::seen;

/// Digits of an id. All ids have the same width, so that one can be overwritten in place.
pub(super) const ID_DIGITS: usize = 9;
/// The first id.
const ID_FIRST: u32 = 100_000_000;
/// The number of ids.
const ID_COUNT: u32 = 900_000_000;
/// The begin of every request; the id follows.
const OPENING: &[u8] = br#"{"jsonrpc":"2.0","id":"#;

/// A message for any transport: the end of an HTTP head (`Content-Length` and what follows it), the
/// JSON, and a newline.
#[derive(Clone, Debug)]
pub(super) struct Message {
    bytes: Vec<u8>,
    json_at: usize,
    /// Whether an answer is due; a notification has none.
    pub(super) is_request: bool,
}

impl Message {
    /// A request, with room for the id. Each of the HTTP `headers` begins with a line break.
    pub(super) fn request(method: &str, params: &Value, headers: &str) -> Self {
        let mut json = OPENING.to_vec();
        json.extend_from_slice(&[b'0'; ID_DIGITS]);
        let rest = format!(r#","method":{},"params":{params}}}"#, Value::from(method));
        json.extend_from_slice(rest.as_bytes());
        Self::new(&json, true, headers)
    }

    /// A notification without parameters.
    pub(super) fn notification(method: &str) -> Self {
        let json = format!(r#"{{"jsonrpc":"2.0","method":{}}}"#, Value::from(method));
        Self::new(json.as_bytes(), false, "")
    }

    fn new(json: &[u8], is_request: bool, headers: &str) -> Self {
        let mut bytes = format!("{}{headers}\r\n\r\n", json.len()).into_bytes();
        let json_at = bytes.len();
        bytes.extend_from_slice(json);
        bytes.push(b'\n');
        Self {
            bytes,
            json_at,
            is_request,
        }
    }

    /// Appends what follows `Content-Length: ` of an HTTP request.
    pub(super) fn append_http(&self, out: &mut Vec<u8>, id: u32) {
        let id_at = out.len() + self.json_at + OPENING.len();
        out.extend_from_slice(&self.bytes[..self.bytes.len() - 1]);
        self.write_id(out, id_at, id);
    }

    /// Appends the message as a line.
    pub(super) fn append_line(&self, out: &mut Vec<u8>, id: u32) {
        let id_at = out.len() + OPENING.len();
        out.extend_from_slice(&self.bytes[self.json_at..]);
        self.write_id(out, id_at, id);
    }

    fn write_id(&self, out: &mut [u8], id_at: usize, id: u32) {
        if self.is_request {
            out[id_at..id_at + ID_DIGITS].copy_from_slice(&digits(id));
        }
    }
}

/// The digits of an id.
pub(super) fn digits(id: u32) -> [u8; ID_DIGITS] {
    let mut text = [b'0'; ID_DIGITS];
    let mut rest = id;
    for digit in text.iter_mut().rev() {
        // The remainder of a division by 10 fits.
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    text
}

/// Gives out ids that tell their client, each once until 900 million have been used.
#[derive(Debug)]
pub(super) struct Ids {
    clients: u32,
    rounds: Vec<u32>,
}

/// Room for the ids of each of several runs over one session.
const IDS_OF_A_RUN: u32 = 10_000_000;

impl Ids {
    /// Ids that differ from those of so many earlier runs over the same session.
    pub(super) fn after(runs: u32, clients: usize) -> Self {
        let count = u32::try_from(clients).unwrap_or(u32::MAX).max(1);
        let first = runs % (ID_COUNT / IDS_OF_A_RUN) * (IDS_OF_A_RUN / count);
        Self {
            clients: count,
            rounds: vec![first; clients],
        }
    }

    /// The next id of this client.
    pub(super) fn next(&mut self, client: usize) -> u32 {
        let round = &mut self.rounds[client];
        let id = ID_FIRST + *round * self.clients + u32::try_from(client).unwrap_or_default();
        *round = if *round + 1 < ID_COUNT / self.clients {
            *round + 1
        } else {
            0
        };
        id
    }
}

/// The client that an id was given to, if it is one of `clients`.
pub(super) fn owner(id: u64, clients: usize) -> Option<usize> {
    let offset = id.checked_sub(u64::from(ID_FIRST))?;
    if offset >= u64::from(ID_COUNT) {
        return None;
    }
    usize::try_from(offset % u64::try_from(clients).ok()?).ok()
}

/// What an incoming message is.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A response to this id; `None` for `null`, for no id, or for one that is no whole number.
    Response(Option<u64>),
    /// A request or a notification of the server.
    FromServer,
}

/// The members of a message that matter here, the values unread.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) result: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    /// Reads a message. The error says what is wrong with it as JSON or as JSON-RPC 2.0.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let envelope: Self = serde_json::from_slice(bytes)
            .map_err(|error| seen(&format!("not a JSON-RPC message ({error})"), bytes))?;
        if envelope.jsonrpc.as_deref() == Some("2.0") {
            Ok(envelope)
        } else {
            Err(seen("not marked as JSON-RPC 2.0", bytes))
        }
    }

    pub(super) fn kind(&self) -> Kind {
        if self.method.is_some() {
            Kind::FromServer
        } else {
            Kind::Response(self.id.and_then(|id| id.get().parse().ok()))
        }
    }
}

/// Classifies a message. One that begins as servers usually write a response is not parsed further.
pub(super) fn classify(bytes: &[u8]) -> Result<Kind, String> {
    if let Some(rest) = bytes.strip_prefix(OPENING) {
        let (id, rest) = rest.split_at(ID_DIGITS.min(rest.len()));
        let result = rest.starts_with(br#","result":"#) || rest.starts_with(br#","error":"#);
        if result && id[0] != b'0' && id.iter().all(u8::is_ascii_digit) {
            let id = id
                .iter()
                .fold(0, |id, digit| id * 10 + u64::from(digit - b'0'));
            return Ok(Kind::Response(Some(id)));
        }
    }
    Envelope::read(bytes).map(|envelope| envelope.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_tell_their_client_and_begin_again_when_they_are_used_up() {
        let mut ids = Ids::after(0, 7);
        let mut seen = std::collections::HashSet::new();
        for client in (0..7).cycle().take(700) {
            let id = ids.next(client);
            assert!(seen.insert(id));
            assert_eq!(digits(id), *id.to_string().as_bytes());
            assert_eq!(owner(u64::from(id), 7), Some(client));
        }
        assert_eq!(
            (owner(99_999_999, 7), owner(1_000_000_000, 7)),
            (None, None)
        );
        let of_next_run = Ids::after(1, 7).next(3);
        assert!(!seen.contains(&of_next_run));
        assert_eq!(owner(u64::from(of_next_run), 7), Some(3));
        let mut ids = Ids::after(0, 3);
        ids.rounds = vec![ID_COUNT / 3 - 1; 3];
        assert_eq!((ids.next(2), ids.next(2)), (999_999_999, ID_FIRST + 2));
    }
}
