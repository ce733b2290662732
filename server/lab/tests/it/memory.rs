//! How much memory clients take, and that a program returns it. The bounds are several times what
//! was measured: they tell a leak and a changed order of magnitude, and nothing finer.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use testkit::{
    eventually,
    http::{Connection, Request, Response},
    message::{REVISION, call, initialize, initialized, request},
};

use crate::{
    common::Server,
    front_door::subjects::tokio::{http_json, sse},
};

/// Sessions of one round: many against what a server has anyway.
const SESSIONS: u64 = 2000;
/// Sessions that were opened before the first figure is taken.
const FIRST: u64 = 100;
const IN_SESSIONS: [&str; 4] = ["--sessions", "stateful", "--session-ttl", "5"];
/// What a server may hold that it could return: it does so when there is more.
const SLACK_KIB: u64 = 64 * 1024;

/// A client that opens sessions on one connection.
struct Opener(Connection);

impl Opener {
    fn of(server: &Server) -> Self {
        Self(Connection::open(server.address()))
    }

    fn post(&mut self, session: Option<&str>, message: &Value) -> Response {
        let mut post = Request::message("/mcp", message.to_string());
        if let Some(session) = session {
            post = post
                .with("Mcp-Session-Id", session)
                .with("MCP-Protocol-Version", REVISION);
        }
        self.0.exchange(&post)
    }

    /// Opens a session, and sends `messages` in it.
    fn open(&mut self, messages: &[Value]) {
        let opened = self.post(None, &request(0, "initialize", &initialize(REVISION)));
        assert_eq!(opened.status, 200, "{opened:?}");
        let session = opened.header("mcp-session-id").expect("a session");
        for message in messages {
            let reply = self.post(Some(session), message);
            assert!(matches!(reply.status, 200 | 202), "{reply:?}");
        }
    }
}

/// What clients send before their first call, and a call.
fn usual() -> [Value; 3] {
    [
        initialized(),
        request(1, "tools/list", &json!({})),
        call(2, "echo", json!({"message": "hello"})),
    ]
}

/// Waits until `server` has `max_kib` resident at most.
fn returns_to(server: &Server, max_kib: u64) {
    eventually("memory is returned", || {
        (server.rss_kib() <= max_kib).then_some(())
    });
}

#[test]
fn a_session_that_the_fast_path_answers_takes_less_than_8_kib() {
    let flags = ["--sessions", "stateful", "--session-ttl", "600"];
    let server = Server::start(&http_json::SUBJECT, &flags);
    let mut opener = Opener::of(&server);
    (0..FIRST).for_each(|_| opener.open(&usual()));
    let before = server.rss_kib();
    (0..SESSIONS).for_each(|_| opener.open(&usual()));
    let grown = server.rss_kib().saturating_sub(before);
    assert!(grown < SESSIONS * 8, "{grown} KiB for {SESSIONS} sessions");
}

#[test]
fn sessions_that_expire_leave_no_memory_behind() {
    let server = Server::start(&http_json::SUBJECT, &IN_SESSIONS);
    let mut opener = Opener::of(&server);
    let before = server.rss_kib();
    // rmcp has to answer these.
    let messages = [initialized(), request(1, "resources/list", &json!({}))];
    let mut most = 0;
    for _ in 0..2 {
        (0..SESSIONS).for_each(|_| opener.open(&messages));
        most = most.max(server.rss_kib());
        returns_to(&server, before + SLACK_KIB);
    }
    assert!(
        most > before + SLACK_KIB,
        "{most} KiB is too little to tell"
    );
}

#[test]
fn large_answers_leave_no_memory_behind() {
    let server = Server::start(&http_json::SUBJECT, &[]);
    let before = server.rss_kib();
    let message = call(1, "aggregate_json", json!({"bytes": 16_000_000}));
    let address = server.address();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut connection = Connection::open(address);
                for _ in 0..2 {
                    let post = Request::message("/mcp", message.to_string());
                    assert_eq!(connection.exchange(&post).status, 200);
                }
            });
        }
    });
    returns_to(&server, before + SLACK_KIB);
}

#[test]
fn an_idle_connection_takes_less_than_64_kib() {
    const CONNECTIONS: u64 = 500;
    let server = Server::start(&http_json::SUBJECT, &[]);
    let healthy = |address: SocketAddr| {
        let mut connection = Connection::open(address);
        let reply = connection.exchange(&Request::get("/healthz"));
        assert_eq!(reply.status, 200, "{reply:?}");
        connection
    };
    drop(
        (0..20)
            .map(|_| healthy(server.address()))
            .collect::<Vec<_>>(),
    );
    let before = server.rss_kib();
    let idle: Vec<_> = (0..CONNECTIONS)
        .map(|_| healthy(server.address()))
        .collect();
    let grown = server.rss_kib().saturating_sub(before);
    assert!(grown < CONNECTIONS * 64, "{grown} KiB");
    drop(idle);
    healthy(server.address());
}

/// A client of SSE that reads its event stream up to the end of the handshake.
struct Reader {
    stream: Connection,
    posts: Connection,
    endpoint: String,
}

impl Reader {
    fn ready(server: &Server) -> Self {
        let mut stream = Connection::open(server.address());
        stream.send(&Request::get("/sse"));
        assert_eq!(stream.head().status, 200);
        let endpoint = stream.event().unwrap().expect("the first event").data;
        let mut reader = Self {
            stream,
            posts: Connection::open(server.address()),
            endpoint,
        };
        let first = request(0, "initialize", &initialize(REVISION));
        assert_eq!(reader.post(&first).status, 202);
        let answer = reader.stream.event().unwrap();
        answer.expect("the handshake's answer");
        assert_eq!(reader.post(&initialized()).status, 202);
        reader
    }

    fn post(&mut self, message: &Value) -> Response {
        let post = Request::message(&self.endpoint, message.to_string());
        self.posts.exchange(&post)
    }
}

#[test]
fn a_client_that_reads_no_events_takes_no_more_than_its_queue() {
    const QUEUE_KIB: u64 = 16 * 1024;
    let server = Server::start(&sse::SUBJECT, &[]);
    let mut reader = Reader::ready(&server);
    let before = server.rss_kib();
    let text = "x".repeat(1024 * 1024);
    let rejected = (0..1000).find_map(|id| {
        let reply = reader.post(&call(id, "echo", json!({"message": text})));
        (reply.status != 202).then_some(reply)
    });
    let rejected = rejected.expect("no queue is without end");
    assert_eq!(rejected.status, 503, "{rejected:?}");
    assert_eq!(rejected.header("retry-after"), Some("1"));
    let grown = server.rss_kib().saturating_sub(before);
    assert!(grown < QUEUE_KIB + SLACK_KIB, "{grown} KiB");
}

/// An API that answers a megabyte to each of `calls` calls, when the last of them has come.
fn upstream_of(calls: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let all = Arc::new(Barrier::new(calls));
    let answer = move |mut socket: TcpStream| {
        let lines = BufReader::new(&socket).lines().map_while(Result::ok);
        lines.take_while(|line| !line.is_empty()).for_each(drop);
        all.wait();
        let body = format!("[\"{}\"]", "x".repeat(1_000_000));
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        // The server may have ended.
        let _ = socket.write_all((head + &body).as_bytes());
    };
    thread::spawn(move || {
        for socket in listener.incoming().take(calls) {
            let (socket, answer) = (socket.unwrap(), answer.clone());
            thread::spawn(move || answer(socket));
        }
    });
    url
}

#[test]
fn answers_to_calls_that_waited_take_no_more_than_all_calls_may() {
    const CALLS: usize = 300;
    let upstream = upstream_of(CALLS);
    let flags = ["--upstream-url", &upstream, "--write-timeout", "60"];
    let server = Server::start(&sse::SUBJECT, &flags);
    let mut reader = Reader::ready(&server);
    for id in 0..CALLS {
        let message = call(id, "fetch_external_data", json!({"endpoint": "/all"}));
        assert_eq!(reader.post(&message).status, 202);
    }
    let before = server.cpu_time();
    eventually("the answers wait", || {
        let begun = server.cpu_time();
        thread::sleep(Duration::from_millis(300));
        let now = server.cpu_time();
        let is_done = now.saturating_sub(begun) < Duration::from_millis(50) && now > before;
        is_done.then_some(())
    });
    let peak = server.rss_peak_kib();
    assert!(peak < 300 * 1024, "{peak} KiB");
}
