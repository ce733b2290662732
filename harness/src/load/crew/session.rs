//! The sessions of clients: how they are opened, taken in turn and ended, and how one follows another.

use std::time::Instant;

use super::{
    super::{
        client::{Mode, State},
        outcome::{CallError, ErrorKind},
        plan::Sessions,
        response,
        wire::Answer,
    },
    Crew,
};

impl Crew {
    /// The answer to `initialize` has come.
    pub(super) fn initialized(&mut self, client: usize, id: u32, answer: &Answer<'_>) {
        match self.agreed(answer, id) {
            Ok(session) => {
                self.clients[client].session = session;
                self.clients[client].state = State::Agreed;
                self.schedule.at(client, answer.at);
            }
            Err(error) => self.failed(client, error),
        }
    }

    /// The answer to `notifications/initialized` has come.
    pub(super) fn announced(&mut self, client: usize, answer: &Answer<'_>) {
        if (200..300).contains(&answer.status) {
            self.shaken(client, answer.at);
        } else {
            let text = format!("status {} to notifications/initialized", answer.status);
            self.failed(client, CallError::new(ErrorKind::Http, text));
        }
    }

    /// What the handshake agreed on, as far as it is the session.
    fn agreed(&self, answer: &Answer<'_>, id: u32) -> Result<Option<Vec<u8>>, CallError> {
        let refuse = |text: String| Err(CallError::new(ErrorKind::Protocol, text));
        let result = response::result(answer, id)?;
        let revision = self.terms.revision.as_str();
        let version = &result["protocolVersion"];
        if version.as_str() != Some(revision) {
            return refuse(format!(
                "asked for protocol revision {revision}, the server answers {version}"
            ));
        }
        let is_kept = self.terms.sessions.map(|one| one != Sessions::None);
        match (is_kept, answer.session) {
            (Some(true), None) => {
                refuse("declared to keep sessions, but gave no Mcp-Session-Id".to_owned())
            }
            (Some(false), Some(_)) => {
                refuse("declared to keep no sessions, but gave an Mcp-Session-Id".to_owned())
            }
            (Some(true), Some(id)) if !id.iter().all(u8::is_ascii_graphic) => refuse(format!(
                "Mcp-Session-Id {} is not visible ASCII",
                String::from_utf8_lossy(id)
            )),
            (Some(true), Some(id)) => Ok(Some(id.to_vec())),
            _ => Ok(None),
        }
    }

    /// The handshake is done: of this client, or of all on a shared wire.
    fn shaken(&mut self, client: usize, at: Instant) {
        if !self.terms.is_shared {
            self.clients[client].is_shaken = true;
            if self.terms.calls_per_session.is_some() && self.mode == Mode::Load {
                // Nobody thinks between the handshake and the first call.
                self.clients[client].state = State::Idle;
                return self.schedule.at(client, at);
            }
            return self.ready(client, at);
        }
        for client in 0..self.clients.len() {
            self.clients[client].is_shaken = true;
            self.ready(client, at);
        }
    }

    /// A call of the client was answered: its session may have come to its end.
    pub(super) fn called(&mut self, client: usize, at: Instant) {
        let one = &mut self.clients[client];
        if self.terms.calls_per_session.is_none() {
            return self.ready(client, at);
        }
        one.calls_left = one.calls_left.saturating_sub(1);
        if one.calls_left > 0 {
            return self.ready(client, at);
        }
        if !one.is_spoilt {
            self.score.iteration(one.begun, at);
        }
        if self.mode == Mode::Load {
            self.ending(client, at);
        } else {
            one.state = State::Idle;
        }
    }

    /// The client has to end its session, or what is left of it.
    fn ending(&mut self, client: usize, at: Instant) {
        self.clients[client].state = State::Ending;
        self.schedule.at(client, at);
    }

    /// The client has ended its session, and begins the next one when that is due.
    pub(in crate::load) fn renew(&mut self, client: usize, at: Instant) {
        let one = &mut self.clients[client];
        one.state = State::Down;
        one.is_shaken = self.terms.handshakes == 0;
        self.schedule.free(client, at);
    }

    /// The session is ended; 405 is a server's right (basic/transports, session management), 404 means that it had ended.
    pub(super) fn left(&mut self, client: usize, status: u16, at: Instant) {
        self.gone(client, at);
        if !matches!(status, 200..300 | 404 | 405) {
            let text = format!("status {status} to the DELETE of a session");
            self.closing_errors
                .add(CallError::new(ErrorKind::Http, text));
        }
    }

    /// The session is ended: for good, or to begin the next one.
    pub(super) fn gone(&mut self, client: usize, at: Instant) {
        self.clients[client].session = None;
        if self.mode == Mode::Load {
            self.ending(client, at);
        } else {
            self.clients[client].state = State::Gone;
        }
    }

    /// Where sessions are shared: the client whose session comes after that of `last`; `None` when all are lost.
    pub(in crate::load) fn next_lender(&self, last: usize) -> Option<usize> {
        let Some(Sessions::Shared(count)) = self.terms.sessions else {
            return None;
        };
        (1..=count)
            .map(|step| (last + step) % count)
            .find(|lender| {
                let one = &self.clients[*lender];
                one.is_shaken && one.session.is_some()
            })
    }
}
