//! The fast path with any message.

#![expect(
    clippy::missing_panics_doc,
    reason = "a property that does not hold panics, and nothing else does"
)]

use std::{
    future::ready,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use futures::{FutureExt, task::noop_waker_ref};
use rmcp::{
    ServerHandler,
    handler::server::{
        router::tool::ToolRouter,
        wrapper::{Json, Parameters},
    },
    tool, tool_handler, tool_router,
};
use serde_json::{Value, json};

use crate::{
    fast_path::{
        Dispatch, FastPath, Framing, HandshakeResults, MessageContext, Receipt, Reply, Revision,
        StandardHeaders,
    },
    in_flight::InFlight,
    supervise::Caller,
};

/// Arguments of each kind, some of which may be missing.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(default)]
struct Arguments {
    text: String,
    number: Option<f64>,
    whole: i64,
    flags: Vec<bool>,
}

/// Tools that return their arguments: one at once, one when it is polled a second time.
#[derive(Clone)]
struct Mirror {
    tools: Arc<ToolRouter<Self>>,
}

#[tool_router]
impl Mirror {
    #[expect(
        clippy::unused_self,
        reason = "the fast path calls a tool on its server"
    )]
    #[tool(description = "Returns its arguments.")]
    fn now(&self, Parameters(arguments): Parameters<Arguments>) -> Json<Arguments> {
        Json(arguments)
    }

    #[tool(description = "Returns its arguments, later.")]
    async fn later(&self, Parameters(arguments): Parameters<Arguments>) -> Json<Arguments> {
        let mut is_second = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut is_second, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        Json(arguments)
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Mirror {}

crate::fast_tools!(Mirror: now, later);

/// The fast path in front of the two tools, made once.
fn mirror() -> &'static FastPath<Mirror> {
    static MIRROR: OnceLock<FastPath<Mirror>> = OnceLock::new();
    MIRROR.get_or_init(|| {
        let tools = Arc::new(Mirror::tool_router());
        let known = HandshakeResults::learn(|_, _, _| {
            ready(Some(br#"{"result":{"known":true}}"#.to_vec()))
        });
        let known = known.now_or_never().unwrap_or_default();
        FastPath::new(Mirror { tools }, known)
    })
}

/// The fast path, given a message after one byte that chooses how it came.
///
/// What it answers is a JSON-RPC request with that id, its answer is JSON without a line break in
/// the framing that was asked for, and a tool gets the arguments that a tree of values would hold.
/// Whatever it does not answer leaves the output as it was, and no id in flight.
pub fn fast_path(input: &[u8]) {
    let [choice, message @ ..] = input else {
        return;
    };
    let revisions: Vec<_> = Revision::all().collect();
    let revision = revisions[usize::from(choice % 8) % revisions.len()];
    let stateless = choice & 8 != 0;
    let tree = serde_json::from_slice::<Value>(message);
    // Headers that repeat what the message says, as a client that follows the rules sends them.
    let method = tree.as_ref().ok().and_then(|tree| tree["method"].as_str());
    let name = tree
        .as_ref()
        .ok()
        .and_then(|tree| tree["params"]["name"].as_str());
    let in_flight = (choice & 16 != 0).then(|| Arc::new(InFlight::new(1)));
    let context = MessageContext {
        revision,
        is_named: choice & 32 != 0,
        headers: (choice & 64 != 0).then_some(StandardHeaders {
            method: method.map(str::as_bytes),
            name: name.map(str::as_bytes),
        }),
        stateless,
        caller: Caller::default(),
        in_flight: in_flight.as_ref(),
        receipt: Receipt::default(),
        settled: None,
    };
    let answers = [
        Framing::NONE,
        Framing::LINE,
        Framing::EVENT,
        Framing::MESSAGE_EVENT,
    ]
    .map(|framing| answer(message, &context, framing));
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "the framing changes what is said"
    );
    if let Some(answer) = &answers[0] {
        let Ok(tree) = &tree else {
            panic!("bytes that are no JSON are answered");
        };
        check_answer(answer, tree, &context);
    }
}

/// How many messages of all inputs the fast path took.
#[cfg(test)]
pub(super) fn count_taken() -> u64 {
    mirror().counters().count_taken()
}

/// The JSON of the answer, out of its framing.
fn answer(message: &[u8], context: &MessageContext<'_>, framing: Framing) -> Option<Vec<u8>> {
    const BEFORE: &[u8] = b"what was there before";
    let mut out = BEFORE.to_vec();
    let framed = match mirror().take(message, context, framing, &mut out) {
        Dispatch::Answered(reply) => {
            assert_eq!(reply, Reply::Result, "these tools make no errors");
            let Some(framed) = out.strip_prefix(BEFORE) else {
                panic!("an answer replaces what was there before");
            };
            framed.to_vec()
        }
        Dispatch::Pending(mut call) => {
            assert_eq!(out, BEFORE, "a call that waits has no answer");
            let mut task = Context::from_waker(noop_waker_ref());
            match call.poll_unpin(&mut task) {
                Poll::Ready(Some(finished)) => finished.bytes,
                _ => panic!("the call is ready when it is polled again"),
            }
        }
        _ => {
            assert_eq!(out, BEFORE, "what is not answered leaves the output alone");
            return None;
        }
    };
    let json = framed
        .strip_prefix(framing.prefix.as_bytes())
        .and_then(|rest| rest.strip_suffix(framing.suffix.as_bytes()));
    let Some(json) = json else {
        panic!("the answer is not framed: {}", framed.escape_ascii());
    };
    assert!(!json.contains(&b'\n') && !json.contains(&b'\r'));
    Some(json.to_vec())
}

/// Compares an answer with what a tree of the request asks for.
fn check_answer(answer: &[u8], request: &Value, context: &MessageContext<'_>) {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
        panic!("the answer is no JSON: {}", answer.escape_ascii());
    };
    assert_eq!(request["jsonrpc"], "2.0");
    assert!(request["id"].is_string() || request["id"].is_i64());
    assert_eq!(answer["id"], request["id"]);
    assert_eq!(answer["jsonrpc"], "2.0");
    let result = &answer["result"];
    if request["method"] != "tools/call" {
        assert!(context.stateless, "with sessions the SDK shakes hands");
        assert_eq!(*result, json!({"known": true}));
        return;
    }
    let arguments = match &request["params"]["arguments"] {
        Value::Null => json!({}),
        arguments => arguments.clone(),
    };
    let Ok(expected) = serde_json::from_value::<Arguments>(arguments) else {
        panic!("a tool is called with arguments that it cannot take: {request}");
    };
    // Through a text: reading a number from one may lose its last bit.
    let expected = serde_json::to_string(&expected).unwrap_or_default();
    let expected: Value = serde_json::from_str(&expected).unwrap_or_default();
    assert_eq!(result["structuredContent"], expected, "{request}");
    let text = result["content"][0]["text"].as_str().unwrap_or_default();
    let text: Value = serde_json::from_str(text).unwrap_or_default();
    assert_eq!(text, expected, "the text repeats the structured content");
    assert_eq!(result["isError"], false);
    let is_complete = result["resultType"] == "complete";
    assert_eq!(is_complete, context.revision.is_self_contained());
}
