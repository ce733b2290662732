//! One client: where it is between its first connection and its last answer, and what it is there for.

use std::time::Instant;

use serde_json::Value;

use super::{
    head::Form, outcome::CallError, plan::Sessions, response, revision::Revision, wire::Answer,
};

/// Where a client is. `Opened`, `Agreed`, `Idle`, `Ending` and `Down` wait for the schedule, the others for the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// Without a connection.
    Down,
    Opening,
    Opened,
    /// `initialize` is sent.
    Initializing,
    Agreed,
    /// `notifications/initialized` is sent.
    Announcing,
    /// Ready for a call.
    Idle,
    /// A call of the load is sent.
    Calling,
    /// Its session has to be ended.
    Ending,
    /// A message is sent whose answer is kept.
    Asking,
    /// The end of the session is sent.
    Leaving,
    Gone,
}

impl State {
    /// Whether the client waits for the server.
    pub(super) fn waits(self) -> bool {
        use State::{Announcing, Asking, Calling, Initializing, Leaving, Opening};
        matches!(
            self,
            Opening | Initializing | Announcing | Calling | Asking | Leaving
        )
    }
}

/// One client.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) state: State,
    /// When it began to wait for the server.
    pub(super) since: Instant,
    /// When its last call was due: what its latency counts from.
    pub(super) due: Instant,
    /// When its session was begun: what an iteration counts from.
    pub(super) begun: Instant,
    /// Calls of its session that are still to be made, where there is a number of them.
    pub(super) calls_left: u32,
    /// A call of its session went wrong, so that it is no whole iteration.
    pub(super) is_spoilt: bool,
    /// The id of its last message.
    pub(super) id: u32,
    /// The exchange of its last call.
    pub(super) exchange: usize,
    pub(super) session: Option<Vec<u8>>,
    /// The client whose session its last call was made in.
    pub(super) lender: usize,
    /// Its handshake is done.
    pub(super) is_shaken: bool,
    /// Failures since the last right answer.
    pub(super) failures: u32,
}

impl Client {
    /// A client without a connection, with its handshake before it unless there is none.
    pub(super) fn new(is_shaken: bool) -> Self {
        Self {
            state: State::Down,
            since: Instant::now(),
            due: Instant::now(),
            begun: Instant::now(),
            calls_left: 0,
            is_spoilt: false,
            id: 0,
            exchange: 0,
            session: None,
            lender: 0,
            is_shaken,
            failures: 0,
        }
    }
}

/// What the clients are there for at the moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// To open sessions: a failure ends the run.
    Handshake,
    /// To ask one thing after another.
    Ask,
    /// To call whenever the pace says so.
    Load,
    /// To wait for what is outstanding, or to end their sessions.
    Finish,
}

/// The handshakes, and what they have to bring.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// How many clients have one: the first ones.
    pub(super) handshakes: usize,
    pub(super) revision: Revision,
    /// The sessions that the server must keep; `None` on a wire without.
    pub(super) sessions: Option<Sessions>,
    /// One handshake serves all clients.
    pub(super) is_shared: bool,
    /// A session outlives its connection.
    pub(super) survives: bool,
    /// A session ends after so many calls.
    pub(super) calls_per_session: Option<u32>,
}

/// An answer that was kept.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) id: u32,
    pub(super) status: u16,
    pub(super) form: Form,
    pub(super) body: Vec<u8>,
    pub(super) since: Instant,
    pub(super) at: Instant,
}

impl Reply {
    /// The answer as the wire gave it.
    pub(super) fn answer(&self) -> Answer<'_> {
        Answer {
            status: self.status,
            form: self.form,
            body: &self.body,
            session: None,
            began: None,
            at: self.at,
        }
    }

    /// The `result` that it brings.
    ///
    /// # Errors
    /// As [`response::result`].
    pub(super) fn result(&self) -> Result<Value, CallError> {
        response::result(&self.answer(), self.id)
    }
}
