//! stdio over pipes in memory: what a parent process can do wrong, and how answers are written.

use std::{
    collections::BTreeSet,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use futures::AsyncWrite;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, duplex},
    time::timeout,
};
use tokio_util::compat::TokioAsyncReadCompatExt;
use transports::{
    Limits, conversation::ConversationFactory, fast_path::Framing, runtime::Tokio,
    shutdown::Shutdown, stdio::serve_stdio,
};

use crate::{
    client::{Client, Link, REVISION, call, initialize, initialized, text_of},
    each, eventually,
    server::{LONG, Server, Transport, Way},
    tools::Misbehaving,
};

fn pipes() -> impl Iterator<Item = Way> {
    Way::all().filter(|way| way.transport == Transport::Stdio)
}

/// Standard output that records each write.
#[derive(Clone, Default)]
struct Writes(Arc<Mutex<Vec<String>>>);

impl Writes {
    /// Returns the messages of each write so far.
    fn messages(&self) -> Vec<Vec<Value>> {
        let parse = |line| serde_json::from_str(line).expect("a message a line");
        let writes = self.0.lock().unwrap();
        let messages = writes
            .iter()
            .map(|write| write.lines().map(parse).collect());
        messages.collect()
    }

    /// Waits for `count` messages in all, and returns the messages of each write.
    async fn at_least(&self, count: usize) -> Vec<Vec<Value>> {
        let all = || self.messages().iter().map(Vec::len).sum::<usize>();
        eventually("the answers are written", || all() >= count).await;
        self.messages()
    }
}

impl AsyncWrite for Writes {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = String::from_utf8(bytes.to_vec()).expect("whole messages");
        self.0.lock().unwrap().push(write);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn lines(messages: &[Value]) -> String {
    let lines = messages.iter().map(|message| message.to_string() + "\n");
    lines.collect()
}

#[tokio::test]
async fn the_lines_of_one_read_are_answered_by_one_write() {
    let tools = Misbehaving::new(Arc::default());
    let (framing, limits) = (Framing::LINE, Limits::default());
    let factory = ConversationFactory::new(&Tokio, tools, framing, true, limits);
    let (mut stdin, server_stdin) = duplex(64 * 1024);
    let writes = Writes::default();
    let streams = (server_stdin.compat(), writes.clone());
    let serving =
        tokio::spawn(
            async move { serve_stdio(Tokio, &factory, streams, Shutdown::new(LONG)).await },
        );
    let hello = lines(&[initialize(REVISION)]);
    stdin.write_all(hello.as_bytes()).await.unwrap();
    writes.at_least(1).await;
    let hello = lines(&[initialized()]);
    stdin.write_all(hello.as_bytes()).await.unwrap();

    let calls = |ids: std::ops::Range<i64>| {
        let calls = ids.map(|id| {
            call(
                id,
                ["now", "wait"][usize::from(id % 2 == 0)],
                json!({"ms": 0}),
            )
        });
        lines(&calls.collect::<Vec<_>>())
    };
    let batch =
        calls(1..26) + "nonsense\n{\"jsonrpc\":\"2.0\",\"id\":\"none\"}\n\n" + &calls(26..51);
    stdin.write_all(batch.as_bytes()).await.unwrap();
    let written = writes.at_least(1 + 52).await;
    assert_eq!(
        written.len(),
        2,
        "one write for the handshake, one for the batch"
    );
    let answers = &written[1];
    assert_eq!(answers[25]["error"]["code"], -32700, "{}", answers[25]);
    assert_eq!(answers[25].get("id"), None);
    assert_eq!(answers[26]["error"]["code"], -32600, "{}", answers[26]);
    assert_eq!(answers[26]["id"], "none");
    let ids = answers.iter().filter_map(|answer| answer["id"].as_i64());
    assert!(ids.eq(1..51), "in the order of the calls");
    drop(stdin);
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_malformed_line_is_answered_and_the_server_goes_on() {
    each(pipes(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        let good = lines(&[call(1, "wait", json!({"ms": 0}))]);
        let Link::Pipe(stdin) = &mut client.link else {
            panic!("it is a pipe");
        };
        let mixed = format!("{good}{{\n\u{1}\nnonsense\n{}", good.replace(":1,", ":2,"));
        stdin.write_all(mixed.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        for _ in 0..5 {
            received.push(client.receive().await);
        }
        let rejected = received
            .iter()
            .filter(|answer| answer["error"]["code"] == -32700);
        assert_eq!(rejected.count(), 3, "{received:?}");
        let answered = received
            .iter()
            .filter(|answer| answer.get("result").is_some());
        let mut ids: Vec<_> = answered.map(|answer| answer["id"].as_i64()).collect();
        ids.sort_unstable();
        assert_eq!(ids, [Some(1), Some(2)]);
        client.is_served().await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_end_of_input_waits_for_what_is_in_flight() {
    each(pipes(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        client.send(&call(1, "hold", json!({}))).await;
        client.send(&call(2, "hold_slowly", json!({}))).await;
        server.calls.begun(2).await;
        client.link = Link::Streamable(([127, 0, 0, 1], 1).into(), Vec::new());
        client.receives_nothing().await;
        server.calls.release();
        server.calls.release();
        for answer in client.receive_all(2).await {
            assert_eq!(text_of(&answer), "held");
        }
        client.ends().await;
        server.ended().await;
    })
    .await;
}

#[tokio::test]
async fn messages_before_initialize_do_not_end_the_server() {
    each(pipes(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::connect(&mut server).await;
        client
            .ask(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}))
            .await;
        for message in [
            initialized(),
            json!({"jsonrpc": "2.0", "id": 9, "result": {}}),
            json!({"jsonrpc": "2.0", "id": 9, "error": {"code": -1, "message": "no"}}),
        ] {
            client.send(&message).await;
        }
        client
            .ask(&json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}))
            .await;
        // Not before the handshake, whatever the path.
        let early = client.ask(&call(3, "now", json!({}))).await;
        assert!(early.get("id").is_some(), "{early}");
        assert_eq!(server.fast_path_count().unwrap_or(0), 0);
        client.ask(&initialize(REVISION)).await;
        client.send(&initialized()).await;
        client.is_served().await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn answers_that_are_not_read_stop_the_reading_of_calls() {
    // As many as would be read in a moment, and far more than may wait.
    const CALLS: i64 = 100_000;
    each(pipes(), async |way| {
        for tool in ["now", "wait"] {
            let mut server = Server::start(way).await;
            let (mut stdin, stdout) = server.pipes();
            let mut stdout = BufReader::new(stdout).lines();
            let hello = lines(&[initialize(REVISION), initialized()]);
            stdin.write_all(hello.as_bytes()).await.unwrap();
            stdout.next_line().await.unwrap();
            let mut sent = 0;
            while sent < CALLS {
                let line = lines(&[call(sent, tool, json!({"ms": 0}))]);
                // The write is not repeated: what did not fit is lost with its line.
                let write = stdin.write_all(line.as_bytes());
                if timeout(Duration::from_millis(500), write).await.is_err() {
                    break;
                }
                sent += 1;
            }
            assert!(sent < CALLS, "all were taken without an answer being read");
            let mut answered = BTreeSet::new();
            while i64::try_from(answered.len()).unwrap() < sent {
                let line = timeout(LONG, stdout.next_line()).await.unwrap().unwrap();
                let answer: Value = serde_json::from_str(&line.unwrap()).unwrap();
                if let Some(id) = answer["id"].as_i64() {
                    assert!(answered.insert(id), "{id} was answered twice");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_shutdown_delivers_the_answer_of_every_call_that_has_run() {
    each(pipes(), async |way| {
        let mut server = Server::start(way).await;
        let (mut stdin, stdout) = server.pipes();
        let mut stdout = BufReader::new(stdout).lines();
        let hello = lines(&[initialize(REVISION), initialized()]);
        stdin.write_all(hello.as_bytes()).await.unwrap();
        stdout.next_line().await.unwrap();
        // Until the queue of answers is full, and the server holds answers that are not in it.
        for id in 0.. {
            let line = lines(&[call(id, "count", json!({}))]);
            let write = stdin.write_all(line.as_bytes());
            if timeout(Duration::from_millis(500), write).await.is_err() {
                break;
            }
        }
        server.shutdown.begin();
        let mut answered = 0;
        while let Some(line) = timeout(LONG, stdout.next_line()).await.unwrap().unwrap() {
            let answer: Value = serde_json::from_str(&line).unwrap();
            // A call over the limit is rejected with an error.
            answered += usize::from(answer["id"].is_i64() && answer.get("result").is_some());
        }
        assert_eq!(answered, server.calls.finished());
        server.ended().await;
    })
    .await;
}
