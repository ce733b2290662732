//! Services that are down or missing: every call is answered in band, and the answer names the
//! service.

use serde_json::json;

use crate::support::{
    Client, assert_says, catalogue_api, newest_order, open_store, redis_url, sqlite_url,
    state_over, unused_address,
};

const TOOLS: [&str; 3] = ["search_products", "get_user_cart", "checkout"];

#[tokio::test]
async fn a_store_that_is_down() {
    let upstream = catalogue_api();
    let unused = unused_address();
    let store = open_store(&format!("redis://{unused}")).await;
    let client = Client::of(state_over(Some(&upstream.url()), Some(store)).await).await;
    for tool in TOOLS {
        let said = client.refusal(tool, json!({})).await;
        assert_says(&said, &["store", &unused]);
        let is_checkout = tool == "checkout";
        assert_eq!(
            said.starts_with("the order was not recorded: "),
            is_checkout,
            "{said}"
        );
    }
}

#[tokio::test]
async fn an_upstream_that_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(&sqlite_url(folder.path())).await;
    let unused = unused_address();
    let client =
        Client::of(state_over(Some(&format!("http://{unused}")), Some(store.clone())).await).await;
    for tool in TOOLS {
        let said = client.refusal(tool, json!({})).await;
        assert_says(&said, &["the upstream is down", &unused]);
        if tool == "checkout" {
            let recorded = newest_order(&store, "user-00042").await.unwrap().order_id;
            assert_says(&said, &["was recorded", &recorded, "do not order again"]);
        }
    }
}

#[tokio::test]
async fn an_upstream_without_the_catalogue() {
    let upstream = catalogue_api();
    let store = open_store(redis_url().await).await;
    // Below a path that the API does not have.
    let url = format!("{}/elsewhere", upstream.url());
    let client = Client::of(state_over(Some(&url), Some(store)).await).await;
    for (tool, arguments) in [
        ("search_products", json!({})),
        ("get_user_cart", json!({"user_id": "user-00060"})),
        ("checkout", json!({"user_id": "user-00060"})),
    ] {
        let said = client.refusal(tool, arguments).await;
        assert_says(&said, &["the upstream answered", "HTTP 404", "/elsewhere/"]);
    }
}

#[tokio::test]
async fn services_that_the_server_was_started_without() {
    let upstream = catalogue_api();
    let client = Client::of(state_over(Some(&upstream.url()), None).await).await;
    for tool in TOOLS {
        assert_says(&client.refusal(tool, json!({})).await, &["--store-url"]);
    }
    let store = open_store(redis_url().await).await;
    let client = Client::of(state_over(None, Some(store)).await).await;
    for tool in TOOLS.into_iter().chain(["aggregate_json", "scan_text"]) {
        assert_says(&client.refusal(tool, json!({})).await, &["--upstream-url"]);
    }
    let health = json!({"endpoint": "/health"});
    let said = client.refusal("fetch_external_data", health).await;
    assert_says(&said, &["--upstream-url"]);
}

#[tokio::test]
async fn what_is_asked_wrongly_reaches_no_service() {
    let unused = unused_address();
    let store = open_store(&format!("redis://{unused}")).await;
    let client = Client::of(state_over(Some(&format!("http://{unused}")), Some(store)).await).await;
    let one = json!({"product_id": 1, "quantity": 1});
    let item = |id: i64, count: i64| json!({"items": [{"product_id": id, "quantity": count}]});
    for (tool, arguments, says) in [
        (
            "search_products",
            json!({"category": "Cheese"}),
            "Electronics, Books",
        ),
        (
            "search_products",
            json!({"limit": 0}),
            "from 1 to 100, not 0",
        ),
        (
            "search_products",
            json!({"limit": 101}),
            "from 1 to 100, not 101",
        ),
        (
            "search_products",
            json!({"min_price": 2, "max_price": 1}),
            "min_price 2 is above",
        ),
        (
            "search_products",
            json!({"fields": []}),
            "unknown field `fields`",
        ),
        ("get_user_cart", json!({"user_id": 42}), "expected a string"),
        (
            "checkout",
            json!({"user": "user-00042"}),
            "unknown field `user`",
        ),
        ("checkout", json!({"items": {}}), "expected a sequence"),
        ("checkout", json!({"items": []}), "1 to 100 entries, not 0"),
        (
            "checkout",
            json!({"items": vec![one; 101]}),
            "1 to 100 entries, not 101",
        ),
        (
            "checkout",
            item(0, 1),
            "product_id must be a whole number from 1 to 100000, not 0",
        ),
        ("checkout", item(100_001, 1), "not 100001"),
        (
            "checkout",
            item(1, 0),
            "quantity must be a whole number from 1 to 1000, not 0",
        ),
        ("checkout", item(1, -1), "not -1"),
        ("checkout", item(1, 1_001), "not 1001"),
        (
            "checkout",
            json!({"items": [{"product_id": 1}]}),
            "missing field `quantity`",
        ),
        (
            "checkout",
            json!({"items": [{"product_id": 1, "quantity": 1, "price": 0}]}),
            "unknown field `price`",
        ),
        (
            "checkout",
            json!({"items": [{"product_id": 1, "quantity": 1.5}]}),
            "expected a whole number",
        ),
    ] {
        assert_says(&client.refusal(tool, arguments).await, &[says]);
    }
    for name in [
        "",
        "42",
        "user-42",
        "user-00042:history",
        "user-*",
        &"x".repeat(100_000),
    ] {
        for tool in ["get_user_cart", "checkout"] {
            let said = client.refusal(tool, json!({"user_id": name})).await;
            assert_says(&said, &["names no user", "for example user-00042"]);
            assert!(said.len() < 200, "{said}");
        }
    }
}

#[tokio::test]
async fn a_user_without_a_cart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(&sqlite_url(folder.path())).await;
    let upstream = catalogue_api();
    let client = Client::of(state_over(Some(&upstream.url()), Some(store)).await).await;
    let without = json!({"user_id": "user-10000"});
    let said = client.refusal("get_user_cart", without.clone()).await;
    assert_says(&said, &["no cart of user-10000", "user-09999", "seed"]);
    // A user without a cart may buy all the same, and a user without orders has no history.
    let order = client.answer("checkout", without).await;
    assert_eq!(order["status"], "confirmed");
    let cart = client
        .answer("get_user_cart", json!({"user_id": "user-05000"}))
        .await;
    assert_eq!(cart["recent_history"], json!([]));
}
