//! A Redis for all tests of this program.

use tokio::sync::OnceCell;

use super::open;
use crate::services::Service;

/// The URL of a Redis that holds the store's content. It is started on first use, and ends with this process.
pub(crate) async fn redis_url() -> &'static str {
    static URL: OnceCell<String> = OnceCell::const_new();
    URL.get_or_init(|| async {
        let Service { url, .. } = Service::up("redis");
        let store = open(&url).await;
        store.seed(|_| {}).await.expect("a store to fill");
        store.close().await;
        url
    })
    .await
}
