//! `echo`: no work at all, the floor of a transport.

use super::prelude::*;

pub(super) const TOOL: Tool = Tool::new(DemoServer::echo_router);

/// The arguments of `echo`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EchoArguments {
    /// What to return. Its length is limited by the transport alone.
    message: String,
}

/// The result of `echo`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EchoResult {
    /// The message as it came.
    message: String,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
}

#[tool_router(router = echo_router, vis = "pub(super)")]
impl DemoServer {
    /// The tool `echo`, which can also be called without a protocol.
    #[tool(
        description = "Returns the message it was given, unchanged.",
        annotations(title = "Echo", read_only_hint = true, open_world_hint = false)
    )]
    #[must_use]
    pub fn echo(&self, Parameters(arguments): Parameters<EchoArguments>) -> Json<EchoResult> {
        Json(EchoResult {
            message: arguments.message,
            server_type: self.state().server_type,
        })
    }
}
