//! The tools through a real MCP server, asked by rmcp's own client.

#![expect(
    clippy::expect_used,
    reason = "clippy takes the helpers of an integration test for code that ships"
)]

mod client;
mod formats;
mod listing;
mod payloads;
mod tools;
mod upstream_failures;
mod upstream_levers;
mod waiting;
