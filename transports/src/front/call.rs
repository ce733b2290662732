//! A tool call that the front has taken.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use rmcp::model::CallToolResponse;

use super::outcome::Outcome;
use crate::runtime::{BoxFuture, Handle};

/// What a server does with a call of the fast path.
pub enum FastCall {
    /// No tool of the fast path has this name.
    NotMine,
    /// The arguments are not what the tool takes; rmcp has the words for it.
    Misfit,
    /// It is done.
    Ready(Outcome),
    /// It takes its time.
    Running(Running),
}

/// A call that takes its time. It owns all that it needs, so it outlives the bytes that it was made from.
/// Dropping it cancels the call.
pub struct Running {
    call: BoxFuture<Outcome>,
    limits: Option<Limits>,
}

/// How a call is kept from costing anybody else anything.
struct Limits {
    tool: &'static str,
    runtime: Handle,
    timeout: Duration,
    timer: Option<BoxFuture<()>>,
    words: Words,
}

/// What is said of a call that failed by itself.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    /// It panicked with this.
    pub(crate) panicked: fn(&str, &(dyn Any + Send)) -> CallToolResponse,
    /// It took longer than this.
    pub(crate) timed_out: fn(&str, Duration) -> CallToolResponse,
}

impl Running {
    /// A call without a limit, whose panic is its caller's.
    #[must_use]
    pub fn new(call: BoxFuture<Outcome>) -> Self {
        Self { call, limits: None }
    }

    /// The call of `tool`, answered in band with `words` when it panics or has not ended after `timeout`.
    /// The timer starts when the call is first found waiting: one that is ready at once pays for none.
    pub(crate) fn limited(
        mut self,
        tool: &'static str,
        runtime: Handle,
        timeout: Duration,
        words: Words,
    ) -> Self {
        self.limits = Some(Limits {
            tool,
            runtime,
            timeout,
            timer: None,
            words,
        });
        self
    }
}

impl Future for Running {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let Self { call, limits } = &mut *self;
        let Some(limits) = limits else {
            return call.as_mut().poll(context);
        };
        match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
            Err(panic) => {
                let said = (limits.words.panicked)(limits.tool, panic.as_ref());
                Poll::Ready(Outcome::Rmcp(Ok(said)))
            }
            Ok(Poll::Ready(outcome)) => Poll::Ready(outcome),
            Ok(Poll::Pending) => {
                let timer = limits
                    .timer
                    .get_or_insert_with(|| limits.runtime.sleep(limits.timeout));
                timer.as_mut().poll(context).map(|()| {
                    let said = (limits.words.timed_out)(limits.tool, limits.timeout);
                    Outcome::Rmcp(Ok(said))
                })
            }
        }
    }
}
