//! More work than a server can do: few bytes that ask for many, answers that no client reads, and
//! CPU-bound work whose clients leave. Memory, threads and CPU time stay bounded, and other clients
//! are served.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use testkit::{
    client::Peer,
    http::{Connection, Request, once},
    message::{call, request, self_contained},
};

use crate::{
    common::{Client, Gate, PATIENCE, Server, Subject, client, eventually},
    front_door::subjects::SERVERS,
};

/// The most memory that a server may need at once, in KiB. Each of the attacks below took 0.8 to
/// 1.3 GB from a server without limits.
const PEAK_KIB: u64 = 300 * 1024;
/// The most bytes that a payload may have.
const LARGEST: u32 = 16_000_000;
/// A test need not wait for as long as calls may.
const SOON: [&str; 1] = ["--call-timeout=6"];
/// Threads beyond those of an idle server and its CPU-bound jobs: of connections to a database.
const OTHER_THREADS: usize = 8;

/// Runs `attack` against a server on each runtime.
fn each(flags: &[&str], attack: impl Fn(&mut Server, &mut Client)) {
    for subject in SERVERS {
        let mut server = Server::start(subject, flags);
        let mut other = Client::ready(&mut server);
        attack(&mut server, &mut other);
        other.is_served();
        let peak = server.rss_peak_kib();
        assert!(peak < PEAK_KIB, "{}: {peak} KiB", subject.name);
        let said = server.log().lines();
        let warnings = said.iter().filter(|line| line.contains("was rejected"));
        // One a second at most, and these tests take less than a minute.
        assert!(warnings.count() <= 60, "{said:?}");
    }
}

fn post(message: &Value) -> Request {
    Request::message("/mcp", message.to_string())
}

fn aggregate(id: usize) -> Value {
    call(id, "aggregate_json", json!({"bytes": LARGEST}))
}

/// Checks the answers to calls of large payloads: right, or rejected because of others. Some are
/// right.
fn are_right_or_rejected(answers: &[Value]) {
    let mut right = 0;
    for answer in answers {
        let result = &answer["result"];
        if result["isError"] == false {
            assert_eq!(result["structuredContent"]["bytes"], LARGEST, "{answer}");
            right += 1;
        } else {
            let said = answer.to_string();
            let is_explained = ["--max-inflight-bytes", "--cpu-jobs", "--call-timeout"]
                .iter()
                .any(|flag| said.contains(flag));
            assert!(is_explained, "{said}");
        }
    }
    assert!(right > 0, "{answers:?}");
}

#[test]
fn a_batch_of_large_payloads_takes_little_memory() {
    each(&SOON, |server, _| {
        let batch: Value = (0..100).map(aggregate).collect();
        let response = once(server.address(), &post(&batch));
        assert_eq!(response.status, 200, "{}", response.text());
        let answers = response.messages();
        assert_eq!(answers.len(), 100);
        are_right_or_rejected(&answers);
    });
}

#[test]
fn large_payloads_for_many_clients_take_little_memory() {
    each(&SOON, |server, other| {
        let mut clients: Vec<_> = (0..60)
            .map(|id| {
                let mut client = Connection::open(server.address());
                client.send(&post(&aggregate(id)));
                client
            })
            .collect();
        // A call that needs little does not wait for those that need much.
        other.is_served();
        let responses = clients.iter_mut().map(Connection::response);
        let answers: Vec<_> = responses.flat_map(|response| response.messages()).collect();
        assert_eq!(answers.len(), 60);
        are_right_or_rejected(&answers);
    });
}

#[test]
fn large_payloads_for_clients_that_are_gone_take_little_memory() {
    each(&SOON, |server, other| {
        for id in 0..300 {
            let mut client = Connection::open(server.address());
            client.send(&post(&aggregate(id)));
            client.reset();
        }
        let sum = other.call("aggregate_json", &json!({"bytes": LARGEST}));
        assert_eq!(sum["isError"], false, "{sum}");
    });
}

#[test]
fn large_answers_that_no_client_reads_take_little_memory() {
    // They wait for as long as a call may take, or their client may leave an answer unread.
    let flags = ["--call-timeout=2", "--write-timeout=60"];
    each(&flags, |server, other| {
        let echo = call(1, "echo", json!({"message": "x".repeat(4_000_000)}));
        let request = Arc::new(post(&echo).header("Host", "localhost").bytes());
        let address = server.address();
        let clients: Vec<_> = (0..60)
            .map(|_| {
                let request = request.clone();
                thread::spawn(move || send_and_read_little(address, &request))
            })
            .collect();
        let clients: Vec<_> = clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect();
        let answered = clients.iter().filter(|(_, status)| status == "200");
        assert!(answered.count() > 0, "no client was answered");
        other.is_served();
    });
}

/// Sends a request and reads the status of its answer, `503` for a connection that is closed
/// before the request is sent. The connection stays open.
fn send_and_read_little(server: SocketAddr, request: &[u8]) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut start = [0; 12];
    let sent = stream.write_all(request);
    let status = match sent.and_then(|()| stream.read_exact(&mut start)) {
        Ok(()) => String::from_utf8_lossy(&start[9..]).into_owned(),
        Err(_) => "503".to_owned(),
    };
    assert!(["200", "503"].contains(&status.as_str()), "{status}");
    (stream, status)
}

pub(crate) fn large_messages_wait_for_memory_and_small_ones_do_not(subject: &Subject) {
    let flags = ["--max-inflight-bytes=160000", "--call-timeout=1"];
    let mut server = Server::start(subject, &flags);
    let client = Client::ready(&mut server);
    // The rest of it comes late. Until then its client has all of the memory.
    let mut slow = Connection::open(server.address());
    let bytes = slow.bytes(&client.peer.request(&subject.message_of(20_000)));
    let (now, later) = bytes.split_at(bytes.len() - 100);
    slow.write(now);
    let large = client.peer.request(&subject.message_of(20_001));
    let rejected = eventually("the slow message has all memory", || {
        let response = once(server.address(), &large);
        (response.status == 503).then_some(response)
    });
    assert_eq!(rejected.header("retry-after"), Some("1"));
    let said = rejected.text();
    for part in ["--max-inflight-bytes 160000", "try again later"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let small = once(
        server.address(),
        &client.peer.request(&subject.message_of(10_000)),
    );
    assert!(matches!(small.status, 200 | 202), "{}", small.text());
    slow.write(later);
    let taken = slow.response();
    assert!(matches!(taken.status, 200 | 202), "{}", taken.text());
    drop(slow);
    eventually("the memory is given back", || {
        let response = once(server.address(), &large);
        matches!(response.status, 200 | 202).then_some(())
    });
}

pub(crate) fn large_payloads_in_one_stream_take_little_memory(subject: &Subject) {
    const ASKED: usize = 60;
    let mut server = Server::start(subject, &["--call-timeout=3"]);
    let mut client = Client::ready(&mut server);
    for id in 0..ASKED {
        client.peer.begin(&aggregate(id).to_string());
    }
    let answers: Vec<_> = (0..ASKED).map(|_| client.peer.end()).collect();
    are_right_or_rejected(&answers);
    client.is_served();
    let peak = server.rss_peak_kib();
    assert!(peak < PEAK_KIB, "{peak} KiB");
}

pub(crate) fn a_large_message_is_counted_until_it_is_answered(subject: &Subject) {
    // JSON may have spaces around it.
    let padded = |id: &str, params: &Value| {
        client::request(&json!(id), "tools/call", params) + &" ".repeat(20_000)
    };
    let gate = Gate::new();
    let flags = ["--max-inflight-bytes=160000", "--upstream-url", &gate.url()];
    let mut server = Server::start(subject, &flags);
    let mut client = Client::ready(&mut server);
    let held = client::call("fetch_external_data", &json!({"endpoint": "/held"}));
    client.peer.begin(&padded("held", &held));
    gate.wait_for(1);
    let large = padded("large", &client::call("echo", &json!({"message": "x"})));
    let posted = if let Peer::Sse(sse) = &client.peer {
        let (address, post) = (server.address(), sse.request(&large));
        Some(thread::spawn(move || once(address, &post).status))
    } else {
        client.peer.begin(&large);
        None
    };
    // Long enough for its answer, if it did not wait for the memory of the other.
    thread::sleep(Duration::from_millis(300));
    gate.open();
    assert_eq!(client.end_held(), "held");
    assert_eq!(client.peer.end()["id"], "large");
    assert!(posted.is_none_or(|post| post.join().unwrap() == 202));
}

/// What clients send that compute much and leave.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    /// They finish sending.
    Closed,
    /// They reset their connection.
    Reset,
    /// They reset it, and speak 2026-07-28.
    ResetOf20260728,
}

/// 200 clients that ask for long work and leave.
fn flood(server: &Server, leaving: Leaving) {
    let arguments = json!({"n": 40});
    for id in 0..200 {
        let request = if let Leaving::ResetOf20260728 = leaving {
            let params = self_contained(client::call("calculate_fibonacci", &arguments));
            let message = request(id, "tools/call", &params);
            post(&message).self_contained("tools/call", Some("calculate_fibonacci"))
        } else {
            post(&call(id, "calculate_fibonacci", &arguments))
        };
        let mut client = Connection::open(server.address());
        client.send(&request);
        match leaving {
            Leaving::Closed => drop(client),
            Leaving::Reset | Leaving::ResetOf20260728 => client.reset(),
        }
    }
}

fn cpu_work_ends_with_its_clients(leaving: Leaving) {
    each(&["--workers=2", "--cpu-jobs=2"], |server, other| {
        let idle = server.threads("");
        let before = server.cpu_time();
        other.right("calculate_fibonacci", &json!({"n": 40}));
        let one = server.cpu_time().saturating_sub(before);

        flood(server, leaving);
        let most = idle + 2 + OTHER_THREADS;
        assert!(server.threads("") <= most, "{}", server.threads(""));
        other.right("calculate_fibonacci", &json!({"n": 30}));
        assert!(server.threads("") <= most, "{}", server.threads(""));
        eventually("the server has nothing to do", || {
            let before = server.cpu_time();
            thread::sleep(Duration::from_millis(300));
            (server.cpu_time().saturating_sub(before) < Duration::from_millis(50)).then_some(())
        });
        // Those that ran when their clients left, and those that began in the second after it.
        let all = server.cpu_time().saturating_sub(before);
        assert!(all < one * 50, "{leaving:?}: {all:?}, {one:?} each");
    });
}

#[test]
fn cpu_work_ends_with_clients_that_close() {
    cpu_work_ends_with_its_clients(Leaving::Closed);
}

#[test]
fn cpu_work_ends_with_clients_that_reset() {
    cpu_work_ends_with_its_clients(Leaving::Reset);
}

#[test]
fn cpu_work_ends_with_clients_of_2026_07_28() {
    cpu_work_ends_with_its_clients(Leaving::ResetOf20260728);
}

#[test]
fn cpu_work_beyond_the_line_is_rejected_with_what_to_do() {
    for subject in SERVERS {
        let mut server = Server::start(subject, &["--cpu-jobs=1", "--call-timeout=1"]);
        let batch: Value = (0..50)
            .map(|id| call(id, "calculate_fibonacci", json!({"n": 40})))
            .collect();
        let answers = once(server.address(), &post(&batch)).messages();
        let rejected = answers.iter().filter(|answer| {
            let error = &answer["error"];
            let says = |part: &str| error["message"].as_str().unwrap_or("").contains(part);
            error["code"] == -32000 && says("--cpu-jobs 1") && says("try again later")
        });
        assert!(rejected.count() > 0, "{answers:?}");
        Client::ready(&mut server).is_served();
    }
}
