//! Tools that panic, hang or never end, and clients that stall, leave, cancel or send messages that
//! they must not send: each affects its own call and no other, over every transport, with the fast
//! path and without.
//!
//! A [`server::Way`] is data: a case runs over all ways that it makes sense for.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::unused_self,
    reason = "in a test a surprise is a failure, and a tool is a method"
)]

mod batches;
mod bodies;
mod cancellation;
mod client;
mod failures;
mod hooks;
mod ids;
mod log;
mod metrics;
mod server;
mod sessions;
mod shutdown;
mod stdio;
mod tools;
mod unread;

use std::panic::{AssertUnwindSafe, resume_unwind};

use futures::{FutureExt, future::join_all};
pub(crate) use testkit::until as eventually;

/// Runs `case` over `ways`, all at the same time, because the cases mostly wait.
pub(crate) async fn each(ways: impl Iterator<Item = server::Way>, case: impl AsyncFn(server::Way)) {
    let case = &case;
    let cases = ways.map(|way| async move {
        let ran = AssertUnwindSafe(case(way)).catch_unwind().await;
        ran.inspect_err(|_| eprintln!("this was {way:?}"))
    });
    let ran: Vec<_> = cases.collect();
    assert!(!ran.is_empty(), "there is no such way");
    if let Some(panic) = join_all(ran).await.into_iter().find_map(Result::err) {
        resume_unwind(panic);
    }
}
