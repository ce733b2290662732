//! The upstream API over its wire, against values worked out by hand.

#![expect(
    clippy::expect_used,
    reason = "clippy takes the helpers of an integration test for code that ships"
)]

use std::time::{Duration, Instant};

use http::StatusCode;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use transports::runtime::Tokio;
use workloads::upstream_api::Server;

struct Api {
    server: Server,
    client: Client,
}

impl Api {
    fn start() -> Self {
        Self {
            server: Server::start_anywhere(&Tokio).expect("a port"),
            client: Client::builder().no_proxy().build().expect("a client"),
        }
    }

    async fn send(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let url = self.server.url() + path;
        let response = self
            .client
            .request(method, url)
            .body(body.to_owned())
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.headers()["content-type"], "application/json");
        (response.status(), response.json().await.expect("JSON"))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.send(Method::GET, path, "").await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    async fn refused(&self, method: Method, path: &str, body: &str) -> (StatusCode, String) {
        let (status, body) = self.send(method, path, body).await;
        (status, body["error"].as_str().expect("an error").to_owned())
    }
}

#[tokio::test]
async fn a_product() {
    let api = Api::start();
    // Index 1336: 1336 mod 20 = 16, mod 50 = 36, mod 501 = 334, mod 40 = 16, mod 3 = 1.
    let product = api.get("/products/1337").await;
    assert_eq!(product["id"], 1337);
    assert_eq!(product["sku"], "SKU-001337");
    assert_eq!(product["category"], "Travel");
    assert_eq!(
        product["name"],
        format!("{} Travel Item 1337", product["brand"].as_str().unwrap())
    );
    assert_eq!(product["price"], 14.36);
    assert_eq!(product["stock"], 334);
    assert_eq!(product["rating"], 2.6);
    assert_eq!(product["tags"].as_array().unwrap().len(), 3);
    assert_eq!(product["weight"], 1.436);
    assert!(product["description"].as_str().unwrap().len() > 20);
    assert_eq!(api.get("/products/1").await["price"], 1.0);
    assert_eq!(api.get("/products/100000").await["price"], 1.99);
}

#[tokio::test]
async fn the_published_search() {
    let api = Api::start();
    let found = api
        .get("/products/search?category=Electronics&min_price=50&max_price=500&limit=10")
        .await;
    assert_eq!(found["category"], "Electronics");
    assert_eq!(found["total_found"], 2_251);
    let ids: Vec<i64> = found["products"]
        .as_array()
        .unwrap()
        .iter()
        .map(|product| product["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids, (0..10).map(|k| 4_901 + 20 * k).collect::<Vec<_>>());
    assert_eq!(found["products"][0], api.get("/products/4901").await);
}

#[tokio::test]
async fn searches_at_the_edges() {
    let api = Api::start();
    for (query, total, shown) in [
        ("", 100_000, 10),
        ("?category=Books&limit=100", 5_000, 100),
        ("?min_price=1&max_price=1.00", 2, 2),
        ("?min_price=999.99", 1, 1),
        ("?min_price=1000", 0, 0),
        ("?min_price=1.001&max_price=1.002", 0, 0),
        ("?category=%42ooks&limit=1", 5_000, 1),
    ] {
        let found = api.get(&format!("/products/search{query}")).await;
        assert_eq!(found["total_found"], total, "{query}");
        assert_eq!(
            found["products"].as_array().unwrap().len(),
            shown,
            "{query}"
        );
    }
    assert_eq!(api.get("/products/search").await["category"], Value::Null);
}

#[tokio::test]
async fn a_cart() {
    let api = Api::start();
    // 3 x 999.99 (index 99,898: id 99,899 costs 1 + 998.98) is below; the dearest is id 99,900.
    let cart = json!({"items": [{"product_id": 99_900, "quantity": 3}]}).to_string();
    let (status, total) = api.send(Method::POST, "/cart/calculate", &cart).await;
    assert_eq!(status, StatusCode::OK);
    // 2999.97; a tenth is 299.997, so 300.00; 8.5% of 2699.97 is 229.49745.
    assert_eq!(
        total,
        json!({
            "items_count": 1, "subtotal": 2999.97, "discount": 300.0, "tax": 229.5,
            "shipping": 0.0, "total": 2929.47,
        })
    );
}

#[tokio::test]
async fn health() {
    let api = Api::start();
    assert_eq!(
        api.get("/health").await,
        json!({"status": "ok", "products": 100_000})
    );
}

#[tokio::test]
async fn payloads_say_their_length_and_their_type() {
    let api = Api::start();
    for (path, length, content_type) in [
        ("/payload/json", 4_000_000, "application/json"),
        ("/payload/json?bytes=1000", 1_000, "application/json"),
        ("/payload/text", 2_000_000, "text/plain; charset=utf-8"),
        (
            "/payload/text?bytes=1001",
            1_001,
            "text/plain; charset=utf-8",
        ),
    ] {
        let answer = api
            .client
            .get(api.server.url() + path)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.headers()["content-type"], content_type);
        assert_eq!(answer.headers()["content-length"], length.to_string());
        assert_eq!(answer.bytes().await.unwrap().len(), length);
    }
}

#[tokio::test]
async fn every_route_can_be_delayed() {
    let api = Api::start();
    let cart = json!({"items": [{"product_id": 1, "quantity": 1}]}).to_string();
    for (method, path, body) in [
        (Method::GET, "/health", ""),
        (Method::GET, "/products/7", ""),
        (Method::GET, "/products/search", ""),
        (Method::POST, "/cart/calculate", cart.as_str()),
        (Method::GET, "/nothing", ""),
    ] {
        let started = Instant::now();
        api.send(method, &format!("{path}?delay_ms=60"), body).await;
        assert!(started.elapsed() >= Duration::from_millis(60), "{path}");
    }
}

/// A request that must be refused: method, path, body, status, and what the error must say.
type Refused<'a> = (Method, &'a str, &'a str, u16, &'a str);

async fn assert_refused(cases: &[Refused<'_>]) {
    let api = Api::start();
    for (method, path, body, status, says) in cases {
        let (got, error) = api.refused(method.clone(), path, body).await;
        assert_eq!(got.as_u16(), *status, "{method} {path}: {error}");
        assert!(error.contains(says), "{method} {path}: {error}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_refused_with_what_is() {
    assert_refused(&[
        (
            Method::GET,
            "/products/0",
            "",
            404,
            "ids run from 1 to 100000",
        ),
        (
            Method::GET,
            "/products/100001",
            "",
            404,
            "no product 100001",
        ),
        (Method::GET, "/products/x", "", 400, "not \"x\""),
        (Method::GET, "/products/", "", 400, "not \"\""),
        (Method::GET, "/products/1/2", "", 400, "not \"1/2\""),
        (Method::GET, "/products/-1", "", 400, "not \"-1\""),
        (Method::GET, "/", "", 404, "/products/search"),
        (Method::DELETE, "/products/1", "", 405, "GET"),
        (Method::POST, "/health", "", 405, "GET"),
        (Method::GET, "/cart/calculate", "", 405, "POST"),
        (Method::POST, "/payload/json", "", 405, "GET"),
        (Method::POST, "/introspect", "", 405, "GET"),
        (Method::GET, "/introspect", "", 400, "token is missing"),
        (Method::GET, "/listing?limit=3", "", 400, "\"limit\""),
    ])
    .await;
}

#[tokio::test]
async fn bad_parameters_are_refused_with_the_good_ones() {
    let search = |query: &str| format!("/products/search?{query}");
    for (query, says) in [
        ("category=Cheese", "Electronics, Books"),
        ("category=", "unknown category"),
        ("category=%ff", "UTF-8"),
        ("min_price=-1", "0 to 1000000, not \"-1\""),
        ("min_price=NaN", "\"NaN\""),
        ("min_price=9&max_price=8", "min_price 9 is above"),
        ("limit=0", "limit must be 1 to 100, not \"0\""),
        ("limit=101", "not \"101\""),
        ("limit=1&limit=2", "given twice"),
        ("max_prise=1", "\"max_prise\"; this route takes delay_ms,"),
    ] {
        assert_refused(&[(Method::GET, &search(query), "", 400, says)]).await;
    }
    for bytes in ["999", "16000001", "1e4"] {
        let path = format!("/payload/text?bytes={bytes}");
        let says = format!("from 1000 to 16000000, not \"{bytes}\"");
        assert_refused(&[(Method::GET, &path, "", 400, &says)]).await;
    }
    assert_refused(&[
        (
            Method::GET,
            "/health?delay_ms=60001",
            "",
            400,
            "0 to 60000, not \"60001\"",
        ),
        (Method::GET, "/health?delay_ms=-1", "", 400, "not \"-1\""),
        (Method::GET, "/health?delay_ms=", "", 400, "not \"\""),
        (
            Method::GET,
            "/health?x=1",
            "",
            400,
            "unknown parameter \"x\"",
        ),
    ])
    .await;
}

#[tokio::test]
async fn bad_carts_are_refused_with_a_good_one() {
    let item = |id: i64, quantity: f64| {
        json!({"items": [{"product_id": id, "quantity": quantity}]}).to_string()
    };
    let huge = " ".repeat(70_000);
    let many = json!({"items": vec![json!({"product_id": 1, "quantity": 1}); 101]}).to_string();
    let none = "{\"items\":[{\"product_id\":1,\"quantity\":0}]}";
    let nobody = "{\"items\":[{\"product_id\":0,\"quantity\":1}]}";
    for (cart, status, says) in [
        ("", 400, "{\"product_id\":42,\"quantity\":2}"),
        ("{\"items\":[]}", 400, "1 to 100 items, not 0"),
        (&many, 400, "not 101"),
        (none, 400, "1 to 1000, not 0"),
        (nobody, 404, "no product 0"),
        (&item(1, 1.5), 400, "1.5"),
        (&huge, 413, "65536 bytes"),
    ] {
        assert_refused(&[(Method::POST, "/cart/calculate", cart, status, says)]).await;
    }
}

#[tokio::test]
async fn stopping_answers_what_is_in_flight() {
    let server = Server::start_anywhere(&Tokio).unwrap();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let cart = "{\"items\":[{\"product_id\":1,\"quantity\":1}]}";
    let length = cart.len();
    let request = format!(
        "POST /cart/calculate?delay_ms=300 HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{cart}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("\"subtotal\":1.0"), "{answer}");
}
