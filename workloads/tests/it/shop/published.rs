//! What was published of the three tools, on both stores.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use workloads::store::Store;

use crate::support::{
    CATEGORIES, Client, SERVER_TYPE, catalogue_api, newest_order, open_store, redis_url,
    sqlite_url, state_over,
};

#[tokio::test]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    the_contract(open_store(&sqlite_url(folder.path())).await).await;
}

#[tokio::test]
async fn on_redis() {
    the_contract(open_store(redis_url().await).await).await;
}

async fn the_contract(store: Store) {
    let upstream = catalogue_api();
    let client = Client::of(state_over(Some(&upstream.url()), Some(store.clone())).await).await;
    search_products(&client).await;
    the_rank_of_a_popular_product(&client).await;
    get_user_cart(&client).await;
    checkout(&client, &store).await;
    store.close().await;
    upstream.stop().await.unwrap();
}

/// Exactly these members.
#[track_caller]
fn assert_members(value: &Value, members: &[&str]) {
    let object = value.as_object().unwrap();
    let names: BTreeSet<&str> = object.keys().map(String::as_str).collect();
    assert_eq!(names, members.iter().copied().collect());
}

async fn search_products(client: &Client) {
    let by_default = client.answer("search_products", json!({})).await;
    let published =
        json!({"category": "Electronics", "min_price": 50, "max_price": 500, "limit": 10});
    assert_eq!(
        by_default,
        client.answer("search_products", published).await
    );
    assert_members(
        &by_default,
        &[
            "category",
            "total_found",
            "products",
            "top10_popular_ids",
            "server_type",
        ],
    );
    assert_eq!(by_default["category"], "Electronics");
    assert_eq!(by_default["total_found"], 2251);
    let top = by_default["top10_popular_ids"].as_array().unwrap();
    assert_eq!(top.len(), 10);
    assert_eq!(
        top.iter().map(Value::as_i64).collect::<BTreeSet<_>>().len(),
        10
    );
    let products = by_default["products"].as_array().unwrap();
    assert_eq!(products.len(), 10);
    for (place, product) in (0..).zip(products) {
        assert_members(
            product,
            &["id", "sku", "name", "price", "rating", "popularity_rank"],
        );
        // Electronics are every twentieth product from the first on; at 50 the index is 4,900.
        let i = 4_900 + 20 * place;
        let id = i + 1;
        assert_eq!(product["id"], id);
        assert_eq!(product["sku"], format!("SKU-{id:06}"));
        assert_eq!(product["price"], 1.0 + f64::from(i % 99_900) / 100.0);
        assert_eq!(product["rating"], 1.0 + f64::from(i % 40) / 10.0);
        let name = product["name"].as_str().unwrap();
        assert!(name.ends_with(&format!(" Electronics Item {id}")), "{name}");
        assert_eq!(
            product["popularity_rank"],
            rank(top, id.into()),
            "{product}"
        );
    }
}

/// The place from 1, or 0.
fn rank(top: &[Value], id: i64) -> usize {
    top.iter()
        .position(|popular| *popular == id)
        .map_or(0, |place| place + 1)
}

async fn the_rank_of_a_popular_product(client: &Client) {
    let all = client.answer("search_products", json!({})).await;
    let top = all["top10_popular_ids"].as_array().unwrap();
    let third = top[2].as_i64().unwrap();
    let i = third - 1;
    let price = 1.0 + (i % 99_900) as f64 / 100.0;
    let arguments = json!({
        "category": CATEGORIES[usize::try_from(i % 20).unwrap()],
        "min_price": price - 0.001,
        "max_price": price + 0.001,
        "limit": 100,
    });
    let found = client.answer("search_products", arguments).await;
    let products = found["products"].as_array().unwrap();
    let product = products
        .iter()
        .find(|product| product["id"] == third)
        .unwrap();
    assert_eq!(product["popularity_rank"], 3);
}

async fn get_user_cart(client: &Client) {
    let by_default = client.answer("get_user_cart", json!({})).await;
    let published = json!({"user_id": "user-00042"});
    assert_eq!(by_default, client.answer("get_user_cart", published).await);
    assert_members(
        &by_default,
        &["user_id", "cart", "recent_history", "server_type"],
    );
    assert_eq!(by_default["user_id"], "user-00042");
    let cart = &by_default["cart"];
    assert_members(cart, &["items", "item_count", "estimated_total"]);
    let items = cart["items"].as_array().unwrap();
    assert!(!items.is_empty());
    assert_eq!(cart["item_count"], items.len());
    assert_eq!(cart["estimated_total"], price_of(items));
    let history = by_default["recent_history"].as_array().unwrap();
    assert_eq!(history.len(), 5);
    for order in history {
        assert_eq!(order["user_id"], "user-00042");
        assert_eq!(order["total"], price_of(order["items"].as_array().unwrap()));
    }
    let created: Vec<_> = history
        .iter()
        .map(|order| order["created"].as_str())
        .collect();
    assert!(
        created.is_sorted_by(|newer, older| newer > older),
        "{created:?}"
    );
}

/// What items cost by the formula of the catalogue.
fn price_of(items: &[Value]) -> f64 {
    let cents = |item: &Value| {
        let index = item["product_id"].as_i64().unwrap() - 1;
        (100 + index % 99_900) * item["quantity"].as_i64().unwrap()
    };
    items.iter().map(cents).sum::<i64>() as f64 / 100.0
}

async fn checkout(client: &Client, store: &Store) {
    let by_default = client.answer("checkout", json!({})).await;
    assert_members(
        &by_default,
        &[
            "order_id",
            "user_id",
            "total",
            "items_count",
            "rate_limit_count",
            "status",
            "server_type",
        ],
    );
    // 2 x 1.41 + 14.36 = 17.18; 8.5% of it is 1.46; and 5.99 for shipping.
    let order_id = by_default["order_id"].as_str().unwrap();
    let count = by_default["rate_limit_count"].as_i64().unwrap();
    assert_eq!(
        by_default,
        json!({
            "order_id": order_id, "user_id": "user-00042", "total": 24.63, "items_count": 2,
            "rate_limit_count": count, "status": "confirmed", "server_type": SERVER_TYPE,
        })
    );
    let newest = newest_order(store, "user-00042").await.unwrap();
    assert_eq!(newest.order_id, order_id);
    assert_eq!(newest.items.len(), 2);

    let published = json!({
        "user_id": "user-00042",
        "items": [{"product_id": 42, "quantity": 2}, {"product_id": 1337, "quantity": 1}],
    });
    let again = client.answer("checkout", published).await;
    assert_eq!(again["rate_limit_count"], count + 1);
    assert_ne!(again["order_id"], order_id);
    assert_eq!(again["total"], 24.63);
    // The counter is that of the user's number mod 100.
    let other = client
        .answer("checkout", json!({"user_id": "user-09942"}))
        .await;
    assert_eq!(other["rate_limit_count"], count + 2);
    let cart = client.answer("get_user_cart", json!({})).await;
    let history = cart["recent_history"].as_array().unwrap();
    assert_eq!(history.len(), 5);
    assert_eq!(history[0]["order_id"], again["order_id"]);
    assert_eq!(history[1]["order_id"], order_id);
}
