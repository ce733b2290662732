//! A checkout that is cancelled, or takes longer than its call may: its writes are made as one, and
//! its answer, if there is one, says what became of the order.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::sync::Notify;
use workloads::{
    AppState,
    cache::{Cache, CacheOptions},
    store::{Store, content},
};

use crate::support::{
    Client, Hold, Lock, PATIENCE, SERVER_TYPE, assert_says, catalogue_api, check_out, newer_order,
    newest_order, open_store, proxy, redis_url, sqlite_url, state_over,
};

/// Shorter than any hold in these tests.
const SHORT: Duration = Duration::from_millis(200);

const USER: &str = "user-00042";

/// So much of a product that is popular already that nothing is more popular afterwards.
fn a_thousand() -> Value {
    json!({"items": [{"product_id": tenth().product_id, "quantity": 1000}]})
}

/// The tenth in the ranking of a store that is as it was filled.
fn tenth() -> workloads::store::Popular {
    let mut all: Vec<_> = (0..content::POPULAR).map(content::popular).collect();
    all.sort_by(|a, b| b.score.total_cmp(&a.score));
    all[9]
}

/// The popularity and the rate counter show that `a_thousand` was written once. The caller has
/// looked at the history.
async fn assert_written_once(store: &Store) {
    let first = store.popular(1).await.unwrap()[0];
    assert_eq!(first.product_id, tenth().product_id);
    let added = first.score - tenth().score;
    assert!((added - 1_000.0).abs() < 0.5, "{added}");
    let upstream = catalogue_api();
    let state = state_over(Some(&upstream.url()), Some(store.clone())).await;
    let next = check_out(state, json!({})).await.unwrap();
    assert_eq!(next["rate_limit_count"], 2);
}

#[tokio::test]
async fn a_cancelled_checkout_completes_its_writes() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite_url(folder.path());
    let store = open_store(&url).await;
    let old = newest_order(&store, USER).await.unwrap().order_id;
    let lock = Lock::take(&url).await;
    let upstream = catalogue_api();
    let asked = Arc::new(Notify::new());
    let notify = asked.clone();
    let hold = Hold::new("POST /cart/calculate", move || {
        notify.notify_one();
        std::future::pending()
    });
    let upstream_at = proxy(&upstream.address().to_string(), hold).await;
    let state = state_over(Some(&format!("http://{upstream_at}")), Some(store.clone())).await;

    let call = tokio::spawn(check_out(state, a_thousand()));
    // Both sides are under way once one of them is.
    asked.notified().await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(newest_order(&store, USER).await.unwrap().order_id, old);
    lock.release().await;

    let order = newer_order(&store, USER, &old).await;
    assert_eq!(order.items.len(), 1);
    assert_written_once(&store).await;
}

/// The write outlives the call, so the call cannot be what removes the cached cart.
#[tokio::test]
async fn a_cancelled_or_late_checkout_is_seen_in_a_cached_cart() {
    for is_cancelled in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let url = sqlite_url(folder.path());
        let store = open_store(&url).await;
        let old = newest_order(&store, USER).await.unwrap().order_id;
        let upstream = catalogue_api();
        let state = AppState {
            cache: Some(Cache::in_memory(&CacheOptions {
                server_type: SERVER_TYPE,
                ttl: PATIENCE * 10,
                capacity: 100,
            })),
            checkout_limit: if is_cancelled { PATIENCE } else { SHORT },
            ..state_over(Some(&upstream.url()), Some(store.clone())).await
        };
        let client = Client::of(state.clone()).await;
        let newest = async || {
            let cart = client.answer("get_user_cart", json!({})).await;
            cart["recent_history"][0]["order_id"].clone()
        };
        assert_eq!(newest().await, old);

        let lock = Lock::take(&url).await;
        let call = check_out(state, json!({}));
        if is_cancelled {
            let cancelled = tokio::time::timeout(SHORT, call).await;
            assert!(cancelled.is_err(), "it waits for the lock");
        } else {
            assert_says(&call.await.unwrap_err(), &["still being recorded"]);
        }
        assert_eq!(newest().await, old);
        lock.release().await;

        let order = newer_order(&store, USER, &old).await;
        let in_cart = async {
            while newest().await != order.order_id {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let seen = tokio::time::timeout(PATIENCE, in_cart).await;
        assert!(seen.is_ok(), "is_cancelled: {is_cancelled}");
    }
}

#[tokio::test]
async fn a_checkout_that_was_never_begun_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(&sqlite_url(folder.path())).await;
    let old = newest_order(&store, USER).await.unwrap().order_id;
    let upstream = catalogue_api();
    let state = state_over(Some(&upstream.url()), Some(store.clone())).await;
    drop(check_out(state.clone(), json!({})));
    // Recorded after whatever the dropped call had begun; the store writes in order.
    let next = check_out(state, json!({})).await.unwrap();
    assert_eq!(next["rate_limit_count"], 1);
    let history = store.history(USER, 2).await.unwrap();
    assert_eq!(next["order_id"], history[0].order_id);
    assert_eq!(history[1].order_id, old);
}

#[tokio::test]
async fn a_store_that_is_slower_than_the_call_records_the_order_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite_url(folder.path());
    let store = open_store(&url).await;
    let old = newest_order(&store, USER).await.unwrap().order_id;
    let upstream = catalogue_api();
    let state = AppState {
        checkout_limit: SHORT,
        ..state_over(Some(&upstream.url()), Some(store.clone())).await
    };
    let lock = Lock::take(&url).await;
    let said = check_out(state, a_thousand()).await.unwrap_err();
    assert_says(
        &said,
        &[
            "still being recorded in the store after 0.2 s",
            "recent_history",
        ],
    );
    lock.release().await;

    let order = newer_order(&store, USER, &old).await;
    assert_says(&said, &[&order.order_id]);
    assert_written_once(&store).await;
}

#[tokio::test]
async fn an_upstream_that_is_slower_than_the_call_leaves_the_order_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(&sqlite_url(folder.path())).await;
    let upstream = catalogue_api();
    let hold = Hold::new("POST /cart/calculate", std::future::pending);
    let upstream_at = proxy(&upstream.address().to_string(), hold).await;
    let upstream_url = format!("http://{upstream_at}");
    let state = AppState {
        checkout_limit: SHORT,
        ..state_over(Some(&upstream_url), Some(store.clone())).await
    };
    let said = check_out(state, a_thousand()).await.unwrap_err();
    let order = newest_order(&store, USER).await.unwrap();
    assert_says(
        &said,
        &[
            &order.order_id,
            "was recorded",
            "the upstream did not answer within 0.2 s",
        ],
    );
    assert_written_once(&store).await;
}

/// The transaction never reaches Redis, and the server cannot know that.
#[tokio::test]
async fn a_store_that_never_answers_leaves_open_what_became_of_the_order() {
    let redis = redis_url().await.trim_start_matches("redis://");
    let hold = Hold::new("bench:ratelimit", std::future::pending);
    let store = open_store(&format!("redis://{}", proxy(redis, hold).await)).await;
    let upstream = catalogue_api();
    let state = state_over(Some(&upstream.url()), Some(store)).await;
    let said = check_out(state, json!({"user_id": "user-00070"}))
        .await
        .unwrap_err();
    assert_says(
        &said,
        &[
            "order-00070-",
            "is not confirmed",
            "store redis://",
            "not known",
            "recent_history",
        ],
    );
}
