//! The hook, the choice of tools and a changing list of tools: both paths obey them.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use testkit::http::AsyncConnection;
use transports::supervise::{CallHook, ToolCall};

use crate::{
    client::{Client, call, text_of},
    each,
    failures::newer,
    server::{Server, Settings, Transport, Way},
};

/// Records every call, and refuses all of them or none.
struct Recorder {
    refuses: bool,
    calls: Mutex<Vec<Recorded>>,
}

#[derive(Clone, Debug)]
struct Recorded {
    tool: String,
    arguments: Value,
    session: Option<String>,
    has_client: bool,
    subject: Option<String>,
    user: Option<String>,
}

impl CallHook for Recorder {
    fn check(&self, call: &ToolCall<'_>) -> Result<(), String> {
        let user = call.headers.and_then(|headers| headers.get("x-user"));
        let recorded = Recorded {
            tool: call.tool.into(),
            arguments: serde_json::from_slice(call.arguments).expect("arguments are JSON"),
            session: call.session.map(Into::into),
            has_client: call.client.is_some(),
            subject: call.subject.map(Into::into),
            user: user.map(|user| user.to_str().unwrap().into()),
        };
        self.calls.lock().unwrap().push(recorded);
        if self.refuses {
            return Err(format!("{} is not allowed", call.tool));
        }
        Ok(())
    }
}

impl Recorder {
    fn new(refuses: bool) -> Arc<Self> {
        Arc::new(Self {
            refuses,
            calls: Mutex::default(),
        })
    }

    fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

async fn start(way: Way, hook: Arc<dyn CallHook>) -> Server {
    let settings = Settings {
        hook: Some(hook),
        ..Settings::default()
    };
    Server::with(way, settings).await
}

/// A call that the fast path leaves to the SDK, because it has an unknown member.
fn unusual(mut message: Value) -> Value {
    message["params"]["unknown"] = json!(1);
    message
}

#[tokio::test]
async fn no_call_avoids_a_hook_that_refuses_all_calls() {
    each(Way::all(), async |way| {
        let hook = Recorder::new(true);
        let mut server = start(way, hook.clone()).await;
        let mut client = Client::of(&mut server, "2025-03-26").await;
        let mut expected = 0;
        for tool in ["count", "hang", "count_slowly", "hang_slowly"] {
            let plain = call("plain", tool, json!({}));
            for message in [plain.clone(), unusual(plain)] {
                let answer = client.ask(&message).await;
                assert_eq!(answer["result"]["isError"], true, "{answer}");
                assert_eq!(text_of(&answer), format!("{tool} is not allowed"));
                expected += 1;
            }
        }
        if way.fast_path || way.answer().is_none() {
            let batch = json!([
                call(1, "count", json!({})),
                call(2, "count_slowly", json!({}))
            ]);
            client.send(&batch).await;
            for answer in client.receive_all(2).await {
                assert_eq!(answer["result"]["isError"], true, "{answer}");
            }
            expected += 2;
        }
        if way.answer().is_some() {
            for tool in ["count", "count_slowly"] {
                let mut connection = AsyncConnection::connect(server.address()).await;
                let answer = connection.exchange(&newer(tool)).await.messages().remove(0);
                assert_eq!(answer["result"]["isError"], true, "{answer}");
            }
            expected += 2;
        }
        assert_eq!(hook.take().len(), expected);
        assert_eq!(server.calls.count_begun(), 0);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_hook_sees_every_call_once_with_its_caller() {
    each(Way::all(), async |way| {
        let hook = Recorder::new(false);
        let settings = Settings {
            hook: Some(hook.clone()),
            token: Some(("secret", "ada")),
            ..Settings::default()
        };
        let mut server = Server::with(way, settings).await;
        let mut client = Client::ready(&mut server).await;
        client.add_header("x-user", "ada");
        let is_http = way.transport != Transport::Stdio;
        let mut sessions = Vec::new();
        for message in [
            call(1, "wait", json!({"ms": 0})),
            unusual(call(1, "wait", json!({"ms": 0}))),
            call(1, "wait_slowly", json!({"ms": 0})),
            // The fast path asks the hook before the SDK words the error.
            call(1, "wait", json!({"ms": "no number"})),
            call(1, "no_such_tool", json!({"a": [1, {"b": null}]})),
            json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "count"}}),
        ] {
            client.ask(&message).await;
            let recorded = hook.take();
            let [recorded] = recorded.as_slice() else {
                panic!("{message} was recorded as {recorded:?}");
            };
            let params = &message["params"];
            assert_eq!(recorded.tool, params["name"].as_str().unwrap());
            let arguments = params.get("arguments").cloned();
            assert_eq!(recorded.arguments, arguments.unwrap_or(json!({})));
            assert_eq!(recorded.has_client, is_http);
            assert_eq!(recorded.subject.as_deref(), is_http.then_some("ada"));
            assert_eq!(recorded.user.is_some(), is_http, "{message}");
            sessions.push(recorded.session.clone());
        }
        sessions.dedup();
        let [session] = sessions.as_slice() else {
            panic!("{sessions:?}");
        };
        let has_session = !matches!(way.transport, Transport::Stdio | Transport::Stateless(_));
        assert_eq!(session.is_some(), has_session);
        assert_eq!(
            server.fast_path_count().is_some_and(|count| count > 0),
            way.fast_path
        );
        server.stop().await;
    })
    .await;
}

struct Panicking;

impl CallHook for Panicking {
    fn check(&self, _: &ToolCall<'_>) -> Result<(), String> {
        panic!("a hook that panics")
    }
}

#[tokio::test]
async fn a_hook_that_panics_lets_no_call_run() {
    each(Way::all(), async |way| {
        let mut server = start(way, Arc::new(Panicking)).await;
        let mut client = Client::ready(&mut server).await;
        for tool in ["count", "count_slowly"] {
            let answer = client.ask(&call(1, tool, json!({}))).await;
            assert_eq!(answer["result"]["isError"], true, "{answer}");
            assert!(text_of(&answer).contains("a hook that panics"), "{answer}");
        }
        assert_eq!(server.calls.count_begun(), 0);
        server.stop().await;
    })
    .await;
}

async fn listed(client: &mut Client) -> Vec<String> {
    let list = json!({"jsonrpc": "2.0", "id": "list", "method": "tools/list"});
    let answer = client.ask(&list).await;
    let tools = answer["result"]["tools"].as_array().expect("a list");
    let names = tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap().into());
    names.collect()
}

#[tokio::test]
async fn only_the_chosen_tools_are_served() {
    each(Way::all(), async |way| {
        let chosen = ["now", "wait_slowly"];
        let settings = Settings {
            tools: Some(chosen.map(Into::into).into()),
            ..Settings::default()
        };
        let mut server = Server::with(way, settings).await;
        let mut client = Client::ready(&mut server).await;
        assert_eq!(listed(&mut client).await, chosen);
        for tool in chosen {
            let answer = client.ask(&call(1, tool, json!({"ms": 0}))).await;
            assert_eq!(answer["result"]["isError"], false, "{answer}");
        }
        let count = server.fast_path_count();
        let unknown = client.ask(&call(1, "no_such_tool", json!({}))).await;
        for tool in ["count", "count_slowly"] {
            let answer = client.ask(&call(1, tool, json!({}))).await;
            assert_eq!(answer, unknown, "{tool}");
        }
        assert_eq!(server.fast_path_count(), count);
        assert_eq!(server.calls.count_begun(), 0);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_list_that_changes_is_followed_on_both_paths() {
    each(Way::all(), async |way| {
        let settings = Settings {
            list_changes: true,
            ..Settings::default()
        };
        let mut server = Server::with(way, settings).await;
        let mut client = Client::ready(&mut server).await;
        for is_gone in [false, true, false] {
            server.calls.set_now_gone(is_gone);
            let tools = listed(&mut client).await;
            assert_eq!(tools.contains(&"now".to_owned()), !is_gone);
            let answer = client.ask(&call(1, "now", json!({}))).await;
            assert_eq!(answer.get("error").is_some(), is_gone, "{answer}");
        }
        // Otherwise this would say nothing about the fast path.
        assert_eq!(
            server.fast_path_count().is_some_and(|count| count >= 2),
            way.fast_path
        );
        server.stop().await;
    })
    .await;
}
