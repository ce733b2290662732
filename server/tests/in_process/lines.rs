//! stdio over pipes in memory: lines in, lines out.

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex},
    time::timeout,
};
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};
use transports::{conversation::Opening, runtime::Tokio, shutdown::Shutdown, stdio::serve_stdio};

use super::{MAX_BODY_BYTES, PATIENCE, Tools};

const PIPE_BYTES: usize = 256 * 1024;

/// A client of a stdio server.
pub(crate) struct Lines {
    input: DuplexStream,
    output: BufReader<DuplexStream>,
}

impl Lines {
    /// A client of a new conversation of `opening`.
    pub(crate) fn start(opening: &Opening<Tools>) -> Self {
        let (input, stdin) = duplex(PIPE_BYTES);
        let (stdout, output) = duplex(PIPE_BYTES);
        let opening = opening.clone();
        tokio::spawn(async move {
            let streams = (stdin.compat(), stdout.compat_write());
            let shutdown = Shutdown::new(PATIENCE);
            let served = serve_stdio(Tokio, &opening, streams, MAX_BODY_BYTES, shutdown).await;
            served.expect("pipes in memory do not fail");
        });
        Self {
            input,
            output: BufReader::new(output),
        }
    }

    /// Sends one line. Says whether anybody takes it.
    pub(crate) async fn send(&mut self, line: &[u8]) -> bool {
        let line = [line, b"\n"].concat();
        let sent = timeout(PATIENCE, self.input.write_all(&line)).await;
        sent.expect("lines are taken in time").is_ok()
    }

    /// The next message; nothing when the server has ended.
    pub(crate) async fn receive(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line).await;
        if read.expect("lines are UTF-8") == 0 {
            return None;
        }
        let message = serde_json::from_str(&line);
        Some(message.unwrap_or_else(|error| panic!("{error}: {line}")))
    }
}
