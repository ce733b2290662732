//! Stores for tests.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use fixtures::services::Service;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;
use transports::runtime::{Handle, Tokio};
use workloads::{
    pool::PoolOptions,
    storage::StorageError,
    store::{CartItem, Order, Popular, Store, StoreOptions},
};

/// A user with a cart and a history.
pub(super) const USER: &str = "user-00042";

/// A Redis of the test's own.
pub(super) struct Redis {
    pub(super) service: Service,
}

impl Redis {
    pub(super) fn start() -> Self {
        Self {
            service: Service::up("redis"),
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.service.url
    }

    /// A connection beside the store.
    pub(super) async fn connect(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// A number that `INFO` reports.
    pub(super) async fn info(&self, name: &str) -> u64 {
        let mut connection = self.connect().await;
        let info: String = redis::cmd("INFO")
            .query_async(&mut connection)
            .await
            .unwrap();
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name} in {info}"))
            .parse()
            .unwrap()
    }
}

/// A seeded store of some engine, and what it lives in.
pub(super) struct Fixture {
    pub(super) engine: &'static str,
    pub(super) store: Store,
    pub(super) url: String,
    _folder: TempDir,
}

/// A freshly seeded store of every engine.
pub(super) async fn every_store() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for engine in ["a file", "memory", "redis"] {
        let folder = TempDir::new().unwrap();
        let url = match engine {
            "a file" => format!("sqlite:{}", folder.path().join("store.db").display()),
            "memory" => "sqlite::memory:".to_owned(),
            _ => empty_redis_database(),
        };
        let store = Store::open(&options(&url)).await.unwrap();
        store.seed(|_| {}).await.unwrap();
        fixtures.push(Fixture {
            engine,
            store,
            url,
            _folder: folder,
        });
    }
    fixtures
}

/// A database of a Redis that these tests share, one of sixteen, which no other test uses.
pub(super) fn empty_redis_database() -> String {
    static SHARED: LazyLock<Service> = LazyLock::new(|| Service::up("redis"));
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let url = &SHARED.url;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(
        number < 16,
        "Redis has no seventeenth database; share one, or start another Redis"
    );
    format!("{url}/{number}")
}

/// Options with a pool of four, and a wait of a second.
pub(super) fn options(url: &str) -> StoreOptions {
    StoreOptions {
        url: url.to_owned(),
        pool: PoolOptions {
            timeout: Duration::from_secs(1),
            ..PoolOptions::of(4)
        },
        runtime: Handle::new(Tokio),
    }
}

/// An order of [`USER`] for two pieces of product 42 and one of product 1337.
pub(super) fn order(order_id: &str) -> Order {
    let item = |product_id, quantity| CartItem {
        product_id,
        quantity,
    };
    Order {
        created: "2026-11-21T12:00:00Z".to_owned(),
        items: vec![item(42, 2), item(1337, 1)],
        order_id: order_id.to_owned(),
        total: 17.18,
        user_id: USER.to_owned(),
    }
}

/// The whole ranking. On a busy machine, 100,000 members may take longer than one answer of Redis
/// may.
pub(super) async fn ranking(store: &Store) -> Vec<Popular> {
    for _ in 0..60 {
        match store.popular(200_000).await {
            Err(StorageError::Unanswered { .. }) => {}
            ranking => return ranking.unwrap(),
        }
    }
    panic!("sixty answers took too long");
}
