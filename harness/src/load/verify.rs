//! One verified call for each exchange, in turn, with a real handshake, over the wire code that the load uses.

use std::{sync::atomic::AtomicBool, time::Duration};

use serde_json::{Map, Value};

use super::{
    engine::Engine,
    judge::{Judge, hold},
    outcome::{CallError, ErrorKind, LoadError},
    pace::Share,
    plan::{Exchange, Sessions, Shape, Target, check_calls},
    revision::Revision,
    setup::Setup,
    wording::Wording,
};

/// How many pages a list of tools may have.
const MAX_PAGES: usize = 100;

/// How a verification is made.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// How long a call or a step of the handshake may take.
    pub call_timeout: Duration,
    /// The protocol revision to agree on.
    pub revision: Revision,
    /// Members that are added to the `params` of every call.
    pub extra_params: Map<String, Value>,
    /// Whether the tools are listed before they are called.
    pub lists_tools: bool,
    /// Ends the verification within 100 ms when set.
    pub stop: &'a AtomicBool,
}

/// What a verification brought.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The names that `tools/list` gives, all pages of it; empty on a [`Target::Floor`], or when they
    /// were not asked for.
    pub tools: Vec<String>,
    /// The whole definitions, in the same order.
    pub definitions: Vec<Value>,
    /// One for each exchange, in their order.
    pub answers: Vec<Result<Verified, CallError>>,
}

/// A right answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The JSON-RPC `result` object; `null` on a [`Target::Floor`].
    pub result: Value,
    /// How long it took, connections and handshake not included.
    pub latency: Duration,
}

/// Opens one session, asks for the tools, and makes each call once, one after another. A call that fails does not
/// keep the others from being made.
///
/// # Errors
/// When there was nothing to verify: no exchange, a handshake or a `tools/list` that failed.
pub fn verify(
    mut target: Target,
    exchanges: &[Exchange],
    options: Options<'_>,
) -> Result<Verification, LoadError> {
    let Options {
        call_timeout,
        revision,
        extra_params,
        lists_tools,
        stop,
    } = options;
    check_calls(exchanges, call_timeout, &target, revision)?;
    // There is one client, so there is one session to share.
    if let Target::Http { sessions, .. } = &mut target
        && let Sessions::Shared(_) = sessions
    {
        *sessions = Sessions::PerClient;
    }
    let wording = Wording::new(revision, extra_params.clone());
    let mut floor = match target {
        Target::Floor { answer_bytes, .. } => Some(Judge::floor(answer_bytes)),
        _ => None,
    };
    let mut engine = Engine::new(Setup {
        target,
        exchanges,
        clients: 1,
        call_timeout,
        revision,
        extra_params,
        shape: Shape::default(),
        share: Share::ALL,
        stop,
    })?;
    engine.shake_hands()?;
    let (tools, definitions) = if lists_tools && floor.is_none() {
        list_tools(&mut engine, &wording)?
    } else {
        Default::default()
    };
    let mut answers = Vec::with_capacity(exchanges.len());
    for exchange in exchanges {
        let reply = engine.ask(&wording.call(exchange))?;
        answers.push(reply.and_then(|reply| {
            let latency = reply.at.saturating_duration_since(reply.since);
            let result = match &mut floor {
                Some(floor) => floor
                    .judge(0, reply.id, &reply.answer())
                    .map(|()| Value::Null),
                None => reply
                    .result()
                    .and_then(|result| hold(&exchange.expect, &result).map(|()| result)),
            };
            result.map(|result| Verified { result, latency })
        }));
    }
    engine.leave()?;
    Ok(Verification {
        tools,
        definitions,
        answers,
    })
}

/// The names and the definitions of the tools, from all pages of the list.
fn list_tools(
    engine: &mut Engine<'_>,
    wording: &Wording,
) -> Result<(Vec<String>, Vec<Value>), LoadError> {
    let mut definitions = Vec::new();
    let mut params = Map::new();
    for _ in 0..MAX_PAGES {
        let page = engine
            .ask(&wording.request("tools/list", params))?
            .and_then(|reply| reply.result())
            .and_then(|result| read_page(&result, &mut definitions))
            .map_err(|error| LoadError::ToolsList { error })?;
        match page {
            None => {
                let name = |tool: &Value| tool["name"].as_str().unwrap_or_default().to_owned();
                return Ok((definitions.iter().map(name).collect(), definitions));
            }
            Some(cursor) => {
                params = Map::from_iter([("cursor".to_owned(), Value::String(cursor))]);
            }
        }
    }
    let text = format!("more than {MAX_PAGES} pages");
    Err(LoadError::ToolsList {
        error: CallError::new(ErrorKind::Protocol, text),
    })
}

/// Takes the tools of one page. Returns the cursor of the next.
fn read_page(result: &Value, tools: &mut Vec<Value>) -> Result<Option<String>, CallError> {
    let refuse = |text: &str| CallError::new(ErrorKind::Protocol, format!("{text}: {result}"));
    let page = result["tools"]
        .as_array()
        .ok_or_else(|| refuse("no array of tools"))?;
    if page.iter().any(|tool| !tool["name"].is_string()) {
        return Err(refuse("a tool without a name"));
    }
    tools.extend(page.iter().cloned());
    match &result["nextCursor"] {
        Value::Null => Ok(None),
        Value::String(cursor) => Ok(Some(cursor.clone())),
        _ => Err(refuse("nextCursor is not a string")),
    }
}
