//! The head of an HTTP/1.1 response: its status, how its body is framed, and a few fields.

use std::mem::MaybeUninit;

use super::{MAX_BODY, too_long};
use crate::load::errors::seen;

/// The most header lines that are accepted.
const MAX_HEADERS: usize = 64;

/// The form of an answer's body, by its content type.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::load) enum Form {
    /// `application/json`, or a message of a transport that carries nothing else.
    Json,
    /// `text/event-stream`
    EventStream,
    /// Anything else, or no content type at all.
    #[default]
    Other,
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Framing {
    /// An interim response (1xx): there is no body, and another head follows.
    Interim,
    /// After so many bytes.
    Length(usize),
    /// By the chunked transfer coding.
    Chunked,
    /// With the connection.
    ToEnd,
}

/// What matters of a response's head.
#[derive(Debug, Default)]
pub(in crate::load) struct Head {
    pub(in crate::load) status: u16,
    pub(in crate::load) form: Form,
    /// `Mcp-Session-Id`; empty when there is none.
    pub(in crate::load) session: Vec<u8>,
    /// The connection ends with this response.
    pub(in crate::load) closes: bool,
}

impl Head {
    /// Reads a head. Returns its length and how the body is framed; `None` when it is not complete.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Option<(usize, Framing)>, String> {
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let length =
            match config.parse_response_with_uninit_headers(&mut response, bytes, &mut headers) {
                Ok(httparse::Status::Complete(length)) => length,
                Ok(httparse::Status::Partial) => return Ok(None),
                Err(error) => {
                    return Err(seen(&format!("not an HTTP answer ({error})"), bytes));
                }
            };
        self.status = response.code.unwrap_or_default();
        self.form = Form::Other;
        self.session.clear();
        self.closes = response.version == Some(0);
        if (100..200).contains(&self.status) {
            return Ok(Some((length, Framing::Interim)));
        }
        let mut framing = None;
        for header in &*response.headers {
            self.field(header.name, header.value, &mut framing)?;
        }
        if matches!(self.status, 204 | 304) {
            framing = Some(Framing::Length(0));
        }
        self.closes |= framing.is_none();
        Ok(Some((length, framing.unwrap_or(Framing::ToEnd))))
    }

    /// Takes one field. `Transfer-Encoding` overrides `Content-Length` (RFC 9112, section 6.3).
    fn field(
        &mut self,
        name: &str,
        value: &[u8],
        framing: &mut Option<Framing>,
    ) -> Result<(), String> {
        if name.eq_ignore_ascii_case("content-length") {
            let length = parse_length(value)?;
            match *framing {
                Some(Framing::Length(other)) if other != length => {
                    return Err(format!("two content lengths, {other} and {length}"));
                }
                Some(_) => {}
                None => *framing = Some(Framing::Length(length)),
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(seen("a transfer encoding that is not understood", value));
            }
            *framing = Some(Framing::Chunked);
        } else if name.eq_ignore_ascii_case("content-type") {
            self.form = form(value);
        } else if name.eq_ignore_ascii_case("connection") {
            if value.eq_ignore_ascii_case(b"close") {
                self.closes = true;
            } else if value.eq_ignore_ascii_case(b"keep-alive") {
                self.closes = false;
            }
        } else if name.eq_ignore_ascii_case("mcp-session-id") {
            self.session.clear();
            self.session.extend_from_slice(value);
        }
        Ok(())
    }
}

fn parse_length(value: &[u8]) -> Result<usize, String> {
    let digits = std::str::from_utf8(value)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|text| text.parse().ok()) {
        Some(length) if length <= MAX_BODY => Ok(length),
        Some(_) => Err(too_long()),
        None => Err(seen("a content length that is not a number", value)),
    }
}

fn form(value: &[u8]) -> Form {
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    let essence = value[..end].trim_ascii();
    if essence.eq_ignore_ascii_case(b"application/json") {
        Form::Json
    } else if essence.eq_ignore_ascii_case(b"text/event-stream") {
        Form::EventStream
    } else {
        Form::Other
    }
}
