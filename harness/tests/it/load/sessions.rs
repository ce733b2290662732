//! The handshake of Streamable HTTP, with servers that keep sessions and with servers that are not
//! as declared.

use std::sync::atomic::AtomicBool;

use super::support::{
    Fake, Trial, assert_clean, assert_only, exchanges, http, json_answer, keeping_sessions,
    manners, right, serve, streamable, verify, with_sessions,
};
use harness::load::{ErrorKind, Moment, Revision, Sessions, Target};
use serde_json::json;

fn per_client(fake: &Fake) -> Target {
    with_sessions(fake, Sessions::PerClient)
}

#[test]
fn each_client_has_a_session_and_ends_it() {
    let (fake, seen) = keeping_sessions();
    let mut at_start = 0;
    let stop = AtomicBool::new(false);
    let outcome =
        Trial::default().run_until(per_client(&fake), &exchanges(3), &stop, &mut |moment| {
            if moment == Moment::MeasureStart {
                at_start = seen.lock().unwrap().open.len();
            }
        });
    assert_clean(&outcome.unwrap(), 3);
    assert_eq!(at_start, 3);
    assert!(seen.lock().unwrap().open.is_empty());
    assert_eq!(
        verify(per_client(&fake), &exchanges(2))
            .unwrap()
            .answers
            .len(),
        2
    );
    assert!(seen.lock().unwrap().open.is_empty());
}

#[test]
fn a_session_that_the_server_has_lost_is_an_error_and_is_opened_anew() {
    let (fake, seen) = keeping_sessions();
    let stop = AtomicBool::new(false);
    let trial = Trial {
        clients: 1,
        ..Trial::default()
    };
    let outcome = trial.run_until(per_client(&fake), &exchanges(3), &stop, &mut |moment| {
        if moment == Moment::MeasureStart {
            seen.lock().unwrap().open.clear();
        }
    });
    let outcome = outcome.unwrap();
    assert_only(&outcome, ErrorKind::Http, 1);
    assert!(outcome.calls > 0);
}

#[test]
fn a_server_that_is_not_as_declared_fails_the_handshake() {
    let (stateful, _) = keeping_sessions();
    let error = Trial::default()
        .run(http(&stateful), &exchanges(1))
        .unwrap_err();
    assert!(error.to_string().contains("Mcp-Session-Id"), "{error}");
    let stateless = streamable(right);
    let error = Trial::default()
        .run(per_client(&stateless), &exchanges(1))
        .unwrap_err();
    assert!(
        error.to_string().contains("gave no Mcp-Session-Id"),
        "{error}"
    );
}

#[test]
fn a_server_of_another_revision_fails_the_handshake() {
    let fake = serve(|request, _| {
        let mut answer = manners(&request.message).unwrap();
        answer["result"]["protocolVersion"] = json!("2024-11-05");
        json_answer(&answer)
    });
    let trial = Trial {
        revision: Revision::November2025,
        ..Trial::default()
    };
    let error = trial
        .run(http(&fake), &exchanges(1))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("2025-11-25") && error.contains("2024-11-05"),
        "{error}"
    );
}
