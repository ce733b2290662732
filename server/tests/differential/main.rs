//! The proof that the fast path answers what rmcp answers: the same bytes go to two servers, one with the
//! [fast path](transports::front) and one without, and the answers have to be equal in status, content type and
//! JSON value. What differs on purpose stands in one table (`differences`), and so in `docs/differences.md`.
//!
//! `corpus` holds the cases that somebody thought of, `generate` makes those that nobody did, `sessions` and
//! `lasting` ask where requests depend on what came before.
//!
//! `DIFFERENTIAL_SEED=N` (or `random`) makes other cases, `DIFFERENTIAL_CASES=N` more or fewer for each kind of
//! answer, and `DIFFERENTIAL_CASE=N` asks the one that a failure has named again.

#![expect(
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy knows tests by their attribute alone"
)]

mod compare;
mod corpus;
mod differences;
mod generate;
#[path = "../in_process/mod.rs"]
#[allow(dead_code, reason = "shared with the test of recorded clients")]
mod in_process;
mod lasting;
mod tuning;
mod property;
mod request;
mod sessions;
mod stateless;
