//! The load engine against scripted stdio servers: threads at the other ends of two pipes.

use std::{
    io::{BufRead, BufReader, PipeReader, PipeWriter, Write, pipe},
    os::fd::OwnedFd,
    thread,
    time::Duration,
};

use super::support::{Trial, assert_clean, assert_only, echo, exchanges, manners, verify};
use harness::load::{Ended, ErrorKind, LoadError, Target};
use serde_json::{Value, json};

/// A server that is given each message and the pipe to answer on; it ends when it returns `false`
/// or at end of input.
fn server(
    mut each: impl FnMut(Value, &mut PipeWriter) -> bool + Send + 'static,
) -> (Target, thread::JoinHandle<()>) {
    let (its_stdin, stdin): (PipeReader, PipeWriter) = pipe().unwrap();
    let (stdout, mut its_stdout) = pipe().unwrap();
    let thread = thread::spawn(move || {
        for line in BufReader::new(its_stdin).lines() {
            let message: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if let Some(answer) = manners(&message) {
                writeln!(its_stdout, "{answer}").unwrap();
            } else if message["method"] == "tools/call" && !each(message, &mut its_stdout) {
                return;
            }
        }
    });
    let target = Target::Stdio {
        stdin: OwnedFd::from(stdin).into(),
        stdout: OwnedFd::from(stdout).into(),
        earlier_runs: 0,
    };
    (target, thread)
}

#[test]
fn many_clients_share_the_pipe_and_it_is_closed_at_the_end() {
    let (target, thread) = server(|message, out| writeln!(out, "{}", echo(&message)).is_ok());
    let outcome = Trial {
        clients: 50,
        ..Trial::default()
    }
    .run(target, &exchanges(7))
    .unwrap();
    assert_clean(&outcome, 50);
    thread.join().unwrap();
}

#[test]
fn answers_may_come_in_any_order_and_among_notifications() {
    let mut count = 0;
    let (target, _) = server(move |message, out| {
        count += 1;
        let (mut out, turn) = (out.try_clone().unwrap(), count % 8);
        thread::spawn(move || {
            thread::sleep(Duration::from_micros(300 * (8 - turn)));
            let notice =
                json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": {} });
            let answer = echo(&message);
            // Members in another order than usual, and one write, which a pipe keeps in one piece.
            let (id, result) = (&answer["id"], &answer["result"]);
            let line = format!(r#"{{"result":{result},"id":{id},"jsonrpc":"2.0"}}"#);
            out.write_all(format!("{notice}\r\n\r\n{line}\n").as_bytes())
                .unwrap();
        });
        true
    });
    let trial = Trial {
        clients: 8,
        ..Trial::default()
    };
    assert_clean(&trial.run(target, &exchanges(3)).unwrap(), 8);
}

#[test]
fn answers_in_single_bytes_are_put_together() {
    let (target, _) = server(|message, out| {
        format!("{}\n", echo(&message))
            .bytes()
            .all(|byte| out.write_all(&[byte]).is_ok())
    });
    let found = verify(target, &exchanges(5)).unwrap();
    assert_eq!(found.tools, ["one", "two"]);
    assert!(
        found.answers.iter().all(Result::is_ok),
        "{:?}",
        found.answers
    );
}

#[test]
fn a_pipe_that_is_full_holds_nobody_up() {
    // 40 requests of 100 kB do not fit into the pipe, and neither do the answers.
    let mut exchanges = exchanges(2);
    for exchange in &mut exchanges {
        exchange.arguments["text"] = json!("y".repeat(100_000));
    }
    let (target, _) = server(|message, out| writeln!(out, "{}", echo(&message)).is_ok());
    let trial = Trial {
        clients: 40,
        duration: Duration::from_millis(300),
        ..Trial::default()
    };
    let outcome = trial.run(target, &exchanges).unwrap();
    assert_eq!(outcome.errors.total(), 0, "{:?}", outcome.errors);
    assert!(outcome.calls + outcome.drained > 40);
}

#[test]
fn a_child_that_dies_ends_the_run_with_its_calls_lost() {
    let mut left = 100;
    let (target, _) = server(move |message, out| {
        left -= 1;
        left > 0 && writeln!(out, "{}", echo(&message)).is_ok()
    });
    let trial = Trial {
        clients: 4,
        warmup: Duration::ZERO,
        duration: Duration::from_secs(20),
        ..Trial::default()
    };
    let outcome = trial.run(target, &exchanges(2)).unwrap();
    assert_eq!(outcome.ended, Ended::SubjectGone);
    assert!(
        (1..=4).contains(&outcome.errors.count(ErrorKind::Transport)),
        "{:?}",
        outcome.errors
    );
    assert!(outcome.calls >= 90 && outcome.elapsed < Duration::from_secs(5));
}

#[test]
fn a_child_that_dies_leaves_the_rest_of_a_verification_unanswered_at_once() {
    let mut left = 2;
    let (target, _) = server(move |message, out| {
        left -= 1;
        left > 0 && writeln!(out, "{}", echo(&message)).is_ok()
    });
    let found = verify(target, &exchanges(300)).unwrap();
    assert!(found.answers[0].is_ok());
    for answer in &found.answers[1..] {
        assert_eq!(answer.as_ref().unwrap_err().kind, ErrorKind::Transport);
    }
}

#[test]
fn a_late_answer_is_not_taken_for_another_and_a_lost_one_times_out() {
    let (mut count, mut late) = (0, None);
    let (target, _) = server(move |message, out| {
        count += 1;
        if count == 5 {
            late = Some(message);
            return true;
        }
        if count == 6 {
            writeln!(out, "{}", echo(&late.take().unwrap())).unwrap();
        }
        writeln!(out, "{}", echo(&message)).is_ok()
    });
    let trial = Trial {
        clients: 1,
        warmup: Duration::ZERO,
        duration: Duration::from_millis(1200),
        call_timeout: Duration::from_millis(500),
        ..Trial::default()
    };
    let outcome = trial.run(target, &exchanges(1)).unwrap();
    assert_only(&outcome, ErrorKind::Timeout, 1);
    assert!(outcome.calls > 5);
}

#[test]
fn lines_that_answer_nothing_are_protocol_errors() {
    let mut count = 0;
    let (target, _) = server(move |message, out| {
        count += 1;
        match count {
            5 => writeln!(out, "Listening ...").unwrap(),
            6 => writeln!(out, "{}", echo(&json!({ "id": 7 }))).unwrap(),
            7 => writeln!(
                out,
                r#"{{"jsonrpc":"2.0","id":null,"error":{{"code":-32700}}}}"#
            )
            .unwrap(),
            8 => writeln!(out, "{}", echo(&message)).unwrap(),
            _ => {}
        }
        writeln!(out, "{}", echo(&message)).is_ok()
    });
    let trial = Trial {
        clients: 2,
        warmup: Duration::ZERO,
        ..Trial::default()
    };
    let outcome = trial.run(target, &exchanges(1)).unwrap();
    assert_only(&outcome, ErrorKind::Protocol, 4);
    let example = outcome.errors.example(ErrorKind::Protocol).unwrap();
    assert!(example.contains("Listening"), "{example}");
}

#[test]
fn a_child_that_ends_at_once_fails_the_handshake() {
    let (its_stdin, stdin) = pipe().unwrap();
    let (stdout, its_stdout) = pipe().unwrap();
    drop((its_stdin, its_stdout));
    let target = Target::Stdio {
        stdin: OwnedFd::from(stdin).into(),
        stdout: OwnedFd::from(stdout).into(),
        earlier_runs: 0,
    };
    let error = Trial::default().run(target, &exchanges(1)).unwrap_err();
    let LoadError::Handshake { error, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(error.kind, ErrorKind::Transport);
}
