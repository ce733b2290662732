//! The floors: what HTTP alone costs, with hyper and without.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy knows tests by their attribute alone"
)]

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
};

use nix::sys::signal::Signal::SIGTERM;
use testkit::{
    PATIENCE,
    http::{Connection, Request},
    process::{Process, bare},
};

const HTTP: &str = env!("CARGO_BIN_EXE_floor-http");
const EPOLL: &str = env!("CARGO_BIN_EXE_floor-epoll");

fn start(floor: &str, flags: &[&str]) -> Process {
    let mut command = bare(floor);
    command.args(flags);
    Process::start(command)
}

#[test]
fn a_floor_answers_every_request_with_fixed_bytes_of_the_length_asked_for() {
    for (floor, bytes) in [HTTP, EPOLL]
        .into_iter()
        .flat_map(|floor| [2, 192, 100_000].map(|bytes| (floor, bytes)))
    {
        let server = start(floor, &["--answer-bytes", &bytes.to_string()]);
        let mut connection = Connection::open(server.address());
        let mut answers = Vec::new();
        let mut requests = vec![
            Request::message(server.path(), "{}"),
            Request::message(server.path(), "x".repeat(100_000)),
            Request::get("/anything"),
        ];
        // The other floor rejects it.
        if floor == HTTP {
            requests.push(Request::message(server.path(), "{}").chunked());
        }
        for request in requests {
            let response = connection.exchange(&request);
            assert_eq!(
                (response.status, response.content_type()),
                (200, "application/json")
            );
            assert_eq!(response.body.len(), bytes);
            serde_json::from_slice::<serde_json::Value>(&response.body).expect("JSON");
            answers.push(response.body);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    }
}

#[test]
fn a_floor_answers_192_bytes_by_default_and_ends_on_sigterm() {
    for floor in [HTTP, EPOLL] {
        let mut server = start(floor, &[]);
        assert_eq!(server.path(), "/mcp");
        let mut connection = Connection::open(server.address());
        assert_eq!(
            connection
                .exchange(&Request::message("/mcp", "{}"))
                .body
                .len(),
            192
        );
        server.signal(SIGTERM);
        server.ended_well();
        assert!(connection.closes());
        assert_eq!(server.log().whole().len(), 1);
    }
}

#[test]
fn floor_http_burns_time_for_each_request_and_answers_the_same() {
    let server = start(HTTP, &["--burn-ns", "20000000", "--answer-bytes", "5"]);
    let mut connection = Connection::open(server.address());
    for _ in 0..3 {
        let response = connection.exchange(&Request::message("/mcp", "{}"));
        assert_eq!((response.status, response.body), (200, b"\"xxx\"".to_vec()));
    }
}

#[test]
fn what_floor_epoll_does_not_take_is_refused_and_the_connection_closed() {
    let server = start(EPOLL, &[]);
    let post = "POST /mcp HTTP/1.1\r\nHost: x\r\n";
    for (request, status) in [
        (
            format!("{post}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            411,
        ),
        (format!("{post}Content-Length: -1\r\n\r\n"), 400),
        ("GET /with a space HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("{post}Content-Length: 4194305\r\n\r\nbegin"), 413),
        (format!("{post}X: {}", "x".repeat(20_000)), 431),
    ] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(answer.contains("connection: close"), "{answer}");
    }
    let mut connection = Connection::open(server.address());
    let last = Request::message("/mcp", "{}").header("Connection", "close");
    assert_eq!(connection.exchange(&last).status, 200);
    assert!(connection.closes());
}

#[test]
fn floor_epoll_reads_requests_in_any_pieces_and_answers_each_of_them() {
    let server = start(EPOLL, &["--answer-bytes", "5"]);
    let one = "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{\"a\": 1}\n";
    let answers = |stream: &mut TcpStream, count: usize| {
        let mut text = String::new();
        let mut buffer = [0; 4_096];
        while text.matches("\"xxx\"").count() < count {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "it closed after {text}");
            text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        assert_eq!(text.matches("HTTP/1.1 200 OK").count(), count, "{text}");
    };
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in one.bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    answers(&mut stream, 1);
    stream.write_all(one.repeat(300).as_bytes()).unwrap();
    answers(&mut stream, 300);
    // A client that has said all that it will is answered too.
    stream.write_all(one.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    answers(&mut stream, 1);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_client_that_reads_late_gets_every_answer_of_floor_epoll_and_sigterm_waits_for_it() {
    const ANSWERS: usize = 200;
    const BYTES: usize = 100_000;
    let mut server = start(EPOLL, &["--answer-bytes", &BYTES.to_string()]);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(get.repeat(ANSWERS).as_bytes()).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    server.signal(SIGTERM);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.len() > ANSWERS * BYTES, "{}", rest.len());
    server.ended_well();
}

#[test]
fn floor_epoll_has_one_worker_and_says_so() {
    let mut command = bare(EPOLL);
    let output = command.args(["--workers", "2"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("floor-epoll runs on one thread"), "{said}");
    let mut server = start(EPOLL, &["--workers", "1"]);
    server.signal(SIGTERM);
    server.ended_well();
}

#[test]
fn the_flags_of_a_floor_are_listed_and_others_rejected() {
    let common = [
        "--workers",
        "--drain-timeout",
        "--listen",
        "--nodelay",
        "--answer-bytes",
    ];
    for (floor, flags) in [
        (HTTP, [&common[..], &["--burn-ns"]].concat()),
        (EPOLL, common.to_vec()),
    ] {
        let run = |flag| {
            let output = bare(floor).arg(flag).output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            (output.status.code(), String::from_utf8(said).unwrap())
        };
        let (code, help) = run("--help");
        assert_eq!(code, Some(0));
        for flag in &flags {
            let variable = flag.trim_start_matches("--").replace('-', "_");
            let variable = format!("[env: MCP_{}", variable.to_uppercase());
            assert!(help.contains(&format!("{flag} <")), "{flag}: {help}");
            assert!(help.contains(&variable), "{variable}: {help}");
        }
        assert_eq!(help.matches("[env: MCP_").count(), flags.len(), "{help}");
        let name = floor.rsplit('/').next().unwrap();
        let version = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(run("--version"), (Some(0), version));
        for (flag, part) in [
            ("--no-such-flag", "--no-such-flag"),
            ("--answer-bytes=1", "2..="),
            ("argument", "argument"),
        ] {
            let (code, said) = run(flag);
            assert!(code == Some(2) && said.contains(part), "{code:?} {said}");
        }
    }
}
