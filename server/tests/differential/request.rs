//! One HTTP request as data, so that it can be written, printed and made smaller.

use std::fmt;

/// What stands for the id of a session, which each server makes by itself.
pub(crate) const SESSION: &str = "{session}";

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body goes in two chunks, without its length beforehand.
    pub(crate) is_chunked: bool,
}

impl Request {
    /// A POST of `body` with the headers that every request has.
    pub(crate) fn post(body: impl Into<Vec<u8>>) -> Self {
        let request = Self {
            method: "POST".into(),
            headers: Vec::new(),
            body: body.into(),
            is_chunked: false,
        };
        request
            .with("Host", "localhost")
            .with("Content-Type", "application/json")
            .with("Accept", "application/json, text/event-stream")
    }

    /// One more header.
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Without the headers of this name.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// This value in place of those that the header has.
    pub(crate) fn having(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without(name).with(name, value)
    }

    /// With the headers that 2026-07-28 asks for.
    pub(crate) fn self_contained(self, method: &str, name: Option<&str>) -> Self {
        let request = self
            .with("MCP-Protocol-Version", "2026-07-28")
            .with("Mcp-Method", method);
        match name {
            Some(name) => request.with("Mcp-Name", name),
            None => request,
        }
    }

    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// As it goes over the wire, in the session `session`.
    pub(crate) fn bytes(&self, session: Option<&str>) -> Vec<u8> {
        let mut bytes = format!("{} /mcp HTTP/1.1\r\n", self.method).into_bytes();
        for (name, value) in &self.headers {
            let value = match session {
                Some(id) if value == SESSION.as_bytes() => id.as_bytes(),
                _ => value,
            };
            bytes.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        if self.is_chunked && !self.body.is_empty() {
            bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for part in self.body.chunks(self.body.len().div_ceil(2)) {
                bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                bytes.extend_from_slice(&[part, b"\r\n"].concat());
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        } else {
            let length = format!("Content-Length: {}\r\n\r\n", self.body.len());
            bytes.extend_from_slice(length.as_bytes());
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            &self
                .bytes(None)
                .escape_ascii()
                .to_string()
                .replace(r"\r\n", "\n"),
        )
    }
}
