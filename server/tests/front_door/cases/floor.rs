//! `floor-http`: what HTTP alone costs.

use nix::sys::signal::Signal::SIGTERM;

use crate::common::{
    Answers, Server, Subject, Wire,
    http::{Connection, Request},
    server::bare,
};

const FLOOR: Subject = Subject {
    name: "floor-http",
    binary: env!("CARGO_BIN_EXE_floor-http"),
    flags: &[],
    wire: Wire::Stateless(Answers::Json),
};

fn start(flags: &[&str]) -> Server {
    let mut command = bare(FLOOR.binary);
    command.args(flags);
    Server::spawn(&FLOOR, command)
}

#[test]
fn the_floor_answers_every_request_with_fixed_bytes_of_the_length_asked_for() {
    for bytes in [2, 192, 100_000] {
        let server = start(&["--answer-bytes", &bytes.to_string()]);
        let mut connection = Connection::open(server.address());
        let mut answers = Vec::new();
        for request in [
            Request::message(server.path(), "{}"),
            Request::message(server.path(), "x".repeat(100_000)),
            Request::message(server.path(), "{}").chunked(),
            Request::get("/anything"),
        ] {
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
fn the_floor_answers_192_bytes_by_default_and_ends_on_sigterm() {
    let mut server = start(&[]);
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
