//! Every tool: calls that are right, and calls that are wrong.

use std::time::{Duration, Instant};

use rmcp::{model::ErrorCode, service::ServiceError};
use serde_json::{Value, json};

use crate::support::{Client, SERVER_TYPE, catalogue_api};

#[tokio::test]
async fn echo_returns_what_it_got() {
    let client = Client::alone().await;
    for message in [
        "",
        "hello",
        "\"quoted\"\n\u{0}\u{1F980}",
        &"x".repeat(100_000),
    ] {
        let answer = client.answer("echo", json!({"message": message})).await;
        assert_eq!(
            answer,
            json!({"server_type": SERVER_TYPE, "message": message})
        );
    }
}

#[tokio::test]
async fn fibonacci_inline_and_moved_away() {
    let client = Client::alone().await;
    for (n, result) in [
        (0, 0),
        (1, 1),
        (10, 55),
        (20, 6_765),
        (21, 10_946),
        (25, 75_025),
        (30, 832_040),
    ] {
        let answer = client.answer("calculate_fibonacci", json!({"n": n})).await;
        let expected = json!({"server_type": SERVER_TYPE, "input": n, "result": result});
        assert_eq!(answer, expected);
    }
    for ten in ["10.0", "1e1"] {
        let ten: Value = serde_json::from_str(ten).unwrap();
        let answer = client
            .answer("calculate_fibonacci", json!({"n": ten}))
            .await;
        assert_eq!(answer["result"], 55);
    }
}

/// On a runtime of one thread: a short call must not wait for a long one.
#[tokio::test]
async fn a_long_computation_does_not_block_a_short_one() {
    let client = Client::alone().await;
    let long = client.answer("calculate_fibonacci", json!({"n": 36}));
    let short = client.answer("echo", json!({"message": "me first"}));
    tokio::pin!(long);
    tokio::select! {
        biased;
        _ = &mut long => panic!("the long call ended before the short one"),
        _ = short => {}
    }
    assert_eq!(long.await["result"], 14_930_352);
}

#[tokio::test]
async fn fibonacci_outside_of_its_limits_is_refused_in_band() {
    let client = Client::alone().await;
    for n in [-1, 41, i64::MAX, i64::MIN] {
        let message = client.refusal("calculate_fibonacci", json!({"n": n})).await;
        let expected = format!("n must be a whole number from 0 to 40, not {n};");
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[tokio::test]
async fn arguments_that_do_not_fit_the_schema_are_refused_in_band() {
    let client = Client::alone().await;
    for (tool, arguments, says) in [
        ("calculate_fibonacci", json!({}), "missing field `n`"),
        (
            "calculate_fibonacci",
            json!({"n": "ten"}),
            "string \"ten\", expected a whole number",
        ),
        (
            "calculate_fibonacci",
            json!({"n": 1.5}),
            "`1.5`, expected a whole number",
        ),
        (
            "calculate_fibonacci",
            json!({"n": null}),
            "expected a whole number",
        ),
        (
            "calculate_fibonacci",
            json!({"n": u64::MAX}),
            "expected a whole number",
        ),
        (
            "calculate_fibonacci",
            json!({"n": 1e300}),
            "expected a whole number",
        ),
        (
            "calculate_fibonacci",
            json!({"n": 1, "m": 2}),
            "unknown field `m`, expected `n`",
        ),
        ("echo", json!({}), "missing field `message`"),
        ("echo", json!({"message": 7}), "expected a string"),
        (
            "query_products",
            json!({"category": 3}),
            "expected a string",
        ),
        (
            "query_products",
            json!({"limit": 2.5}),
            "expected a whole number",
        ),
        (
            "query_products",
            json!({"max_prise": 9}),
            "unknown field `max_prise`",
        ),
        ("fetch_external_data", json!({}), "missing field `endpoint`"),
        (
            "fetch_external_data",
            json!({"endpoint": ["/"]}),
            "expected a string",
        ),
    ] {
        let message = client.refusal(tool, arguments).await;
        assert!(message.contains(says), "{tool}: {message}");
    }
}

#[tokio::test]
async fn a_tool_that_is_not_there_is_a_protocol_error() {
    let client = Client::alone().await;
    match client.call("no_such_tool", json!({})).await {
        Err(ServiceError::McpError(error)) => assert_eq!(error.code, ErrorCode::INVALID_PARAMS),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn query_products_with_the_published_defaults() {
    let client = Client::alone().await;
    let answer = client.answer("query_products", json!({})).await;
    assert_eq!(answer["category"], "Electronics");
    assert_eq!(answer["total_found"], 2_251);
    let products = answer["products"].as_array().unwrap();
    assert_eq!(products.len(), 10);
    // Index 4,900 is the first with 4,900 hundredths above 1: id 4901, 50.00, 4900 mod 501 = 391.
    assert_eq!(
        products[0],
        json!({
            "id": 4901, "sku": "SKU-004901", "name": "Acme Electronics Item 4901", "brand": "Acme",
            "price": 50.0, "stock": 391, "rating": 3.0,
        })
    );
    // Every 20th product is in the category: 20 cents dearer.
    assert_eq!(
        (&products[1]["id"], &products[1]["price"]),
        (&json!(4921), &json!(50.2))
    );
}

#[tokio::test]
async fn query_products_with_other_filters() {
    let client = Client::alone().await;
    // Baby is index 19 of each twenty. At 1.99 there are indices 99 and 99,999.
    let twins = json!({"category": "Baby", "min_price": 1.99, "max_price": 1.99, "limit": 100});
    let answer = client.answer("query_products", twins).await;
    assert_eq!(answer["total_found"], 2);
    assert_eq!(answer["products"][0]["id"], 100);
    assert_eq!(answer["products"][1]["id"], 100_000);
    let none = json!({"category": "Books", "min_price": 1.001, "max_price": 1.002});
    let answer = client.answer("query_products", none).await;
    assert_eq!(
        (&answer["total_found"], &answer["products"]),
        (&json!(0), &json!([]))
    );
    let all = json!({"category": "Tools", "min_price": 0, "max_price": 1_000_000, "limit": 100.0});
    let answer = client.answer("query_products", all).await;
    assert_eq!(answer["total_found"], 5_000);
    assert_eq!(answer["products"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn query_products_refuses_in_band_and_says_what_would_do() {
    let client = Client::alone().await;
    for (arguments, says) in [
        (
            json!({"category": "Cheese"}),
            vec!["\"Cheese\"", "Electronics, Books", "Baby"],
        ),
        (json!({"category": "electronics"}), vec!["\"electronics\""]),
        (
            json!({"category": "x' OR '1'='1"}),
            vec!["unknown category"],
        ),
        (
            json!({"min_price": -1}),
            vec!["min_price", "0 and 1000000", "-1"],
        ),
        (json!({"max_price": 1e9}), vec!["max_price", "1000000000"]),
        (
            json!({"min_price": 9, "max_price": 8}),
            vec!["min_price 9 is above max_price 8"],
        ),
        (json!({"limit": 0}), vec!["limit", "from 1 to 100", "not 0"]),
        (json!({"limit": 101}), vec!["not 101"]),
    ] {
        let message = client.refusal("query_products", arguments).await;
        for part in says {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}

/// A database in memory, more calls than connections, all at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_queries_at_once_share_the_pool() {
    let client = std::sync::Arc::new(Client::alone().await);
    let calls = (0..64).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.answer("query_products", json!({"limit": 1})).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap()["total_found"], 2_251);
    }
}

#[tokio::test]
async fn fetch_external_data_returns_what_the_upstream_said() {
    let server = catalogue_api();
    let client = Client::over(&server.url(), Duration::from_secs(5)).await;
    let endpoint = "/products/42?delay_ms=20";
    let answer = client
        .answer("fetch_external_data", json!({"endpoint": endpoint}))
        .await;
    assert_eq!(answer["url"], format!("{}{endpoint}", server.url()));
    assert_eq!(answer["status_code"], 200);
    assert_eq!(
        (&answer["body"]["id"], &answer["body"]["price"]),
        (&json!(42), &json!(1.41))
    );
    assert!(
        answer["response_time_ms"].as_f64().unwrap() >= 20.0,
        "{answer}"
    );
    let missing = json!({"endpoint": "/products/0"});
    let answer = client.answer("fetch_external_data", missing).await;
    assert_eq!(answer["status_code"], 404);
    assert!(
        answer["body"]["error"]
            .as_str()
            .unwrap()
            .contains("no product 0")
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn fetch_external_data_goes_nowhere_else() {
    let server = catalogue_api();
    let client = Client::over(&server.url(), Duration::from_secs(5)).await;
    let port = server.address().port();
    for endpoint in [
        server.url() + "/health",
        format!("//127.0.0.1:{port}/health"),
        format!("/\\127.0.0.1:{port}/health"),
        format!("@127.0.0.1:{port}/health"),
        "/%2e%2e/health".to_owned(),
        "/products/../health".to_owned(),
        "/health\r\nX: y".to_owned(),
        "file:///etc/hostname".to_owned(),
        String::new(),
    ] {
        let message = client
            .refusal("fetch_external_data", json!({"endpoint": endpoint}))
            .await;
        assert!(message.contains("is refused"), "{message}");
        assert!(message.contains("/products/42"), "{message}");
    }
}

#[tokio::test]
async fn process_json_data_returns_capitals() {
    let client = Client::alone().await;
    let data = json!({
        "name": "ada",
        "list": ["a", 1, null, true, 1.5, {"deep": "stra\u{df}e \u{e9}"}],
        "Empty": {},
        "n\u{e9}": "",
    });
    let answer = client
        .answer("process_json_data", json!({"data": data}))
        .await;
    let expected = json!({
        "original_keys": ["Empty", "list", "name", "n\u{e9}"],
        "transformed_data": {
            "name": "ADA",
            "list": ["A", 1, null, true, 1.5, {"deep": "STRASSE \u{c9}"}],
            "Empty": {},
            "n\u{e9}": "",
        },
        "server_type": SERVER_TYPE,
    });
    assert_eq!(answer, expected);
    // So much that the work is moved.
    let long = json!({"data": {"text": "abc".repeat(100_000)}});
    let answer = client.answer("process_json_data", long).await;
    assert_eq!(answer["transformed_data"]["text"], "ABC".repeat(100_000));
    for data in [json!([1]), json!("x"), json!(null), json!(1)] {
        let refused = client
            .refusal("process_json_data", json!({"data": data}))
            .await;
        assert!(refused.contains("expected a map"), "{refused}");
    }
}

#[tokio::test]
async fn simulate_database_query_waits_and_tells_the_time() {
    let client = Client::alone().await;
    for (arguments, delay_ms) in [
        (json!({"query": "SELECT 1"}), 0),
        (json!({"query": "SELECT 1", "delay_ms": 50.0}), 50),
    ] {
        let before = jiff::Timestamp::now();
        let started = Instant::now();
        let answer = client.answer("simulate_database_query", arguments).await;
        assert!(started.elapsed() >= Duration::from_millis(delay_ms));
        assert_eq!(
            (&answer["query"], &answer["delay_ms"]),
            (&json!("SELECT 1"), &json!(delay_ms))
        );
        let told = answer["timestamp"].as_str().unwrap();
        assert!(told.ends_with('Z'), "{told}");
        let told: jiff::Timestamp = told.parse().unwrap();
        // It is cut to the millisecond.
        let earliest = before.as_millisecond() + i64::try_from(delay_ms).unwrap();
        assert!(told.as_millisecond() >= earliest, "{told} {before}");
    }
    for delay_ms in [-1, 5_001] {
        let arguments = json!({"query": "", "delay_ms": delay_ms});
        let refused = client.refusal("simulate_database_query", arguments).await;
        let expected = format!("delay_ms must be a whole number from 0 to 5000, not {delay_ms};");
        assert!(refused.starts_with(&expected), "{refused}");
    }
}

#[tokio::test]
async fn stream_report_adds_up_its_rows() {
    let client = Client::alone().await;
    let answer = client.answer("stream_report", json!({"rows": 3})).await;
    // 0, 1 and 2 pieces, at 1.00, 1.01 and 1.02.
    let expected = json!({
        "rows": 3, "stock": 3, "stock_value": 3.05, "server_type": SERVER_TYPE,
    });
    assert_eq!(answer, expected);
    assert_eq!(client.answer("stream_report", json!({})).await["rows"], 10);
    for arguments in [
        json!({"rows": 0}),
        json!({"rows": 1_001}),
        json!({"delay_ms": -1}),
        json!({"delay_ms": 1_001}),
    ] {
        let refused = client.refusal("stream_report", arguments).await;
        assert!(refused.contains("must be a whole number from"), "{refused}");
    }
}
