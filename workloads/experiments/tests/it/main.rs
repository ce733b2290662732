//! The experiments through a real MCP server, called by rmcp's own client.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "clippy takes the helpers of an integration test for code that ships"
)]

mod alone;
mod client;
mod extra;
#[cfg(feature = "redis")]
mod notify;
mod result;
mod upstream;
