//! Reads the headers of a POST in one pass.
//!
//! The checks are rmcp's, for the usual forms: `Accept` without parameters, one `Content-Type`, a
//! `Host` and an `Origin` written as they are allowed. Other forms may be right too, and rmcp
//! checks them.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    fast_path::{MessageContext, Receipt, Revision, StandardHeaders},
    http::Guard,
    supervise::Caller,
};

/// The header that names a session.
pub(super) const SESSION_ID: &str = "mcp-session-id";
const PROTOCOL_VERSION: &str = "mcp-protocol-version";

const JSON: &[u8] = b"application/json";
const EVENT_STREAM: &[u8] = b"text/event-stream";
/// The values that clients usually send, which need no parsing.
const USUAL_ACCEPTS: [&[u8]; 3] = [
    b"application/json, text/event-stream",
    b"application/json,text/event-stream",
    b"text/event-stream, application/json",
];

/// The headers of a POST that decide how it is answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PostHeaders<'h> {
    host: Option<&'h [u8]>,
    origin: Option<&'h [u8]>,
    accepts_json: bool,
    accepts_stream: bool,
    content_type: Option<&'h [u8]>,
    revision: Option<&'h [u8]>,
    standard: StandardHeaders<'h>,
    session_id: Option<&'h str>,
}

/// The headers are in a form that only rmcp checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnusualHeaders;

impl<'h> PostHeaders<'h> {
    /// Reads `headers`.
    ///
    /// # Errors
    /// When one of them is missing, comes twice, or has an unusual form.
    pub(super) fn read(headers: &'h HeaderMap, guard: &Guard) -> Result<Self, UnusualHeaders> {
        let mut read = Self::default();
        for (name, value) in headers {
            read.add(name, value, guard)?;
        }
        let is_usual = read
            .host
            .is_some_and(|host| guard.plainly_allows_host(host))
            && read.accepts_json
            && read.accepts_stream
            && read.content_type.is_some();
        if is_usual {
            Ok(read)
        } else {
            Err(UnusualHeaders)
        }
    }

    fn add(
        &mut self,
        name: &HeaderName,
        value: &'h HeaderValue,
        guard: &Guard,
    ) -> Result<(), UnusualHeaders> {
        let value = value.as_bytes();
        match *name {
            header::ACCEPT if USUAL_ACCEPTS.contains(&value) => {
                self.accepts_json = true;
                self.accepts_stream = true;
                Ok(())
            }
            // A comma in quotes does not separate.
            header::ACCEPT if !is_text(value) || value.contains(&b'"') => Err(UnusualHeaders),
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
            header::CONTENT_TYPE if !is_text(value) => Err(UnusualHeaders),
            header::CONTENT_TYPE => {
                let essence = value.split(|byte| *byte == b';').next().unwrap_or(value);
                if !essence.trim_ascii().eq_ignore_ascii_case(JSON) {
                    return Err(UnusualHeaders);
                }
                once(&mut self.content_type, value)
            }
            header::ORIGIN if guard.plainly_allows_origin(value) => once(&mut self.origin, value),
            header::ORIGIN => Err(UnusualHeaders),
            _ => self.add_mcp(name.as_str(), value),
        }
    }

    /// Adds one of MCP's own headers.
    fn add_mcp(&mut self, name: &str, value: &'h [u8]) -> Result<(), UnusualHeaders> {
        match name {
            PROTOCOL_VERSION => once(&mut self.revision, value),
            "mcp-method" => once(&mut self.standard.method, value),
            "mcp-name" => once(&mut self.standard.name, value),
            SESSION_ID => {
                let id = std::str::from_utf8(value).map_err(|_| UnusualHeaders)?;
                once(&mut self.session_id, id)
            }
            _ => Ok(()),
        }
    }

    /// Returns what they say about the message of `caller`.
    ///
    /// # Errors
    /// When they name an unknown revision.
    pub(super) fn context(
        &self,
        stateless: bool,
        caller: Caller<'h>,
    ) -> Result<MessageContext<'h>, UnusualHeaders> {
        let revision = match self.revision {
            None => Revision::ASSUMED,
            Some(name) => Revision::named(name).ok_or(UnusualHeaders)?,
        };
        Ok(MessageContext {
            revision,
            is_named: self.revision.is_some(),
            headers: Some(self.standard),
            // Sessions ended with 2025-11-25.
            stateless: stateless || revision.is_self_contained(),
            caller,
            in_flight: None,
            receipt: Receipt::default(),
            settled: None,
        })
    }
}

/// Whether the headers name a revision without sessions.
pub(super) fn names_self_contained_revision(headers: &HeaderMap) -> bool {
    let value = headers.get(PROTOCOL_VERSION).map(HeaderValue::as_bytes);
    let revision = value.and_then(Revision::named);
    revision.is_some_and(Revision::is_self_contained)
}

/// Whether rmcp can read the value: a header may have bytes that are not text.
fn is_text(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

/// Returns the header that came twice, of those that say how to read a message (RFC 9110, section
/// 5.3: a header that is no list MUST NOT).
pub(super) fn header_twice(headers: &HeaderMap) -> Option<&'static str> {
    let names = ["content-type", PROTOCOL_VERSION, SESSION_ID];
    names
        .into_iter()
        .find(|name| headers.get_all(*name).iter().nth(1).is_some())
}

/// Stores a header that may come once.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), UnusualHeaders> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(UnusualHeaders),
    }
}
