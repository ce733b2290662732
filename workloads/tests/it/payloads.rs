//! The tools that work through megabytes, against sums that are computed here from the written
//! formula of the payloads.

use std::time::Duration;

use fixtures::Server;
use serde_json::{Value, json};

use crate::{
    catalogue_failures::{http, scripted},
    support::{CATEGORIES, Client, SERVER_TYPE, catalogue_api},
};

const SERVICES: [&str; 7] = [
    "auth", "cart", "catalog", "checkout", "payment", "search", "shipping",
];

async fn connected() -> (Server, Client) {
    let server = catalogue_api();
    let client = Client::over(&server.url(), Duration::from_secs(30)).await;
    (server, client)
}

/// What `aggregate_json` has to answer for a document of `bytes` bytes.
fn aggregated(bytes: i64) -> Value {
    let records = (bytes - 13) / 200;
    let mut sums = [(0, 0); 20];
    let mut quantities = 0;
    for (i, in_category) in (0..records).zip((0..20).cycle()) {
        let cents = 100 + i * 37 % 9_900;
        let quantity = 1 + i % 50;
        if i % 3 != 0 && cents >= 5_000 {
            sums[in_category] = (
                sums[in_category].0 + 1,
                sums[in_category].1 + cents * quantity,
            );
            quantities += quantity;
        }
    }
    let mut by_category: Vec<_> = std::iter::zip(CATEGORIES, sums)
        .filter(|(_, (matched, _))| *matched > 0)
        .collect();
    by_category.sort_unstable();
    let units = |cents: i64| cents as f64 / 100.0;
    json!({
        "bytes": bytes,
        "records": records,
        "matched": sums.iter().map(|(matched, _)| matched).sum::<i64>(),
        "quantity": quantities,
        "revenue": units(sums.iter().map(|(_, cents)| cents).sum()),
        "by_category": by_category
            .iter()
            .map(|(category, (matched, cents))| {
                json!({"category": category, "matched": matched, "revenue": units(*cents)})
            })
            .collect::<Vec<_>>(),
        "server_type": SERVER_TYPE,
    })
}

/// What `scan_text` has to answer for a text of `bytes` bytes.
fn scanned(bytes: i64) -> Value {
    let lines = bytes / 100;
    let mut sums = [(0, 0); 7];
    for i in (0..lines).step_by(10) {
        let service = &mut sums[usize::try_from(i % 7).expect("a small number")];
        *service = (service.0 + 1, service.1 + i * 13 % 1_000);
    }
    json!({
        "bytes": bytes,
        "lines": lines,
        "errors": sums.iter().map(|(errors, _)| errors).sum::<i64>(),
        "total_ms": sums.iter().map(|(_, ms)| ms).sum::<i64>(),
        "by_service": std::iter::zip(SERVICES, sums)
            .filter(|(_, (errors, _))| *errors > 0)
            .map(|(service, (errors, ms))| {
                json!({"service": service, "errors": errors, "total_ms": ms})
            })
            .collect::<Vec<_>>(),
        "server_type": SERVER_TYPE,
    })
}

#[tokio::test]
async fn aggregate_json_adds_up_what_the_formula_says() {
    let (_server, client) = connected().await;
    for bytes in [1_000, 1_013, 123_456, 4_000_000] {
        let answer = client
            .answer("aggregate_json", json!({"bytes": bytes}))
            .await;
        assert_eq!(answer, aggregated(bytes), "{bytes}");
    }
    let by_itself = client.answer("aggregate_json", json!({})).await;
    assert_eq!(by_itself, aggregated(4_000_000));
}

#[tokio::test]
async fn scan_text_counts_what_the_formula_says() {
    let (_server, client) = connected().await;
    for bytes in [1_000, 1_099, 123_456, 2_000_000] {
        let answer = client.answer("scan_text", json!({"bytes": bytes})).await;
        assert_eq!(answer, scanned(bytes), "{bytes}");
    }
    let by_itself = client.answer("scan_text", json!({})).await;
    assert_eq!(by_itself, scanned(2_000_000));
}

#[tokio::test]
async fn the_longest_payload_is_taken_and_a_longer_one_refused() {
    let (_server, client) = connected().await;
    let longest = json!({"bytes": 16_000_000});
    assert_eq!(
        client.answer("aggregate_json", longest.clone()).await,
        aggregated(16_000_000)
    );
    assert_eq!(
        client.answer("scan_text", longest).await,
        scanned(16_000_000)
    );
    for tool in ["aggregate_json", "scan_text"] {
        for bytes in [999, 16_000_001, 0, -1, i64::MAX] {
            let refused = client.refusal(tool, json!({"bytes": bytes})).await;
            let expected =
                format!("bytes must be a whole number from 1000 to 16000000, not {bytes};");
            assert!(refused.starts_with(&expected), "{refused}");
        }
    }
}

/// What a caller may name stays at the old bound.
#[tokio::test]
async fn megabytes_come_through_their_own_tools_only() {
    let (_server, client) = connected().await;
    let endpoint = json!({"endpoint": "/payload/json?bytes=2000000"});
    let refused = client.refusal("fetch_external_data", endpoint).await;
    assert!(refused.contains("longer than 1048576 bytes"), "{refused}");
}

#[tokio::test]
async fn a_payload_that_is_none_is_refused_with_what_is_wrong() {
    for (tool, status, body, says) in [
        (
            "aggregate_json",
            "200 OK",
            "{\"records\":7}",
            "expected a sequence",
        ),
        (
            "aggregate_json",
            "200 OK",
            "{\"records\":[{}]}",
            "missing field `active`",
        ),
        ("aggregate_json", "200 OK", "{\"records\":[", "EOF"),
        ("aggregate_json", "404 Not Found", "{}", "HTTP 404"),
        (
            "scan_text",
            "200 OK",
            "\n<html>\n",
            "line 1: it ends too early",
        ),
        (
            "scan_text",
            "200 OK",
            "1 INFO auth 2 ms x\n2 INFO auth x ms y",
            "line 2: its duration",
        ),
        ("scan_text", "200 OK", "1 INFO auth 2 s x", "NUMBER LEVEL"),
        (
            "scan_text",
            "200 OK",
            "one INFO auth 2 ms x",
            "NUMBER LEVEL",
        ),
        ("scan_text", "200 OK", "1 INFO auth -1 ms x", "its duration"),
        ("scan_text", "200 OK", "1 INFO auth", "ends too early"),
        ("scan_text", "500 Internal Server Error", "oh", "HTTP 500"),
    ] {
        let (url, _) = scripted(http(status, "", body.as_bytes())).await;
        let client = Client::over(&url, Duration::from_secs(30)).await;
        let refused = client.refusal(tool, json!({})).await;
        for part in [says, "upstream", "/payload/"] {
            assert!(refused.contains(part), "{part:?}: {refused}");
        }
    }
    let (url, _) = scripted(http("200 OK", "", b"\xff")).await;
    let client = Client::over(&url, Duration::from_secs(30)).await;
    let refused = client.refusal("scan_text", json!({})).await;
    assert!(refused.contains("utf-8"), "{refused}");
}
