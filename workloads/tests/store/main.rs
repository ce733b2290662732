//! The store, as its callers see it: one contract on every engine, and what happens when the engine does not play along.
//!
//! The engines are a file, memory and Redis (a private one, started by `scripts/services`).

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes the helpers of an integration test for code that ships"
)]

mod contract;
mod failures;
mod pools;
mod seeding;
#[path = "../services/mod.rs"]
mod services;
mod support;
