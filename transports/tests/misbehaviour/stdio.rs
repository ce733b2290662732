//! stdio over pipes in memory: what a client of one process can do wrong, and what a tool can.

use std::time::Duration;

use crate::{client::call, server::handler};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines},
    task::JoinHandle,
};
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};
use transports::{runtime::Tokio, shutdown::Shutdown, stdio::serve_stdio};

const LONG: Duration = Duration::from_mins(1);
const MAX_LINE_BYTES: usize = 1024 * 1024;
const PIPE_BYTES: usize = 4096;

/// A server, and the other ends of its pipes.
struct Server {
    stdin: DuplexStream,
    stdout: Lines<BufReader<DuplexStream>>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Server {
    fn start(call_timeout: Duration) -> Self {
        let (stdin, server_stdin) = tokio::io::duplex(PIPE_BYTES);
        let (server_stdout, stdout) = tokio::io::duplex(PIPE_BYTES);
        let served = tokio::spawn(serve_stdio(
            Tokio,
            handler(call_timeout),
            (server_stdin.compat(), server_stdout.compat_write()),
            MAX_LINE_BYTES,
            Shutdown::new(LONG),
        ));
        Self {
            stdin,
            stdout: BufReader::new(stdout).lines(),
            served,
        }
    }

    async fn send(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.stdin.write_all(line.as_bytes()).await.unwrap();
    }

    async fn receive(&mut self) -> Value {
        let line = self.stdout.next_line().await.unwrap();
        serde_json::from_str(&line.unwrap()).unwrap()
    }

    async fn initialize(&mut self) {
        let params = json!({"protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "test", "version": "0"}});
        self.send(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}))
            .await;
        assert_eq!(self.receive().await["id"], json!(0));
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
    }

    /// Ends the input; the server must end too, with nothing more to say.
    async fn end(mut self) {
        drop(self.stdin);
        assert_eq!(self.stdout.next_line().await.unwrap(), None);
        self.served.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_panic_and_a_hang_are_answered_and_the_server_goes_on() {
    let mut server = Server::start(Duration::from_millis(200));
    server.initialize().await;
    for (id, tool) in [(1, "hang"), (2, "panic"), (3, "wait")] {
        server.send(&call(id, tool, json!({"ms": 0}))).await;
    }
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(server.receive().await);
    }
    answers.sort_by_key(|answer| answer["id"].as_i64());
    for (answer, said) in answers.iter().zip(["did not answer", "panicked", "waited"]) {
        let text = answer["result"]["content"][0]["text"].as_str();
        assert!(text.is_some_and(|text| text.contains(said)), "{answer}");
    }
    server.end().await;
}

#[tokio::test]
async fn what_comes_before_initialize_does_not_end_the_server() {
    let mut server = Server::start(LONG);
    server
        .send(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}))
        .await;
    assert_eq!(server.receive().await["id"], json!(1));
    for message in [
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 9, "result": {}}),
        json!({"jsonrpc": "2.0", "id": 9, "error": {"code": -1, "message": "no"}}),
    ] {
        server.send(&message).await;
    }
    let early = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
    server.send(&early).await;
    assert_eq!(server.receive().await["id"], json!(2));
    server
        .send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        .await;
    server.initialize().await;
    server.send(&call(3, "wait", json!({"ms": 0}))).await;
    assert_eq!(server.receive().await["id"], json!(3));
    server.end().await;
}

#[tokio::test]
async fn answers_that_nobody_reads_stop_the_reading_of_calls() {
    const CALLS: i64 = 5_000;
    let mut server = Server::start(LONG);
    server.initialize().await;
    let mut sent = 0;
    let stalled = loop {
        let line = format!("{}\n", call(sent + 1, "wait", json!({"ms": 0})));
        let write = server.stdin.write_all(line.as_bytes());
        // The write is not repeated: what did not fit is lost with its line, and answered as such.
        if tokio::time::timeout(Duration::from_millis(500), write)
            .await
            .is_err()
        {
            break true;
        }
        sent += 1;
        if sent == CALLS {
            break false;
        }
    };
    assert!(
        stalled,
        "{CALLS} calls were taken without an answer being read"
    );
    let mut answered = std::collections::BTreeSet::new();
    while i64::try_from(answered.len()).unwrap() < sent {
        let answer = server.receive().await;
        if let Some(id) = answer["id"].as_i64() {
            assert!(answered.insert(id), "{id} was answered twice");
        }
    }
}
