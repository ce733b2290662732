//! The load engine against scripted Streamable HTTP servers that answer rightly.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use super::support::{
    Act, Request, Trial, assert_clean, assert_only, echo, empty, exchanges, http, json_answer,
    manners, right, serve, streamable, verify, with_length,
};
use harness::load::{Address, Ended, ErrorKind, LoadError, Moment, Sessions, Target};
use serde_json::{Value, json};

/// An event stream as a chunked body, with other messages before the answer.
fn stream_answer(message: &Value, line_end: &str) -> Vec<u8> {
    let progress = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": { "progress": 1 } });
    let body = format!(
        ": hello\nid: 0\nretry: 3000\ndata:\n\ndata: {progress}\n\nid: 1\ndata: {}\n\n",
        echo(message)
    )
    .replace('\n', line_end);
    let (first, second) = body.as_bytes().split_at(20);
    let mut bytes =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec();
    for part in [first, second] {
        bytes.extend_from_slice(format!("{:x};note=x\r\n", part.len()).as_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\nTrailer: t\r\n\r\n");
    bytes
}

#[test]
fn json_answers_are_counted_and_timed() {
    let fake = streamable(right);
    let mut moments = Vec::new();
    let stop = AtomicBool::new(false);
    let outcome = Trial::default().run_until(http(&fake), &exchanges(5), &stop, &mut |moment| {
        moments.push(moment);
    });
    let outcome = outcome.unwrap();
    assert_clean(&outcome, 3);
    assert_eq!(outcome.ended, Ended::Completed);
    assert_eq!(fake.accepted.load(Ordering::SeqCst), 3);
    assert!(outcome.elapsed >= Duration::from_millis(150));
    moments.retain(|moment| !matches!(moment, Moment::Tick { .. }));
    assert_eq!(
        moments,
        [
            Moment::HandshakeDone,
            Moment::MeasureStart,
            Moment::MeasureEnd
        ]
    );
}

#[test]
fn event_streams_and_json_are_both_accepted_in_one_run() {
    let turn = AtomicUsize::new(0);
    let fake = streamable(
        move |request| match turn.fetch_add(1, Ordering::SeqCst) % 4 {
            0 => right(request),
            1 => vec![Act::Write(stream_answer(&request.message, "\r\n"))],
            2 => vec![Act::Write(stream_answer(&request.message, "\r"))],
            _ => vec![Act::Write(stream_answer(&request.message, "\n"))],
        },
    );
    assert_clean(
        &Trial::default().run(http(&fake), &exchanges(7)).unwrap(),
        3,
    );
}

#[test]
fn any_split_of_the_bytes_gives_the_same_answer() {
    for chunked in [false, true] {
        let whole = move |request: &Request| {
            if chunked {
                stream_answer(&request.message, "\r\n")
            } else {
                with_length(
                    "200 OK",
                    "application/json",
                    &echo(&request.message).to_string(),
                )
            }
        };
        let fake = streamable(move |request| {
            let bytes = whole(request);
            let at = usize::try_from(
                request.message["params"]["arguments"]["n"]
                    .as_u64()
                    .unwrap(),
            )
            .unwrap();
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            vec![
                Act::Write(first.to_vec()),
                Act::Sleep(Duration::from_micros(300)),
                Act::Write(second.to_vec()),
            ]
        });
        let found = verify(http(&fake), &exchanges(if chunked { 480 } else { 330 })).unwrap();
        for (at, answer) in found.answers.iter().enumerate() {
            assert_eq!(
                answer.as_ref().unwrap().result["structuredContent"]["n"],
                at,
                "split at {at}"
            );
        }
    }
}

#[test]
fn a_server_that_closes_after_each_answer_is_reconnected_to_without_errors() {
    let fake = streamable(|request| {
        let body = echo(&request.message).to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
        vec![Act::Write(format!("{head}{body}").into_bytes()), Act::Close]
    });
    let outcome = Trial::default().run(http(&fake), &exchanges(2)).unwrap();
    assert_eq!(outcome.errors.total(), 0, "{:?}", outcome.errors);
    assert!(outcome.calls > 0 && outcome.reconnects > 0);
}

#[test]
fn a_plan_that_cannot_be_run_is_refused() {
    let fake = streamable(right);
    let refused = |trial: Trial, count| {
        matches!(
            trial.run(http(&fake), &exchanges(count)),
            Err(LoadError::Plan(_))
        )
    };
    assert!(refused(
        Trial {
            clients: 0,
            ..Trial::default()
        },
        1
    ));
    assert!(refused(
        Trial {
            duration: Duration::ZERO,
            ..Trial::default()
        },
        1
    ));
    assert!(refused(
        Trial {
            call_timeout: Duration::ZERO,
            ..Trial::default()
        },
        1
    ));
    assert!(refused(Trial::default(), 0));
    assert_eq!(fake.accepted.load(Ordering::SeqCst), 0);
}

#[test]
fn the_first_part_of_an_answer_in_several_is_timed_apart() {
    let pause = Duration::from_millis(20);
    let fake = streamable(move |request| {
        if request.rpc() != "tools/call" {
            return right(request);
        }
        let body = echo(&request.message).to_string();
        let whole = with_length("200 OK", "application/json", &body);
        let (first, second) = whole.split_at(whole.len() - 10);
        vec![
            Act::Write(first.to_vec()),
            Act::Sleep(pause),
            Act::Write(second.to_vec()),
        ]
    });
    let exchanges = exchanges(2);
    let outcome = Trial::default().run(http(&fake), &exchanges).unwrap();
    assert_clean(&outcome, 3);
    assert_eq!(outcome.first_ns.len(), outcome.calls);
    let pause_ns = u64::try_from(pause.as_nanos()).unwrap();
    assert!(outcome.latency_ns.min() >= pause_ns * 99 / 100);
    let apart = outcome.latency_ns.min() - outcome.first_ns.min();
    assert!(apart >= pause_ns / 2, "{apart} ns");
    let whole = Trial::default()
        .run(http(&streamable(right)), &exchanges)
        .unwrap();
    assert_eq!(
        whole.first_ns.len(),
        0,
        "answers in one read have no first part"
    );
}

#[test]
fn an_event_stream_is_timed_to_its_message_and_read_to_its_end() {
    let pause = Duration::from_millis(20);
    let fake = streamable(move |request| {
        let whole = stream_answer(&request.message, "\n");
        let (message, end) = whole.split_at(whole.len() - 5);
        vec![
            Act::Write(message.to_vec()),
            Act::Sleep(pause),
            Act::Write(end.to_vec()),
        ]
    });
    let outcome = Trial::default().run(http(&fake), &exchanges(2)).unwrap();
    assert_clean(&outcome, 3);
    assert_eq!(fake.accepted.load(Ordering::SeqCst), 3);
    assert_eq!(outcome.first_ns.len(), 0, "the message came in one read");
    let p50 = Duration::from_nanos(outcome.latency_ns.value_at_quantile(0.5));
    assert!(p50 < pause / 2, "{outcome:?}");
    // The next call has to wait for the end of the response.
    let most = 3 * (outcome.elapsed.as_millis() / pause.as_millis() + 1);
    assert!(u128::from(outcome.calls) <= most, "{outcome:?}");
}

#[test]
fn requests_and_answers_of_a_megabyte_go_through() {
    let mut exchanges = exchanges(2);
    for exchange in &mut exchanges {
        exchange.arguments["text"] = json!("x".repeat(1_000_000));
    }
    let fake = streamable(right);
    let outcome = Trial {
        clients: 2,
        ..Trial::default()
    }
    .run(http(&fake), &exchanges)
    .unwrap();
    assert_eq!(outcome.errors.total(), 0, "{:?}", outcome.errors);
    assert!(outcome.calls > 0 || outcome.drained > 0);
}

#[test]
fn a_floor_is_asked_without_a_handshake_and_held_to_its_first_answer() {
    let turn = AtomicUsize::new(0);
    let fake = serve(move |request, _| {
        assert_eq!(request.rpc(), "tools/call");
        // As it is asked of a real server after its handshake.
        assert_eq!(request.header("mcp-protocol-version"), Some("2025-06-18"));
        let body = if turn.fetch_add(1, Ordering::SeqCst) == 5 {
            "other"
        } else {
            "fixed"
        };
        vec![Act::Write(with_length("200 OK", "text/plain", body))]
    });
    let floor = || Target::Floor {
        address: fake.address.into(),
        path: "/mcp".to_owned(),
        answer_bytes: 5,
    };
    let verified = verify(floor(), &exchanges(2)).unwrap();
    assert!(verified.tools.is_empty() && verified.answers.iter().all(Result::is_ok));
    let outcome = Trial {
        clients: 1,
        warmup: Duration::ZERO,
        ..Trial::default()
    }
    .run(floor(), &exchanges(2))
    .unwrap();
    assert_only(&outcome, ErrorKind::Mismatch, 1);
}

#[test]
fn requests_name_the_host_that_the_url_names() {
    let fake = serve(|request, _| {
        assert_eq!(request.header("host"), Some("tools.example:8080"));
        match request.rpc() {
            "notifications/initialized" => empty("202 Accepted"),
            "tools/call" => right(request),
            _ => json_answer(&manners(&request.message).unwrap()),
        }
    });
    let target = Target::Http {
        address: Address::new(fake.address, "tools.example:8080"),
        path: "/mcp".to_owned(),
        sessions: Sessions::None,
    };
    let outcome = Trial::default().run(target, &exchanges(2)).unwrap();
    assert_clean(&outcome, 3);
}
