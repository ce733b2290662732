//! The tools through a real MCP server, asked by rmcp's own client.

#![expect(
    clippy::expect_used,
    reason = "clippy takes the helpers of an integration test for code that ships"
)]

mod client;
mod listing;
mod tools;
mod upstream_failures;
