//! A Redis for all tests of this program.

use std::process::Command;

use tokio::sync::OnceCell;

use super::open;

/// The URL of a Redis that holds the store's content. It is started on first use, and ends with this process.
pub(crate) async fn redis_url() -> &'static str {
    static URL: OnceCell<String> = OnceCell::const_new();
    URL.get_or_init(|| async {
        let url = start();
        let store = open(&url).await;
        store.seed(|_| {}).await.expect("a store to fill");
        store.close().await;
        url
    })
    .await
}

fn start() -> String {
    let process = std::process::id().to_string();
    let folder = format!("{}/contract-{process}", env!("CARGO_TARGET_TMPDIR"));
    let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/services"))
        .args(["up", "redis", "--folder", &folder, "--while", &process])
        .output()
        .expect("scripts/services");
    let said = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let url = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/services"))
        .args(["url", "redis", "--folder", &folder])
        .output()
        .expect("scripts/services");
    let url = String::from_utf8_lossy(&url.stdout).trim().to_owned();
    assert!(url.starts_with("redis://"), "{url}: {said}");
    url
}
