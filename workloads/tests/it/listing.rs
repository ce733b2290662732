//! What the server says of itself: who it is, what it has, and how its tools are described.

use serde_json::{Value, json};

use crate::support::Client;

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

#[tokio::test]
async fn the_server_says_who_it_is_and_that_it_has_tools_only() {
    let client = Client::alone().await;
    let info = client.service().peer_info().unwrap();
    let info = serde_json::to_value(&*info).unwrap();
    assert_eq!(info["serverInfo"]["name"], "mcp-transport-lab");
    assert_eq!(info["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        info["instructions"]
            .as_str()
            .unwrap()
            .contains("server_type")
    );
    assert_eq!(info["capabilities"], json!({"tools": {}}));
}

#[tokio::test]
async fn every_tool_is_described_in_a_sentence_and_with_schemas() {
    let client = Client::alone().await;
    let tools = client.service().list_all_tools().await.unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    assert_eq!(names, TOOLS);
    for tool in &tools {
        let description = tool.description.as_deref().unwrap();
        assert!(description.ends_with('.'), "{description}");
        assert_eq!(description.matches(". ").count(), 0, "{description}");
        match &tool.output_schema {
            None => assert_eq!(tool.name, WITHOUT_SCHEMA),
            Some(output) => assert!(output["properties"]["server_type"].is_object()),
        }
        for (name, property) in tool.input_schema["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{}.{name}", tool.name);
        }
        assert_eq!(tool.input_schema["additionalProperties"], false);
    }
}

#[tokio::test]
async fn the_schemas_name_limits_and_defaults_and_no_unsigned_format() {
    let client = Client::alone().await;
    let tools = client.service().list_all_tools().await.unwrap();
    let whole = serde_json::to_string(&tools).unwrap();
    assert!(!whole.contains("\"uint"), "{whole}");
    let input = |name: &str| {
        let tool = tools.iter().find(|tool| tool.name == name).unwrap();
        Value::Object((*tool.input_schema).clone())
    };
    let n = &input("calculate_fibonacci")["properties"]["n"];
    assert_eq!(
        (&n["minimum"], &n["maximum"], &n["type"]),
        (&json!(0), &json!(40), &json!("integer"))
    );
    let query = input("query_products");
    let properties = &query["properties"];
    assert_eq!(query.get("required"), None);
    assert_eq!(properties["category"]["default"], "Electronics");
    assert_eq!(properties["category"]["enum"].as_array().unwrap().len(), 20);
    assert_eq!(properties["min_price"]["default"], 50.0);
    assert_eq!(properties["max_price"]["default"], 500.0);
    assert_eq!(properties["limit"]["default"], 10);
    assert_eq!(properties["limit"]["minimum"], 1);
    assert_eq!(properties["limit"]["maximum"], 100);
    assert_eq!(input("echo")["required"], json!(["message"]));
    assert_eq!(
        input("fetch_external_data")["properties"]["endpoint"]["pattern"],
        "^/"
    );
}
