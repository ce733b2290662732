//! HTTP/1.1 responses out of bytes that come in pieces of any size. Knows no socket.

use super::{
    chunks::Chunks,
    head::{Framing, Head},
};

/// The longest head that is accepted, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// The longest body that is accepted, in bytes: a server must not be able to fill the client's memory.
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

/// Decodes one response after another; [`Decoder::clear`] lies between two.
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
    ///
    /// # Errors
    /// Where the bytes are not an acceptable HTTP response.
    pub(super) fn push<'a>(&'a mut self, input: &'a [u8]) -> Result<Option<Whole<'a>>, String> {
        let mut used = 0;
        while matches!(self.state, State::Head) {
            match self.push_head(&input[used..])? {
                Some(taken) => used += taken,
                None => return Ok(None),
            }
        }
        let rest = &input[used..];
        match &mut self.state {
            State::Length(left) if self.body.is_empty() && rest.len() >= *left => {
                let body = &rest[..*left];
                return Ok(Some(Whole {
                    head: &self.head,
                    body,
                    used: used + body.len(),
                }));
            }
            State::Length(left) => {
                let take = rest.len().min(*left);
                self.body.extend_from_slice(&rest[..take]);
                *left -= take;
                used += take;
                if *left > 0 {
                    return Ok(None);
                }
            }
            State::Chunked(chunks) => {
                used += chunks.push(rest, &mut self.body)?;
                if !chunks.is_done() {
                    return self.check_size().map(|()| None);
                }
            }
            State::ToEnd | State::Head => {
                self.body.extend_from_slice(rest);
                return self.check_size().map(|()| None);
            }
        }
        Ok(Some(Whole {
            head: &self.head,
            body: &self.body,
            used,
        }))
    }

    /// The connection has ended. The response, if that makes it complete.
    ///
    /// # Errors
    /// Where the response was cut off.
    pub(super) fn finish(&self) -> Result<Whole<'_>, String> {
        match self.state {
            State::ToEnd => Ok(Whole {
                head: &self.head,
                body: &self.body,
                used: 0,
            }),
            State::Head if self.held.is_empty() => {
                Err("the connection was closed instead of an answer".to_owned())
            }
            State::Head => {
                Err("the connection was closed within the head of the answer".to_owned())
            }
            _ => Err("the connection was closed within the body of the answer".to_owned()),
        }
    }

    /// The head of the response under way, once it is read.
    pub(super) fn head(&self) -> Option<&Head> {
        (!matches!(self.state, State::Head)).then_some(&self.head)
    }

    /// The part of the body that is decoded and not yet taken by [`Decoder::clear_body`].
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Drops the part of the body that is decoded: how a body without end is read.
    pub(super) fn clear_body(&mut self) {
        self.body.clear();
    }

    /// Makes ready for the next response; the buffers stay.
    pub(super) fn clear(&mut self) {
        self.state = State::Head;
        self.held.clear();
        self.body.clear();
    }

    fn check_size(&self) -> Result<(), String> {
        if self.body.len() > MAX_BODY {
            Err(too_long())
        } else {
            Ok(())
        }
    }

    /// Reads a head, or what there is of it. Returns how many bytes of the input were used when it is complete.
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
            return if self.held.len() > MAX_HEAD {
                Err(format!(
                    "the head of the answer is longer than {MAX_HEAD} bytes"
                ))
            } else {
                Ok(None)
            };
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

pub(super) fn too_long() -> String {
    format!("the body of the answer is longer than {MAX_BODY} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::head::Form;

    const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &str = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-type: Text/Event-Stream\r\nmcp-session-id: s1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";

    /// What a response was read as, its pieces given one after another.
    fn read(pieces: &[&[u8]]) -> Option<(u16, Form, Vec<u8>, Vec<u8>)> {
        let mut decoder = Decoder::default();
        for piece in pieces {
            if let Some(whole) = decoder.push(piece).unwrap() {
                assert_eq!(whole.used, piece.len());
                return Some((
                    whole.head.status,
                    whole.head.form,
                    whole.head.session.clone(),
                    whole.body.to_vec(),
                ));
            }
        }
        None
    }

    #[test]
    fn any_split_gives_the_same_response() {
        for (text, form, session) in [
            (LENGTH, Form::Json, b"".to_vec()),
            (CHUNKED, Form::EventStream, b"s1".to_vec()),
        ] {
            let expected = Some((200, form, session, b"hello".to_vec()));
            let bytes = text.as_bytes();
            for first in 0..bytes.len() {
                for second in first..bytes.len() {
                    let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                    assert_eq!(read(&pieces), expected, "split at {first} and {second}");
                }
            }
        }
    }

    #[test]
    fn what_follows_a_response_is_not_part_of_it() {
        let mut decoder = Decoder::default();
        let two = format!("{LENGTH}HTTP/1.1 202 Accepted\r\n");
        assert_eq!(
            decoder.push(two.as_bytes()).unwrap().unwrap().used,
            LENGTH.len()
        );
    }

    #[test]
    fn a_body_may_end_with_the_connection_and_nothing_else_may() {
        let mut decoder = Decoder::default();
        assert!(
            decoder
                .finish()
                .unwrap_err()
                .contains("instead of an answer")
        );
        assert!(
            decoder
                .push(b"HTTP/1.0 200 OK\r\n\r\nhel")
                .unwrap()
                .is_none()
        );
        assert!(decoder.push(b"lo").unwrap().is_none());
        let whole = decoder.finish().unwrap();
        assert_eq!((whole.body, whole.head.closes), (b"hello".as_slice(), true));
        decoder.clear();
        assert!(
            decoder
                .push(&LENGTH.as_bytes()[..LENGTH.len() - 1])
                .unwrap()
                .is_none()
        );
        assert!(decoder.finish().unwrap_err().contains("within the body"));
    }

    #[test]
    fn statuses_without_a_body_end_with_their_head() {
        let mut decoder = Decoder::default();
        let whole = decoder
            .push(b"HTTP/1.1 204 No Content\r\n\r\n")
            .unwrap()
            .unwrap();
        assert_eq!((whole.head.status, whole.body.len()), (204, 0));
    }

    #[test]
    fn garbage_is_refused() {
        for wrong in [
            "garbage\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        ] {
            assert!(
                Decoder::default().push(wrong.as_bytes()).is_err(),
                "{wrong:?}"
            );
        }
        let endless = vec![b'a'; MAX_HEAD];
        let mut decoder = Decoder::default();
        assert!(decoder.push(b"HTTP/1.1 200 OK\r\nx: ").unwrap().is_none());
        assert!(decoder.push(&endless).is_err());
    }
}
