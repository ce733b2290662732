//! What is cached, for whom, and for how long.

use std::time::Duration;

use futures::future::join_all;
use workloads::cache::{Cache, CacheOptions, MAX_RESULT_BYTES};

use super::work::{OPTIONS, Work, content};

#[tokio::test]
async fn users_are_not_mixed_up() {
    let cache = Cache::in_memory(&OPTIONS);
    let work = Work::new();
    let users: Vec<_> = (0..100).map(|user| format!("user-{user:05}")).collect();
    for _ in 0..2 {
        let answers = join_all(users.iter().map(|user| work.ask(&cache, user))).await;
        for (user, answer) in users.iter().zip(answers) {
            assert_eq!(content(answer)["for_whom"], user.as_str());
        }
    }
    assert_eq!(work.times(), 100);
}

#[tokio::test]
async fn tools_are_not_mixed_up() {
    let cache = Cache::in_memory(&OPTIONS);
    for tool in ["query_products", "search_products"] {
        let result = cache.get(tool, "{}", |_| async move {
            let name = rmcp::model::ContentBlock::text(tool);
            rmcp::model::CallToolResult::success(vec![name])
        });
        let json = result.await.unwrap().json().clone();
        let json = String::from_utf8(json.to_vec()).unwrap();
        assert!(json.contains(tool), "{json}");
    }
}

#[tokio::test]
async fn a_result_is_out_of_date_after_its_time() {
    let cache = Cache::in_memory(&CacheOptions {
        ttl: Duration::from_millis(400),
        ..OPTIONS
    });
    let work = Work::new();
    assert_eq!(content(work.ask(&cache, "all").await)["times"], 0);
    assert_eq!(content(work.ask(&cache, "all").await)["times"], 0);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(content(work.ask(&cache, "all").await)["times"], 1);
}

#[tokio::test]
async fn no_more_results_are_cached_than_it_may_hold() {
    let cache = Cache::in_memory(&CacheOptions {
        capacity: 10,
        ..OPTIONS
    });
    let work = Work::new();
    for _ in 0..2 {
        for number in 0..5_000 {
            content(work.ask(&cache, &number.to_string()).await);
        }
    }
    // It tidies up after some insertions, not after each.
    let (hits, _) = cache.hits_and_misses();
    assert!(hits < 1_000, "{hits} of 5000 were cached");
}

#[tokio::test]
async fn what_is_not_cacheable_or_too_large_is_made_again() {
    let cache = Cache::in_memory(&OPTIONS);
    let mut uncacheable = Work::new();
    uncacheable.is_cacheable = false;
    let mut too_large = Work::new();
    too_large.bytes = MAX_RESULT_BYTES;
    for (name, work) in [("uncacheable", uncacheable), ("too large", too_large)] {
        for times in 0..2 {
            assert_eq!(content(work.ask(&cache, name).await)["times"], times);
        }
    }
}

#[tokio::test]
async fn a_key_that_is_too_long_is_answered_and_not_cached() {
    let cache = Cache::in_memory(&OPTIONS);
    let work = Work::new();
    let long = "x".repeat(100_000);
    for times in 0..2 {
        let answer = content(work.ask(&cache, &long).await);
        assert_eq!(answer["times"], times);
        assert_eq!(answer["for_whom"], long.as_str());
    }
}

#[tokio::test]
async fn what_is_forgotten_is_made_again() {
    let cache = Cache::in_memory(&OPTIONS);
    let work = Work::new();
    content(work.ask(&cache, "one").await);
    content(work.ask(&cache, "two").await);
    cache.forget(super::work::TOOL, &"one").await;
    assert_eq!(content(work.ask(&cache, "one").await)["times"], 2);
    assert_eq!(content(work.ask(&cache, "two").await)["times"], 1);
}
