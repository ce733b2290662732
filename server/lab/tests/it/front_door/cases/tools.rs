//! The tools' right answers and their errors.

use serde_json::{Value, json};
use testkit::{process::bare, upstream::Closed};

use crate::common::{Client, Server, Subject, client, fixtures};

const TOOLS: [&str; 12] = [
    "aggregate_json",
    "calculate_fibonacci",
    "checkout",
    "echo",
    "fetch_external_data",
    "get_user_cart",
    "process_json_data",
    "query_products",
    "scan_text",
    "search_products",
    "simulate_database_query",
    "stream_report",
];
/// Its results have no schema: they may be text.
const WITHOUT_SCHEMA: &str = "query_products";

fn listed(subject: &Subject) -> Vec<Value> {
    let mut server = Server::start(subject, &[]);
    let answer = Client::ready(&mut server).request("tools/list", &json!({}));
    let mut tools = answer["result"]["tools"].as_array().expect("tools").clone();
    tools.sort_by_key(|tool| tool["name"].to_string());
    tools
}

pub(crate) fn tools_list_has_every_tool(subject: &Subject) {
    let tools = listed(subject);
    let names: Vec<_> = tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, TOOLS);
    for tool in &tools {
        let description = tool["description"].as_str().expect("a description");
        assert!(description.ends_with('.'), "{description}");
        if tool["name"] == WITHOUT_SCHEMA {
            assert_eq!(tool.get("outputSchema"), None);
            continue;
        }
        for schema in ["inputSchema", "outputSchema"] {
            assert_eq!(tool[schema]["type"], "object", "{tool}");
            assert!(tool[schema]["properties"].is_object(), "{tool}");
        }
        assert!(
            tool["outputSchema"]["properties"]["server_type"].is_object(),
            "{tool}"
        );
    }
    let input = |name| &tools[TOOLS.iter().position(|tool| *tool == name).unwrap()]["inputSchema"];
    let fibonacci = input("calculate_fibonacci");
    let n = &fibonacci["properties"]["n"];
    assert_eq!((&n["minimum"], &n["maximum"]), (&json!(0), &json!(40)));
    assert_eq!(fibonacci["required"], json!(["n"]));
    assert_eq!(input("echo")["required"], json!(["message"]));
}

pub(crate) fn schemas_have_no_unsigned_formats(subject: &Subject) {
    let tools = json!(listed(subject)).to_string();
    assert!(!tools.contains("\"uint"), "{tools}");
}

pub(crate) fn echo_returns_any_text(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for message in [
        "",
        "hello",
        "line\nbreak\r\n\ttab \"quoted\" back\\slash",
        "\u{0}\u{1f}\u{7f}\u{2028}\u{feff}",
        "h\u{e9}llo \u{4e2d}\u{6587} \u{1f600}",
        "data: x\n\nevent: message\n\n",
        &"x".repeat(200_000),
    ] {
        let result = client.right("echo", &json!({"message": message}));
        assert_eq!(result["message"], message);
    }
}

pub(crate) fn echo_refuses_what_is_no_message(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for arguments in [json!({}), json!({"message": 1}), json!({"message": null})] {
        client.wrong("echo", &arguments);
    }
    client.is_served();
}

pub(crate) fn calculate_fibonacci_computes(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for (n, number) in [(0, 0), (1, 1), (2, 1), (10, 55), (21, 10_946), (25, 75_025)] {
        let result = client.right("calculate_fibonacci", &json!({"n": n}));
        assert_eq!(
            (&result["input"], &result["result"]),
            (&json!(n), &json!(number))
        );
    }
}

pub(crate) fn calculate_fibonacci_refuses_in_band(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for n in [41, -1, i64::MAX, i64::MIN] {
        let said = client.wrong("calculate_fibonacci", &json!({"n": n}));
        for part in ["0", "40", &n.to_string()] {
            assert!(said.contains(part), "{said}");
        }
    }
    for arguments in [
        json!({"n": "x"}),
        json!({"n": 1.5}),
        json!({"n": null}),
        json!({}),
    ] {
        client.wrong("calculate_fibonacci", &arguments);
    }
    client.is_served();
}

pub(crate) fn query_products_finds_and_counts(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let arguments =
        json!({"category": "Electronics", "min_price": 50, "max_price": 500, "limit": 10});
    let result = client.right("query_products", &arguments);
    assert_eq!(result["total_found"], 2251);
    assert_eq!(result["category"], "Electronics");
    let products = result["products"].as_array().expect("products");
    assert_eq!(products.len(), 10);
    // i = 4,900 is the first multiple of 20 whose price, 1 + i/100, reaches 50.
    assert_eq!(
        (&products[0]["id"], &products[0]["price"]),
        (&json!(4901), &json!(50.0))
    );
    // Both i = 0 and i = 99,900 cost 1, and Books are the multiples of 20 plus 1.
    let cheapest = json!({"category": "Books", "min_price": 0, "max_price": 1.5, "limit": 100});
    let result = client.right("query_products", &cheapest);
    let ids: Vec<_> = result["products"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["id"])
        .collect();
    assert_eq!(ids, [2, 99_902, 22, 99_922, 42, 99_942]);
    assert_eq!(result["total_found"], 6);
}

pub(crate) fn query_products_refuses_in_band(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let said = client.wrong("query_products", &json!({"category": "Nonsense"}));
    assert!(
        said.contains("Nonsense") && said.contains("Electronics"),
        "{said}"
    );
    for arguments in [
        json!({"category": "' OR 1=1 --"}),
        json!({"min_price": -1}),
        json!({"min_price": 10, "max_price": 5}),
        json!({"limit": 0}),
        json!({"limit": 101}),
        json!({"limit": "many"}),
    ] {
        client.wrong("query_products", &arguments);
    }
    client.is_served();
}

pub(crate) fn fetch_external_data_fetches(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let result = client.right("fetch_external_data", &json!({"endpoint": "/products/1"}));
    let url = result["url"].as_str().expect("a URL");
    assert!(url.ends_with("/products/1"), "{url}");
    assert_eq!(result["status_code"], 200);
    assert!(result["response_time_ms"].as_f64().expect("a number") > 0.0);
    assert_eq!(result["body"]["id"], 1);
    assert_eq!(result["body"]["category"], "Electronics");
}

pub(crate) fn fetch_external_data_passes_on_the_upstreams_errors(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for (endpoint, status) in [
        ("/products/0", 404),
        ("/products/100001", 404),
        ("/none", 404),
    ] {
        let result = client.right("fetch_external_data", &json!({"endpoint": endpoint}));
        assert_eq!(result["status_code"], status, "{result}");
    }
}

pub(crate) fn fetch_external_data_fetches_from_nowhere_else(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for endpoint in [
        "http://evil.invalid/",
        "//evil.invalid",
        "\\\\evil.invalid",
        "/../x",
        "/%2e%2e/x",
        "@evil.invalid/",
        "file:///etc/passwd",
        "products/1",
        "/a\r\nX: y",
        "",
    ] {
        let said = client.wrong("fetch_external_data", &json!({"endpoint": endpoint}));
        assert!(said.contains("refused"), "{endpoint:?}: {said}");
    }
    client.wrong("fetch_external_data", &json!({}));
    client.is_served();
}

pub(crate) fn fetch_external_data_says_that_the_upstream_is_down(subject: &Subject) {
    let closed = Closed::new();
    let address = closed.address().to_string();
    let mut server = Server::start(subject, &["--upstream-url", &format!("http://{address}")]);
    let mut client = Client::ready(&mut server);
    let said = client.wrong("fetch_external_data", &json!({"endpoint": "/products/1"}));
    assert!(said.contains(&address), "{said}");
    client.is_served();
}

pub(crate) fn fetch_external_data_says_that_there_is_no_upstream(subject: &Subject) {
    let mut command = bare(subject.binary);
    command
        .args(subject.flags)
        .args(["--database-url", fixtures::database_url()]);
    let mut server = Server::spawn(subject, command);
    let mut client = Client::ready(&mut server);
    let said = client.wrong("fetch_external_data", &json!({"endpoint": "/products/1"}));
    assert!(said.contains("--upstream-url"), "{said}");
    client.is_served();
}

pub(crate) fn an_unknown_tool_is_an_invalid_parameter(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let capitals = subject.plain().tool.to_uppercase();
    for name in ["no_such_tool", "", &capitals] {
        let code = client.error("tools/call", &client::call(name, &json!({})));
        assert_eq!(code, -32602, "{name}");
    }
    client.is_served();
}

pub(crate) fn a_call_without_a_tool_is_an_invalid_parameter(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for params in [json!({}), json!({"name": 5}), json!({"arguments": {}})] {
        let code = client.error("tools/call", &params);
        assert_eq!(code, -32602, "{params}");
    }
    let message = json!({"jsonrpc": "2.0", "id": "bare", "method": "tools/call"});
    client.peer.begin(&message.to_string());
    let answer = client.peer.end();
    assert_eq!(answer["id"], "bare", "{answer}");
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    client.is_served();
}

pub(crate) fn arguments_that_do_not_fit_are_refused_in_band(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for (tool, arguments) in [
        ("echo", json!({"message": "x", "unknown": "y"})),
        ("calculate_fibonacci", json!({"n": {"deep": [1]}})),
        ("query_products", json!({"max_prise": 1})),
        ("fetch_external_data", json!({"endpoint": ["/"]})),
    ] {
        client.wrong(tool, &arguments);
    }
    client.is_served();
}

pub(crate) fn arguments_that_are_missing_or_wrong_are_refused_in_band(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let plain = subject.plain();
    // No arguments at all, then each argument of the wrong type.
    let answer = client.request("tools/call", &json!({"name": plain.tool}));
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    client.wrong(plain.tool, &json!({}));
    for name in plain.arguments.as_object().expect("arguments").keys() {
        let mut arguments = plain.arguments.clone();
        arguments[name] = json!({"deep": [1]});
        client.wrong(plain.tool, &arguments);
    }
    client.is_served();
}
