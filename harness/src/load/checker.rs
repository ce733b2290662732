//! Checks answers.
//!
//! An answer is parsed and compared with its exchange's expectation, unless it has the bytes, but
//! for the id, of an answer that was right before: then it is right too, and comparing costs next
//! to nothing. A few answers are remembered for each exchange, because a value like a time in
//! milliseconds takes few values. Of an event stream both the whole and the message are remembered,
//! because events may be numbered.

use serde_json::Value;

use super::{
    errors::{CallError, CallResult, ErrorKind, seen},
    expect::Check,
    http1::{EventParser, Form},
    message::{Envelope, ID_DIGITS, Kind, classify, digits},
    transport::Answer,
};

/// How many right answers are remembered for an exchange: so many messages and so many streams.
const REMEMBERED: usize = 4;
/// How many bytes of answers are remembered in all.
const REMEMBERED_BYTES: usize = 128 * 1024 * 1024;

/// Bytes of a right answer: a message, or a whole event stream.
#[derive(Debug)]
struct Known {
    form: Form,
    bytes: Vec<u8>,
    /// Where the id is in the bytes.
    id_at: usize,
}

impl Known {
    /// Remembers the bytes, if the digits of the id are in one place only.
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

/// Checks the answers to a plan's exchanges.
#[derive(Debug)]
pub(super) enum Checker {
    /// Answers of tools.
    Tools(Tools),
    /// Bodies of this length, each the same as the first one.
    Floor(usize, Option<Vec<u8>>),
}

/// What is expected of each exchange, and the answers that were right.
#[derive(Debug)]
pub(super) struct Tools {
    exchanges: Vec<(Vec<Check>, Vec<Known>)>,
    /// How many bytes may still be remembered.
    room: usize,
    parser: EventParser,
}

impl Checker {
    pub(super) fn tools(expected: impl Iterator<Item = Vec<Check>>) -> Self {
        Self::Tools(Tools {
            exchanges: expected.map(|one| (one, Vec::new())).collect(),
            room: REMEMBERED_BYTES,
            parser: EventParser::default(),
        })
    }

    /// Checks the answer to a call with this id.
    pub(super) fn check(&mut self, exchange: usize, id: u32, answer: &Answer<'_>) -> CallResult {
        if let Self::Tools(tools) = self
            && tools.knows(exchange, id, answer)
        {
            return Ok(());
        }
        self.read(exchange, id, answer).map(|_| ())
    }

    /// Checks an answer without what is remembered. Returns its `result`; `null` for a floor.
    pub(super) fn read(
        &mut self,
        exchange: usize,
        id: u32,
        answer: &Answer<'_>,
    ) -> CallResult<Value> {
        match self {
            Self::Floor(length, first) => check_floor(*length, first, answer),
            Self::Tools(tools) => {
                let result = result(answer, id)?;
                meets(&tools.exchanges[exchange].0, &result)?;
                tools.remember(exchange, id, answer);
                Ok(result)
            }
        }
    }
}

impl Tools {
    fn knows(&mut self, exchange: usize, id: u32, answer: &Answer<'_>) -> bool {
        let (known, body) = (&self.exchanges[exchange].1, answer.body);
        if answer.status != 200 {
            return false;
        }
        if known.iter().any(|known| known.is(answer.form, body, id)) {
            return true;
        }
        if answer.form != Form::EventStream {
            return false;
        }
        // One message that is known, and no other answer.
        let (mut right, mut other) = (0, false);
        messages(&mut self.parser, body, |message| {
            if known.iter().any(|known| known.is(Form::Json, message, id)) {
                right += 1;
            } else {
                other |= classify(message) != Ok(Kind::FromServer);
            }
        });
        right == 1 && !other
    }

    fn remember(&mut self, exchange: usize, id: u32, answer: &Answer<'_>) {
        let (known, room) = (&mut self.exchanges[exchange].1, &mut self.room);
        let mut remember = |form, bytes: &[u8]| {
            let count = known.iter().filter(|known| known.form == form).count();
            if count < REMEMBERED
                && let Some(left) = room.checked_sub(bytes.len())
                && let Some(one) = Known::new(form, bytes, id)
            {
                known.push(one);
                *room = left;
            }
        };
        remember(answer.form, answer.body);
        if answer.form == Form::EventStream {
            messages(&mut self.parser, answer.body, |message| {
                if classify(message) == Ok(Kind::Response(Some(u64::from(id)))) {
                    remember(Form::Json, message);
                }
            });
        }
    }
}

fn check_floor(
    length: usize,
    first: &mut Option<Vec<u8>>,
    answer: &Answer<'_>,
) -> CallResult<Value> {
    check_status(answer)?;
    let found = answer.body.len();
    if first.is_none() && found == length {
        *first = Some(answer.body.to_vec());
    }
    if first.as_deref() == Some(answer.body) {
        return Ok(Value::Null);
    }
    let what = match first {
        Some(_) => format!("{found} bytes that differ from the first answer"),
        None => format!("{found} bytes and not the {length} that were asked for"),
    };
    let text = seen(&what, answer.body);
    Err(CallError::new(ErrorKind::Mismatch, text))
}

/// Compares the result of a tool with what is expected of it.
fn meets(checks: &[Check], result: &Value) -> CallResult {
    match result.get("isError") {
        None | Some(Value::Bool(false)) => {}
        Some(Value::Bool(true)) => {
            let text = result.pointer("/content/0/text").and_then(Value::as_str);
            let text = text.map_or_else(|| result.to_string(), str::to_owned);
            return Err(CallError::new(ErrorKind::Tool, text));
        }
        Some(other) => return Err(CallError::protocol(format!("isError is {other}"))),
    }
    let mismatch = |text: String| CallError::new(ErrorKind::Mismatch, text);
    // Since 2026-07-28 a result may also be a question of the server; no call here has one.
    if let Some(kind) = result.get("resultType").filter(|kind| *kind != "complete") {
        let text = format!("resultType is {kind} and not \"complete\"");
        return Err(mismatch(text));
    }
    let mut checks = checks.iter();
    checks
        .try_for_each(|check| check.hold(result))
        .map_err(mismatch)
}

/// The `result` of an answer. The error is `http`, `protocol` or `json_rpc`.
pub(super) fn result(answer: &Answer<'_>, id: u32) -> CallResult<Value> {
    check_status(answer)?;
    match answer.form {
        Form::Json => {
            let no_answer = || CallError::unexpected("no answer", answer.body);
            response(answer.body, id)?.ok_or_else(no_answer)
        }
        Form::EventStream => in_stream(answer.body, id),
        Form::Other => {
            let what = "neither JSON nor an event stream";
            Err(CallError::unexpected(what, answer.body))
        }
    }
}

fn check_status(answer: &Answer<'_>) -> CallResult {
    if answer.status == 200 {
        return Ok(());
    }
    let what = format!("status {} where 200 is due", answer.status);
    let error = CallError::new(ErrorKind::Http, seen(&what, answer.body));
    Err(error.shed_if(matches!(answer.status, 429 | 503)))
}

/// The result among the messages of an event stream: the server may send others before it.
fn in_stream(body: &[u8], id: u32) -> CallResult<Value> {
    let mut found = None;
    messages(&mut EventParser::default(), body, |message| {
        if matches!(found, Some(Err(_))) {
            return;
        }
        match (response(message, id).transpose(), &found) {
            (Some(Ok(_)), Some(Ok(_))) => {
                found = Some(Err(CallError::protocol("two answers to one request")));
            }
            (Some(one), _) => found = Some(one),
            (None, _) => {}
        }
    });
    let no_answer = "the event stream ended without an answer";
    found.unwrap_or_else(|| Err(CallError::unexpected(no_answer, body)))
}

/// Gives each message of an event stream to `each`.
fn messages(parser: &mut EventParser, body: &[u8], mut each: impl FnMut(&[u8])) {
    parser.clear();
    parser.push(body, |name, data| {
        if matches!(name, b"" | b"message") && !data.is_empty() {
            each(data);
        }
    });
}

/// The result in a message; `None` if it is a request or a notification of the server.
fn response(bytes: &[u8], id: u32) -> CallResult<Option<Value>> {
    let envelope = Envelope::read(bytes).map_err(CallError::protocol)?;
    let Kind::Response(answered) = envelope.kind() else {
        return Ok(None);
    };
    let is_ours = answered == Some(u64::from(id));
    // A server that could not read the request does not know its id.
    if let Some(error) = envelope.error.filter(|_| is_ours || answered.is_none()) {
        return Err(CallError::new(ErrorKind::JsonRpc, error.get()).shed_if(is_busy(error.get())));
    }
    if !is_ours {
        let other = envelope.id.map_or("null", |id| id.get());
        return Err(CallError::protocol(format!(
            "an answer to id {other} where {id} is due"
        )));
    }
    let Some(result) = envelope.result else {
        return Err(CallError::unexpected(
            "neither a result nor an error",
            bytes,
        ));
    };
    match serde_json::from_str(result.get()) {
        Ok(result @ Value::Object(_)) => Ok(Some(result)),
        Ok(other) => Err(CallError::protocol(format!(
            "the result is not an object: {other}"
        ))),
        Err(error) => Err(CallError::protocol(error.to_string())),
    }
}

/// Whether an error of JSON-RPC has the code of servers that have no room for a call now.
fn is_busy(error: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Code {
        code: i64,
    }
    serde_json::from_str::<Code>(error).is_ok_and(|error| error.code == -32000)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::*;
    use crate::load::expect::Rule;

    const ID: u32 = 123_456_789;

    fn checker() -> Checker {
        let check = Check {
            pointer: "/structuredContent/x".to_owned(),
            rule: Rule::Equals(json!(1)),
        };
        Checker::tools(std::iter::once(vec![check]))
    }

    fn check(checker: &mut Checker, id: u32, form: Form, body: &str) -> Result<(), ErrorKind> {
        let answer = Answer {
            form,
            ..Answer::new(200, body.as_bytes(), Instant::now())
        };
        checker.check(0, id, &answer).map_err(|error| error.kind)
    }

    fn right(id: u32, more: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"structuredContent":{{"x":1}}{more}}}}}"#)
    }

    #[test]
    fn each_wrong_answer_is_an_error_of_its_kind_also_after_a_right_one() {
        let with = |from, to| right(ID, "").replace(from, to);
        for (body, expected) in [
            (right(ID, ""), Ok(())),
            (right(ID, r#","other":1"#), Ok(())),
            (right(ID, r#","text":"123456789""#), Ok(())),
            (right(ID + 1, ""), Err(ErrorKind::Protocol)),
            (with("\"x\":1", "\"x\":2"), Err(ErrorKind::Mismatch)),
            (right(ID, r#","isError":true"#), Err(ErrorKind::Tool)),
            (right(ID, r#","isError":0"#), Err(ErrorKind::Protocol)),
            (with("\"result\"", "\"error\""), Err(ErrorKind::JsonRpc)),
            (format!("[{}]", right(ID, "")), Err(ErrorKind::Protocol)),
            (String::new(), Err(ErrorKind::Protocol)),
        ] {
            let mut checker = checker();
            check(&mut checker, ID, Form::Json, &right(ID, "")).unwrap();
            let found = check(&mut checker, ID, Form::Json, &body);
            assert_eq!(found, expected, "{body}");
        }
    }

    #[test]
    fn the_same_bytes_are_right_only_with_the_id_the_status_and_the_form_that_are_due() {
        let mut checker = checker();
        check(&mut checker, ID, Form::Json, &right(ID, "")).unwrap();
        let other = right(ID + 1, "");
        assert_eq!(check(&mut checker, ID + 1, Form::Json, &other), Ok(()));
        let protocol = Err(ErrorKind::Protocol);
        assert_eq!(check(&mut checker, ID + 2, Form::Json, &other), protocol);
        assert_eq!(check(&mut checker, ID + 1, Form::Other, &other), protocol);
        let status = Answer::new(500, other.as_bytes(), Instant::now());
        let error = checker.check(0, ID + 1, &status).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Http);
        assert!(!error.is_shed);
        let twice = right(ID, r#","text":"123456789""#);
        assert!(Known::new(Form::Json, twice.as_bytes(), ID).is_none());
    }

    #[test]
    fn a_call_is_shed_by_status_or_by_code_whatever_else_the_text_says() {
        let error = |code, message| {
            let error = format!(r#"{{"message":"{message}","code":{code}}}"#);
            format!(r#"{{"jsonrpc":"2.0","id":{ID},"error":{error}}}"#)
        };
        for (status, body, is_shed) in [
            (503, String::new(), true),
            (429, String::new(), true),
            (500, "503".to_owned(), false),
            (200, error(-32000, "no room"), true),
            (200, error(-32603, "-32000"), false),
        ] {
            let answer = Answer {
                form: Form::Json,
                ..Answer::new(status, body.as_bytes(), Instant::now())
            };
            let error = checker().check(0, ID, &answer).unwrap_err();
            assert_eq!(error.is_shed, is_shed, "{status} {body}");
        }
    }

    #[test]
    fn a_stream_has_one_answer_among_other_messages_and_its_events_may_be_numbered() {
        let mut known = checker();
        for n in 0..9 {
            let id = ID + n;
            let notice = r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#;
            let request = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
            let others =
                format!(": hi\n\nid: {n}\ndata:\n\ndata: {notice}\n\ndata: {request}\r\n\r\n");
            let answer = format!("data: {}\n\n", right(id, ""));
            let protocol = Err(ErrorKind::Protocol);
            for (body, expected) in [
                (format!("{others}{answer}"), Ok(())),
                (others.clone(), protocol),
                (format!("{others}{}", &answer[..answer.len() - 1]), protocol),
                (format!("data: {}\n\n", right(id + 1, "")), protocol),
                (format!("id: {n}\n{answer}{answer}"), protocol),
                (format!("data: rubbish\n\n{answer}"), protocol),
            ] {
                let first = check(&mut checker(), id, Form::EventStream, &body);
                let later = check(&mut known, id, Form::EventStream, &body);
                assert_eq!((first, later), (expected, expected), "{body}");
            }
        }
    }
}
