//! Seeding and resetting, as calls and as the program `seed`.

use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;
use workloads::store::{Progress, Store};

use crate::support::{USER, empty_redis_database, every_store, options, order};

fn seed(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seed"));
    command
        .args(arguments)
        .env_remove("MCP_STORE_URL")
        .stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn seeding_again_changes_nothing_and_resetting_takes_orders_away() {
    for fixture in every_store().await {
        let (engine, store) = (fixture.engine, fixture.store);
        let fresh = store.popular(20).await.unwrap();
        store.record_order(&order("a")).await.unwrap();
        store.seed(|_| {}).await.unwrap();
        assert_eq!(
            store.history(USER, 1).await.unwrap(),
            [order("a")],
            "{engine}"
        );
        assert_eq!(
            store.record_order(&order("b")).await.unwrap(),
            2,
            "{engine}"
        );

        let mut told: Vec<Progress> = Vec::new();
        store.reset(|progress| told.push(progress)).await.unwrap();
        let complete: Vec<(&str, u32)> = told
            .iter()
            .filter(|progress| progress.done == progress.total)
            .map(|progress| (progress.what, progress.total))
            .collect();
        for part in [
            ("carts", 10_000),
            ("histories", 1_000),
            ("products of the ranking", 100_000),
            ("rate counters", 100),
        ] {
            assert!(complete.contains(&part), "{engine}: {complete:?}");
        }
        let history = store.history(USER, 1_000).await.unwrap();
        assert_eq!(history.len(), 20, "{engine}");
        assert_eq!(history[0].order_id, "order-00042-19", "{engine}");
        assert_eq!(store.popular(20).await.unwrap(), fresh, "{engine}");
        assert_eq!(
            store.record_order(&order("c")).await.unwrap(),
            1,
            "{engine}"
        );
    }
}

#[tokio::test]
async fn a_seeding_that_stopped_goes_on_and_other_keys_are_left_alone() {
    let url = empty_redis_database();
    let client = redis::Client::open(url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let store = Store::open(&options(&url)).await.unwrap();
    // Nothing seeds a Redis by itself.
    assert_eq!(store.cart(USER).await.unwrap(), None);
    store.seed(|_| {}).await.unwrap();
    let mut change = redis::pipe();
    change
        .cmd("DEL")
        .arg(&[
            "bench:cart:user-00042",
            "bench:history:user-00007",
            "bench:ratelimit:user-00099",
        ])
        .cmd("ZREM")
        .arg(&["bench:popular", "product:42"])
        .cmd("RPUSH")
        .arg(&["bench:history:user-77777", "left over"])
        .cmd("MSET")
        .arg(&["bench:elsewhere", "1", "other", "2"]);
    change.exec_async(&mut connection).await.unwrap();
    store.seed(|_| {}).await.unwrap();
    assert!(store.cart(USER).await.unwrap().is_some());
    assert_eq!(store.history("user-00007", 99).await.unwrap().len(), 20);
    assert_eq!(store.popular(200_000).await.unwrap().len(), 100_000);
    assert!(
        store
            .history("user-77777", 1)
            .await
            .unwrap_err()
            .to_string()
            .contains("seed --reset")
    );
    store.reset(|_| {}).await.unwrap();
    assert_eq!(store.history("user-77777", 1).await.unwrap(), []);
    let keys: usize = redis::cmd("DBSIZE")
        .query_async(&mut connection)
        .await
        .unwrap();
    // 10,000 carts, 1,000 histories, 100 counters, one ranking, and the two that are somebody else's.
    assert_eq!(keys, 11_103);
}

#[tokio::test]
async fn what_redis_holds_is_under_the_published_keys() {
    let url = empty_redis_database();
    let output = seed(&["--store-url", &url]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    for part in [
        "carts: 10000 of 10000",
        "rate counters: 100 of 100",
        "seeded in",
    ] {
        assert!(said(&output).contains(part), "{}", said(&output));
    }
    let client = redis::Client::open(url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut ask = redis::pipe();
    ask.cmd("HKEYS")
        .arg("bench:cart:user-00042")
        .cmd("LLEN")
        .arg("bench:history:user-00042")
        .cmd("ZSCORE")
        .arg(&["bench:popular", "product:1"])
        .cmd("GET")
        .arg("bench:ratelimit:user-00042");
    let (mut fields, orders, score, counter): (Vec<String>, u32, f64, String) =
        ask.query_async(&mut connection).await.unwrap();
    fields.sort();
    assert_eq!(fields, ["created", "expires", "items", "total", "user_id"]);
    assert_eq!((orders, counter.as_str()), (20, "0"));
    assert!((score - 7_919.0).abs() < 0.5);
}

#[tokio::test]
async fn the_program_resets_what_a_server_has_open() {
    for fixture in every_store().await {
        if fixture.engine == "memory" {
            continue; // Nobody else can reach it.
        }
        fixture.store.record_order(&order("a")).await.unwrap();
        let output = seed(&["--store-url", &fixture.url, "--reset"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("reset in"), "{}", said(&output));
        let count = fixture.store.record_order(&order("b")).await.unwrap();
        assert_eq!(count, 1, "{}", fixture.engine);
    }
}

#[tokio::test]
async fn three_processes_open_one_file_at_once() {
    let folder = TempDir::new().unwrap();
    for round in 0..3 {
        let url = format!(
            "sqlite:{}/not/yet/there/{round}.db",
            folder.path().display()
        );
        let children: Vec<Child> = (0..3)
            .map(|_| seed(&["--store-url", &url]).spawn().unwrap())
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "round {round}: {}", said(&output));
        }
        let store = Store::open(&options(&url)).await.unwrap();
        assert_eq!(store.history("user-00999", 99).await.unwrap().len(), 20);
        assert_eq!(store.popular(200_000).await.unwrap().len(), 100_000);
        store.close().await;
    }
}

#[test]
fn the_program_says_what_is_wrong() {
    for (arguments, code, says) in [
        (vec!["--store"], 2, vec!["--store-url"]),
        (
            vec!["--store-url", "redis:6379"],
            1,
            vec!["\"redis:6379\"", "redis://HOST:PORT"],
        ),
        (
            vec!["--store-url", "redis://u:secret@127.0.0.1:1"],
            1,
            vec!["redis://u:***@127.0.0.1:1", "refused", "Redis"],
        ),
        (
            vec!["--store-url", "sqlite:/proc/no/store.db"],
            1,
            vec!["/proc/no", "--store-url"],
        ),
    ] {
        let output = seed(&arguments).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            said(&output)
        );
        for part in says {
            assert!(
                said(&output).contains(part),
                "{part:?} is missing: {}",
                said(&output)
            );
        }
        assert!(!said(&output).contains("secret"), "{}", said(&output));
    }
}
