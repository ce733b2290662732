//! What stands behind the lessons: an issuer of tokens, and a server with tools of its own.

use std::sync::LazyLock;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use super::{
    parameters::Parameters,
    reply::{Problem, to_bytes},
};
use crate::lessons::extra;

/// How many tools the listing holds: as many as a model is often given at once.
const LISTED_TOOLS: usize = 50;

/// What every active token may be used for.
const SCOPE: &str = "tools:list tools:call";

static LISTING: LazyLock<Bytes> =
    LazyLock::new(|| to_bytes(&json!({"tools": extra::definitions(LISTED_TOOLS)})));

/// What is said of a token that is active (RFC 7662, section 2.2).
#[derive(Serialize)]
struct Introspection<'a> {
    active: bool,
    client_id: &'a str,
    scope: &'static str,
    token_type: &'static str,
}

/// `/introspect?token=`: tokens of the form `lesson-00042` are active and belong to `client-00042`. Of all
/// others nothing is said but that they are not.
pub(super) fn introspect(mut parameters: Parameters<'_>) -> Result<Bytes, Problem> {
    let token = parameters.text("token");
    parameters.finish()?;
    let token = token.ok_or_else(|| {
        Problem::bad("token is missing; ask for example for /introspect?token=lesson-00042")
    })?;
    let number = token
        .strip_prefix("lesson-")
        .filter(|number| number.len() == 5 && number.bytes().all(|byte| byte.is_ascii_digit()));
    Ok(match number {
        None => Bytes::from_static(b"{\"active\":false}"),
        Some(number) => to_bytes(&Introspection {
            active: true,
            client_id: &format!("client-{number}"),
            scope: SCOPE,
            token_type: "Bearer",
        }),
    })
}

/// `/listing`: definitions of tools as `tools/list` would give them.
pub(super) fn listing(parameters: Parameters<'_>) -> Result<Bytes, Problem> {
    parameters.finish()?;
    Ok(LISTING.clone())
}
