//! The tools of the shop, held against what was published of them, and against services that fail.
//!
//! The right answers are worked out here from the published text, not by the code that is tested.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "clippy takes the helpers of an integration test for code that ships"
)]

mod at_once;
mod failures;
mod given_up;
mod published;
#[expect(dead_code, reason = "no test here ends a service")]
#[path = "../services/mod.rs"]
mod services;
mod support;
