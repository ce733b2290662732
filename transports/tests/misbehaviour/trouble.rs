//! Calls that fail by themselves, and the tools that are not taken.

use rmcp::model::ErrorCode;
use serde_json::json;
use transports::{
    fast_path::{Framing, FastPath, Handshake},
    streamable::Answer,
};

use crate::{
    client::{Client, REVISION, call, text_of},
    each,
    http::{Connection, Post},
    log,
    server::{Limits, SHORT, Server, Transport, Way},
    tools::Misbehaving,
};

/// A call as 2026-07-28 has it, with all that it requires.
pub(crate) fn newer(tool: &str) -> Post {
    let mut message = call(1, tool, json!({"ms": 0}));
    message["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
    });
    Post::new("/mcp", &message)
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_answered_in_band_and_costs_nobody_else_anything() {
    each(Way::all(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        client.say(&call(1, "wait", json!({"ms": 50}))).await;
        client.say(&call(2, "panic", json!({}))).await;
        client.say(&call(3, "panic_now", json!({}))).await;
        let answers = client.hear_all(3).await;
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
            server.taken().is_some_and(|taken| taken >= 3),
            way.fast_path
        );
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_call_that_never_ends_is_given_up_after_the_call_timeout() {
    each(Way::all(), async |way| {
        let limits = Limits {
            call_timeout: SHORT,
            ..Limits::default()
        };
        let mut server = Server::limited(way, limits).await;
        let mut client = Client::ready(&mut server).await;
        client.say(&call(1, "hang", json!({}))).await;
        client.say(&call(2, "hang_slowly", json!({}))).await;
        for (answer, tool) in client.hear_all(2).await.iter().zip(["hang", "hang_slowly"]) {
            assert_eq!(answer["result"]["isError"], true, "{answer}");
            let said = text_of(answer);
            let expected = format!("{tool} did not answer within 0.2 s");
            assert!(said.contains(&expected), "{said}");
            assert!(said.contains("--call-timeout"), "{said}");
        }
        server.calls.are_gone(2).await;
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
async fn a_newer_client_gets_its_own_shape_of_an_in_band_error() {
    each(Way::streamable(), async |way| {
        let server = Server::start(way).await;
        for tool in ["panic", "panic_now"] {
            let mut connection = Connection::open(server.address()).await;
            let reply = connection.exchange(&newer(tool)).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            let answer = &reply.messages()[0];
            assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
            assert_eq!(answer["result"]["isError"], true, "{answer}");
        }
        assert_eq!(server.taken(), way.fast_path.then_some(2));
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_tool_under_another_name_is_left_to_rmcp() {
    each(Way::all(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        let taken = server.taken();
        let answer = client.ask(&call(1, "another_name", json!({}))).await;
        assert_eq!(text_of(&answer), "renamed");
        let answer = client.ask(&call(2, "renamed", json!({}))).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        assert_eq!(server.taken(), taken);
        server.stop().await;
    })
    .await;
}

#[test]
fn a_tool_under_another_name_is_warned_of() {
    let said = log::of(|| {
        let tools = Misbehaving::new(std::sync::Arc::default());
        drop(FastPath::new(tools, Handshake::default()));
    });
    let [warning] = said.as_slice() else {
        panic!("{said:?}");
    };
    assert!(warning.starts_with("WARN"), "{warning}");
    assert!(warning.contains("tool=\"renamed\""), "{warning}");
    assert!(warning.contains("left to rmcp"), "{warning}");
}

#[tokio::test]
async fn an_error_without_a_status_of_its_own_comes_in_the_framing_of_the_server() {
    for answer in [Answer::Json, Answer::EventStream] {
        let way = Way {
            transport: Transport::Stateless(answer),
            fast_path: true,
        };
        let mut server = Server::start(way).await;
        let client = Client::of(&mut server, REVISION).await;
        let post = client.request(&call(1, "refuse", json!({})));
        let reply = Connection::open(server.address())
            .await
            .exchange(&post)
            .await;
        let framed = reply.body.starts_with(Framing::EVENT.prefix);
        assert_eq!(framed, answer == Answer::EventStream, "{reply:?}");
        server.stop().await;
    }
}
