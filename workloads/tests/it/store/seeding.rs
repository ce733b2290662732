//! Seeding and resetting as calls.

use workloads::store::{Progress, Store};

use super::support::{USER, empty_redis_database, every_store, options, order, ranking};

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
    assert_eq!(ranking(&store).await.len(), 100_000);
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
    // 10,000 carts, 1,000 histories, 100 counters, one ranking, and the two that are somebody
    // else's.
    assert_eq!(keys, 11_103);
}
