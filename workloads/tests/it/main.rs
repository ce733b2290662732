//! What this crate promises, asked through its public surface: the tools over a real MCP
//! connection, the cache, the database and the store.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "clippy takes the helpers of an integration test for code that ships"
)]

mod cache;
mod catalog;
mod catalog_client;
mod catalogue_failures;
mod catalogue_limits;
mod database;
mod listing;
mod payloads;
mod pool;
mod query_formats;
mod shop;
mod store;
mod support;
mod tools;
