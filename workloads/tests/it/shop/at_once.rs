//! The catalogue API and the store are asked at the same time: each is kept waiting until the other
//! has been asked, so a tool that asks one after the other would never be answered.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::{Barrier, Mutex};
use workloads::store::Store;

use crate::support::{
    Client, Hold, Lock, catalogue_api, newer_order, newest_order, open_store, proxy, redis_url,
    sqlite_url, state_over,
};

/// Calls `tool` with an upstream that waits for the store to be asked with `marker`, and the other
/// way round.
async fn both_are_asked_before_either_answers(
    tool: &str,
    marker: &'static str,
    user_id: Option<&str>,
) {
    let upstream = catalogue_api();
    let both = Arc::new(Barrier::new(2));
    let meet = move || {
        let both = both.clone();
        async move {
            both.wait().await;
        }
    };
    let upstream_at = proxy(
        &upstream.address().to_string(),
        Hold::new("HTTP/1.1", meet.clone()),
    )
    .await;
    let redis = redis_url().await.trim_start_matches("redis://");
    let store_at = proxy(redis, Hold::new(marker, meet)).await;
    let store = open_store(&format!("redis://{store_at}")).await;
    let state = state_over(Some(&format!("http://{upstream_at}")), Some(store)).await;
    let client = Client::of(state).await;
    let arguments = user_id.map_or(json!({}), |user_id| json!({"user_id": user_id}));
    client.answer(tool, arguments).await;
}

#[tokio::test]
async fn in_search_products() {
    both_are_asked_before_either_answers("search_products", "bench:popular", None).await;
}

#[tokio::test]
async fn in_get_user_cart() {
    let user_id = Some("user-00050");
    both_are_asked_before_either_answers("get_user_cart", "bench:history", user_id).await;
}

#[tokio::test]
async fn in_checkout() {
    let user_id = Some("user-00051");
    both_are_asked_before_either_answers("checkout", "bench:ratelimit", user_id).await;
}

/// The store is locked until the upstream has been asked, and the upstream waits until the order is
/// recorded.
#[tokio::test]
async fn in_checkout_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite_url(folder.path());
    let store = open_store(&url).await;
    let upstream = catalogue_api();
    let old = newest_order(&store, "user-00042").await.unwrap().order_id;
    let lock = Arc::new(Mutex::new(Some(Lock::take(&url).await)));
    let watched: Store = store.clone();
    let until_recorded = move || {
        let (lock, store, old) = (lock.clone(), watched.clone(), old.clone());
        async move {
            if let Some(lock) = lock.lock().await.take() {
                lock.release().await;
            }
            newer_order(&store, "user-00042", &old).await;
        }
    };
    let hold = Hold::new("POST /cart/calculate", until_recorded);
    let upstream_at = proxy(&upstream.address().to_string(), hold).await;
    let state = state_over(Some(&format!("http://{upstream_at}")), Some(store)).await;
    let answer = Client::of(state).await.answer("checkout", json!({})).await;
    assert_eq!(answer["status"], "confirmed");
}
