//! The store, as its callers see it: one contract on every engine, and what happens when the engine does not play along.
//!
//! The engines are a file, memory and Redis (a private one, started by `scripts/services`).

mod contract;
mod failures;
mod pools;
mod seeding;
mod support;
