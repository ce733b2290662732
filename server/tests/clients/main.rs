//! What published clients have sent (`data/clients`), replayed to every transport: every answer is right, and
//! every message that the fast path may take is taken.
//!
//! How many that are is worked out from the messages themselves. A client whose calls are forwarded fails, with
//! the reason that the [fast path](transports::front) gives.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy knows tests by their attribute alone"
)]

#[path = "../in_process/mod.rs"]
#[allow(
    dead_code,
    reason = "shared with the differential test, which compares more"
)]
mod in_process;
mod recording;
mod replay;
