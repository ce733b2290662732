//! Spans of calls, as a collector receives them.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use nix::sys::signal::Signal::SIGTERM;
use serde_json::json;

use crate::{
    common::{Client, Server, Subject, client},
    front_door::subjects::{
        tokio::{http_json, stdio},
        tokio_rmcp_alone,
    },
};

/// The trace and the span of a client (W3C Trace Context).
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE_ID: [u8; 16] = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes();
const SPAN_ID: [u8; 8] = 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes();

/// A collector that keeps the bodies that it gets.
struct Collector {
    url: String,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = received.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let kept = kept.clone();
                std::thread::spawn(move || receive(socket.unwrap(), &kept));
            }
        });
        Self { url, received }
    }

    /// Whether what was received has `part` in it. Strings and ids are in protobuf as they are.
    fn has(&self, part: &[u8]) -> bool {
        let received = self.received.lock().unwrap();
        received.windows(part.len()).any(|window| window == part)
    }
}

/// Reads request after request of one connection.
fn receive(mut socket: TcpStream, kept: &Mutex<Vec<u8>>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        while let Some((end, length)) = request(&bytes) {
            let body: Vec<u8> = bytes.drain(..end + length).skip(end).collect();
            kept.lock().unwrap().extend(body);
            socket
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
        }
        match socket.read(&mut buffer) {
            Ok(read) if read > 0 => bytes.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
}

/// Where the head of a whole request ends, and the length of its body.
fn request(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap().to_lowercase();
    assert!(head.starts_with("post /v1/traces "), "{head}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.expect("a length").trim().parse().unwrap();
    (bytes.len() >= end + length).then_some((end, length))
}

fn calls_are_traced(subject: &Subject) {
    let collector = Collector::start();
    let flags = ["--otlp-endpoint", &collector.url, "--metrics=off"];
    let mut server = Server::start(subject, &flags);
    let mut client = Client::ready(&mut server);
    let mut call = client::call("echo", &json!({"message": "x"}));
    call["_meta"] = json!({"traceparent": TRACEPARENT});
    let answer = client.request("tools/call", &call);
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    client.right(
        "simulate_database_query",
        &json!({"query": "x", "delay_ms": 5}),
    );
    client.wrong("calculate_fibonacci", &json!({"n": 41}));
    drop(client);
    server.signal(SIGTERM);
    server.ended_well();

    assert!(
        collector.has(&TRACE_ID) && collector.has(&SPAN_ID),
        "the client's trace goes on"
    );
    for part in [
        "tools/call echo",
        "tools/call simulate_database_query",
        "tools/call calculate_fibonacci",
        "mcp.method.name",
        "gen_ai.tool.name",
        "execute_tool",
        "jsonrpc.request.id",
        "network.transport",
        "tool_error",
        "service.name",
        subject.name,
    ] {
        assert!(collector.has(part.as_bytes()), "no {part}");
    }
    let said = server.log().whole();
    assert!(
        !said.iter().any(|line| line.contains("tools/call")),
        "{said:?}"
    );
}

#[test]
fn calls_on_the_fast_path_are_traced() {
    calls_are_traced(&http_json::SUBJECT);
}

#[test]
fn calls_of_the_sdk_are_traced() {
    calls_are_traced(&tokio_rmcp_alone::http_json::SUBJECT);
}

#[test]
fn calls_over_stdio_are_traced() {
    calls_are_traced(&stdio::SUBJECT);
}
