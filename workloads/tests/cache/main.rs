//! The cache: by itself with work that tests can hold, in Redis, and before the tools.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes the helpers of an integration test for code that ships"
)]

mod flights;
mod kept;
mod place;
#[path = "../services/mod.rs"]
mod services;
mod support;
mod tools;
