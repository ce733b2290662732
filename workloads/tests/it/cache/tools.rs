//! The tools behind a cache, on both paths.

use serde_json::{Value, json};
use workloads::{AppState, DemoServer, cache::Cache, tools::warm_up};

use super::work::OPTIONS;
use crate::support::{catalogue_api, fast_call as call, open_store, state_over, unused_address};

/// A server over everything, and its cache.
async fn cached(upstream_url: &str) -> (DemoServer, Cache) {
    let cache = Cache::in_memory(&OPTIONS);
    let store = open_store("sqlite::memory:").await;
    let server = DemoServer::new(AppState {
        cache: Some(cache.clone()),
        ..state_over(Some(upstream_url), Some(store)).await
    });
    (server, cache)
}

#[tokio::test]
async fn every_reading_tool_is_answered_from_the_cache_the_second_time() {
    let upstream = catalogue_api();
    let (server, cache) = cached(&upstream.url()).await;
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
        let first = call(&server, tool, arguments.clone()).await;
        assert_eq!(first["isError"], false, "{tool} {first}");
        assert_eq!(call(&server, tool, arguments).await, first);
        let number = u64::try_from(number).unwrap() + 1;
        assert_eq!(cache.hits_and_misses(), (number, number), "{tool}");
    }
}

#[tokio::test]
async fn arguments_that_mean_the_same_share_a_result() {
    let upstream = catalogue_api();
    let (server, cache) = cached(&upstream.url()).await;
    for arguments in [
        json!({}),
        json!({"limit": 10}),
        json!({"limit": 10.0, "category": "Electronics"}),
    ] {
        call(&server, "query_products", arguments).await;
    }
    assert_eq!(cache.hits_and_misses(), (2, 1));
}

#[tokio::test]
async fn neither_errors_nor_the_upstreams_own_are_cached() {
    let upstream = catalogue_api();
    let (server, cache) = cached(&upstream.url()).await;
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
            let result = call(&server, tool, arguments.clone()).await;
            assert_eq!(result["isError"], is_error, "{result}");
        }
    }
    assert_eq!(cache.hits_and_misses(), (0, 8));
}

#[tokio::test]
async fn a_checkout_is_made_each_time_and_seen_in_the_cart_at_once() {
    let upstream = catalogue_api();
    let (server, _) = cached(&upstream.url()).await;
    let newest = |cart: &Value| cart["structuredContent"]["recent_history"][0]["order_id"].clone();
    let other = json!({"user_id": "user-00043"});
    let of_another = call(&server, "get_user_cart", other.clone()).await;
    for _ in 0..2 {
        call(&server, "get_user_cart", json!({})).await;
        let order = call(&server, "checkout", json!({})).await;
        assert_eq!(order["structuredContent"]["status"], "confirmed", "{order}");
        let cart = call(&server, "get_user_cart", json!({})).await;
        assert_eq!(newest(&cart), order["structuredContent"]["order_id"]);
    }
    assert_eq!(call(&server, "get_user_cart", other).await, of_another);
}

#[tokio::test]
async fn a_warmed_cache_answers_the_default_calls() {
    let upstream = catalogue_api();
    let (server, cache) = cached(&upstream.url()).await;
    warm_up(&server).await;
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
        call(&server, tool, arguments).await;
    }
    assert_eq!(cache.hits_and_misses(), (6, 6));
}

#[tokio::test]
async fn warming_without_an_upstream_leaves_the_rest_warm() {
    let (server, cache) = cached(&format!("http://{}", unused_address())).await;
    warm_up(&server).await;
    assert_eq!(cache.hits_and_misses(), (0, 6));
    for (tool, hits) in [("query_products", 1), ("scan_text", 1)] {
        call(&server, tool, json!({})).await;
        assert_eq!(cache.hits_and_misses().0, hits, "{tool}");
    }
}
