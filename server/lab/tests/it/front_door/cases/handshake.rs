//! The handshake, and methods without tools.

use rmcp::model::CallToolRequestParams;
use serde_json::{Value, json};

use crate::common::{Client, Server, Subject, client, rmcp_client};

/// The revisions that have an `initialize`.
const REVISIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

pub(crate) fn initialize_agrees_on_every_revision_with_sessions(subject: &Subject) {
    for revision in REVISIONS {
        let mut server = Server::start(subject, &[]);
        let mut client = Client::connect(&mut server);
        let result = client.shake_hands(revision);
        assert_eq!(result["protocolVersion"], revision);
        client.is_served();
    }
}

pub(crate) fn initialize_with_an_unknown_revision_offers_a_known_one(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::connect(&mut server);
    let result = client.shake_hands("1999-01-01");
    let offered = result["protocolVersion"].as_str().expect("a revision");
    assert!(REVISIONS.contains(&offered), "{result}");
    client.is_served();
}

pub(crate) fn initialize_declares_tools_and_nothing_else(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let result = Client::connect(&mut server).shake_hands(client::REVISION);
    assert_eq!(result["serverInfo"]["name"], subject.tools.server_name);
    assert_eq!(result["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
    let declared: Vec<_> = result["capabilities"].as_object().unwrap().keys().collect();
    assert_eq!(declared, ["tools"]);
}

pub(crate) fn ping_is_answered(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    assert_eq!(client.request("ping", &json!({}))["result"], json!({}));
}

pub(crate) fn unknown_methods_are_not_found(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for method in ["no/such/method", "logging/setLevel"] {
        assert_eq!(client.error(method, &json!({})), -32601, "{method}");
    }
    client.is_served();
}

pub(crate) fn listings_that_are_not_declared_are_not_found(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let argument = json!({"name": "a", "value": ""});
    let completion = json!({"ref": {"type": "ref/prompt", "name": "a"}, "argument": argument});
    for (method, params) in [
        ("prompts/list", json!({})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("completion/complete", completion),
    ] {
        assert_eq!(client.error(method, &params), -32601, "{method}");
    }
    client.is_served();
}

pub(crate) fn ids_come_back_as_they_were(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for id in [
        json!(0),
        json!(-7),
        json!(i64::MAX),
        json!(""),
        json!("a \"b\" \u{e9}"),
    ] {
        client.peer.begin(&client::request(&id, "ping", &json!({})));
        assert_eq!(client.peer.end()["id"], id);
    }
}

pub(crate) fn rmcps_client_lists_and_calls_every_tool(subject: &Subject) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let connected = rmcp_client::connect(subject).await;
        let client = &connected.client;
        let server = client.peer_info().expect("the handshake is over");
        assert_eq!(
            server.server_info.as_ref().unwrap().name,
            subject.tools.server_name
        );
        assert_eq!(client.list_all_tools().await.unwrap().len(), 12);
        for (tool, arguments, pointer, expected) in calls() {
            let request = CallToolRequestParams::new(tool)
                .with_arguments(arguments.as_object().unwrap().clone());
            let result = client.call_tool(request).await.unwrap();
            assert_eq!(result.is_error, Some(false), "{result:?}");
            let content = result.structured_content.expect("structured content");
            assert_eq!(content.pointer(pointer), Some(&expected), "{content}");
        }
        let unknown = client
            .call_tool(CallToolRequestParams::new("unknown"))
            .await;
        assert!(unknown.is_err(), "{unknown:?}");
        connected.client.cancel().await.unwrap();
    });
}

/// A right call of each tool, and where in the result which value stands.
fn calls() -> [(&'static str, Value, &'static str, Value); 12] {
    [
        (
            "echo",
            json!({"message": "hello"}),
            "/message",
            json!("hello"),
        ),
        (
            "calculate_fibonacci",
            json!({"n": 10}),
            "/result",
            json!(55),
        ),
        ("query_products", json!({}), "/total_found", json!(2251)),
        (
            "fetch_external_data",
            json!({"endpoint": "/products/1"}),
            "/body/sku",
            json!("SKU-000001"),
        ),
        (
            "process_json_data",
            json!({"data": {"a": "x"}}),
            "/transformed_data/a",
            json!("X"),
        ),
        (
            "simulate_database_query",
            json!({"query": "q", "delay_ms": 5}),
            "/delay_ms",
            json!(5),
        ),
        (
            "aggregate_json",
            json!({"bytes": 100_000}),
            "/records",
            json!(499),
        ),
        (
            "scan_text",
            json!({"bytes": 100_000}),
            "/errors",
            json!(100),
        ),
        ("search_products", json!({}), "/total_found", json!(2251)),
        ("get_user_cart", json!({}), "/cart/item_count", json!(3)),
        (
            "checkout",
            json!({"user_id": "user-00901"}),
            "/items_count",
            json!(2),
        ),
        // rmcp's client asks for progress with every call.
        ("stream_report", json!({"rows": 3}), "/stock", json!(3)),
    ]
}
