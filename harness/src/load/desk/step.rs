//! One step of one client whose action is due.

use std::time::Instant;

use super::{
    super::{
        client::{Mode, State},
        schedule::Turn,
    },
    Desk,
};

/// A message that the clients of a run have in common.
#[derive(Clone, Copy)]
enum Sent {
    Initialize,
    Initialized,
    /// One of the calls.
    Call(usize),
}

impl Desk<'_> {
    pub(super) fn step(&mut self, turn: Turn, now: Instant) {
        let client = turn.client;
        let state = self.crew.clients[client].state;
        let sends = matches!(
            state,
            State::Opened | State::Agreed | State::Idle | State::Ending
        );
        if sends && !self.wire.has_room(client) {
            return self.crew.schedule.queue(turn);
        }
        match state {
            State::Down => {
                self.begin(client, State::Opening, now);
                self.begin_session(turn);
                self.wire.open(client, &mut self.crew.tell());
            }
            State::Opened => {
                self.wire.forget(client);
                self.send(client, State::Initializing, Sent::Initialize, now);
            }
            State::Agreed => {
                self.wire
                    .agree(client, self.crew.clients[client].session.as_deref());
                self.send(client, State::Announcing, Sent::Initialized, now);
            }
            State::Ending if self.crew.clients[client].session.is_none() => {
                self.wire.close(client);
                self.crew.renew(client, now);
            }
            State::Ending => self.leave(client),
            // Another client's call has found that the session which this one opened is lost.
            State::Idle if !self.crew.clients[client].is_shaken => self.crew.down(client),
            State::Idle if self.crew.mode == Mode::Load => self.call(turn, now),
            _ => {}
        }
    }

    /// The client opens its connection: for a session of so many calls, where it has made all of the last one's.
    fn begin_session(&mut self, turn: Turn) {
        let calls_per_session = self.crew.terms.calls_per_session;
        let one = &mut self.crew.clients[turn.client];
        if let Some(calls) = calls_per_session.filter(|_| one.calls_left == 0) {
            (one.begun, one.is_spoilt, one.calls_left) = (turn.due, false, calls);
        }
    }

    /// Makes the next call, where sessions are shared in the next of them.
    fn call(&mut self, turn: Turn, now: Instant) {
        let Turn { client, due } = turn;
        let call = self.next_call;
        self.next_call = if call + 1 == self.calls.len() {
            0
        } else {
            call + 1
        };
        let lender = match self.crew.next_lender(self.lender) {
            Some(lender) => {
                self.lender = lender;
                self.wire.lend(client, lender);
                lender
            }
            None => client,
        };
        let begun = now
            .checked_sub(self.crew.schedule.round_trip())
            .unwrap_or(now);
        let one = &mut self.crew.clients[client];
        (one.exchange, one.lender) = (call, lender);
        one.due = if self.counts_from_due { due } else { begun };
        self.crew.score.sent(due, begun);
        self.send(client, State::Calling, Sent::Call(call), now);
    }

    /// Sends a message of the client, which begins to wait for the answer.
    fn send(&mut self, client: usize, state: State, sent: Sent, now: Instant) {
        let id = self.begin(client, state, now);
        let message = match sent {
            Sent::Initialize => &self.initialize,
            Sent::Initialized => &self.initialized,
            Sent::Call(call) => &self.calls[call],
        };
        self.json_rpc_requests += u64::from(message.is_request());
        self.wire.send(client, message, id, &mut self.crew.tell());
    }
}
