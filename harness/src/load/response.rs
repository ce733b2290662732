//! What an answer says: the JSON-RPC response to one id, out of a JSON body or of an event stream.

use serde_json::Value;

use super::{
    events::EventParser,
    head::Form,
    message::{Envelope, Kind, excerpt},
    outcome::{CallError, ErrorKind},
    wire::Answer,
};

/// The `result` of an answer.
///
/// # Errors
/// Why there is none: `http`, `protocol` or `json_rpc`.
pub(super) fn result(answer: &Answer<'_>, id: u32) -> Result<Value, CallError> {
    check_status(answer)?;
    match answer.form {
        Form::Json => response(answer.body, id).and_then(|found| {
            found.ok_or_else(|| protocol(format!("no answer: {}", excerpt(answer.body))))
        }),
        Form::EventStream => in_stream(answer.body, id),
        Form::Other => Err(protocol(format!(
            "neither JSON nor an event stream: {}",
            excerpt(answer.body)
        ))),
    }
}

pub(super) fn check_status(answer: &Answer<'_>) -> Result<(), CallError> {
    if answer.status == 200 {
        return Ok(());
    }
    let text = format!(
        "status {} where 200 is due: {}",
        answer.status,
        excerpt(answer.body)
    );
    Err(CallError::new(ErrorKind::Http, text))
}

/// The result among the messages of an event stream: the server may send others before it.
fn in_stream(body: &[u8], id: u32) -> Result<Value, CallError> {
    let mut found = None;
    messages(&mut EventParser::default(), body, |message| {
        if matches!(found, Some(Err(_))) {
            return;
        }
        match (response(message, id).transpose(), &found) {
            (Some(Ok(_)), Some(Ok(_))) => {
                found = Some(Err(protocol("two answers to one request")));
            }
            (Some(one), _) => found = Some(one),
            (None, _) => {}
        }
    });
    found.unwrap_or_else(|| {
        Err(protocol(format!(
            "the event stream ended without an answer: {}",
            excerpt(body)
        )))
    })
}

/// Gives each message of an event stream to `each`.
pub(super) fn messages(parser: &mut EventParser, body: &[u8], mut each: impl FnMut(&[u8])) {
    parser.clear();
    parser.push(body, |name, data| {
        if matches!(name, b"" | b"message") && !data.is_empty() {
            each(data);
        }
    });
}

/// The result in a message; `None` if it is a request or a notification of the server.
fn response(bytes: &[u8], id: u32) -> Result<Option<Value>, CallError> {
    let envelope = Envelope::read(bytes).map_err(protocol)?;
    let answered = match envelope.kind() {
        Kind::FromServer => return Ok(None),
        Kind::Response(answered) => answered,
    };
    // A server that could not read the request does not know its id.
    if let Some(error) = envelope.error
        && (answered.is_none() || answered == Some(u64::from(id)))
    {
        return Err(CallError::new(ErrorKind::JsonRpc, error.get()));
    }
    if answered != Some(u64::from(id)) {
        let other = envelope.id.map_or("null", |id| id.get());
        return Err(protocol(format!(
            "an answer to id {other} where {id} is due"
        )));
    }
    let Some(result) = envelope.result else {
        return Err(protocol(format!(
            "neither a result nor an error: {}",
            excerpt(bytes)
        )));
    };
    let result: Value =
        serde_json::from_str(result.get()).map_err(|error| protocol(error.to_string()))?;
    if result.is_object() {
        Ok(Some(result))
    } else {
        Err(protocol(format!("the result is not an object: {result}")))
    }
}

fn protocol(text: impl Into<String>) -> CallError {
    CallError::new(ErrorKind::Protocol, text)
}
