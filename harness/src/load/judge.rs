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
    /// Fixed bytes.
    Floor(Floor),
}

/// Bytes without a meaning.
#[derive(Debug)]
pub(super) struct Floor {
    /// The length that was asked for.
    length: usize,
    /// The first body of that length.
    first: Option<Vec<u8>>,
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

    /// Of answers with bodies of this length.
    pub(super) fn floor(length: usize) -> Self {
        Self::Floor(Floor {
            length,
            first: None,
        })
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
            Self::Floor(floor) => floor.judge(answer),
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

impl Floor {
    fn judge(&mut self, answer: &Answer<'_>) -> Result<(), CallError> {
        check_status(answer)?;
        let mismatch = |text| Err(CallError::new(ErrorKind::Mismatch, text));
        match &self.first {
            Some(first) if first == answer.body => Ok(()),
            Some(first) => mismatch(format!(
                "{} bytes that differ from the first {}: {}",
                answer.body.len(),
                first.len(),
                excerpt(answer.body)
            )),
            None if answer.body.len() == self.length => {
                self.first = Some(answer.body.to_vec());
                Ok(())
            }
            None => mismatch(format!(
                "{} bytes and not the {} that were asked for: {}",
                answer.body.len(),
                self.length,
                excerpt(answer.body)
            )),
        }
    }
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
    // From 2026-07-28 on a result may also be a question back; what is asked here has answers.
    if let Some(kind) = result.get("resultType").filter(|kind| *kind != "complete") {
        let text = format!("resultType is {kind} and not \"complete\"");
        return Err(CallError::new(ErrorKind::Mismatch, text));
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
mod tests;
