//! Rules for every server that listens, whatever its protocol.

use std::{io::ErrorKind, net::TcpStream, process::Stdio};

use nix::sys::signal::Signal::SIGTERM;
use serde_json::json;
use testkit::{
    client::Peer,
    http::{Connection, Request, Response, once},
};

use crate::common::{Client, Gate, Server, Subject, Wire, client, eventually, server::command};

/// A request that every subject takes when nothing is wrong with it.
pub(super) fn opening(subject: &Subject) -> Request {
    let message = client::request(
        &json!(1),
        "initialize",
        &client::initialize(client::REVISION),
    );
    match subject.wire {
        Wire::Sse => Request::get("/sse"),
        _ => Request::message("/mcp", message),
    }
}

/// The head of the answer to `request`, whose body may go on for ever.
pub(super) fn answer(server: &Server, request: &Request) -> Response {
    let mut connection = Connection::open(server.address());
    connection.send(request);
    connection.head()
}

pub(crate) fn healthz_says_ok(subject: &Subject) {
    let server = Server::start(subject, &[]);
    let health = once(server.address(), &Request::get("/healthz"));
    assert_eq!((health.status, health.text().trim()), (200, "ok"));
}

pub(crate) fn unknown_paths_are_not_found(subject: &Subject) {
    let server = Server::start(subject, &[]);
    for path in ["/", "/mcp/", "/other", "/healthz/x"] {
        assert_eq!(
            once(server.address(), &Request::get(path)).status,
            404,
            "{path}"
        );
        let posted = once(server.address(), &Request::message(path, "{}"));
        assert_eq!(posted.status, 404, "{path}");
    }
}

pub(crate) fn a_foreign_host_is_forbidden(subject: &Subject) {
    let server = Server::start(subject, &[]);
    for host in ["evil.example", "127.0.0.1.evil.example", "127.0.0.2:80"] {
        for request in [
            opening(subject),
            Request::get("/metrics"),
            Request::get("/fast-path"),
        ] {
            let refused = answer(&server, &request.header("Host", host));
            assert_eq!(refused.status, 403, "{host}");
        }
    }
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80"] {
        let welcome = answer(&server, &opening(subject).header("Host", host));
        assert_eq!(welcome.status, 200, "{host}");
    }
}

pub(crate) fn a_missing_host_is_refused(subject: &Subject) {
    let server = Server::start(subject, &[]);
    let refused = answer(&server, &opening(subject).header("Host", ""));
    assert_eq!(refused.status, 400);
}

pub(crate) fn a_foreign_origin_is_forbidden(subject: &Subject) {
    let server = Server::start(subject, &[]);
    for origin in [
        "http://evil.example",
        "https://127.0.0.1",
        "http://127.0.0.1.evil.example",
        "null",
        "",
        "garbage",
    ] {
        let refused = answer(&server, &opening(subject).header("Origin", origin));
        assert_eq!(refused.status, 403, "{origin}");
    }
}

pub(crate) fn our_own_origins_are_served(subject: &Subject) {
    let server = Server::start(subject, &[]);
    for origin in [
        "http://localhost",
        "http://127.0.0.1:3000",
        "http://[::1]:1",
    ] {
        let welcome = answer(&server, &opening(subject).header("Origin", origin));
        assert_eq!(welcome.status, 200, "{origin}");
    }
}

pub(crate) fn allowed_hosts_and_origins_replace_the_defaults(subject: &Subject) {
    let flags = [
        "--allowed-host",
        "a.example,b.example:81",
        "--allowed-origin",
        "https://c.example",
    ];
    let server = Server::start(subject, &flags);
    for (host, origin, status) in [
        ("a.example", "https://c.example", 200),
        ("a.example:5", "https://c.example", 200),
        ("b.example:81", "https://c.example", 200),
        ("b.example:82", "https://c.example", 403),
        ("localhost", "https://c.example", 403),
        ("a.example", "http://localhost", 403),
    ] {
        let request = opening(subject)
            .header("Host", host)
            .header("Origin", origin);
        assert_eq!(answer(&server, &request).status, status, "{host} {origin}");
    }
}

pub(crate) fn a_body_without_a_length_is_limited_too(subject: &Subject) {
    const LIMIT: usize = 2048;
    let mut server = Server::start(subject, &["--max-body", &LIMIT.to_string()]);
    let mut client = Client::ready(&mut server);
    let request = |bytes| client.peer.request(&subject.message_of(bytes)).chunked();
    assert_eq!(once(server.address(), &request(LIMIT + 1)).status, 413);
    let taken = once(server.address(), &request(LIMIT));
    assert!(matches!(taken.status, 200 | 202), "{}", taken.status);
    hears_large(&mut client);
}

pub(crate) fn a_request_may_come_byte_by_byte(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let request = client.peer.request(&subject.message_of(200));
    let mut connection = Connection::open(server.address());
    for byte in connection.bytes(&request) {
        connection.write(&[byte]);
    }
    assert!(matches!(connection.response().status, 200 | 202));
    hears_large(&mut client);
}

pub(crate) fn a_client_may_ask_before_it_sends_the_body(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let request = client
        .peer
        .request(&subject.message_of(200))
        .header("Expect", "100-continue");
    let mut connection = Connection::open(server.address());
    let bytes = connection.bytes(&request);
    let (head, body) = bytes.split_at(bytes.len() - 200);
    connection.write(head);
    assert_eq!(connection.head().status, 100);
    connection.write(body);
    assert!(matches!(connection.response().status, 200 | 202));
    hears_large(&mut client);
}

/// Over SSE the answer comes on the stream; elsewhere it has come with the response.
pub(super) fn hears_large(client: &mut Client) {
    if let Peer::Sse(_) = client.peer {
        assert_eq!(client.peer.end()["id"], "large");
    }
    client.is_served();
}

pub(crate) fn clients_that_leave_in_the_middle_of_a_call_leave_nothing_behind(subject: &Subject) {
    const LEAVING: usize = 20;
    let gate = Gate::new();
    let mut server = Server::start(subject, &["--upstream-url", &gate.url()]);
    let mut stays = Client::ready(&mut server);
    stays.is_served();
    // A session outlives its connections, and has none of its own.
    let before = server.connections();
    let mut leaving: Vec<_> = (0..LEAVING).map(|_| Client::ready(&mut server)).collect();
    for client in &mut leaving {
        client.begin_held();
    }
    gate.wait_for(LEAVING);
    // One of each client's and one to the upstream for it.
    assert!(server.connections() >= before + 2 * LEAVING);
    drop(leaving);
    stays.is_served();
    gate.open();
    eventually("the connections are closed", || {
        (server.connections() <= before).then_some(())
    });
    stays.is_served();
}

pub(crate) fn new_connections_are_refused_while_calls_are_answered(subject: &Subject) {
    let gate = Gate::new();
    let mut server = Server::start(subject, &["--upstream-url", &gate.url()]);
    let mut client = Client::ready(&mut server);
    let asked = client.begin_held();
    gate.wait_for(1);
    server.signal(SIGTERM);
    eventually("new connections are refused", || {
        let refused = TcpStream::connect(server.address()).err()?;
        (refused.kind() == ErrorKind::ConnectionRefused).then_some(())
    });
    gate.open();
    assert_eq!(client.end_held(), asked);
    server.ended_well();
}

pub(crate) fn idle_connections_do_not_hold_up_the_end(subject: &Subject) {
    let mut server = Server::start(subject, &["--drain-timeout", "3600"]);
    // One that has never asked, and one that has been answered.
    let mut silent = Connection::open(server.address());
    let mut answered = Connection::open(server.address());
    assert_eq!(answered.exchange(&Request::get("/healthz")).status, 200);
    server.signal(SIGTERM);
    server.ended_well();
    assert!(silent.closes() && answered.closes());
}

pub(crate) fn a_port_in_use_ends_it_with_a_clear_message(subject: &Subject) {
    let first = Server::start(subject, &[]);
    let address = first.address().to_string();
    let output = command(subject, &["--listen", &address])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&address) && said.contains("--listen"),
        "{said}"
    );
    assert!(
        !said.lines().any(|line| line.starts_with("ready")),
        "{said}"
    );
}
