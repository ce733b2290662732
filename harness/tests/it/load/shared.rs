//! Sessions that all clients share, the revision without a handshake, and members added to calls.

use std::{collections::HashSet, sync::atomic::AtomicBool, time::Duration};

use super::support::{
    Fake, Request, Trial, assert_clean, echo, empty, exchanges, http, json_answer,
    keeping_sessions, manners, right, serve, streamable, verify, verify_as, with_sessions,
};
use harness::load::{ErrorKind, LoadError, Moment, Revision, Sessions, Target};
use serde_json::{Map, Value, json};

fn shared(fake: &Fake, count: usize) -> Target {
    with_sessions(fake, Sessions::Shared(count))
}

#[test]
fn all_clients_use_the_shared_sessions_in_turn() {
    let (fake, seen) = keeping_sessions();
    let stop = AtomicBool::new(false);
    let mut calls = Vec::new();
    let trial = Trial {
        clients: 5,
        ..Trial::default()
    };
    let outcome = trial.run_until(shared(&fake, 2), &exchanges(3), &stop, &mut |moment| {
        if moment == Moment::MeasureEnd {
            let seen = seen.lock().unwrap();
            calls = seen.open.values().map(HashSet::len).collect();
        }
    });
    assert_clean(&outcome.unwrap(), 5);
    let [one, other] = calls[..] else {
        panic!("two sessions: {calls:?}");
    };
    // In turn: they differ by what is under way at most.
    assert!(one > 5 && one.abs_diff(other) <= 5, "{calls:?}");
    let seen = seen.lock().unwrap();
    assert!(
        seen.open.is_empty(),
        "they are ended: {:?}",
        seen.open.keys()
    );
    assert_eq!(seen.strays, 0);
}

#[test]
fn a_shared_session_that_is_lost_is_opened_anew_and_the_others_go_on() {
    let (fake, seen) = keeping_sessions();
    let stop = AtomicBool::new(false);
    let trial = Trial {
        clients: 4,
        duration: Duration::from_millis(300),
        ..Trial::default()
    };
    let mut is_lost = false;
    let outcome = trial.run_until(shared(&fake, 2), &exchanges(3), &stop, &mut |moment| {
        if matches!(moment, Moment::Tick { calls, .. } if calls > 0) && !is_lost {
            is_lost = seen.lock().unwrap().open.remove("session-0").is_some();
        }
    });
    let outcome = outcome.unwrap();
    let errors = outcome.errors.total();
    // Every client may have had a call under way in it.
    assert!(is_lost && (1..=4).contains(&errors), "{:?}", outcome.errors);
    assert_eq!(outcome.errors.count(ErrorKind::Http), errors);
    assert_eq!(seen.lock().unwrap().strays as u64, errors);
    assert!(outcome.calls > 0 && outcome.closing_errors.total() == 0);
}

#[test]
fn more_shared_sessions_than_clients_are_refused_and_verify_needs_one() {
    let (fake, seen) = keeping_sessions();
    let refused = Trial::default().run(shared(&fake, 4), &exchanges(1));
    let Err(LoadError::Plan(text)) = refused else {
        panic!("{refused:?}");
    };
    assert!(text.contains("4 shared sessions and 3 clients"), "{text}");
    assert!(seen.lock().unwrap().open.is_empty());
    let verified = verify(shared(&fake, 4), &exchanges(2)).unwrap();
    assert!(verified.answers.iter().all(Result::is_ok));
}

/// A server of 2026-07-28: it takes requests as that revision has them, and no others.
fn of_2026(kind: &'static str) -> Fake {
    serve(move |request, _| {
        let message = &request.message;
        let meta = &message["params"]["_meta"];
        let name = message["params"]["name"].as_str();
        let is_fit = request.header("mcp-protocol-version") == Some("2026-07-28")
            && request.header("mcp-method") == Some(request.rpc())
            && request.header("mcp-name") == name
            && meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
            && meta["io.modelcontextprotocol/clientCapabilities"].is_object()
            && meta["io.modelcontextprotocol/clientInfo"]["name"].is_string();
        let mut answer = match request.rpc() {
            "tools/call" if is_fit => echo(message),
            "tools/list" if is_fit => manners(message).unwrap(),
            _ => return empty("400 Bad Request"),
        };
        answer["result"]["resultType"] = json!(kind);
        json_answer(&answer)
    })
}

#[test]
fn the_revision_without_a_handshake_is_spoken_without_one() {
    let fake = of_2026("complete");
    let trial = Trial {
        revision: Revision::July2026,
        ..Trial::default()
    };
    assert_clean(&trial.run(http(&fake), &exchanges(3)).unwrap(), 3);
    let verified = verify_as(http(&fake), &exchanges(2), Revision::July2026).unwrap();
    assert_eq!(verified.tools, ["one", "two"]);
    assert!(verified.answers.iter().all(Result::is_ok), "{verified:?}");
}

#[test]
fn a_question_back_is_no_answer() {
    let fake = of_2026("input_required");
    let verified = verify_as(http(&fake), &exchanges(1), Revision::July2026).unwrap();
    let error = verified.answers[0].as_ref().unwrap_err();
    assert!(error.to_string().contains("input_required"), "{error}");
}

#[test]
fn what_the_revision_without_a_handshake_cannot_do_is_refused() {
    let (fake, _) = keeping_sessions();
    let refused = |target, exchanges: &[_]| {
        let trial = Trial {
            revision: Revision::July2026,
            ..Trial::default()
        };
        match trial.run(target, exchanges) {
            Err(LoadError::Plan(text)) => text,
            other => panic!("{other:?}"),
        }
    };
    let text = refused(shared(&fake, 2), &exchanges(1));
    assert!(text.contains("has no sessions"), "{text}");
    let mut unfit = exchanges(1);
    unfit[0].tool = Some("two words".to_owned());
    let text = refused(http(&fake), &unfit);
    assert!(text.contains("two words"), "{text}");
}

#[test]
fn members_are_added_to_the_params_of_every_call() {
    let fake = streamable(|request: &Request| {
        assert_eq!(request.message["params"]["x"], 0);
        right(request)
    });
    let trial = Trial {
        extra_params: Map::from_iter([("x".to_owned(), Value::from(0))]),
        ..Trial::default()
    };
    assert_clean(&trial.run(http(&fake), &exchanges(3)).unwrap(), 3);
}
