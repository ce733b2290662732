//! The public benchmark's own services: a Redis that its seed filled, and an API service that has
//! its routes and members and no others.
//!
//! Both are written from the published contract. They share no code with this project's store and
//! upstream.

use std::{collections::HashMap, net::SocketAddr};

use fixtures::services::Service;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::support::{CATEGORIES, Client, assert_says, open_store, state_over};

#[tokio::test]
async fn the_shop_tools_work_over_the_public_seed_and_api() {
    let redis = Service::up("redis");
    seed(&redis.url).await;
    let client = client(&redis.url).await;

    let cart = client.answer("get_user_cart", json!({})).await;
    // 42 x 7 and 42 x 13, each plus one; 42 mod 3 is 0: a third item, 42 x 17 + 1.
    let items = [(295, 1), (547, 1), (715, 1)]
        .map(|(product_id, quantity)| json!({"product_id": product_id, "quantity": quantity}));
    assert_eq!(
        cart["cart"],
        json!({"items": items, "item_count": 3, "estimated_total": 157.17})
    );
    let history = cart["recent_history"].as_array().unwrap();
    let ids: Vec<_> = history.iter().map(|order| &order["order_id"]).collect();
    assert_eq!(
        ids,
        [20, 19, 18, 17, 16]
            .map(|j| format!("ORD-00042-{j:02}"))
            .each_ref()
    );
    // 42 x 20 x 7 + 1; 20 mod 3 + 1 pieces of (42 x 20 x 13 mod 9,999 + 1) / 100 units.
    assert_eq!(
        history[0],
        json!({
            "created": "2025-04-03T17:20:00Z", "items": [{"product_id": 5_881, "quantity": 3}],
            "order_id": "ORD-00042-20", "total": 27.66, "user_id": "user-00042",
        })
    );

    let found = client.answer("search_products", json!({})).await;
    assert_eq!(found["total_found"], 2_251);
    assert_eq!(found["products"][0]["id"], 4_901);
    // Product i has the score 7 i mod 10,000, and ten products have the highest one.
    let top = found["top10_popular_ids"].as_array().unwrap();
    assert_eq!(top.len(), 10);
    assert!(
        top.iter()
            .all(|id| id.as_i64().unwrap() * 7 % 10_000 == 9_999),
        "{top:?}"
    );

    let order = client.answer("checkout", json!({})).await;
    assert_eq!(
        (
            &order["total"],
            &order["rate_limit_count"],
            &order["status"]
        ),
        (&json!(24.63), &json!(1), &json!("confirmed"))
    );
    let after = client.answer("get_user_cart", json!({})).await;
    let history = after["recent_history"].as_array().unwrap();
    assert_eq!(history[0]["order_id"], order["order_id"]);
    assert_eq!(history[1]["order_id"], "ORD-00042-20");
}

#[tokio::test]
async fn fetch_external_data_takes_every_answer_of_the_public_api_that_is_json() {
    let client = client("sqlite::memory:").await;
    let fetch = |endpoint: &str| json!({ "endpoint": endpoint });
    let health = client.answer("fetch_external_data", fetch("/health")).await;
    assert_eq!(
        health["body"],
        json!({"status": "ok", "server_type": "api-service"})
    );
    let product = client
        .answer("fetch_external_data", fetch("/products/42"))
        .await;
    assert_eq!(product["body"]["sku"], "SKU-000042");
    // Go's own answer to an unknown path is a line of text.
    let refusal = client
        .refusal("fetch_external_data", fetch("/products/0"))
        .await;
    assert_says(&refusal, &["HTTP 404", "404 page not found"]);
}

async fn client(store_url: &str) -> Client {
    let store = open_store(store_url).await;
    let upstream = format!("http://{}", api().await);
    Client::of(state_over(Some(&upstream), Some(store)).await).await
}

/// Fills the Redis at `url` as the benchmark's seed does, for as many users as the test needs.
async fn seed(url: &str) {
    let mut pipe = redis::pipe();
    for n in 1..=100_i64 {
        let mut items = vec![
            json!({"product_id": n * 7 % 100_000 + 1, "qty": 1 + n % 3}),
            json!({"product_id": n * 13 % 100_000 + 1, "qty": 1 + n % 2}),
        ];
        if n % 3 == 0 {
            items.push(json!({"product_id": n * 17 % 100_000 + 1, "qty": 1}));
        }
        let cents = |item: &Value| {
            let (id, qty) = (item["product_id"].as_i64(), item["qty"].as_i64());
            qty.unwrap() * (id.unwrap() * 100 % 9_999 + 1)
        };
        let total = items.iter().map(cents).sum::<i64>() as f64 / 100.0;
        pipe.cmd("HSET")
            .arg(format!("bench:cart:user-{n:05}"))
            .arg(&["user_id", &format!("user-{n:05}")])
            .arg(&["items", &Value::from(items).to_string()])
            .arg(&["created", "1740000000", "expires", "1740086400"])
            .arg(&["total", &format!("{total:.2}")]);
        for j in 1..=20 {
            let entry = json!({
                "order_id": format!("ORD-{n:05}-{j:02}"),
                "product_id": n * j * 7 % 100_000 + 1,
                "qty": 1 + j % 3,
                "price": (n * j * 13 % 9_999 + 1) as f64 / 100.0,
                "ts": 1_740_000_000 + n * 86_400 + j * 3_600,
            });
            pipe.cmd("RPUSH")
                .arg(format!("bench:history:user-{n:05}"))
                .arg(entry.to_string());
        }
        pipe.cmd("SET")
            .arg(format!("bench:ratelimit:user-{n:05}"))
            .arg(0);
    }
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    pipe.exec_async(&mut connection).await.unwrap();
    for first in (1..=100_000).step_by(5_000) {
        let mut add = redis::cmd("ZADD");
        add.arg("bench:popular");
        for i in first..first + 5_000 {
            add.arg(i * 7 % 10_000).arg(format!("product:{i}"));
        }
        add.exec_async(&mut connection).await.unwrap();
    }
}

/// The benchmark's API service, on a free port.
async fn api() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer_all(BufReader::new(stream)));
        }
    });
    address
}

/// Answers request after request of one connection, as `net/http` does.
async fn answer_all(mut stream: BufReader<TcpStream>) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_until(b'\n', &mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).await.unwrap();
        let target = head.split(' ').nth(1).unwrap();
        let (status, media_type, body) = match answer(target, &body) {
            Some(value) => ("200 OK", "application/json", format!("{value}\n")),
            None => (
                "404 Not Found",
                "text/plain; charset=utf-8",
                "404 page not found\n".into(),
            ),
        };
        let response = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(response.as_bytes()).await.unwrap();
    }
}

/// The answer to a request whose target is in lower case.
fn answer(target: &str, body: &[u8]) -> Option<Value> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match path {
        "/health" => Some(json!({"status": "ok", "server_type": "api-service"})),
        "/products/search" => Some(search(query)),
        "/cart/calculate" => Some(calculate(&serde_json::from_slice(body).unwrap())),
        path => product(path.strip_prefix("/products/")?.parse().ok()?),
    }
}

fn price_cents(id: i64) -> i64 {
    100 + (id - 1) % 99_900
}

fn product(id: i64) -> Option<Value> {
    let i = id.checked_sub(1).filter(|i| (0..100_000).contains(i))?;
    let category = CATEGORIES[usize::try_from(i % 20).unwrap()];
    let tags = ["sale", "new", "featured", "bestseller"];
    Some(json!({
        "id": id, "sku": format!("SKU-{id:06}"), "name": format!("Alpha {category} Item {id}"),
        "category": category, "brand": "Alpha", "price": price_cents(id) as f64 / 100.0,
        "stock": i % 501, "rating": 1.0 + (i % 40) as f64 / 10.0,
        "tags": tags[..usize::try_from(2 + i % 3).unwrap()], "weight": 0.1, "description": "Quality.",
    }))
}

fn search(query: &str) -> Value {
    let query: HashMap<&str, &str> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .collect();
    let number = |name: &str| query[name].parse::<f64>().unwrap();
    let (min, max) = (number("min_price"), number("max_price"));
    let category = CATEGORIES
        .into_iter()
        .position(|name| name.to_lowercase() == query["category"]);
    let category = category.unwrap();
    let ids = (1..=100_000).filter(|id| (id - 1) % 20 == i64::try_from(category).unwrap());
    let mut ids: Vec<i64> = ids
        .filter(|id| (min..=max).contains(&(price_cents(*id) as f64 / 100.0)))
        .collect();
    ids.sort_by_key(|id| price_cents(*id));
    let products = ids.iter().take(query["limit"].parse().unwrap());
    json!({
        "category": CATEGORIES[category], "total_found": ids.len(),
        "products": products.map(|id| product(*id)).collect::<Vec<_>>(),
    })
}

/// The tax is on the whole subtotal.
fn calculate(cart: &Value) -> Value {
    let items = cart["items"].as_array().unwrap();
    let cents = |item: &Value| {
        price_cents(item["product_id"].as_i64().unwrap()) * item["quantity"].as_i64().unwrap()
    };
    let subtotal = items.iter().map(cents).sum::<i64>() as f64 / 100.0;
    let rounded = |amount: f64| (amount * 100.0).round() / 100.0;
    let is_large = subtotal >= 100.0;
    let tax = rounded(subtotal * 0.085);
    let discount = if is_large {
        rounded(subtotal * 0.1)
    } else {
        0.0
    };
    let shipping = if is_large { 0.0 } else { 5.99 };
    json!({
        "order_id": "ORD--2", "user_id": "", "subtotal": subtotal, "tax": tax, "shipping": shipping,
        "discount": discount, "total": rounded(subtotal + tax + shipping - discount),
        "items_count": items.len(),
    })
}
