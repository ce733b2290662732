//! Services that are down or missing: every call is answered in band, and the answer names the service.

use serde_json::json;

use crate::support::{
    Client, assert_says, lab, newest_order, open, redis_url, sqlite_url, upstream,
};

const TOOLS: [&str; 3] = ["search_products", "get_user_cart", "checkout"];

/// A port that was free a moment ago, and that nobody listens on.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

#[tokio::test]
async fn a_store_that_is_down() {
    let upstream = upstream();
    let nobody = nobody();
    let store = open(&format!("redis://{nobody}")).await;
    let client = Client::of(lab(Some(&upstream.url()), Some(store)).await).await;
    for tool in TOOLS {
        let said = client.refusal(tool, json!({})).await;
        assert_says(&said, &["store", &nobody]);
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
    let store = open(&sqlite_url(folder.path())).await;
    let nobody = nobody();
    let client =
        Client::of(lab(Some(&format!("http://{nobody}")), Some(store.clone())).await).await;
    for tool in TOOLS {
        let said = client.refusal(tool, json!({})).await;
        assert_says(&said, &["the upstream is down", &nobody]);
        if tool == "checkout" {
            let recorded = newest_order(&store, "user-00042").await.unwrap().order_id;
            assert_says(&said, &["was recorded", &recorded, "do not order again"]);
        }
    }
}

#[tokio::test]
async fn an_upstream_without_the_catalogue() {
    let upstream = upstream();
    let store = open(redis_url().await).await;
    // Below a path that the API does not have.
    let url = format!("{}/elsewhere", upstream.url());
    let client = Client::of(lab(Some(&url), Some(store)).await).await;
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
    let upstream = upstream();
    let client = Client::of(lab(Some(&upstream.url()), None).await).await;
    for tool in TOOLS {
        assert_says(&client.refusal(tool, json!({})).await, &["--store-url"]);
    }
    let store = open(redis_url().await).await;
    let client = Client::of(lab(None, Some(store)).await).await;
    for tool in TOOLS {
        assert_says(&client.refusal(tool, json!({})).await, &["--upstream-url"]);
    }
}

#[tokio::test]
async fn what_is_asked_wrongly_reaches_no_service() {
    let nobody = nobody();
    let store = open(&format!("redis://{nobody}")).await;
    let client = Client::of(lab(Some(&format!("http://{nobody}")), Some(store)).await).await;
    for (tool, arguments, says) in [
        (
            "search_products",
            json!({"category": "Cheese"}),
            "\"Cheese\"",
        ),
        (
            "search_products",
            json!({"limit": 0}),
            "from 1 to 100, not 0",
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
        (
            "get_user_cart",
            json!({"user_id": "42"}),
            "user_id \"42\" names no user",
        ),
        ("get_user_cart", json!({"user_id": 42}), "expected a string"),
        ("checkout", json!({"user_id": "user-1"}), "names no user"),
        ("checkout", json!({"items": []}), "1 to 100 entries, not 0"),
        (
            "checkout",
            json!({"items": [{"product_id": 0, "quantity": 1}]}),
            "product_id must be",
        ),
        (
            "checkout",
            json!({"items": [{"product_id": 1, "quantity": 0}]}),
            "quantity must be",
        ),
    ] {
        assert_says(&client.refusal(tool, arguments).await, &[says]);
    }
}

#[tokio::test]
async fn a_user_without_a_cart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&sqlite_url(folder.path())).await;
    let upstream = upstream();
    let client = Client::of(lab(Some(&upstream.url()), Some(store)).await).await;
    let nobody = json!({"user_id": "user-10000"});
    let said = client.refusal("get_user_cart", nobody.clone()).await;
    assert_says(&said, &["no cart of user-10000", "user-09999", "seed"]);
    // Whoever has none may buy all the same, and a user without orders has no history.
    let order = client.answer("checkout", nobody).await;
    assert_eq!(order["status"], "confirmed");
    let cart = client
        .answer("get_user_cart", json!({"user_id": "user-05000"}))
        .await;
    assert_eq!(cart["recent_history"], json!([]));
}
