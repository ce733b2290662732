//! One connection: requests in, the same answer out for each.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
};

use mio::net::TcpStream;

/// The longest head that is taken, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;
/// The longest body that is taken, in bytes: the servers' own default.
const MAX_BODY: u64 = 4 * 1024 * 1024;

/// What is said before a connection is closed for what came over it.
const BAD: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const NO_LENGTH: &[u8] =
    b"HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const TOO_LARGE: &[u8] =
    b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const HEAD_TOO_LARGE: &[u8] =
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// One connection. Bodies are dropped as they come, and of answers only their number is kept, so
/// that a client can make it hold no more than the begin of a head.
#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
    /// The begin of a head that is not complete.
    held: Vec<u8>,
    /// What is still to come of the body of the request under way.
    body_left: Option<u64>,
    /// Answers that are due, and how much of the first is written.
    due: usize,
    written: usize,
    /// The request under way is the last.
    closes: bool,
    end: End,
}

/// How the connection comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// When the client closes it.
    Open,
    /// After the answers that are due, and these bytes.
    Last(&'static [u8]),
    /// Everything is said. What still comes is dropped: closing over unread bytes would reset the
    /// connection and might take the last answer with it.
    Said,
}

/// A request's head, as far as it matters.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    /// Its length in bytes.
    length: usize,
    body: u64,
    /// The client wants no further answer on this connection.
    closes: bool,
}

impl Client {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            held: Vec::new(),
            body_left: None,
            due: 0,
            written: 0,
            closes: false,
            end: End::Open,
        }
    }

    /// Nothing is begun on it.
    pub(super) fn is_idle(&self) -> bool {
        self.end == End::Said || (self.held.is_empty() && self.body_left.is_none() && self.due == 0)
    }

    /// Reads and writes as much as can be; false when the connection is over. A read that does not
    /// fill the buffer has taken what was there, but for the end of it all: with `to_the_end` that
    /// is looked for too.
    pub(super) fn turn(&mut self, buffer: &mut [u8], answer: &[u8], to_the_end: bool) -> bool {
        loop {
            match self.write(answer) {
                Ok(true) => {}
                // While answers cannot be written nothing more is read.
                Ok(false) => return true,
                Err(_) => return false,
            }
            match self.stream.read(buffer) {
                Ok(0) => return false,
                Ok(count) => {
                    self.take(&buffer[..count]);
                    if count < buffer.len() && !to_the_end {
                        return self.write(answer).is_ok();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    /// Writes what is due; false when it is not taken yet.
    fn write(&mut self, answer: &[u8]) -> io::Result<bool> {
        loop {
            let (bytes, is_last) = match self.end {
                _ if self.due > 0 => (answer, false),
                End::Last(last) => (last, true),
                End::Open | End::Said => return Ok(true),
            };
            while self.written < bytes.len() {
                match self.stream.write(&bytes[self.written..]) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(count) => self.written += count,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.written = 0;
            if is_last {
                self.end = End::Said;
                self.stream.shutdown(Shutdown::Write)?;
            } else {
                self.due -= 1;
            }
        }
    }

    /// Takes bytes of the client.
    fn take(&mut self, mut rest: &[u8]) {
        while self.end == End::Open {
            if let Some(left) = self.body_left {
                let taken = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                rest = &rest[taken..];
                self.body_left = Some(left - taken as u64).filter(|left| *left > 0);
                if self.body_left.is_some() {
                    return;
                }
                self.complete();
                continue;
            }
            if rest.is_empty() {
                return;
            }
            let before = self.held.len();
            let head = if before == 0 {
                head(rest)
            } else {
                self.held.extend_from_slice(rest);
                head(&self.held)
            };
            match head {
                Ok(Some(head)) => {
                    self.held.clear();
                    rest = &rest[head.length - before..];
                    self.begin(&head);
                }
                Ok(None) => {
                    if before == 0 {
                        self.held.extend_from_slice(rest);
                    }
                    if self.held.len() > MAX_HEAD {
                        self.refuse(HEAD_TOO_LARGE);
                    }
                    return;
                }
                Err(refusal) => self.refuse(refusal),
            }
        }
    }

    /// A request has begun, and is complete if it has no body.
    fn begin(&mut self, head: &Head) {
        self.closes = head.closes;
        if head.body > 0 {
            self.body_left = Some(head.body);
        } else {
            self.complete();
        }
    }

    /// A request is read whole.
    fn complete(&mut self) {
        self.due += 1;
        if self.closes {
            self.end = End::Last(b"");
        }
    }

    fn refuse(&mut self, refusal: &'static [u8]) {
        self.held = Vec::new();
        self.end = End::Last(refusal);
    }
}

/// Reads a head; nothing when it is not complete.
///
/// # Errors
/// What the client is told when it is none that is taken here.
fn head(bytes: &[u8]) -> Result<Option<Head>, &'static [u8]> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HEAD_TOO_LARGE),
        Err(_) => return Err(BAD),
    };
    let mut body = None;
    // HTTP/1.0 closes unless it is told otherwise, and nobody here tells it.
    let mut closes = request.version == Some(0);
    for header in request.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let length = number(header.value).ok_or(BAD)?;
            if body.is_some_and(|body| body != length) {
                return Err(BAD);
            }
            body = Some(length);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(NO_LENGTH);
        } else if header.name.eq_ignore_ascii_case("connection") {
            let mut options = header.value.split(|byte| *byte == b',');
            closes |= options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"));
        }
    }
    let body = body.unwrap_or(0);
    if body > MAX_BODY {
        return Err(TOO_LARGE);
    }
    Ok(Some(Head {
        length,
        body,
        closes,
    }))
}

/// A whole number in digits alone; `parse` would take a sign too.
fn number(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(text).ok()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Head>, &'static [u8]> {
        head(format!("POST / HTTP/1.1\r\n{text}\r\n").as_bytes())
    }

    #[test]
    fn heads_are_read_and_others_refused() {
        let body = |text| read(text).unwrap().map(|head| (head.body, head.closes));
        assert_eq!(body("Content-Length: 12\r\n"), Some((12, false)));
        assert_eq!(
            body("content-length: 7\r\ncontent-length: 7\r\n"),
            Some((7, false))
        );
        assert_eq!(body("Connection: keep-alive, Close\r\n"), Some((0, true)));
        assert!(head(b"GET / HTTP/1.0\r\n\r\n").unwrap().unwrap().closes);
        assert_eq!(head(b"POST / HTTP/1.1\r\nContent-"), Ok(None));
        for (text, refusal) in [
            ("Content-Length: +1\r\n", BAD),
            ("Content-Length: \r\n", BAD),
            ("Content-Length: 99999999999999999999\r\n", BAD),
            ("Content-Length: 1\r\nContent-Length: 2\r\n", BAD),
            ("no colon\r\n", BAD),
            ("Content-Length: 4194305\r\n", TOO_LARGE),
            ("Transfer-Encoding: chunked\r\n", NO_LENGTH),
            (&"a: b\r\n".repeat(MAX_HEADERS + 1), HEAD_TOO_LARGE),
        ] {
            assert_eq!(read(text), Err(refusal), "{text}");
        }
    }
}
