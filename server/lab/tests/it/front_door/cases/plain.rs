//! The tools that transform, wait, and work through megabytes.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::common::{Client, Server, Subject};

pub(crate) fn process_json_data_returns_capitals(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let data = json!({"b": ["x", {"y": "stra\u{df}e"}], "a": 1.5, "c": null});
    let result = client.right("process_json_data", &json!({"data": data}));
    let capitals = json!({"b": ["X", {"y": "STRASSE"}], "a": 1.5, "c": null});
    assert_eq!(result["transformed_data"], capitals);
    assert_eq!(result["original_keys"], json!(["a", "b", "c"]));
    let long = client.right(
        "process_json_data",
        &json!({"data": {"long": "x".repeat(200_000)}}),
    );
    assert_eq!(long["transformed_data"]["long"], "X".repeat(200_000));
    for arguments in [json!({}), json!({"data": []}), json!({"data": null})] {
        client.wrong("process_json_data", &arguments);
    }
    client.is_served();
}

pub(crate) fn simulate_database_query_waits(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for delay_ms in [0, 30] {
        let started = Instant::now();
        let arguments = json!({"query": "SELECT 1", "delay_ms": delay_ms});
        let result = client.right("simulate_database_query", &arguments);
        assert!(started.elapsed() >= Duration::from_millis(delay_ms));
        assert_eq!(
            (&result["query"], &result["delay_ms"]),
            (&json!("SELECT 1"), &json!(delay_ms))
        );
        let timestamp = result["timestamp"].as_str().expect("a time");
        assert!(timestamp.ends_with('Z'), "{timestamp}");
    }
    for delay_ms in [-1, 5_001] {
        let arguments = json!({"query": "", "delay_ms": delay_ms});
        let said = client.wrong("simulate_database_query", &arguments);
        assert!(said.contains("0 to 5000"), "{said}");
    }
    client.is_served();
}

/// The sums are worked out from the written formula by another program.
pub(crate) fn megabytes_are_worked_through(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let result = client.right("aggregate_json", &json!({}));
    assert_eq!(result["bytes"], 4_000_000);
    assert_eq!(
        (&result["records"], &result["matched"], &result["quantity"]),
        (&json!(19_999), &json!(6_712), &json!(171_290))
    );
    assert_eq!(result["revenue"], 12_828_393.42);
    let categories = result["by_category"].as_array().expect("categories");
    assert_eq!(categories.len(), 20);
    let books = json!({"category": "Books", "matched": 334, "revenue": 550_221.76});
    assert!(categories.contains(&books), "{result}");

    let result = client.right("scan_text", &json!({}));
    assert_eq!(result["bytes"], 2_000_000);
    assert_eq!(
        (&result["lines"], &result["errors"], &result["total_ms"]),
        (&json!(20_000), &json!(2_000), &json!(990_000))
    );
    let services = result["by_service"].as_array().expect("services");
    let cart = json!({"service": "cart", "errors": 285, "total_ms": 140_950});
    assert!(services.len() == 7 && services.contains(&cart), "{result}");

    for tool in ["aggregate_json", "scan_text"] {
        let said = client.wrong(tool, &json!({"bytes": 999}));
        assert!(said.contains("1000 to 16000000"), "{said}");
    }
    client.is_served();
}

pub(crate) fn query_products_answers_in_other_words(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let trimmed = json!({"fields": ["id", "price"], "limit": 1});
    let result = client.right("query_products", &trimmed);
    assert_eq!(result["products"], json!([{"id": 4901, "price": 50.0}]));
    let by = subject.server_type();
    for (format, expected) in [
        (
            "text",
            format!("Electronics: 2251 found, the 1 cheapest by {by}\nid, price\n4901, 50"),
        ),
        (
            "toon",
            format!(
                "category: Electronics\nproducts[1]{{id,price}}:\n  4901,50\n\
                 server_type: {by}\ntotal_found: 2251"
            ),
        ),
    ] {
        let arguments = json!({"fields": ["id", "price"], "limit": 1, "format": format});
        let result = client.call("query_products", &arguments);
        // Text alone.
        assert_eq!(
            result,
            json!({"content": [{"type": "text", "text": expected}], "isError": false})
        );
    }
    for arguments in [json!({"fields": []}), json!({"format": "xml"})] {
        client.wrong("query_products", &arguments);
    }
    client.is_served();
}
