//! `experiment_token`: a token introspected for every call, or once a minute.
//!
//! A server that takes opaque tokens asks their issuer (RFC 7662). Asking at every call costs one
//! more HTTP exchange. A cached answer saves it, but a revoked token stays accepted until the
//! answer expires ([`TTL`]). Only answers about active tokens are cached: neither errors nor
//! unknown tokens.
//!
//! The issuer is the upstream's `/experiments/introspect`.

use std::time::Duration;

use moka::sync::Cache;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rmcp::{
    handler::server::wrapper::{Json, Parameters},
    tool, tool_router,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use workloads::tools::{arguments, check_range};

use crate::{ExperimentError, server::Experiments};

const TTL: Duration = Duration::from_mins(1);
pub(crate) const MAX_TOKEN_BYTES: usize = 256;
const MAX_DELAY_MS: i64 = 5_000;

/// The most tokens in the cache; beyond, those that were not asked for are evicted.
const MAX_CACHED: u64 = 10_000;

/// The arguments of `experiment_token`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TokenArguments {
    /// Whether an answer that is kept will do.
    cached: bool,
    /// How long the issuer holds its answer back, in milliseconds.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_DELAY_MS))]
    delay_ms: i64,
    /// The token; those of the form `experiment-00042` are active.
    #[schemars(length(min = 1, max = MAX_TOKEN_BYTES))]
    token: String,
}

impl Default for TokenArguments {
    fn default() -> Self {
        Self {
            cached: false,
            delay_ms: 0,
            token: "experiment-00042".to_owned(),
        }
    }
}

/// The result of `experiment_token`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TokenResult {
    /// Whether the token may be used.
    active: bool,
    /// Whether an answer that was kept would have done.
    cached: bool,
    /// Whom it was issued to; null for one that is not active.
    client_id: Option<String>,
    /// What it may be used for; null for one that is not active.
    scope: Option<String>,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
}

/// The issuer's answer (RFC 7662, section 2.2).
#[derive(Clone, Debug, Deserialize)]
struct Introspection {
    active: bool,
    client_id: Option<String>,
    scope: Option<String>,
}

/// The cached answers about active tokens.
pub(crate) struct Tokens(Cache<String, Introspection>);

impl Default for Tokens {
    fn default() -> Self {
        let cache = Cache::builder().max_capacity(MAX_CACHED).time_to_live(TTL);
        Self(cache.build())
    }
}

#[tool_router(router = token_tool, vis = "pub(crate)")]
impl Experiments {
    /// Calls that find nothing in the cache at the same time each ask the issuer.
    #[tool(
        description = "Asks the issuer of a token whether it may be used, at every call or once in a while: what introspection costs.",
        annotations(
            title = "Experiment: token",
            read_only_hint = true,
            open_world_hint = true
        )
    )]
    pub(crate) async fn experiment_token(
        &self,
        Parameters(arguments): Parameters<TokenArguments>,
    ) -> Result<Json<TokenResult>, ExperimentError> {
        let TokenArguments {
            cached,
            delay_ms,
            token,
        } = arguments;
        check_range("delay_ms", delay_ms, 0, MAX_DELAY_MS)?;
        if !is_token(&token) {
            return Err(ExperimentError::Token);
        }
        let tokens = &self.state().tokens.0;
        let kept = cached.then(|| tokens.get(&token)).flatten();
        let answer = if let Some(kept) = kept {
            kept
        } else {
            let encoded = utf8_percent_encode(&token, NON_ALPHANUMERIC);
            let endpoint = format!("/experiments/introspect?token={encoded}&delay_ms={delay_ms}");
            let wanted = "an introspection of a token";
            let answer: Introspection = self.ask_upstream(&endpoint, wanted).await?;
            if cached && answer.active {
                tokens.insert(token, answer.clone());
            }
            answer
        };
        Ok(Json(TokenResult {
            active: answer.active,
            cached,
            client_id: answer.client_id,
            scope: answer.scope,
            server_type: self.app().server_type,
        }))
    }
}

/// Whether `token` has the form that RFC 6750, section 2.1, allows in a header.
fn is_token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && token.len() <= MAX_TOKEN_BYTES && body.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_may_stand_in_a_header() {
        for token in ["experiment-00042", "a", "A+b/c==", "._~-", &"x".repeat(256)] {
            assert!(is_token(token), "{token}");
        }
        for token in ["", "=", "a b", "a=b", "é", "a\n", "a&b", &"x".repeat(257)] {
            assert!(!is_token(token), "{token}");
        }
    }
}
