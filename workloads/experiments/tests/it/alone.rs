//! The experiments that need no other service: waits, JSON, orders.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use workloads::catalog::Product;

use crate::client::{Client, SERVER_TYPE, experiments, server_over};

#[tokio::test]
async fn there_are_seven_which_state_their_defaults_and_reject_unknown_fields() {
    let client = Client::alone().await;
    let listed = client.service().list_all_tools().await.unwrap();
    let tools: Vec<_> = listed
        .iter()
        .filter(|tool| tool.name.starts_with("experiment_"))
        .collect();
    assert_eq!(tools.len(), 7, "{tools:?}");
    for tool in tools {
        assert_eq!(tool.input_schema["additionalProperties"], false);
        let properties = tool.input_schema["properties"].as_object().unwrap();
        for (name, property) in properties {
            assert!(
                property["default"] != Value::Null,
                "{}.{name} has no default",
                tool.name
            );
        }
    }
}

#[tokio::test]
async fn waits_together_take_as_long_as_one() {
    let client = Client::alone().await;
    let timed = async |together: bool| {
        let start = Instant::now();
        let arguments = json!({"count": 10, "delay_ms": 50, "together": together});
        let answer = client.answer("experiment_waits", arguments).await;
        let expected =
            json!({"count": 10, "delay_ms": 50, "server_type": SERVER_TYPE, "together": together});
        assert_eq!(answer, expected);
        start.elapsed()
    };
    let (one_by_one, together) = (timed(false).await, timed(true).await);
    assert!(one_by_one >= Duration::from_millis(500), "{one_by_one:?}");
    assert!(together >= Duration::from_millis(50), "{together:?}");
    assert!(together < one_by_one, "{together:?} {one_by_one:?}");
}

#[tokio::test]
async fn json_is_read_and_written_the_same_by_every_parser() {
    let client = Client::alone().await;
    let mut answers = Vec::new();
    for parser in ["typed", "value"] {
        let arguments = json!({"bytes": 1_000_000, "parser": parser});
        let mut answer = client.answer("experiment_json", arguments).await;
        assert_eq!(answer["parser"].take(), parser);
        answers.push(answer);
    }
    assert_eq!(answers[0], answers[1]);
    let answer = &answers[0];
    assert_eq!(answer["bytes"], answer["written_bytes"]);
    let bytes = answer["bytes"].as_i64().unwrap();
    assert!((999_000..=1_000_000).contains(&bytes), "{bytes}");
    let records = u32::try_from(answer["records"].as_i64().unwrap()).unwrap();
    assert!(records > 2_000, "{records}");
    let stock: i64 = (0..records).map(|index| i64::from(index) % 501).sum();
    assert_eq!(answer["stock_total"], stock);
}

/// The total of a customer by the formula of the schema.
fn total(customer: i64) -> f64 {
    let mut cents = 0;
    for order in (customer..=2_000).step_by(100) {
        for line in 1..=5 {
            let product_id = (order * 5 + line) * 7_919 % 100_000 + 1;
            let product = Product::by_id(product_id).unwrap();
            cents += product.price_cents * ((order + line) % 5 + 1);
        }
    }
    cents as f64 / 100.0
}

/// Every way to query reads the orders of the formula from the database at `url`.
async fn orders_are_those_of_the_formula(url: &str) {
    let client = Client::connect(server_over(url, None, &experiments()).await).await;
    for customer in [1, 42, 100] {
        for (queries, transaction, statements) in [
            ("n_plus_one", false, 21),
            ("n_plus_one", true, 23),
            ("join", false, 1),
            ("join", true, 3),
        ] {
            let arguments =
                json!({"customer": customer, "queries": queries, "transaction": transaction});
            let answer = client.answer("experiment_orders", arguments).await;
            let expected = json!({
                "customer": customer, "lines": 100, "orders": 20, "queries": queries,
                "server_type": SERVER_TYPE, "statements": statements, "total": total(customer),
                "transaction": transaction,
            });
            assert_eq!(answer, expected);
        }
    }
}

#[tokio::test]
async fn orders_out_of_sqlite_are_the_same_however_they_are_asked_for() {
    orders_are_those_of_the_formula("sqlite::memory:").await;
}

#[tokio::test]
#[cfg(feature = "postgres")]
async fn orders_out_of_postgres_are_the_same_however_they_are_asked_for() {
    let postgres = fixtures::services::Service::up("postgres");
    orders_are_those_of_the_formula(&postgres.url).await;
}

#[tokio::test]
async fn errors_are_results_that_name_a_remedy() {
    let client = Client::alone().await;
    for (tool, arguments, says) in [
        (
            "experiment_waits",
            json!({"count": 0}),
            "count must be a whole number from 1 to 100",
        ),
        (
            "experiment_waits",
            json!({"delay_ms": 1_001}),
            "from 0 to 1000",
        ),
        (
            "experiment_waits",
            json!({"delay": 1}),
            "unknown field `delay`",
        ),
        (
            "experiment_json",
            json!({"bytes": 10_000_001}),
            "from 1000 to 10000000",
        ),
        (
            "experiment_json",
            json!({"parser": "fast"}),
            "unknown variant `fast`",
        ),
        (
            "experiment_orders",
            json!({"customer": 101}),
            "customer must be",
        ),
        (
            "experiment_orders",
            json!({"queries": "all"}),
            "expected `n_plus_one` or `join`",
        ),
        ("experiment_token", json!({"token": "no token"}), "RFC 6750"),
        ("experiment_token", json!({}), "--upstream-url"),
        ("experiment_listing", json!({}), "--upstream-url"),
        (
            "experiment_notify",
            json!({"messages": 0}),
            "from 1 to 1000",
        ),
        (
            "experiment_notify",
            json!({"via": "redis"}),
            if cfg!(feature = "redis") {
                "--store-url redis://"
            } else {
                "feature `redis`"
            },
        ),
        (
            "experiment_result",
            json!({"chunk_bytes": 1}),
            "chunk_bytes must be 0",
        ),
    ] {
        let message = client.rejection(tool, arguments).await;
        assert!(message.contains(says), "{tool}: {message}");
    }
}
