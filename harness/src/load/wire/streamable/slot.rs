//! One connection of Streamable HTTP: the answer that it brings, and who waits for it.

use std::time::Instant;

use super::super::{Answer, Happened, Tell, connection::Connection, protocol};
use crate::load::{
    events::EventParser,
    head::Form,
    http::Whole,
    message::{Kind, classify, excerpt},
    outcome::{CallError, ErrorKind},
};

/// A connection, or the place of one.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) connection: Option<Connection>,
    /// Whose request is under way, or was last.
    pub(super) client: usize,
    /// A request is under way.
    pub(super) waiting: bool,
    /// When the first part of its answer came, if that was not all of it.
    began: Option<Instant>,
    /// When the message of its answer was complete, where that comes as an event stream which is not.
    message_at: Option<Instant>,
    events: EventParser,
    /// How much of the body the events have been given.
    parsed: usize,
}

impl Slot {
    /// The place of a connection that this client is the first to have.
    pub(super) fn of(client: usize) -> Self {
        Self {
            client,
            ..Self::default()
        }
    }

    /// Drops the connection; an answer that is still to come is nobody's.
    pub(super) fn close(&mut self) {
        self.connection = None;
        self.waiting = false;
        self.next();
    }

    /// Makes ready for the next answer.
    fn next(&mut self) {
        (self.began, self.message_at, self.parsed) = (None, None, 0);
        self.events.clear();
    }

    /// Takes note of when the message of an event stream is complete: the answer is timed to it, as on a wire whose
    /// stream does not end.
    fn look(&mut self) {
        let Some(connection) = &self.connection else {
            return;
        };
        let now = Instant::now();
        let head = connection.decoder.head();
        if self.message_at.is_none() && head.is_some_and(|head| head.form == Form::EventStream) {
            let (body, mut is_answer) = (connection.decoder.body(), false);
            self.events.push(&body[self.parsed..], |_, data| {
                is_answer |= matches!(classify(data), Ok(Kind::Response(_)));
            });
            self.parsed = body.len();
            self.message_at = is_answer.then_some(now);
        }
        if self.message_at.is_none() {
            self.began.get_or_insert(now);
        }
    }

    /// Takes bytes of the connection.
    pub(super) fn take(&mut self, bytes: &[u8], tell: &mut Tell<'_>) -> Result<(), CallError> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        if !self.waiting {
            return Err(protocol(format!(
                "bytes that answer no request: {}",
                excerpt(bytes)
            )));
        }
        let Some(whole) = connection.decoder.push(bytes).map_err(protocol)? else {
            self.look();
            return Ok(());
        };
        self.waiting = false;
        let (began, at) = (self.began, self.message_at.unwrap_or_else(Instant::now));
        let (used, closes) = (whole.used, whole.head.closes);
        tell(self.client, Happened::Answered(answer(&whole, began, at)));
        connection.decoder.clear();
        let is_sent = connection.is_sent();
        self.next();
        // Answered before the request was written: the rest of it would be taken for the next one.
        if closes || !is_sent {
            self.connection = None;
        } else if used < bytes.len() {
            return self.take(&bytes[used..], tell);
        }
        Ok(())
    }

    /// The connection has ended: an answer may end with it, and an idle connection may end at any time.
    pub(super) fn end(&mut self, tell: &mut Tell<'_>) -> Result<(), CallError> {
        let Some(connection) = self.connection.take() else {
            return Ok(());
        };
        if std::mem::take(&mut self.waiting) {
            let whole = connection
                .decoder
                .finish()
                .map_err(|text| CallError::new(ErrorKind::Transport, text))?;
            let (began, at) = (self.began, self.message_at.unwrap_or_else(Instant::now));
            tell(self.client, Happened::Answered(answer(&whole, began, at)));
            self.next();
        }
        Ok(())
    }
}

fn answer<'a>(whole: &Whole<'a>, began: Option<Instant>, at: Instant) -> Answer<'a> {
    Answer {
        status: whole.head.status,
        form: whole.head.form,
        body: whole.body,
        session: (!whole.head.session.is_empty()).then_some(&whole.head.session),
        began,
        at,
    }
}
