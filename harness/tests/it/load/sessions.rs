//! The handshake of Streamable HTTP, with servers that keep sessions and with servers that are not
//! as declared.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use super::support::{
    Act, Fake, Trial, assert_clean, exchanges, http, json_answer, manners, right, serve,
    streamable, verify, with_length,
};
use harness::load::{self, ErrorKind, Moment, Revision, Target};
use serde_json::json;

/// A server that keeps sessions, and forgets them when told to.
struct Sessions {
    fake: Fake,
    open: Arc<Mutex<Vec<String>>>,
}

fn sessions() -> Sessions {
    let open = Arc::new(Mutex::new(Vec::<String>::new()));
    let next = AtomicUsize::new(0);
    let known = open.clone();
    let fake = serve(move |request, _| {
        let status = |status: &str| {
            vec![Act::Write(
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").into_bytes(),
            )]
        };
        if request.rpc() == "initialize" {
            assert_eq!(request.header("mcp-protocol-version"), None);
            let id = format!("session-{}", next.fetch_add(1, Ordering::SeqCst));
            known.lock().unwrap().push(id.clone());
            let body = manners(&request.message).unwrap().to_string();
            let answer = with_length("200 OK", "application/json", &body);
            let text = String::from_utf8(answer).unwrap();
            return vec![Act::Write(
                text.replacen("\r\n", &format!("\r\nMcp-Session-Id: {id}\r\n"), 1)
                    .into_bytes(),
            )];
        }
        assert_eq!(request.header("mcp-protocol-version"), Some("2025-06-18"));
        let session = request.header("mcp-session-id").unwrap().to_owned();
        let mut known = known.lock().unwrap();
        if !known.contains(&session) {
            return status("404 Not Found");
        }
        match (request.method.as_str(), request.rpc()) {
            ("DELETE", _) => {
                known.retain(|id| *id != session);
                status("200 OK")
            }
            (_, "tools/call") => right(request),
            (_, "notifications/initialized") => status("202 Accepted"),
            _ => json_answer(&manners(&request.message).unwrap()),
        }
    });
    Sessions { fake, open }
}

fn with_sessions(fake: &Fake) -> Target {
    Target::Http {
        address: fake.address.into(),
        path: "/mcp".to_owned(),
        sessions: load::Sessions::PerClient,
    }
}

#[test]
fn each_client_has_a_session_and_ends_it() {
    let Sessions { fake, open } = sessions();
    let mut at_start = 0;
    let stop = AtomicBool::new(false);
    let outcome =
        Trial::default().run_until(with_sessions(&fake), &exchanges(3), &stop, &mut |moment| {
            if moment == Moment::MeasureStart {
                at_start = open.lock().unwrap().len();
            }
        });
    assert_clean(&outcome.unwrap(), 3);
    assert_eq!(at_start, 3);
    assert!(open.lock().unwrap().is_empty());
    assert_eq!(
        verify(with_sessions(&fake), &exchanges(2))
            .unwrap()
            .answers
            .len(),
        2
    );
    assert!(open.lock().unwrap().is_empty());
}

#[test]
fn a_session_that_the_server_has_lost_is_an_error_and_is_opened_anew() {
    let Sessions { fake, open } = sessions();
    let stop = AtomicBool::new(false);
    let trial = Trial {
        clients: 1,
        ..Trial::default()
    };
    let outcome = trial.run_until(with_sessions(&fake), &exchanges(3), &stop, &mut |moment| {
        if moment == Moment::MeasureStart {
            open.lock().unwrap().clear();
        }
    });
    let outcome = outcome.unwrap();
    assert_eq!(
        (
            outcome.errors.count(ErrorKind::Http),
            outcome.errors.total()
        ),
        (1, 1),
        "{:?}",
        outcome.errors
    );
    assert!(outcome.calls > 0);
}

#[test]
fn a_server_that_is_not_as_declared_fails_the_handshake() {
    let stateful = sessions().fake;
    let error = Trial::default()
        .run(http(&stateful), &exchanges(1))
        .unwrap_err();
    assert!(error.to_string().contains("Mcp-Session-Id"), "{error}");
    let stateless = streamable(right);
    let error = Trial::default()
        .run(with_sessions(&stateless), &exchanges(1))
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
