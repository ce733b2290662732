//! A tool call on the fast path.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::outcome::Outcome;
use crate::{runtime::BoxFuture, supervise::Policy};

/// What a server does with a call of the fast path.
pub enum FastCall {
    /// No fast tool has this name.
    UnknownTool,
    /// The arguments do not fit the tool. The SDK answers the call: it words the error.
    InvalidArguments,
    /// The call has its outcome.
    Ready(Outcome),
    /// The call has to wait for something.
    Running(Running),
}

/// A call that waits for something. It owns all that it needs, so it outlives the message that it
/// was made from. Dropping it cancels the call.
pub struct Running {
    call: BoxFuture<Outcome>,
    supervision: Option<Supervision>,
}

struct Supervision {
    tool: &'static str,
    policy: Arc<Policy>,
    timer: Option<BoxFuture<()>>,
}

impl Running {
    /// Wraps a call without a time limit. Its panic unwinds into its caller.
    #[must_use]
    pub fn new(call: BoxFuture<Outcome>) -> Self {
        Self {
            call,
            supervision: None,
        }
    }

    /// Applies `policy` to this call of `tool`. The time limit is looked up and the timer starts
    /// when the call is first found waiting: a call that is ready at once pays for neither.
    pub(crate) fn supervised(mut self, tool: &'static str, policy: Arc<Policy>) -> Self {
        self.supervision = Some(Supervision {
            tool,
            policy,
            timer: None,
        });
        self
    }
}

impl Future for Running {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let Self { call, supervision } = &mut *self;
        let Some(Supervision {
            tool,
            policy,
            timer,
        }) = supervision
        else {
            return call.as_mut().poll(context);
        };
        match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
            Err(panic) => {
                let answer = policy.panicked(tool, panic.as_ref());
                Poll::Ready(Outcome::Sdk(Ok(answer)))
            }
            Ok(Poll::Ready(outcome)) => Poll::Ready(outcome),
            Ok(Poll::Pending) => {
                let timer = timer.get_or_insert_with(|| policy.timer(tool));
                timer
                    .as_mut()
                    .poll(context)
                    .map(|()| Outcome::Sdk(Ok(policy.timed_out(tool))))
            }
        }
    }
}
