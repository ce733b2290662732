//! Reads lines from a byte stream, none longer than a limit.

use std::io;

use futures::{AsyncRead, AsyncReadExt};

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// Size of the buffer that is kept between lines.
const KEPT_BYTES: usize = 4 * READ_BYTES;

/// One line of input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// A line without its line break. The last line may end with the input.
    Whole(&'a [u8]),
    /// A line longer than the limit, which was skipped.
    TooLong {
        /// The limit, in bytes.
        limit_bytes: usize,
    },
}

/// Reads lines from `I`.
pub(crate) struct Lines<I> {
    input: I,
    /// The bytes beyond `filled` are initialised already, so that reading more need not clear them.
    buffer: Vec<u8>,
    /// The end of the bytes in `buffer` that were read.
    filled: usize,
    /// Where the next line starts in `buffer`.
    start: usize,
    /// The end of the bytes in `buffer` that are known to have no line break.
    searched: usize,
    limit_bytes: usize,
    /// Whether the current line is too long already and its rest is skipped.
    skipping: bool,
    ended: bool,
}

impl<I: AsyncRead + Unpin> Lines<I> {
    pub(crate) fn new(input: I, limit_bytes: usize) -> Self {
        Self {
            input,
            buffer: vec![0; READ_BYTES],
            filled: 0,
            start: 0,
            searched: 0,
            limit_bytes,
            skipping: false,
            ended: false,
        }
    }

    /// Returns the next line that was read whole.
    pub(crate) fn next(&mut self) -> Option<Line<'_>> {
        if let Some(at) = memchr::memchr(b'\n', &self.buffer[self.searched..self.filled]) {
            let end = self.searched + at;
            let line = self.start..end;
            self.start = end + 1;
            self.searched = self.start;
            if std::mem::take(&mut self.skipping) || line.len() > self.limit_bytes {
                return Some(self.too_long());
            }
            return Some(Line::Whole(&self.buffer[line]));
        }
        self.searched = self.filled;
        if self.searched - self.start > self.limit_bytes {
            self.skipping = true;
        }
        if self.skipping {
            self.start = self.searched;
        }
        if self.ended { self.last() } else { None }
    }

    /// Returns the rest of an input that ends in the middle of a line.
    fn last(&mut self) -> Option<Line<'_>> {
        let line = self.start..self.filled;
        self.start = self.filled;
        if std::mem::take(&mut self.skipping) {
            return Some(self.too_long());
        }
        (!line.is_empty()).then(|| Line::Whole(&self.buffer[line]))
    }

    fn too_long(&self) -> Line<'static> {
        Line::TooLong {
            limit_bytes: self.limit_bytes,
        }
    }

    /// Reads more, after moving the unread bytes to the start of the buffer. Returns whether there
    /// may be another line.
    ///
    /// # Errors
    /// The error of reading the input.
    pub(crate) async fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.searched -= self.start;
        self.start = 0;
        if self.buffer.len() - self.filled < READ_BYTES {
            self.buffer.resize(self.filled + READ_BYTES, 0);
        } else if self.filled < READ_BYTES && self.buffer.len() > KEPT_BYTES {
            // The buffer of one long line is given back.
            self.buffer.truncate(KEPT_BYTES);
            self.buffer.shrink_to_fit();
        }
        let read = self.input.read(&mut self.buffer[self.filled..]).await?;
        self.filled += read;
        self.ended = read == 0;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use futures::io::Cursor;

    use super::*;

    async fn all(input: &[u8], limit_bytes: usize) -> Vec<Result<Vec<u8>, usize>> {
        let mut lines = Lines::new(Cursor::new(input), limit_bytes);
        let mut all = Vec::new();
        loop {
            while let Some(line) = lines.next() {
                all.push(match line {
                    Line::Whole(line) => Ok(line.to_vec()),
                    Line::TooLong { limit_bytes } => Err(limit_bytes),
                });
            }
            if !lines.fill().await.unwrap() {
                return all;
            }
        }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        futures::executor::block_on(future)
    }

    #[test]
    fn lines_come_one_by_one_and_the_last_needs_no_break() {
        let lines = run(all(b"a\n\nbc\nd", 10));
        let expected: [&[u8]; 4] = [b"a", b"", b"bc", b"d"];
        assert_eq!(lines, expected.map(|line| Ok(line.to_vec())));
        assert_eq!(run(all(b"", 10)), []);
    }

    #[test]
    fn a_line_over_the_limit_is_reported_once_and_the_next_is_read() {
        let long = vec![b'x'; 3 * READ_BYTES];
        let input = [&long[..], b"\nok\n", &long[..]].concat();
        let limit = READ_BYTES;
        assert_eq!(
            run(all(&input, limit)),
            [Err(limit), Ok(b"ok".to_vec()), Err(limit)]
        );
        assert_eq!(
            run(all(b"12345\n1234\n", 4)),
            [Err(4), Ok(b"1234".to_vec())]
        );
    }
}
