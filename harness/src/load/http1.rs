//! HTTP/1.1 responses from bytes that come in pieces of any size. Knows no socket.

mod chunks;
mod events;
mod head;

use chunks::Chunks;
pub(super) use events::EventParser;
use head::Framing;
pub(super) use head::{Form, Head};

/// The longest head that is accepted, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// The longest body that is accepted, in bytes: no server can fill the client's memory.
pub(super) const MAX_BODY: usize = 64 * 1024 * 1024;

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    /// A body of known length, and what is left of it.
    Length(usize),
    Chunked(Chunks),
    /// A body that ends with the connection.
    ToEnd,
}

/// A complete response.
#[derive(Debug)]
pub(super) struct Whole<'a> {
    pub(super) head: &'a Head,
    pub(super) body: &'a [u8],
    /// How many of the bytes given last belong to it.
    pub(super) used: usize,
}

/// Decodes one response after another; [`Decoder::clear`] is called between two.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    state: State,
    /// The begin of a head that is not complete.
    held: Vec<u8>,
    head: Head,
    body: Vec<u8>,
}

impl Decoder {
    /// Takes bytes. `None` when the response is not complete; then all of them are taken.
    pub(super) fn push<'a>(&'a mut self, input: &'a [u8]) -> Result<Option<Whole<'a>>, String> {
        let mut used = 0;
        while matches!(self.state, State::Head) {
            match self.push_head(&input[used..])? {
                Some(taken) => used += taken,
                None => return Ok(None),
            }
        }
        let rest = &input[used..];
        let is_complete = match &mut self.state {
            State::Length(left) if self.body.is_empty() && rest.len() >= *left => {
                let (head, body) = (&self.head, &rest[..*left]);
                return Ok(Some(Whole {
                    head,
                    body,
                    used: used + body.len(),
                }));
            }
            State::Length(left) => {
                let take = rest.len().min(*left);
                self.body.extend_from_slice(&rest[..take]);
                *left -= take;
                used += take;
                *left == 0
            }
            State::Chunked(chunks) => {
                used += chunks.push(rest, &mut self.body)?;
                chunks.is_done()
            }
            State::ToEnd | State::Head => {
                self.body.extend_from_slice(rest);
                false
            }
        };
        if self.body.len() > MAX_BODY {
            return Err(too_long());
        }
        Ok(is_complete.then_some(Whole {
            head: &self.head,
            body: &self.body,
            used,
        }))
    }

    /// The connection has ended. Returns the response if that completes it.
    pub(super) fn finish(&self) -> Result<Whole<'_>, String> {
        let place = match self.state {
            State::ToEnd => {
                return Ok(Whole {
                    head: &self.head,
                    body: &self.body,
                    used: 0,
                });
            }
            State::Head if self.held.is_empty() => "instead of an answer",
            State::Head => "within the head of the answer",
            _ => "within the body of the answer",
        };
        Err(format!("the connection was closed {place}"))
    }

    /// The head of the response under way, once it is read.
    pub(super) fn head(&self) -> Option<&Head> {
        (!matches!(self.state, State::Head)).then_some(&self.head)
    }

    /// The part of the body that is decoded and was not cleared by [`Decoder::clear_body`].
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Drops the part of the body that is decoded: so a body without end is read.
    pub(super) fn clear_body(&mut self) {
        self.body.clear();
    }

    /// Prepares for the next response; the buffers stay.
    pub(super) fn clear(&mut self) {
        self.state = State::Head;
        self.held.clear();
        self.body.clear();
    }

    /// Reads a head, or a part of it. Returns how many bytes of the input belong to it when it is
    /// complete.
    fn push_head(&mut self, input: &[u8]) -> Result<Option<usize>, String> {
        let before = self.held.len();
        let parsed = if before == 0 {
            self.head.read(input)?
        } else {
            self.held.extend_from_slice(input);
            self.head.read(&self.held)?
        };
        let Some((length, framing)) = parsed else {
            if before == 0 {
                self.held.extend_from_slice(input);
            }
            if self.held.len() > MAX_HEAD {
                return Err(format!(
                    "the head of the answer is longer than {MAX_HEAD} bytes"
                ));
            }
            return Ok(None);
        };
        self.held.clear();
        self.state = match framing {
            Framing::Interim => State::Head,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Chunks::default()),
            Framing::ToEnd => State::ToEnd,
        };
        Ok(Some(length - before))
    }
}

fn too_long() -> String {
    format!("the body of the answer is longer than {MAX_BODY} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_rejected() {
        let chunked = |body| format!("transfer-encoding: chunked\r\n\r\n{body}");
        for rest in [
            "content-length: +5\r\n\r\n".to_owned(),
            "content-length: 99999999999\r\n\r\n".to_owned(),
            "content-length: 5\r\ncontent-length: 6\r\n\r\n".to_owned(),
            "transfer-encoding: gzip\r\n\r\n".to_owned(),
            chunked("\r\n"),
            chunked("x\r\n"),
            chunked("1\r\nab"),
            chunked("1\n"),
            chunked("fffffffffffffffff\r\n"),
            chunked("0\r\n\rx"),
        ] {
            let wrong = format!("HTTP/1.1 200 OK\r\n{rest}");
            assert!(
                Decoder::default().push(wrong.as_bytes()).is_err(),
                "{wrong:?}"
            );
        }
        assert!(Decoder::default().push(b"garbage\r\n\r\n").is_err());
        let mut decoder = Decoder::default();
        assert!(decoder.push(b"HTTP/1.1 200 OK\r\nx: ").unwrap().is_none());
        assert!(decoder.push(&vec![b'a'; MAX_HEAD]).is_err());
    }
}
