//! The load engine against scripted servers of the HTTP+SSE transport.

use std::{
    collections::HashMap,
    io::Write,
    net::{Shutdown, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::support::{Act, Fake, Trial, assert_clean, echo, exchanges, manners, serve, verify};
use harness::load::{ErrorKind, LoadError, Target};
use serde_json::Value;

/// What a fake server does with a call: on the stream and in answer to the POST, and which comes
/// first.
struct Plot {
    stream_first: bool,
    event: String,
    status: &'static str,
    hang_up: bool,
}

fn right(message: &Value) -> Plot {
    Plot {
        stream_first: false,
        event: event(&echo(message)),
        status: "202 Accepted",
        hang_up: false,
    }
}

fn event(message: &Value) -> String {
    format!(": comment\nevent: message\ndata: {message}\n\n")
}

fn server(call: impl Fn(&Value) -> Plot + Send + Sync + 'static) -> Fake {
    let streams = Mutex::new(HashMap::<String, TcpStream>::new());
    let next = AtomicUsize::new(0);
    serve(move |request, connection| {
        if request.method == "GET" {
            assert_eq!(request.path, "/sse");
            let path = format!(
                "/messages?sessionId={}",
                next.fetch_add(1, Ordering::SeqCst)
            );
            streams
                .lock()
                .unwrap()
                .insert(path.clone(), connection.try_clone().unwrap());
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            let endpoint = chunk(&format!("event: endpoint\ndata: {path}\n\n"));
            return vec![Act::Write(head.as_bytes().to_vec()), Act::Write(endpoint)];
        }
        let message = &request.message;
        let plot = match (manners(message), request.rpc()) {
            (Some(answer), _) => Plot {
                event: event(&answer),
                ..right(message)
            },
            (None, "tools/call") => call(message),
            _ => Plot {
                event: String::new(),
                ..right(message)
            },
        };
        let streams = streams.lock().unwrap();
        let mut stream = &streams[&request.path];
        let accept = format!("HTTP/1.1 {}\r\ncontent-length: 0\r\n\r\n", plot.status);
        let mut post = connection;
        if !plot.stream_first {
            post.write_all(accept.as_bytes()).unwrap();
        }
        if !plot.event.is_empty() {
            // In three pieces, so that events are split over chunks and reads.
            let (first, rest) = plot.event.split_at(plot.event.len() / 3);
            let (second, third) = rest.split_at(rest.len() / 2);
            for piece in [first, second, third] {
                stream.write_all(&chunk(piece)).unwrap();
            }
        }
        if plot.hang_up {
            stream.shutdown(Shutdown::Both).unwrap();
        }
        if plot.stream_first {
            std::thread::sleep(Duration::from_millis(2));
            post.write_all(accept.as_bytes()).unwrap();
        }
        vec![]
    })
}

fn chunk(data: &str) -> Vec<u8> {
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}

fn target(fake: &Fake) -> Target {
    Target::Sse {
        address: fake.address.into(),
        path: "/sse".to_owned(),
    }
}

#[test]
fn answers_on_the_stream_are_counted_and_timed() {
    let fake = server(right);
    let outcome = Trial::default().run(target(&fake), &exchanges(3)).unwrap();
    assert_clean(&outcome, 3);
    assert_eq!(fake.accepted.load(Ordering::SeqCst), 6);
}

#[test]
fn the_message_may_come_before_the_post_is_answered() {
    let fake = server(|message| Plot {
        stream_first: true,
        ..right(message)
    });
    let outcome = Trial {
        clients: 1,
        ..Trial::default()
    }
    .run(target(&fake), &exchanges(3))
    .unwrap();
    assert_eq!(outcome.errors.total(), 0, "{:?}", outcome.errors);
    assert!(outcome.calls > 0);
    // The call is timed to its message, and the client waits the 2 ms that the POST takes longer.
    assert!(outcome.elapsed.as_nanos() / u128::from(outcome.calls) > 2_000_000);
}

#[test]
fn wrong_answers_are_errors_of_their_kind_and_the_next_call_is_right() {
    let kind = |first: fn(&Value) -> Plot| {
        let fake = server(
            move |message| match message["params"]["arguments"]["n"].as_u64() {
                Some(0) => first(message),
                _ => right(message),
            },
        );
        let found = verify(target(&fake), &exchanges(2)).unwrap();
        assert_eq!(found.tools, ["one", "two"]);
        assert!(found.answers[1].is_ok(), "{:?}", found.answers);
        found.answers[0].as_ref().err().map(|error| error.kind)
    };
    assert_eq!(kind(right), None);
    assert_eq!(
        kind(|message| Plot {
            event: event(&echo(message)).replace("\"id\":1", "\"id\":2"),
            ..right(message)
        }),
        Some(ErrorKind::Protocol)
    );
    assert_eq!(
        kind(|message| Plot {
            event: event(&echo(message)).replace("\"n\":0", "\"n\":1"),
            ..right(message)
        }),
        Some(ErrorKind::Mismatch)
    );
    assert_eq!(
        kind(|message| Plot {
            event: "data: junk\n\n".to_owned(),
            ..right(message)
        }),
        Some(ErrorKind::Protocol)
    );
    assert_eq!(
        kind(|message| Plot {
            event: String::new(),
            status: "413 Too Large",
            ..right(message)
        }),
        Some(ErrorKind::Http)
    );
    assert_eq!(
        kind(|message| Plot {
            stream_first: true,
            status: "500 No",
            ..right(message)
        }),
        Some(ErrorKind::Http)
    );
    assert_eq!(
        kind(|message| Plot {
            event: String::new(),
            ..right(message)
        }),
        Some(ErrorKind::Timeout)
    );
    assert_eq!(
        kind(|message| Plot {
            event: String::new(),
            hang_up: true,
            ..right(message)
        }),
        Some(ErrorKind::Transport)
    );
}

#[test]
fn a_lost_stream_costs_the_call_and_a_new_session_is_opened_while_the_others_go_on() {
    let turn = Arc::new(AtomicUsize::new(0));
    let fake = server(move |message| {
        let hang_up = turn.fetch_add(1, Ordering::SeqCst) % 5 == 4;
        Plot {
            event: if hang_up {
                String::new()
            } else {
                event(&echo(message))
            },
            hang_up,
            ..right(message)
        }
    });
    let outcome = Trial::default().run(target(&fake), &exchanges(2)).unwrap();
    let lost = outcome.errors.count(ErrorKind::Transport);
    assert!(lost > 0 && outcome.calls > lost, "{outcome:?}");
    assert_eq!(lost, outcome.errors.total(), "{:?}", outcome.errors);
    assert!(outcome.reconnects > 0);
}

#[test]
fn a_new_connection_for_posts_is_a_reconnect() {
    let closing = server(|message| Plot {
        status: "202 Accepted\r\nconnection: close",
        ..right(message)
    });
    let outcome = Trial::default()
        .run(target(&closing), &exchanges(2))
        .unwrap();
    assert_eq!(outcome.errors.total(), 0, "{:?}", outcome.errors);
    assert!(
        outcome.calls > 0 && outcome.reconnects + 10 >= outcome.calls,
        "{outcome:?}"
    );
    let kept = server(right);
    let outcome = Trial::default().run(target(&kept), &exchanges(2)).unwrap();
    assert_eq!(outcome.reconnects, 0, "{outcome:?}");
}

#[test]
fn an_endpoint_elsewhere_is_refused() {
    for uri in [
        "http://192.0.2.1/messages",
        "//host/messages",
        "messages",
        "/a b",
        "https://127.0.0.1/",
    ] {
        let fake = serve(move |_, _| {
            let body = format!("event: endpoint\ndata: {uri}\n\n");
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
            vec![Act::Write(format!("{head}{body}").into_bytes())]
        });
        let error = Trial::default()
            .run(target(&fake), &exchanges(1))
            .unwrap_err();
        let LoadError::Handshake { error, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(error.kind, ErrorKind::Protocol);
        assert!(error.text.contains(uri), "{error}");
    }
}
