//! Clients that attack a server or break the rules of HTTP. Others must not notice, and the server
//! must neither grow nor stop.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    thread,
    time::Duration,
};

use nix::sys::signal::Signal::{SIGCONT, SIGSTOP, SIGTERM};
use serde_json::json;
use testkit::{
    client::Peer,
    http::{Connection, Request, once},
    process::bare,
};

use super::http::{answer, hears_large, opening};
use crate::common::{Client, Gate, PATIENCE, Server, Subject, client, eventually, server::command};

/// The bytes of a call whose answer, which has them twice, fits into no socket's buffers.
const LARGE: usize = 4_000_000;
/// Longer than any test: what ends sooner has not waited for it.
const LONG: &str = "3600";

pub(crate) fn two_hosts_or_origins_are_malformed(subject: &Subject) {
    let server = Server::start(subject, &[]);
    for (name, values) in [
        ("Host", ["localhost", "localhost"]),
        ("Host", ["localhost", "evil.example"]),
        ("Host", ["evil.example", "localhost"]),
        ("Origin", ["http://localhost", "http://localhost"]),
        ("Origin", ["http://localhost", "http://evil.example"]),
        ("Origin", ["http://evil.example", "http://localhost"]),
    ] {
        let request = opening(subject).header("Host", "localhost");
        let request = request.header(name, values[0]).with(name, values[1]);
        assert_eq!(answer(&server, &request).status, 400, "{name} {values:?}");
    }
}

pub(crate) fn a_host_that_is_no_host_is_malformed(subject: &Subject) {
    let server = Server::start(subject, &[]);
    for host in [
        "evil@localhost",
        "localhost:99999",
        "localhost:abc",
        "localhost:80:80",
        "localhost/x",
        "localhost?x",
        "localhost#x",
        "localhost\\x",
        "local\thost",
        "[::1",
        "[::1]x",
        "::1",
        "a b",
        ":80",
    ] {
        let refused = answer(&server, &opening(subject).header("Host", host));
        assert_eq!(refused.status, 400, "{host}");
    }
}

pub(crate) fn a_target_of_another_host_is_forbidden(subject: &Subject) {
    let server = Server::start(subject, &[]);
    let at = |authority: &str| {
        let mut request = opening(subject).header("Host", "localhost");
        request.path = format!("http://{authority}{}", request.path);
        answer(&server, &request).status
    };
    assert_eq!(at("evil.example"), 403);
    assert_eq!(at("localhost.evil.example:80"), 403);
    assert_eq!(at("evil@localhost"), 400);
    assert_eq!(at("localhost:80"), 200);
}

pub(crate) fn an_origin_that_is_no_origin_is_forbidden(subject: &Subject) {
    let server = Server::start(subject, &[]);
    for origin in [
        "http://[::1]evil",
        "http://localhost/x",
        "http://localhost/",
        "http://localhost:65536",
        "http://localhost:80a",
        "http://evil@localhost",
        "http://localhost?x",
        "http:localhost",
        "http:///localhost",
        "http:\\\\localhost",
        "http://local\thost",
        "http://localhost http://localhost",
    ] {
        let refused = answer(&server, &opening(subject).header("Origin", origin));
        assert_eq!(refused.status, 403, "{origin}");
    }
}

pub(crate) fn a_header_that_comes_twice_is_malformed(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for (name, values) in [
        ("Mcp-Session-Id", ["x", "x"]),
        ("Content-Type", ["application/json", "application/json"]),
        ("Content-Type", ["application/json", "text/plain"]),
        ("MCP-Protocol-Version", ["2025-06-18", "2025-06-18"]),
        ("MCP-Protocol-Version", ["2025-06-18", "2025-11-25"]),
    ] {
        let request = client.peer.request(&subject.message_of(200));
        let values = match request.value(name) {
            // A second value is wrong even where the first one is right.
            Some(first) => [first.to_vec(), values[1].into()],
            None => values.map(Vec::from),
        };
        let request = request.header(name, &values[0]).with(name, &values[1]);
        let refused = once(server.address(), &request);
        assert_eq!(refused.status, 400, "{name}: {}", refused.text());
    }
    client.is_served();
}

pub(crate) fn a_body_that_is_announced_too_large_is_not_asked_for(subject: &Subject) {
    let mut server = Server::start(subject, &["--max-body", "2048"]);
    let mut client = Client::ready(&mut server);
    let request = client
        .peer
        .request(&subject.message_of(2049))
        .header("Expect", "100-continue");
    let mut connection = Connection::open(server.address());
    let bytes = connection.bytes(&request);
    connection.write(&bytes[..bytes.len() - 2049]);
    assert_eq!(connection.head().status, 413);
    client.is_served();
}

pub(crate) fn a_client_that_finishes_sending_is_answered(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for _ in 0..20 {
        let mut connection = Connection::open(server.address());
        connection.send(&Request::get("/healthz"));
        connection.finish();
        assert_eq!(connection.response().status, 200);

        let mut connection = Connection::open(server.address());
        connection.send(&client.peer.request(&subject.message_of(200)));
        connection.finish();
        assert!(matches!(connection.response().status, 200 | 202));
        hears_large(&mut client);
    }
}

pub(crate) fn a_client_that_finishes_sending_is_answered_late_too(subject: &Subject) {
    let gate = Gate::new();
    let mut server = Server::start(subject, &["--upstream-url", &gate.url()]);
    let mut client = Client::ready(&mut server);
    let held = client::call("fetch_external_data", &json!({"endpoint": "/held"}));
    let message = client::request(&json!("held"), "tools/call", &held);
    let mut connection = Connection::open(server.address());
    connection.send(&client.peer.request(&message));
    connection.finish();
    gate.wait_for(1);
    gate.open();
    let response = connection.response();
    let answer = match &mut client.peer {
        Peer::Sse(_) => client.peer.end(),
        _ => response.messages().remove(0),
    };
    assert_eq!(answer["id"], "held", "{answer}");
    assert_eq!(answer["result"]["isError"], false, "{answer}");
}

pub(crate) fn half_a_body_does_not_delay_the_end(subject: &Subject) {
    let mut server = Server::start(subject, &["--drain-timeout", LONG, "--body-timeout", LONG]);
    let mut client = Client::ready(&mut server);
    let mut stalled = Connection::open(server.address());
    let bytes = stalled.bytes(&client.peer.request(&subject.message_of(200)));
    stalled.write(&bytes[..bytes.len() - 100]);
    client.is_served();
    server.signal(SIGTERM);
    server.ended_well();
}

/// Sends a call whose answer is larger than the request, and does not read the answer.
fn stall(client: &mut Client, subject: &Subject) {
    client.peer.begin(&subject.message_of(LARGE));
    if let Peer::Streamable(streamable) = &mut client.peer {
        // The first bytes of the answer are there: the rest waits in the server.
        streamable.connection.head();
    }
}

pub(crate) fn unread_answers_do_not_delay_the_end(subject: &Subject) {
    let flags = ["--drain-timeout", LONG, "--write-timeout", LONG];
    let mut server = Server::start(subject, &flags);
    let mut stalled = Client::ready(&mut server);
    stall(&mut stalled, subject);
    let mut other = Client::ready(&mut server);
    other.is_served();
    server.signal(SIGTERM);
    server.ended_well();
}

pub(crate) fn unread_answers_end_their_connection(subject: &Subject) {
    let mut server = Server::start(subject, &["--write-timeout", "0.5"]);
    let mut other = Client::ready(&mut server);
    other.is_served();
    let before = server.connections();
    let mut stalled = Client::ready(&mut server);
    stall(&mut stalled, subject);
    eventually("the connection is closed", || {
        (server.connections() <= before).then_some(())
    });
    other.is_served();
}

pub(crate) fn connections_over_the_limit_make_room_when_idle(subject: &Subject) {
    const LIMIT: usize = 8;
    let mut server = Server::start(subject, &["--max-connections", &LIMIT.to_string()]);
    let idle: Vec<_> = (0..10 * LIMIT)
        .map(|_| {
            let mut connection = Connection::open(server.address());
            let health = connection.exchange(&Request::get("/healthz"));
            assert_eq!(health.status, 200);
            connection
        })
        .collect();
    let mut client = Client::ready(&mut server);
    client.is_served();
    assert_eq!(
        once(server.address(), &Request::get("/healthz")).status,
        200
    );
    drop(idle);
}

pub(crate) fn a_connection_that_never_sends_is_closed(subject: &Subject) {
    let server = Server::start(subject, &["--head-timeout", "0.5"]);
    let mut silent = Connection::open(server.address());
    let mut answered = Connection::open(server.address());
    assert_eq!(answered.exchange(&Request::get("/healthz")).status, 200);
    assert!(silent.closes());
    // One that has sent a request may be idle for longer.
    thread::sleep(Duration::from_secs(1));
    assert_eq!(answered.exchange(&Request::get("/healthz")).status, 200);
}

pub(crate) fn silent_connections_do_not_use_up_the_open_files(subject: &Subject) {
    const FILES: usize = 400;
    let command = with_open_files(FILES, &command(subject, &[]));
    let mut server = Server::spawn(subject, command);
    let connect = |_| TcpStream::connect(server.address()).unwrap();
    let silent: Vec<_> = (0..FILES + 100).map(connect).collect();
    let mut client = Client::ready(&mut server);
    client.is_served();
    assert!(server.connections() < FILES);
    let said = server.log().lines();
    // One line a second, for those that came before the silent ones were closed.
    let told = said.iter().filter(|line| line.contains("transports::http"));
    assert!(told.count() <= 5, "{said:?}");
    drop(silent);
}

/// `command` in a process that may have `files` open files.
fn with_open_files(files: usize, command: &Command) -> Command {
    let mut limited = bare("sh");
    limited
        .args(["-c", "ulimit -n \"$0\" && exec \"$@\"", &files.to_string()])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            limited.env(name, value);
        }
    }
    limited
}

pub(crate) fn a_head_or_a_body_that_stalls_is_closed(subject: &Subject) {
    let flags = ["--head-timeout", "0.5", "--body-timeout", "0.5"];
    let mut server = Server::start(subject, &flags);
    let mut client = Client::ready(&mut server);
    let mut head = Connection::open(server.address());
    let mut body = Connection::open(server.address());
    let bytes = body.bytes(&client.peer.request(&subject.message_of(200)));
    head.write(&bytes[..20]);
    body.write(&bytes[..bytes.len() - 100]);
    assert!(head.closes());
    assert_eq!(body.response().status, 408);
    assert!(body.closes());
    client.is_served();
}

pub(crate) fn busy_connections_at_the_limit_are_not_exceeded(subject: &Subject) {
    let gate = Gate::new();
    let flags = ["--upstream-url", &gate.url(), "--max-connections", "4"];
    let mut server = Server::start(subject, &flags);
    let mut busy: Vec<_> = (0..4).map(|_| Client::ready(&mut server)).collect();
    for client in &mut busy {
        client.begin_held();
    }
    gate.wait_for(busy.len());
    for _ in 0..20 {
        let refused = once(server.address(), &Request::get("/healthz"));
        assert_eq!(
            (refused.status, refused.header("retry-after")),
            (503, Some("1"))
        );
    }
    gate.open();
    for client in &mut busy {
        client.end_held();
    }
    let said = server.log().lines();
    let told = said
        .iter()
        .filter(|line| line.contains("--max-connections"));
    assert!(matches!(told.count(), 1..=5), "{said:?}");
}

/// As [`said_to`], but the server reads nothing before all that fits into the sockets is there: it
/// gets as much as it can take at once.
fn said_at_once(server: &Server, bytes: &[u8]) -> String {
    server.signal(SIGSTOP);
    thread::scope(|scope| {
        let said = scope.spawn(|| said_to(server, bytes));
        thread::sleep(Duration::from_millis(50));
        server.signal(SIGCONT);
        said.join().unwrap()
    })
}

/// What the server says to `bytes` until it closes. It may close with a reset, when it leaves
/// bytes unread.
fn said_to(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut said = Vec::new();
    // An error of either means that the server has closed.
    let _ = stream.write_all(bytes);
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

pub(crate) fn a_head_over_the_limits_is_refused(subject: &Subject) {
    let server = Server::start(subject, &[]);
    let path = server.path();
    let long = "x".repeat(500_000);
    let many = "X-Filler: x\r\n".repeat(101);
    for (request, statuses) in [
        (format!("GET /{long} HTTP/1.1\r\n"), ["414", "431"]),
        (
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Filler: {long}\r\n\r\n"),
            ["431", "431"],
        ),
        (
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"),
            ["431", "431"],
        ),
    ] {
        for said in [
            said_to(&server, request.as_bytes()),
            said_at_once(&server, request.as_bytes()),
        ] {
            let status = said.split(' ').nth(1);
            let what = &request[..40];
            assert!(
                status.is_none_or(|status| statuses.contains(&status)),
                "{what}: {said}"
            );
        }
    }
    // Many small headers do fit into the sockets' buffers, so this answer arrives.
    let request = Request::get("/healthz");
    let request = (0..101).fold(request, |request, _| request.with("X-Filler", "x"));
    assert_eq!(once(server.address(), &request).status, 431);
    assert_eq!(
        once(server.address(), &Request::get("/healthz")).status,
        200
    );
}

pub(crate) fn a_request_whose_end_is_unclear_hides_no_other(subject: &Subject) {
    let server = Server::start(subject, &[]);
    let path = server.path();
    let hidden = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let post = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n"
    );
    let length = hidden.len();
    for (framing, body) in [
        (
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
            "0\r\n\r\n",
        ),
        (
            format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
            "0\r\n\r\n",
        ),
        (
            format!("Content-Length: 0\r\nContent-Length: {length}\r\n"),
            "",
        ),
        (format!("Content-Length: 0, {length}\r\n"), ""),
        ("Content-Length: +0\r\n".into(), ""),
        ("Content-Length: 0x0\r\n".into(), ""),
        ("Transfer-Encoding: xchunked\r\n".into(), "0\r\n\r\n"),
        (
            "Transfer-Encoding: chunked, identity\r\n".into(),
            "0\r\n\r\n",
        ),
        ("Transfer-Encoding : chunked\r\n".into(), "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n".into(), "0x0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n".into(), "-1\r\n\r\n"),
        (
            "Transfer-Encoding: chunked\r\n".into(),
            "10000000000000000\r\n\r\n",
        ),
    ] {
        let said = said_to(
            &server,
            format!("{post}{framing}\r\n{body}{hidden}").as_bytes(),
        );
        assert!(!said.contains("200 OK"), "{framing}{body}: {said}");
        let answers = said.matches("HTTP/1.1 ").count();
        assert!(answers <= 1, "{framing}{body}: {said}");
    }
    assert_eq!(
        once(server.address(), &Request::get("/healthz")).status,
        200
    );
}

pub(crate) fn an_idle_connection_is_closed(subject: &Subject) {
    let server = Server::start(subject, &["--idle-timeout", "0.5"]);
    let mut idle = Connection::open(server.address());
    assert_eq!(idle.exchange(&Request::get("/healthz")).status, 200);
    assert!(idle.closes());
    assert_eq!(
        once(server.address(), &Request::get("/healthz")).status,
        200
    );
}

pub(crate) fn a_call_in_flight_keeps_its_connection(subject: &Subject) {
    let gate = Gate::new();
    let flags = ["--upstream-url", &gate.url(), "--idle-timeout", "1"];
    let mut server = Server::start(subject, &flags);
    let mut client = Client::ready(&mut server);
    let asked = client.begin_held();
    gate.wait_for(1);
    thread::sleep(Duration::from_secs(3));
    gate.open();
    assert_eq!(client.end_held(), asked);
}

pub(crate) fn event_streams_are_neither_stored_nor_buffered(subject: &Subject) {
    let server = Server::start(subject, &[]);
    let opened = answer(&server, &opening(subject));
    if opened.content_type() == "text/event-stream" {
        assert_eq!(
            (
                opened.header("cache-control"),
                opened.header("x-accel-buffering")
            ),
            (Some("no-cache"), Some("no"))
        );
    } else {
        assert_eq!(opened.content_type(), "application/json");
    }
}
