//! The tools behind a cache, on both paths.

use serde_json::{Value, json};
use transports::{
    fast_path::{FastCall, FastTools, RawValue, SerializedResult},
    runtime::{Handle, Tokio},
};
use workloads::{
    DemoServer, AppState,
    cache::{Cache, warm},
    database::{Database, DatabaseOptions},
    tuning::Tuning,
    pool::PoolOptions,
    store::{Store, StoreOptions},
    catalog_client::{CatalogClient, CatalogClientOptions},
    upstream_api::Server,
};

use crate::support::OPTIONS;

/// A lab over everything, and its cache.
async fn lab(upstream_url: &str) -> (DemoServer, Cache) {
    let runtime = Handle::new(Tokio);
    let database = DatabaseOptions::new("sqlite::memory:");
    let database = Database::open(&database).await.unwrap();
    let store = StoreOptions {
        url: "sqlite::memory:".into(),
        pool: PoolOptions::of(1),
        runtime: runtime.clone(),
    };
    let cache = Cache::in_memory(&OPTIONS);
    let lab = DemoServer::new(AppState {
        upstream: Some(CatalogClient::new(&CatalogClientOptions::new(upstream_url)).unwrap()),
        store: Some(Store::open(&store).await.unwrap()),
        tuning: Tuning {
            cache: Some(cache.clone()),
            ..Tuning::default()
        },
        ..AppState::new(OPTIONS.server_type, runtime, database)
    });
    (lab, cache)
}

/// The result of a call on the fast path.
async fn call(lab: &DemoServer, tool: &'static str, arguments: Value) -> Value {
    let arguments = RawValue::from_string(arguments.to_string()).unwrap();
    let outcome = match lab.fast_call(tool, Some(&arguments)) {
        FastCall::Ready(outcome) => outcome,
        FastCall::Running(call) => call.await,
        FastCall::NotMine | FastCall::Misfit => panic!("{tool} is not taken"),
    };
    let written: SerializedResult = outcome.written().unwrap();
    serde_json::from_slice(written.json()).unwrap()
}

#[tokio::test]
async fn every_reading_tool_is_answered_from_the_cache_the_second_time() {
    let server = Server::start_anywhere(&Tokio).unwrap();
    let (lab, cache) = lab(&server.url()).await;
    for (number, (tool, arguments)) in [
        ("query_products", json!({})),
        ("query_products", json!({"format": "text"})),
        ("query_products", json!({"limit": 3})),
        ("fetch_external_data", json!({"endpoint": "/products/7"})),
        ("search_products", json!({})),
        ("get_user_cart", json!({})),
        ("get_user_cart", json!({"user_id": "user-00043"})),
        ("aggregate_json", json!({"bytes": 10_000})),
        ("scan_text", json!({"bytes": 10_000})),
    ]
    .into_iter()
    .enumerate()
    {
        let first = call(&lab, tool, arguments.clone()).await;
        assert_eq!(first["isError"], false, "{tool} {first}");
        assert_eq!(call(&lab, tool, arguments).await, first);
        let number = u64::try_from(number).unwrap() + 1;
        assert_eq!(cache.hits_and_misses(), (number, number), "{tool}");
    }
}

#[tokio::test]
async fn arguments_that_mean_the_same_share_a_result() {
    let server = Server::start_anywhere(&Tokio).unwrap();
    let (lab, cache) = lab(&server.url()).await;
    for arguments in [
        json!({}),
        json!({"limit": 10}),
        json!({"limit": 10.0, "category": "Electronics"}),
    ] {
        call(&lab, "query_products", arguments).await;
    }
    assert_eq!(cache.hits_and_misses(), (2, 1));
}

#[tokio::test]
async fn neither_errors_nor_the_upstreams_own_are_kept() {
    let server = Server::start_anywhere(&Tokio).unwrap();
    let (lab, cache) = lab(&server.url()).await;
    for (tool, arguments, is_error) in [
        ("fetch_external_data", json!({"endpoint": "nowhere"}), true),
        (
            "fetch_external_data",
            json!({"endpoint": "/products/0"}),
            false,
        ),
        ("query_products", json!({"category": "Nothing"}), true),
        ("get_user_cart", json!({"user_id": "nobody"}), true),
    ] {
        for _ in 0..2 {
            let result = call(&lab, tool, arguments.clone()).await;
            assert_eq!(result["isError"], is_error, "{result}");
        }
    }
    assert_eq!(cache.hits_and_misses(), (0, 8));
}

#[tokio::test]
async fn a_checkout_is_made_each_time_and_seen_in_the_cart_at_once() {
    let server = Server::start_anywhere(&Tokio).unwrap();
    let (lab, _) = lab(&server.url()).await;
    let newest = |cart: &Value| cart["structuredContent"]["recent_history"][0]["order_id"].clone();
    let other = json!({"user_id": "user-00043"});
    let of_another = call(&lab, "get_user_cart", other.clone()).await;
    for _ in 0..2 {
        call(&lab, "get_user_cart", json!({})).await;
        let order = call(&lab, "checkout", json!({})).await;
        assert_eq!(order["structuredContent"]["status"], "confirmed", "{order}");
        let cart = call(&lab, "get_user_cart", json!({})).await;
        assert_eq!(newest(&cart), order["structuredContent"]["order_id"]);
    }
    assert_eq!(call(&lab, "get_user_cart", other).await, of_another);
}

#[tokio::test]
async fn a_warmed_cache_answers_the_default_calls() {
    let server = Server::start_anywhere(&Tokio).unwrap();
    let (lab, cache) = lab(&server.url()).await;
    warm(&lab).await;
    let (hits, misses) = cache.hits_and_misses();
    assert_eq!((hits, misses), (0, 6));
    for (tool, arguments) in [
        ("query_products", json!({})),
        ("search_products", json!({})),
        ("get_user_cart", json!({})),
        ("fetch_external_data", json!({"endpoint": "/products/42"})),
        ("aggregate_json", json!({})),
        ("scan_text", json!({})),
    ] {
        call(&lab, tool, arguments).await;
    }
    assert_eq!(cache.hits_and_misses(), (6, 6));
}

#[tokio::test]
async fn warming_without_an_upstream_leaves_the_rest_warm() {
    let nobody = "http://127.0.0.1:1";
    let (lab, cache) = lab(nobody).await;
    warm(&lab.only(&["query_products".into(), "scan_text".into()])).await;
    assert_eq!(cache.hits_and_misses(), (0, 2));
}
