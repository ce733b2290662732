//! A tool call that the front has taken.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rmcp::model::CallToolResponse;

use super::outcome::Outcome;
use crate::{runtime::BoxFuture, supervise::Limits};

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
    limited: Option<Limited>,
}

/// How a call is kept from costing anybody else anything.
struct Limited {
    tool: &'static str,
    limits: Arc<Limits>,
    timer: Option<BoxFuture<()>>,
    words: Words,
}

/// What is said of a call that failed by itself.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    /// It panicked with this.
    pub(crate) panicked: fn(&str, &(dyn Any + Send)) -> CallToolResponse,
    /// It took longer than it may.
    pub(crate) timed_out: fn(&str, &Limits) -> CallToolResponse,
}

impl Running {
    /// A call without a limit, whose panic is its caller's.
    #[must_use]
    pub fn new(call: BoxFuture<Outcome>) -> Self {
        Self {
            call,
            limited: None,
        }
    }

    /// The call of `tool`, answered in band with `words` when it panics or takes longer than `limits` allow it.
    /// The limit is looked up and the timer starts when the call is first found waiting: one that is ready
    /// at once pays for neither.
    pub(crate) fn limited(mut self, tool: &'static str, limits: Arc<Limits>, words: Words) -> Self {
        self.limited = Some(Limited {
            tool,
            limits,
            timer: None,
            words,
        });
        self
    }
}

impl Future for Running {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let Self { call, limited } = &mut *self;
        let Some(limited) = limited else {
            return call.as_mut().poll(context);
        };
        let Limited {
            tool,
            limits,
            timer,
            words,
        } = limited;
        match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
            Err(panic) => {
                let said = (words.panicked)(tool, panic.as_ref());
                Poll::Ready(Outcome::Sdk(Ok(said)))
            }
            Ok(Poll::Ready(outcome)) => Poll::Ready(outcome),
            Ok(Poll::Pending) => {
                let timer = timer.get_or_insert_with(|| limits.timer(tool));
                timer
                    .as_mut()
                    .poll(context)
                    .map(|()| Outcome::Sdk(Ok((words.timed_out)(tool, limits))))
            }
        }
    }
}
