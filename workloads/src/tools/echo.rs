//! `echo`: no work at all, the floor of a transport.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The arguments of `echo`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EchoArguments {
    /// What to return. Its length is limited by the transport alone.
    pub message: String,
}

/// The result of `echo`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EchoResult {
    /// The message as it came.
    pub message: String,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
}

/// Returns the message.
#[must_use]
pub fn echo(arguments: EchoArguments, server_type: &'static str) -> EchoResult {
    EchoResult {
        server_type,
        message: arguments.message,
    }
}
