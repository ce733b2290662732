//! What is right and what is not, answer by answer.

use std::time::Instant;

use serde_json::json;

use super::*;
use crate::load::expect::{Check, Rule};

const ID: u32 = 123_456_789;

fn answer(form: Form, body: &[u8]) -> Answer<'_> {
    Answer {
        status: 200,
        form,
        body,
        session: None,
        began: None,
        at: Instant::now(),
    }
}

fn judge() -> Judge {
    let check = Check {
        pointer: "/structuredContent/x".to_owned(),
        rule: Rule::Equals(json!(1)),
    };
    Judge::tools(std::iter::once(Expectation::Result(vec![check])))
}

fn right(id: u32, more: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"structuredContent":{{"x":1}}{more}}}}}"#)
}

fn kind(body: &str) -> Result<(), ErrorKind> {
    let mut judge = judge();
    judge
        .judge(0, ID, &answer(Form::Json, right(ID, "").as_bytes()))
        .unwrap();
    judge
        .judge(0, ID, &answer(Form::Json, body.as_bytes()))
        .map_err(|error| error.kind)
}

#[test]
fn each_wrong_answer_is_an_error_of_its_kind_also_after_a_right_one() {
    assert_eq!(kind(&right(ID, "")), Ok(()));
    assert_eq!(kind(&right(ID, r#","other":1"#)), Ok(()));
    assert_eq!(kind(&right(ID + 1, "")), Err(ErrorKind::Protocol));
    assert_eq!(
        kind(&right(ID, "").replace("\"x\":1", "\"x\":2")),
        Err(ErrorKind::Mismatch)
    );
    assert_eq!(kind(&right(ID, r#","isError":true"#)), Err(ErrorKind::Tool));
    assert_eq!(
        kind(&right(ID, r#","isError":0"#)),
        Err(ErrorKind::Protocol)
    );
    assert_eq!(
        kind(r#"{"jsonrpc":"2.0","id":123456789,"error":{"code":-1}}"#),
        Err(ErrorKind::JsonRpc)
    );
    assert_eq!(
        kind(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1}}"#),
        Err(ErrorKind::JsonRpc)
    );
    assert_eq!(
        kind(r#"{"jsonrpc":"2.0","id":123456789}"#),
        Err(ErrorKind::Protocol)
    );
    assert_eq!(kind(&right(ID, "")[1..]), Err(ErrorKind::Protocol));
    assert_eq!(
        kind(&format!("[{}]", right(ID, ""))),
        Err(ErrorKind::Protocol)
    );
    assert_eq!(kind(""), Err(ErrorKind::Protocol));
}

#[test]
fn the_same_bytes_but_for_the_id_are_right_and_only_with_the_id_in_its_place() {
    let mut judge = judge();
    judge
        .judge(0, ID, &answer(Form::Json, right(ID, "").as_bytes()))
        .unwrap();
    let other = right(ID + 1, "");
    judge
        .judge(0, ID + 1, &answer(Form::Json, other.as_bytes()))
        .unwrap();
    let wrong = judge.judge(0, ID + 2, &answer(Form::Json, other.as_bytes()));
    assert_eq!(wrong.unwrap_err().kind, ErrorKind::Protocol);
    let status = Answer {
        status: 500,
        ..answer(Form::Json, other.as_bytes())
    };
    assert_eq!(
        judge.judge(0, ID + 1, &status).unwrap_err().kind,
        ErrorKind::Http
    );
    let form = answer(Form::Other, other.as_bytes());
    assert_eq!(
        judge.judge(0, ID + 1, &form).unwrap_err().kind,
        ErrorKind::Protocol
    );
}

#[test]
fn an_answer_with_the_digits_of_its_id_elsewhere_is_not_remembered() {
    let body = right(ID, r#","text":"123456789""#);
    assert!(Known::new(Form::Json, body.as_bytes(), ID).is_none());
    assert_eq!(kind(&body), Ok(()));
}

#[test]
fn the_answer_may_come_after_other_messages_of_the_stream() {
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#;
    let request = format!(r#"{{"jsonrpc":"2.0","id":{ID},"method":"ping"}}"#);
    let body = format!(
        ": hi\n\nid: 0\ndata:\n\ndata: {progress}\n\ndata: {request}\r\n\r\ndata: {}\n\n",
        right(ID, "")
    );
    let read = |body: &str| {
        judge()
            .judge(0, ID, &answer(Form::EventStream, body.as_bytes()))
            .map_err(|error| error.kind)
    };
    assert_eq!(read(&body), Ok(()));
    assert_eq!(
        read(&format!("data: {progress}\n\n")),
        Err(ErrorKind::Protocol)
    );
    assert_eq!(read(&body[..body.len() - 1]), Err(ErrorKind::Protocol));
    assert_eq!(
        read(&format!("data: {}\n\n", right(ID + 1, ""))),
        Err(ErrorKind::Protocol)
    );
    assert_eq!(read(&format!("{body}{body}")), Err(ErrorKind::Protocol));
    assert_eq!(
        read(&format!("data: rubbish\n\n{body}")),
        Err(ErrorKind::Protocol)
    );
}

#[test]
fn events_may_be_numbered_and_are_still_held_against_what_is_known() {
    let mut judge = judge();
    let mut read = |body: String, id| {
        let answer = answer(Form::EventStream, body.as_bytes());
        judge.judge(0, id, &answer).map_err(|error| error.kind)
    };
    for n in 0..9 {
        let id = ID + n;
        assert_eq!(
            read(format!("id: {n}\ndata: {}\n\n", right(id, "")), id),
            Ok(())
        );
        let twice = format!("id: x{n}\ndata: {0}\n\ndata: {0}\n\n", right(id, ""));
        assert_eq!(read(twice, id), Err(ErrorKind::Protocol));
        let wrong = right(id, "").replace("\"x\":1", "\"x\":3");
        assert_eq!(
            read(format!("id: {n}\ndata: {wrong}\n\n"), id),
            Err(ErrorKind::Mismatch)
        );
    }
}

#[test]
fn a_floor_answers_the_same_bytes_for_ever() {
    let mut judge = Judge::floor(3);
    let short = judge.judge(0, ID, &answer(Form::Other, b"ab"));
    assert_eq!(short.unwrap_err().kind, ErrorKind::Mismatch);
    assert!(judge.judge(0, ID, &answer(Form::Other, b"abc")).is_ok());
    assert!(judge.judge(3, ID, &answer(Form::Other, b"abc")).is_ok());
    assert_eq!(
        judge
            .judge(0, ID, &answer(Form::Other, b"xyz"))
            .unwrap_err()
            .kind,
        ErrorKind::Mismatch
    );
    let status = Answer {
        status: 204,
        ..answer(Form::Other, b"abc")
    };
    assert_eq!(
        judge.judge(0, ID, &status).unwrap_err().kind,
        ErrorKind::Http
    );
}
