//! What a POST's headers say, in one pass over them.
//!
//! The checks are rmcp's, in the forms that need no thought: the list of `Accept` without parameters, one
//! `Content-Type`, a `Host` and an `Origin` written as they are allowed. Every other form may well be
//! right, and is rmcp's to judge.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    fast_path::{MessageContext, Revision, StandardHeaders},
    http::Guard,
};

/// The header that names a session.
pub(super) const SESSION_ID: &str = "mcp-session-id";

const JSON: &[u8] = b"application/json";
const EVENT_STREAM: &[u8] = b"text/event-stream";
/// What clients send, which need not be taken apart.
const USUAL_ACCEPTS: [&[u8]; 3] = [
    b"application/json, text/event-stream",
    b"application/json,text/event-stream",
    b"text/event-stream, application/json",
];

/// The headers of a POST that decide how it is answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head<'h> {
    host: Option<&'h [u8]>,
    accepts_json: bool,
    accepts_stream: bool,
    content_type: Option<&'h [u8]>,
    revision: Option<&'h [u8]>,
    standard: StandardHeaders<'h>,
    pub(super) session_id: Option<&'h str>,
}

/// The headers are not plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Doubtful;

impl<'h> Head<'h> {
    /// Reads `headers`.
    ///
    /// # Errors
    /// When any of them is missing, comes twice, or is written in a way that only rmcp should judge.
    pub(super) fn read(headers: &'h HeaderMap, guard: &Guard) -> Result<Self, Doubtful> {
        let mut head = Self::default();
        for (name, value) in headers {
            head.add(name, value, guard)?;
        }
        let is_plain = head
            .host
            .is_some_and(|host| guard.plainly_allows_host(host))
            && head.accepts_json
            && head.accepts_stream
            && head.content_type.is_some();
        if is_plain { Ok(head) } else { Err(Doubtful) }
    }

    fn add(
        &mut self,
        name: &HeaderName,
        value: &'h HeaderValue,
        guard: &Guard,
    ) -> Result<(), Doubtful> {
        let value = value.as_bytes();
        match *name {
            header::ACCEPT if USUAL_ACCEPTS.contains(&value) => {
                self.accepts_json = true;
                self.accepts_stream = true;
                Ok(())
            }
            // In quotes a comma does not separate.
            header::ACCEPT if !is_text(value) || value.contains(&b'"') => Err(Doubtful),
            header::ACCEPT => {
                for entry in value.split(|byte| *byte == b',') {
                    let entry = entry.trim_ascii();
                    self.accepts_json |= entry.eq_ignore_ascii_case(JSON);
                    self.accepts_stream |= entry.eq_ignore_ascii_case(EVENT_STREAM);
                }
                Ok(())
            }
            header::HOST => once(&mut self.host, value),
            header::CONTENT_TYPE if value == JSON => once(&mut self.content_type, value),
            header::CONTENT_TYPE if !is_text(value) => Err(Doubtful),
            header::CONTENT_TYPE => {
                let essence = value.split(|byte| *byte == b';').next().unwrap_or(value);
                if !essence.trim_ascii().eq_ignore_ascii_case(JSON) {
                    return Err(Doubtful);
                }
                once(&mut self.content_type, value)
            }
            header::ORIGIN if guard.plainly_allows_origin(value) => Ok(()),
            header::ORIGIN => Err(Doubtful),
            _ => self.add_own(name.as_str(), value),
        }
    }

    /// Takes a header that is MCP's own, if it is one.
    fn add_own(&mut self, name: &str, value: &'h [u8]) -> Result<(), Doubtful> {
        match name {
            "mcp-protocol-version" => once(&mut self.revision, value),
            "mcp-method" => once(&mut self.standard.method, value),
            "mcp-name" => once(&mut self.standard.name, value),
            SESSION_ID => {
                let id = std::str::from_utf8(value).map_err(|_| Doubtful)?;
                once(&mut self.session_id, id)
            }
            _ => Ok(()),
        }
    }

    /// What they say of the message.
    ///
    /// # Errors
    /// When they name a revision that is not known.
    pub(super) fn facts(&self, stateless: bool) -> Result<MessageContext<'h>, Doubtful> {
        let revision = match self.revision {
            None => Revision::ASSUMED,
            Some(name) => Revision::named(name).ok_or(Doubtful)?,
        };
        Ok(MessageContext {
            revision,
            is_named: self.revision.is_some(),
            headers: Some(self.standard),
            // Sessions ended with 2025-11-25.
            stateless: stateless || revision.is_self_contained(),
            in_flight: None,
        })
    }
}

/// Whether rmcp reads the value at all: not every byte that a header may have is text.
fn is_text(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

/// Takes a header that may come once. A second `Origin` is checked like the first.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Doubtful> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Doubtful),
    }
}
