//! Whether an answer is right.
//!
//! An answer is read and held against its exchange's expectation in full, unless it has the bytes, but for the id, of
//! one that was found right before: then it is right by construction, and comparing costs next to nothing. A few
//! answers are remembered for each exchange, because a value like a time in milliseconds takes few values; of an event
//! stream both the whole and the message, because events may be numbered.

use serde_json::Value;

use super::{
    events::EventParser,
    expect::Expectation,
    head::Form,
    message::{ID_DIGITS, Kind, classify, digits, excerpt},
    outcome::{CallError, ErrorKind},
    response::{check_status, messages, result},
    wire::Answer,
};

/// How many right answers are remembered for an exchange: so many messages, and so many whole event streams.
const REMEMBERED: usize = 4;
/// How many bytes of answers are remembered in all.
const REMEMBERED_BYTES: usize = 128 * 1024 * 1024;

/// Bytes that were found right: a message, or a whole event stream.
#[derive(Debug)]
struct Known {
    form: Form,
    bytes: Vec<u8>,
    /// Where the id is in the bytes.
    id_at: usize,
}

impl Known {
    /// The bytes with the place of the id, if its digits are in one place only.
    fn new(form: Form, bytes: &[u8], id: u32) -> Option<Self> {
        let wanted = digits(id);
        let mut places = memchr::memmem::find_iter(bytes, &wanted);
        let id_at = places.next()?;
        places.next().is_none().then(|| Self {
            form,
            bytes: bytes.to_vec(),
            id_at,
        })
    }

    fn is(&self, form: Form, bytes: &[u8], id: u32) -> bool {
        let end = self.id_at + ID_DIGITS;
        self.form == form
            && self.bytes.len() == bytes.len()
            && self.bytes[..self.id_at] == bytes[..self.id_at]
            && digits(id) == bytes[self.id_at..end]
            && self.bytes[end..] == bytes[end..]
    }
}

/// Judges the answers to a plan's exchanges.
#[derive(Debug)]
pub(super) enum Judge {
    /// Answers of tools.
    Tools(Tools),
    /// Fixed bytes: the first body.
    Floor(Option<Vec<u8>>),
}

/// What is expected of each exchange, and what was found right.
#[derive(Debug)]
pub(super) struct Tools {
    exchanges: Vec<(Expectation, Vec<Known>)>,
    /// How many bytes may still be remembered.
    room: usize,
    parser: EventParser,
}

impl Judge {
    pub(super) fn tools(expectations: impl Iterator<Item = Expectation>) -> Self {
        let exchanges = expectations
            .map(|expectation| (expectation, Vec::new()))
            .collect();
        Self::Tools(Tools {
            exchanges,
            room: REMEMBERED_BYTES,
            parser: EventParser::default(),
        })
    }

    pub(super) fn floor() -> Self {
        Self::Floor(None)
    }

    /// Whether the answer to the call with this id is right.
    ///
    /// # Errors
    /// Why it is not.
    pub(super) fn judge(
        &mut self,
        exchange: usize,
        id: u32,
        answer: &Answer<'_>,
    ) -> Result<(), CallError> {
        match self {
            Self::Floor(first) => judge_floor(first, answer),
            Self::Tools(tools) => tools.judge(exchange, id, answer),
        }
    }
}

impl Tools {
    fn judge(&mut self, exchange: usize, id: u32, answer: &Answer<'_>) -> Result<(), CallError> {
        let (expectation, known) = &mut self.exchanges[exchange];
        if answer.status == 200 {
            if known
                .iter()
                .any(|known| known.is(answer.form, answer.body, id))
            {
                return Ok(());
            }
            if answer.form == Form::EventStream
                && holds_known(&mut self.parser, known, answer.body, id)
            {
                return Ok(());
            }
        }
        hold(expectation, &result(answer, id)?)?;
        remember(known, &mut self.room, answer.form, answer.body, id);
        if answer.form == Form::EventStream {
            messages(&mut self.parser, answer.body, |message| {
                if classify(message) == Ok(Kind::Response(Some(u64::from(id)))) {
                    remember(known, &mut self.room, Form::Json, message, id);
                }
            });
        }
        Ok(())
    }
}

/// Whether an event stream holds a message that is known to be right, once, and no other answer.
fn holds_known(parser: &mut EventParser, known: &[Known], body: &[u8], id: u32) -> bool {
    let (mut right, mut other) = (0, false);
    messages(parser, body, |message| {
        if known.iter().any(|known| known.is(Form::Json, message, id)) {
            right += 1;
        } else {
            other |= classify(message) != Ok(Kind::FromServer);
        }
    });
    right == 1 && !other
}

fn remember(known: &mut Vec<Known>, room: &mut usize, form: Form, bytes: &[u8], id: u32) {
    let count = known.iter().filter(|known| known.form == form).count();
    if count < REMEMBERED
        && let Some(left) = room.checked_sub(bytes.len())
        && let Some(one) = Known::new(form, bytes, id)
    {
        known.push(one);
        *room = left;
    }
}

fn judge_floor(first: &mut Option<Vec<u8>>, answer: &Answer<'_>) -> Result<(), CallError> {
    check_status(answer)?;
    match first {
        None => *first = Some(answer.body.to_vec()),
        Some(first) if first == answer.body => {}
        Some(first) => {
            let text = format!(
                "{} bytes that differ from the first {}: {}",
                answer.body.len(),
                first.len(),
                excerpt(answer.body)
            );
            return Err(CallError::new(ErrorKind::Mismatch, text));
        }
    }
    Ok(())
}

/// Holds the result of a tool against what is expected of it.
///
/// # Errors
/// `tool` for a result with `isError`, `mismatch` for one that is not the expected one.
pub(super) fn hold(expectation: &Expectation, result: &Value) -> Result<(), CallError> {
    match result.get("isError") {
        None | Some(Value::Bool(false)) => {}
        Some(Value::Bool(true)) => return Err(CallError::new(ErrorKind::Tool, error_text(result))),
        Some(other) => {
            return Err(CallError::new(
                ErrorKind::Protocol,
                format!("isError is {other}"),
            ));
        }
    }
    let Expectation::Result(checks) = expectation;
    checks
        .iter()
        .try_for_each(|check| check.hold(result))
        .map_err(|text| CallError::new(ErrorKind::Mismatch, text))
}

/// What a tool says about its failure: its text, or else the whole result.
fn error_text(result: &Value) -> String {
    match result.pointer("/content/0/text").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => result.to_string(),
    }
}

#[cfg(test)]
mod tests {
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
        let progress =
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#;
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
        let mut judge = Judge::floor();
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
}
