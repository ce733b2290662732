//! Calls that fail by themselves, and tools that are not fast.

use std::time::Duration;

use rmcp::model::ErrorCode;
use serde_json::json;
use testkit::http::{AsyncConnection, Request};
use transports::{
    fast_path::{FastPath, Framing, HandshakeResults},
    streamable::Answer,
};

use crate::{
    client::{Client, REVISION, call, text_of},
    each, log,
    server::{SHORT, Server, Settings, Transport, Way},
    tools::Misbehaving,
};

/// A call in 2026-07-28, with all the metadata that it requires.
pub(crate) fn newer(tool: &str) -> Request {
    let mut message = call(1, tool, json!({"ms": 0}));
    message["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
    });
    Request::message("/mcp", message.to_string()).self_contained("tools/call", Some(tool))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_answered_in_band_and_affects_no_other_call() {
    each(Way::all(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        client.send(&call(1, "wait", json!({"ms": 50}))).await;
        client.send(&call(2, "panic", json!({}))).await;
        client.send(&call(3, "panic_now", json!({}))).await;
        let answers = client.receive_all(3).await;
        assert_eq!(text_of(&answers[0]), "waited");
        for (id, answer) in (2..).zip(&answers[1..]) {
            assert_eq!(answer["id"], id, "{answer}");
            assert_eq!(answer["result"]["isError"], true, "{answer}");
            assert_eq!(answer["result"].get("resultType"), None, "{answer}");
            assert!(text_of(answer).contains("a tool that panics"), "{answer}");
        }
        client.is_served().await;
        // Otherwise this would say nothing about the fast path.
        assert_eq!(
            server.fast_path_count().is_some_and(|count| count >= 3),
            way.fast_path
        );
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_call_that_never_ends_is_answered_after_the_call_timeout() {
    each(Way::all(), async |way| {
        let settings = Settings {
            call_timeout: SHORT,
            ..Settings::default()
        };
        let mut server = Server::with(way, settings).await;
        let mut client = Client::ready(&mut server).await;
        client.send(&call(1, "hang", json!({}))).await;
        client.send(&call(2, "hang_slowly", json!({}))).await;
        for (answer, tool) in client
            .receive_all(2)
            .await
            .iter()
            .zip(["hang", "hang_slowly"])
        {
            assert_eq!(answer["result"]["isError"], true, "{answer}");
            let text = text_of(answer);
            let expected = format!("{tool} did not answer within 0.2 s");
            assert!(text.contains(&expected), "{text}");
            assert!(text.contains("--call-timeout"), "{text}");
        }
        server.calls.dropped(2).await;
        client.is_served().await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_tools_json_rpc_error_is_passed_on_as_it_is() {
    each(Way::all(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        for tool in ["refuse", "refuse_late"] {
            let answer = client.ask(&call("no", tool, json!({}))).await;
            let expected = json!({
                "code": ErrorCode::RESOURCE_NOT_FOUND.0,
                "message": "no such thing",
                "data": {"why": "it would not"},
            });
            assert_eq!(answer["error"], expected, "{answer}");
        }
        client.is_served().await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_client_of_2026_07_28_gets_the_result_type_of_an_in_band_error() {
    each(Way::streamable(), async |way| {
        let server = Server::start(way).await;
        for tool in ["panic", "panic_now"] {
            let mut connection = AsyncConnection::connect(server.address()).await;
            let reply = connection.exchange(&newer(tool)).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            let answer = &reply.messages()[0];
            assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
            assert_eq!(answer["result"]["isError"], true, "{answer}");
        }
        assert_eq!(server.fast_path_count(), way.fast_path.then_some(2));
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_tool_with_another_name_than_its_method_takes_the_sdk_path() {
    each(Way::all(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        let count = server.fast_path_count();
        let answer = client.ask(&call(1, "another_name", json!({}))).await;
        assert_eq!(text_of(&answer), "renamed");
        let answer = client.ask(&call(2, "renamed", json!({}))).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        assert_eq!(server.fast_path_count(), count);
        server.stop().await;
    })
    .await;
}

#[test]
fn the_log_warns_of_a_fast_tool_with_another_name_than_its_method() {
    let text = log::of(|| {
        let tools = Misbehaving::new(std::sync::Arc::default());
        drop(FastPath::new(tools, HandshakeResults::default()));
    });
    let [warning] = text.as_slice() else {
        panic!("{text:?}");
    };
    assert!(warning.starts_with("WARN"), "{warning}");
    assert!(warning.contains("tool=\"renamed\""), "{warning}");
    assert!(warning.contains("SDK's path"), "{warning}");
}

#[tokio::test]
async fn an_error_with_status_200_has_the_form_of_the_servers_answers() {
    for answer in [Answer::Json, Answer::EventStream] {
        let way = Way {
            transport: Transport::Stateless(answer),
            fast_path: true,
        };
        let mut server = Server::start(way).await;
        let client = Client::of(&mut server, REVISION).await;
        let post = client.request(&call(1, "refuse", json!({})));
        let reply = AsyncConnection::connect(server.address())
            .await
            .exchange(&post)
            .await;
        let framed = reply.text().starts_with(Framing::EVENT.prefix);
        assert_eq!(framed, answer == Answer::EventStream, "{reply:?}");
        server.stop().await;
    }
}

#[test]
fn the_log_has_one_line_for_many_calls_that_fail() {
    const CALLS: usize = 100;
    let start = std::time::Instant::now();
    let events = log::of(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(each(Way::all(), async |way| {
            let settings = Settings {
                call_timeout: Duration::from_millis(1),
                ..Settings::default()
            };
            let mut server = Server::with(way, settings).await;
            let mut client = Client::ready(&mut server).await;
            for tool in ["panic", "hang", "panic_now", "hang_slowly"] {
                for _ in 0..CALLS / 4 {
                    client.ask(&call(1, tool, json!({}))).await;
                }
            }
            server.stop().await;
        }));
    });
    let of_a_call =
        |event: &&String| event.contains(" tool=\"panic") || event.contains(" tool=\"hang");
    let lines: Vec<_> = events.iter().filter(of_a_call).collect();
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap();
    // Two kinds of events for each way.
    let allowed = 2 * (seconds + 1) * Way::all().count();
    assert!(lines.len() <= allowed, "{} lines: {lines:?}", lines.len());
}
