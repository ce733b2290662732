//! stdio over pipes in memory: lines in, lines out.

use serde_json::Value;
use testkit::stdio::Lines as Wire;
use tokio::{
    io::{DuplexStream, duplex},
    time::timeout,
};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};
use transports::{
    conversation::ConversationFactory, runtime::Tokio, shutdown::Shutdown, stdio::serve_stdio,
};

use super::{PATIENCE, Tools};

const PIPE_BYTES: usize = 256 * 1024;

/// A client of a stdio server.
pub(crate) struct Lines(Wire<Compat<DuplexStream>, Compat<DuplexStream>>);

impl Lines {
    /// A client of a new conversation of `factory`.
    pub(crate) fn start(factory: &ConversationFactory<Tools>) -> Self {
        let (input, stdin) = duplex(PIPE_BYTES);
        let (stdout, output) = duplex(PIPE_BYTES);
        let factory = factory.clone();
        tokio::spawn(async move {
            let streams = (stdin.compat(), stdout.compat_write());
            let shutdown = Shutdown::new(PATIENCE);
            let served = serve_stdio(Tokio, &factory, streams, shutdown).await;
            served.expect("pipes in memory do not fail");
        });
        Self(Wire::new(input.compat_write(), output.compat()))
    }

    /// Sends one line. False means that the server has ended.
    pub(crate) async fn send(&mut self, line: &[u8]) -> bool {
        let sent = timeout(PATIENCE, self.0.send(line)).await;
        sent.expect("lines are taken in time").is_ok()
    }

    /// The next message; nothing when the server has ended.
    pub(crate) async fn receive(&mut self) -> Option<Value> {
        self.0.receive().await
    }
}
