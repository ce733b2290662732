//! The lessons through a real MCP server, asked by rmcp's own client.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "clippy takes the helpers of an integration test for code that ships"
)]

mod client;
mod extra;
mod notify;
mod plain;
mod result;
#[path = "../services/mod.rs"]
mod services;
mod upstream;
