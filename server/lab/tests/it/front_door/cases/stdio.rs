//! Standard input and output.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    os::fd::AsRawFd,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use testkit::client::Peer;

use crate::common::{Client, Gate, Server, Subject, client, eventually, server::command};

/// The pipes behind `client`.
fn pipes(client: &mut Client) -> &mut testkit::stdio::Stdio {
    match &mut client.peer {
        Peer::Stdio(stdio) => stdio,
        _ => unreachable!("the subject speaks stdio"),
    }
}

pub(crate) fn the_end_of_input_ends_the_server(subject: &Subject) {
    // Before the first message, and after a handshake.
    let mut server = Server::start(subject, &[]);
    let mut client = Client::connect(&mut server);
    pipes(&mut client).end_input("");
    assert!(client.peer.ended());
    server.ended_well();

    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    pipes(&mut client).end_input("");
    assert!(client.peer.ended());
    server.ended_well();
}

pub(crate) fn the_end_of_input_waits_for_what_is_in_flight(subject: &Subject) {
    const HELD: usize = 10;
    let gate = Gate::new();
    let mut server = Server::start(subject, &["--upstream-url", &gate.url()]);
    let mut client = Client::ready(&mut server);
    for _ in 0..HELD {
        client.begin_held();
    }
    gate.wait_for(HELD);
    pipes(&mut client).end_input("");
    gate.open();
    for _ in 0..HELD {
        client.end_held();
    }
    assert!(client.peer.ended());
    server.ended_well();
}

pub(crate) fn a_last_line_without_a_break_is_answered(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let ping = client::request(&json!("last"), "ping", &json!({}));
    pipes(&mut client).end_input(&ping);
    assert_eq!(client.peer.end()["id"], "last");
    assert!(client.peer.ended());
    server.ended_well();
}

pub(crate) fn standard_output_carries_nothing_but_messages(subject: &Subject) {
    // Log everything there is to log: none of it may come this way. Every line that is read is
    // parsed, so what is read here is all there is.
    let mut command = command(subject, &[]);
    command.env("MCP_LOG", "trace");
    let mut server = Server::spawn(subject, command);
    let mut client = Client::ready(&mut server);
    client.is_served();
    client.right("query_products", &json!({}));
    client.right("fetch_external_data", &json!({"endpoint": "/health"}));
    client.wrong("calculate_fibonacci", &json!({"n": 41}));
    client.peer.begin("nonsense");
    assert_eq!(client.peer.end()["error"]["code"], -32700);
    pipes(&mut client).end_input("\n \r\n\n");
    assert!(client.peer.ended());
    server.ended_well();
    assert!(server.log().whole().len() > 1, "the log was on");
}

pub(crate) fn a_client_that_reads_late_gets_every_answer(subject: &Subject) {
    const ASKED: u64 = 5_000;
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let stdio = pipes(&mut client);
    let mut input = stdio.take_input();
    let writer = thread::spawn(move || {
        let echo = client::call("echo", &json!({"message": "x".repeat(1_000)}));
        for id in 0..ASKED {
            let line = client::request(&json!(id), "tools/call", &echo) + "\n";
            input.write_all(line.as_bytes()).unwrap();
        }
        input
    });
    // Long enough for every queue on the way to fill up.
    thread::sleep(Duration::from_millis(300));
    let mut answered = HashSet::new();
    for _ in 0..ASKED {
        let answer = stdio.read().expect("an answer for every request");
        // A client that has too much in flight is told so, and only then.
        let told = answer["error"]["code"] == -32000;
        assert!(told || answer["result"]["isError"] == false, "{answer}");
        assert!(answered.insert(answer["id"].as_u64()), "{answer}");
    }
    drop(writer.join().unwrap());
    assert!(client.peer.ended());
    server.ended_well();
}

pub(crate) fn answers_that_are_not_read_take_little_memory(subject: &Subject) {
    stops_reading(subject, |text| {
        client::call("echo", &json!({"message": text}))
    });
}

pub(crate) fn large_messages_of_calls_that_wait_take_little_memory(subject: &Subject) {
    stops_reading(subject, |text| {
        let arguments = json!({"query": text, "delay_ms": 5_000});
        client::call("simulate_database_query", &arguments)
    });
}

/// Asks again and again, with a text of a megabyte, and reads no answer.
fn stops_reading(subject: &Subject, call: impl Fn(String) -> Value) {
    const ASKED: u64 = 600;
    const PEAK_KIB: u64 = 300 * 1024;
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let call = call("x".repeat(1_000_000));
    let mut input = pipes(&mut client).take_input();
    let taken = Arc::new(AtomicU64::new(0));
    let counted = taken.clone();
    let writer = thread::spawn(move || {
        for id in 0..ASKED {
            let line = client::request(&json!(id), "tools/call", &call) + "\n";
            // At the end of the test the server is gone.
            if input.write_all(line.as_bytes()).is_err() {
                return;
            }
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    eventually("the server reads no more", || {
        let before = taken.load(Ordering::Relaxed);
        thread::sleep(Duration::from_millis(500));
        (before > 0 && taken.load(Ordering::Relaxed) == before).then_some(())
    });
    let taken = taken.load(Ordering::Relaxed);
    assert!(taken < ASKED, "the server took everything in");
    let peak = server.rss_peak_kib();
    assert!(peak < PEAK_KIB, "{peak} KiB");
    drop((client, server));
    writer.join().unwrap();
}

pub(crate) fn a_reader_that_leaves_ends_the_server(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let (mut stdin, stdout) = server.pipes();
    drop(stdout);
    // The server finds out when it has something to say. Input stays open meanwhile.
    let opening = client::request(
        &json!(1),
        "initialize",
        &client::initialize(client::REVISION),
    );
    stdin.write_all(format!("{opening}\n").as_bytes()).unwrap();
    server.ended_well();
}

/// Whether reading or writing at `descriptor` waits, as the kernel has it (proc(5), "fdinfo").
fn is_blocking(descriptor: &impl AsRawFd) -> bool {
    const O_NONBLOCK: u32 = 0o4000;
    let path = format!("/proc/self/fdinfo/{}", descriptor.as_raw_fd());
    let info = fs::read_to_string(path).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = u32::from_str_radix(flags.expect("flags").trim(), 8).unwrap();
    flags & O_NONBLOCK == 0
}

fn opening(id: &str) -> String {
    client::request(
        &json!(id),
        "initialize",
        &client::initialize(client::REVISION),
    )
}

pub(crate) fn pipes_stay_blocking_for_those_who_share_them(subject: &Subject) {
    let (stdin, mut input) = io::pipe().unwrap();
    let (output, stdout) = io::pipe().unwrap();
    let mut server = command(subject, &[])
        .stdin(stdin.try_clone().unwrap())
        .stdout(stdout.try_clone().unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(input, "{}", opening("first")).unwrap();
    let mut answer = String::new();
    BufReader::new(output).read_line(&mut answer).unwrap();
    assert!(answer.contains("\"first\""), "{answer}");
    assert!(is_blocking(&stdin) && is_blocking(&stdout));
    drop(input);
    assert!(server.wait().unwrap().success());
}

pub(crate) fn files_will_do_for_pipes(subject: &Subject) {
    let folder = testkit::folder();
    let path = |end: &str| folder.join(format!("{}{}.{end}", subject.name, subject.flags.concat()));
    fs::write(path("in"), opening("only") + "\n").unwrap();
    let status = command(subject, &[])
        .stdin(File::open(path("in")).unwrap())
        .stdout(File::create(path("out")).unwrap())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let answers = fs::read_to_string(path("out")).unwrap();
    assert_eq!(answers.lines().count(), 1, "{answers}");
    assert!(answers.contains("\"only\""), "{answers}");
}
