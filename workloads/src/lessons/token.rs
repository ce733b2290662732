//! `lesson_token`: a token introspected for every call, or once in a while.
//!
//! A server that takes opaque tokens asks whoever issued them (RFC 7662). Asked at every call, that is one
//! HTTP exchange more; an answer that is kept for a while saves it, and its price is that a token that is
//! revoked goes on being taken for as long ([`TTL`]). Only active tokens are kept: neither errors nor
//! tokens that are not (or not yet) known.
//!
//! The issuer is the upstream's `/introspect`.

use std::time::Duration;

use moka::sync::Cache;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LessonError, upstream::answer};
use crate::{
    tools::{ToolError, arguments, check_range},
    catalog_client::CatalogClient,
};

/// How long an answer is kept.
pub const TTL: Duration = Duration::from_mins(1);
/// The longest token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 256;
/// The longest delay that the issuer may be asked for, in milliseconds.
pub const MAX_DELAY_MS: i64 = 5_000;

/// Tokens that are kept at most; beyond, those that were not asked for go.
const MAX_KEPT: u64 = 10_000;

/// The arguments of `lesson_token`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TokenArguments {
    /// Whether an answer that is kept will do.
    pub cached: bool,
    /// How long the issuer holds its answer back, in milliseconds.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_DELAY_MS))]
    pub delay_ms: i64,
    /// The token; those of the form `lesson-00042` are active.
    #[schemars(length(min = 1, max = MAX_TOKEN_BYTES))]
    pub token: String,
}

impl Default for TokenArguments {
    fn default() -> Self {
        Self {
            cached: false,
            delay_ms: 0,
            token: "lesson-00042".to_owned(),
        }
    }
}

/// The result of `lesson_token`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TokenResult {
    /// Whether the token may be used.
    pub active: bool,
    /// Whether an answer that was kept would have done.
    pub cached: bool,
    /// Whom it was issued to; null for one that is not active.
    pub client_id: Option<String>,
    /// What it may be used for; null for one that is not active.
    pub scope: Option<String>,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
}

/// What the issuer says of a token (RFC 7662, section 2.2).
#[derive(Clone, Debug, Deserialize)]
struct Introspection {
    active: bool,
    client_id: Option<String>,
    scope: Option<String>,
}

/// What is known of active tokens.
#[derive(Debug)]
pub struct Tokens(Cache<String, Introspection>);

impl Default for Tokens {
    fn default() -> Self {
        Self(
            Cache::builder()
                .max_capacity(MAX_KEPT)
                .time_to_live(TTL)
                .build(),
        )
    }
}

/// Asks whether the token may be used. Calls that find nothing kept at the same time each ask the issuer.
///
/// # Errors
/// When an argument is outside of its limits, or the upstream is not there or does not answer in time.
pub async fn check(
    arguments: TokenArguments,
    server_type: &'static str,
    upstream: Option<&CatalogClient>,
    tokens: &Tokens,
) -> Result<TokenResult, ToolError> {
    let TokenArguments {
        cached,
        delay_ms,
        token,
    } = arguments;
    check_range("delay_ms", delay_ms, 0, MAX_DELAY_MS)?;
    if !is_token(&token) {
        Err(LessonError::Token)?;
    }
    let kept = cached.then(|| tokens.0.get(&token)).flatten();
    let Introspection {
        active,
        client_id,
        scope,
    } = if let Some(kept) = kept {
        kept
    } else {
        let upstream = upstream.ok_or(ToolError::NoUpstream)?;
        let answer = introspect(&token, delay_ms, upstream).await?;
        if cached && answer.active {
            tokens.0.insert(token, answer.clone());
        }
        answer
    };
    Ok(TokenResult {
        active,
        cached,
        client_id,
        scope,
        server_type,
    })
}

/// Whether `token` has the form that RFC 6750, section 2.1, allows in a header.
fn is_token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && token.len() <= MAX_TOKEN_BYTES && body.bytes().all(is_plain)
}

async fn introspect(
    token: &str,
    delay_ms: i64,
    upstream: &CatalogClient,
) -> Result<Introspection, ToolError> {
    let token = utf8_percent_encode(token, NON_ALPHANUMERIC);
    let endpoint = format!("/introspect?token={token}&delay_ms={delay_ms}");
    answer(upstream, &endpoint, "an introspection of a token").await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_stand_in_a_header_is_a_token() {
        for token in ["lesson-00042", "a", "A+b/c==", "._~-", &"x".repeat(256)] {
            assert!(is_token(token), "{token}");
        }
        for token in ["", "=", "a b", "a=b", "é", "a\n", "a&b", &"x".repeat(257)] {
            assert!(!is_token(token), "{token}");
        }
    }
}
