//! A cache in Redis: servers share it, and serve without it.

use std::{
    io::{self, Write},
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, Instant},
};

use futures::{future::join_all, poll};
use redis::AsyncCommands;
use tracing_subscriber::fmt::MakeWriter;
use workloads::cache::{Cache, CacheOptions};

use fixtures::services::Service;

use super::work::{OPTIONS, TOOL, Work, content};

/// What the log of the whole program says. One for each test would be told nothing at times: a
/// place in the code that another test reaches first, on a thread that has no log, may be taken for
/// one that nobody listens to.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

impl Log {
    /// The log, listened to from the first call on.
    fn of_all() -> &'static Self {
        static LOG: LazyLock<Log> = LazyLock::new(|| {
            let log = Log::default();
            let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
            tracing::subscriber::set_global_default(subscriber).unwrap();
            log
        });
        &LOG
    }

    /// How many lines on the Redis at `url` hold `part`.
    fn lines_with(&self, url: &str, part: &str) -> usize {
        let address = url.rsplit(['/', '@']).next().unwrap();
        let log = self.0.lock().unwrap();
        let log = String::from_utf8_lossy(&log);
        log.lines()
            .filter(|line| line.contains(address) && line.contains(part))
            .count()
    }
}

async fn in_redis(url: &str, options: &CacheOptions) -> Cache {
    Log::of_all();
    Cache::in_redis(url, options).await.unwrap()
}

#[tokio::test]
async fn servers_of_one_type_share_what_is_cached_in_redis() {
    let redis = Service::up("redis");
    let work = Work::new();
    let one = in_redis(&redis.url, &OPTIONS).await;
    let other = in_redis(&redis.url, &OPTIONS).await;
    assert_eq!(content(work.ask(&one, "all").await)["times"], 0);
    assert_eq!(content(work.ask(&other, "all").await)["times"], 0);
    assert_eq!(other.hits_and_misses(), (1, 0));
    // Results name the type of their server.
    let stranger = CacheOptions {
        server_type: "test-smol",
        ..OPTIONS
    };
    let stranger = in_redis(&redis.url, &stranger).await;
    assert_eq!(content(work.ask(&stranger, "all").await)["times"], 1);

    let mut connection = connect(&redis.url).await;
    let keys: Vec<String> = connection.keys("mcp-transport-lab:cache:*").await.unwrap();
    assert_eq!(keys.len(), 2, "{keys:?}");
    for key in &keys {
        let ttl: i64 = connection.ttl(key).await.unwrap();
        assert!((50..=60).contains(&ttl), "{key}: {ttl}");
    }

    // What somebody else has put there is not passed on.
    for key in &keys {
        let () = connection
            .set(key, "{\"content\":[]}\n{\"jsonrpc\":")
            .await
            .unwrap();
    }
    assert_eq!(content(work.ask(&one, "all").await)["times"], 2);

    one.forget(TOOL, &"all").await;
    assert_eq!(content(work.ask(&other, "all").await)["times"], 3);
}

#[tokio::test]
async fn callers_at_once_share_work_before_redis_too() {
    let redis = Service::up("redis");
    let cache = in_redis(&redis.url, &OPTIONS).await;
    let work = Work::held();
    let mut asking: Vec<_> = (0..50).map(|_| Box::pin(work.ask(&cache, "all"))).collect();
    for ask in &mut asking {
        assert!(poll!(ask).is_pending());
    }
    work.let_go();
    for answer in join_all(asking).await {
        assert_eq!(content(answer)["times"], 0);
    }
    assert_eq!(work.times(), 1);
}

#[tokio::test]
async fn without_its_redis_a_server_serves_and_says_so_once() {
    let redis = Service::up("redis");
    let log = Log::of_all();
    let cache = in_redis(&redis.url, &OPTIONS).await;
    let work = Work::new();
    content(work.ask(&cache, "before").await);
    assert_eq!(log.lines_with(&redis.url, "cache's Redis"), 0);

    redis.kill();
    for number in 0..200 {
        let begun = Instant::now();
        let answer = content(work.ask(&cache, "away").await);
        assert_eq!(answer["times"], 1 + number);
        assert!(begun.elapsed() < Duration::from_secs(3));
    }
    assert_eq!(log.lines_with(&redis.url, "serving without a cache"), 1);
    assert_eq!(log.lines_with(&redis.url, "is back"), 0);

    redis.start();
    let begun = Instant::now();
    while cache.hits_and_misses().0 == 0 {
        content(work.ask(&cache, "after").await);
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "{:?}",
            cache.hits_and_misses()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(log.lines_with(&redis.url, "serving without a cache"), 1);
    assert_eq!(log.lines_with(&redis.url, "is back"), 1);
}

#[tokio::test]
async fn a_redis_that_hangs_does_not_hold_calls_up_for_long() {
    // It takes connections and says nothing.
    let hanging = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", hanging.local_addr().unwrap());
    let begun = Instant::now();
    let cache = in_redis(&url, &OPTIONS).await;
    let work = Work::new();
    for times in 0..100 {
        assert_eq!(content(work.ask(&cache, "all").await)["times"], times);
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_url_of_something_else_is_refused_without_its_password() {
    for url in [
        "",
        "http://host/",
        "redis:",
        "nonsense",
        "mysql://u:secret@host/",
    ] {
        let refused = Cache::in_redis(url, &OPTIONS)
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains("redis://HOST:PORT"), "{url}: {refused}");
        assert!(!refused.contains("secret"), "{url}: {refused}");
    }
}

async fn connect(url: &str) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}
