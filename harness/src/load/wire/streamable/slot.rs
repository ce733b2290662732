//! One connection of Streamable HTTP: the answer that it brings, and who waits for it.

use std::time::Instant;

use super::super::{Answer, Happened, Tell, connection::Connection, protocol};
use crate::load::{
    http::Whole,
    message::excerpt,
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
        self.began = None;
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
            self.began.get_or_insert_with(Instant::now);
            return Ok(());
        };
        let at = Instant::now();
        self.waiting = false;
        let began = self.began.take();
        let (used, closes) = (whole.used, whole.head.closes);
        tell(self.client, Happened::Answered(answer(&whole, began, at)));
        connection.decoder.clear();
        // Answered before the request was written: the rest of it would be taken for the next one.
        if closes || !connection.is_sent() {
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
            let (began, at) = (self.began.take(), Instant::now());
            tell(self.client, Happened::Answered(answer(&whole, began, at)));
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
