//! A client at a server's standard input and output: lines out, lines in.

use std::{
    io,
    process::{ChildStdin, ChildStdout},
};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, io::AllowStdIo};
use serde_json::Value;

use crate::now;

/// Lines over any pair of streams. A `receive` that is dropped half-way loses nothing.
pub struct Lines<R, W> {
    input: Option<W>,
    output: R,
    /// Where the next bytes are read to.
    buffer: Box<[u8]>,
    unread: Vec<u8>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Lines<R, W> {
    /// A client that writes `input` and reads `output`.
    pub fn new(input: W, output: R) -> Self {
        Self {
            input: Some(input),
            output,
            buffer: vec![0; crate::BUFFER_BYTES].into(),
            unread: Vec::new(),
        }
    }

    /// Writes one line.
    ///
    /// # Errors
    /// The error of the stream: the server reads no more.
    pub async fn send(&mut self, line: &[u8]) -> io::Result<()> {
        let input = self.input.as_mut().expect("the input has not ended");
        input.write_all(&[line, b"\n"].concat()).await?;
        input.flush().await
    }

    /// The next message; nothing at the end of the output. Panics when a line is no JSON or breaks
    /// off.
    pub async fn receive(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                let message = serde_json::from_slice(&line);
                return Some(message.unwrap_or_else(|_| panic!("{}", line.escape_ascii())));
            }
            let read = self.output.read(&mut self.buffer).await;
            let read = read.expect("the output can be read");
            if read == 0 {
                assert!(
                    self.unread.is_empty(),
                    "a line that breaks off: {}",
                    self.unread.escape_ascii()
                );
                return None;
            }
            self.unread.extend_from_slice(&self.buffer[..read]);
        }
    }
}

/// A client at the pipes of a child process. It blocks.
pub struct Stdio(Lines<AllowStdIo<ChildStdout>, AllowStdIo<ChildStdin>>);

impl Stdio {
    /// A client at these pipes.
    #[must_use]
    pub fn new((stdin, stdout): (ChildStdin, ChildStdout)) -> Self {
        Self(Lines::new(AllowStdIo::new(stdin), AllowStdIo::new(stdout)))
    }

    /// Writes one line.
    pub fn write(&mut self, line: &str) {
        now(self.0.send(line.as_bytes())).unwrap();
    }

    /// Writes one line that may be anything.
    pub fn write_bytes(&mut self, line: &[u8]) {
        now(self.0.send(line)).unwrap();
    }

    /// The next line, which must be a JSON-RPC message; nothing at the end.
    pub fn read(&mut self) -> Option<Value> {
        let message = now(self.0.receive())?;
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        Some(message)
    }

    /// Ends the server's input, after `rest`.
    pub fn end_input(&mut self, rest: &str) {
        io::Write::write_all(&mut self.take_input(), rest.as_bytes()).unwrap();
    }

    /// The server's input, for another thread to write.
    pub fn take_input(&mut self) -> ChildStdin {
        let input = self.0.input.take().expect("the input has not ended");
        input.into_inner()
    }
}
