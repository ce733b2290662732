//! One verified call for each exchange, in turn, with a real handshake, over the transports of the
//! load.

use std::{sync::atomic::AtomicBool, time::Duration};

use serde_json::{Map, Value};

use super::{
    checker::result,
    driver::Driver,
    errors::{CallError, CallResult, LoadError, LoadResult},
    plan::{Exchange, Plan, Sessions, Shape, Target},
    requests::{Requests, Revision},
    schedule::Share,
};

/// How many pages a list of tools may have.
const MAX_PAGES: usize = 100;

/// The settings of a verification.
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

/// The result of a verification.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The names that `tools/list` gives, all pages of it; empty for a [`Target::Floor`], or when
    /// the tools were not listed.
    pub tools: Vec<String>,
    /// The whole definitions, in the same order.
    pub definitions: Vec<Value>,
    /// One for each exchange, in their order.
    pub answers: Vec<CallResult<Verified>>,
}

/// A right answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The JSON-RPC `result` object; `null` for a [`Target::Floor`].
    pub result: Value,
    /// How long the call took, without connection and handshake.
    pub latency: Duration,
}

/// Opens one session, lists the tools, and makes each call once, one after another. A call that
/// fails does not prevent the others.
///
/// # Errors
/// When there was nothing to verify: no exchange, a handshake or a `tools/list` that failed.
pub fn verify(
    mut target: Target,
    exchanges: &[Exchange],
    options: Options<'_>,
) -> Result<Verification, LoadError> {
    // There is one client, so there is one session to share.
    target.share_sessions(|_| Sessions::PerClient);
    let lists_tools = options.lists_tools && !matches!(target, Target::Floor { .. });
    let requests = Requests::new(options.revision, options.extra_params.clone());
    let plan = Plan {
        target,
        exchanges,
        clients: 1,
        warmup: Duration::ZERO,
        duration: Duration::MAX,
        call_timeout: options.call_timeout,
        revision: options.revision,
        extra_params: options.extra_params,
        shape: Shape::default(),
        stop: options.stop,
    };
    plan.check(1)?;
    let mut driver = Driver::new(plan, Share::ALL)?;
    driver.open_sessions()?;
    let definitions = lists_tools.then(|| list_tools(&mut driver, &requests));
    let definitions = definitions.transpose()?.unwrap_or_default();
    let name = |tool: &Value| tool["name"].as_str().unwrap_or_default().to_owned();
    let tools = definitions.iter().map(name).collect();
    let mut answers = Vec::with_capacity(exchanges.len());
    for (number, exchange) in exchanges.iter().enumerate() {
        let reply = driver.ask(&requests.call(exchange))?;
        let checker = &mut driver.clients.checker;
        answers.push(reply.and_then(|reply| {
            let result = checker.read(number, reply.id, &reply.answer())?;
            Ok(Verified {
                result,
                latency: reply.latency,
            })
        }));
    }
    driver.end_sessions()?;
    Ok(Verification {
        tools,
        definitions,
        answers,
    })
}

/// The definitions of the tools, from all pages of the list.
fn list_tools(driver: &mut Driver<'_>, requests: &Requests) -> LoadResult<Vec<Value>> {
    let mut tools = Vec::new();
    let mut params = Map::new();
    for _ in 0..MAX_PAGES {
        let next = driver
            .ask(&requests.request("tools/list", params))?
            .and_then(|reply| result(&reply.answer(), reply.id))
            .and_then(|page| read_page(&page, &mut tools))
            .map_err(|error| LoadError::ToolsList { error })?;
        let Some(cursor) = next else {
            return Ok(tools);
        };
        params = Map::from_iter([("cursor".to_owned(), cursor)]);
    }
    let error = CallError::protocol(format!("more than {MAX_PAGES} pages"));
    Err(LoadError::ToolsList { error })
}

/// Takes the tools of one page. Returns the cursor of the next.
fn read_page(result: &Value, tools: &mut Vec<Value>) -> CallResult<Option<Value>> {
    let reject = |text: &str| Err(CallError::protocol(format!("{text}: {result}")));
    let Some(page) = result["tools"].as_array() else {
        return reject("no array of tools");
    };
    if page.iter().any(|tool| !tool["name"].is_string()) {
        return reject("a tool without a name");
    }
    tools.extend(page.iter().cloned());
    match &result["nextCursor"] {
        Value::Null => Ok(None),
        cursor @ Value::String(_) => Ok(Some(cursor.clone())),
        _ => reject("nextCursor is not a string"),
    }
}
