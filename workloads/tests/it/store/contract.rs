//! What holds for every engine.

use std::{collections::HashSet, future::poll_fn, task::Poll, time::Duration};

use workloads::{
    storage::StorageError,
    store::{CartItem, Order, Popular, Store},
};

use super::support::{USER, every_store, order, ranking};

/// The score of `product_id` in a ranking of everything.
async fn score(store: &Store, product_id: i64) -> f64 {
    let ranking = ranking(store).await;
    let found = ranking
        .iter()
        .find(|popular| popular.product_id == product_id);
    found.unwrap().score
}

/// Numbers that are sums of small whole numbers are exact.
#[expect(clippy::float_cmp, reason = "scores are whole numbers")]
fn assert_scores(engine: &str, scores: [f64; 2], expected: [f64; 2]) {
    assert_eq!(scores, expected, "{engine}");
}

#[tokio::test]
async fn a_cart_is_what_the_formula_says() {
    for fixture in every_store().await {
        let (engine, store) = (fixture.engine, fixture.store);
        let cart = store.cart(USER).await.unwrap().unwrap();
        let items: Vec<(i64, i64)> = cart
            .items
            .iter()
            .map(|item| (item.product_id, item.quantity))
            .collect();
        assert_eq!(items, [(1555, 1), (1656, 2), (1757, 3)], "{engine}");
        // 16.54 + 2 x 17.55 + 3 x 18.56, in cents.
        assert!((cart.total * 100.0 - 10_732.0).abs() < 1e-6, "{engine}");
        assert!(
            store.cart("user-00000").await.unwrap().is_some(),
            "{engine}"
        );
        assert!(
            store.cart("user-09999").await.unwrap().is_some(),
            "{engine}"
        );
        assert_eq!(store.cart("user-10000").await.unwrap(), None, "{engine}");
        assert_eq!(store.cart("nobody").await.unwrap(), None, "{engine}");
    }
}

#[tokio::test]
async fn a_history_comes_newest_first() {
    for fixture in every_store().await {
        let (engine, store) = (fixture.engine, fixture.store);
        let newest = store.history(USER, 5).await.unwrap();
        let ids: Vec<&str> = newest.iter().map(|order| order.order_id.as_str()).collect();
        let expected = [19, 18, 17, 16, 15].map(|j| format!("order-00042-{j}"));
        assert_eq!(ids, expected, "{engine}");
        assert_eq!(newest[0].created, "2026-01-20T12:00:42Z", "{engine}");
        assert_eq!(newest[0].user_id, USER, "{engine}");
        assert_eq!(newest[0].items.len(), 2, "{engine}");
        assert_eq!(
            store.history(USER, 1_000).await.unwrap().len(),
            20,
            "{engine}"
        );
        assert_eq!(store.history(USER, 0).await.unwrap(), [], "{engine}");
        assert_eq!(
            store.history("user-00999", 99).await.unwrap().len(),
            20,
            "{engine}"
        );
        assert_eq!(
            store.history("user-01000", 99).await.unwrap(),
            [],
            "{engine}"
        );
    }
}

#[tokio::test]
async fn the_ranking_is_highest_first() {
    for fixture in every_store().await {
        let (engine, store) = (fixture.engine, fixture.store);
        // Independently of the product's code: every score is the number's residue, so sorting them
        // will do.
        let mut expected: Vec<(i64, i64)> =
            (1..=100_000).map(|id| (id * 7_919 % 100_003, id)).collect();
        expected.sort_unstable_by(|a, b| b.cmp(a));
        let all = ranking(&store).await;
        assert_eq!(all.len(), 100_000, "{engine}");
        for (popular, (score, product_id)) in all.iter().zip(expected) {
            assert_eq!(popular.product_id, product_id, "{engine}");
            assert!((popular.score - score as f64).abs() < 0.5, "{engine}");
        }
        assert_eq!(store.popular(10).await.unwrap(), all[..10], "{engine}");
        assert_eq!(store.popular(0).await.unwrap(), [], "{engine}");
    }
}

#[tokio::test]
async fn an_order_is_appended_counted_and_makes_popular() {
    for fixture in every_store().await {
        let (engine, store) = (fixture.engine, fixture.store);
        let before = [score(&store, 42).await, score(&store, 1337).await];
        assert_eq!(
            store.record_order(&order("a")).await.unwrap(),
            1,
            "{engine}"
        );
        assert_eq!(
            store.record_order(&order("b")).await.unwrap(),
            2,
            "{engine}"
        );
        let newest = store.history(USER, 3).await.unwrap();
        assert_eq!(newest[..2], [order("b"), order("a")], "{engine}");
        assert_eq!(newest[2].order_id, "order-00042-19", "{engine}");
        let after = [score(&store, 42).await, score(&store, 1337).await];
        assert_scores(engine, after, [before[0] + 4.0, before[1] + 2.0]);
        // One counter for all whose number ends in 42, and another one for 43.
        for (user_id, count) in [("user-00142", 3), ("user-99942", 4), ("user-00043", 1)] {
            let order = Order {
                user_id: user_id.to_owned(),
                ..order("c")
            };
            assert_eq!(
                store.record_order(&order).await.unwrap(),
                count,
                "{engine} {user_id}"
            );
            assert_eq!(
                store.history(user_id, 1).await.unwrap(),
                [order],
                "{engine}"
            );
        }
    }
}

#[tokio::test]
async fn equal_scores_come_in_redis_s_order() {
    for fixture in every_store().await {
        let (engine, store) = (fixture.engine, fixture.store);
        let mut items = Vec::new();
        for product_id in [9, 10, 99_999] {
            items.push(CartItem {
                product_id,
                quantity: 1_000_000 - product_id * 7_919 % 100_003,
            });
        }
        // Twice in one order counts twice.
        let last = items.pop().unwrap();
        for quantity in [1, last.quantity - 1] {
            items.push(CartItem { quantity, ..last });
        }
        let order = Order {
            items,
            ..order("ties")
        };
        store.record_order(&order).await.unwrap();
        let tie = |product_id| Popular {
            product_id,
            score: 1_000_000.0,
        };
        let highest = store.popular(3).await.unwrap();
        assert_eq!(highest, [tie(99_999), tie(9), tie(10)], "{engine}");
    }
}

#[tokio::test]
async fn an_order_without_a_user_is_refused_and_leaves_nothing() {
    for fixture in every_store().await {
        let (engine, store) = (fixture.engine, fixture.store);
        let nobody = Order {
            user_id: "user-42".to_owned(),
            ..order("x")
        };
        let refused = store.record_order(&nobody).await.unwrap_err();
        assert!(matches!(refused, StorageError::UserId { .. }), "{refused}");
        assert!(refused.to_string().contains("user-00042"), "{refused}");
        assert!(!refused.may_have_written());
        assert_eq!(store.history("user-42", 9).await.unwrap(), [], "{engine}");
        assert_eq!(
            store.record_order(&order("y")).await.unwrap(),
            1,
            "{engine}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_orders_at_once_are_counted_once_each() {
    for fixture in every_store().await {
        let (engine, store) = (fixture.engine, fixture.store);
        let calls: Vec<_> = (0..50)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move { store.record_order(&order(&n.to_string())).await })
            })
            .collect();
        let mut counts = HashSet::new();
        for call in calls {
            counts.insert(call.await.unwrap().unwrap());
        }
        assert_eq!(counts, (1..=50).collect(), "{engine}");
        let history = store.history(USER, 1_000).await.unwrap();
        assert_eq!(history.len(), 20 + 50, "{engine}");
    }
}

/// What `call` gives, unless it is not done after being polled `polls` times; then the others get
/// `turns` before it is dropped.
async fn dropped_after<T>(call: impl Future<Output = T>, polls: usize, turns: usize) -> Option<T> {
    let mut call = Box::pin(call);
    let mut polled = 0;
    let done = poll_fn(|context| {
        polled += 1;
        match call.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polled == polls => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    if done.is_none() {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
    done
}

/// However far a call has come when it is dropped: history, ranking and counter agree.
#[tokio::test]
async fn a_dropped_call_has_recorded_all_or_nothing() {
    for fixture in every_store().await {
        let (engine, store) = (fixture.engine, fixture.store);
        let before = score(&store, 42).await;
        let mut finished = 0;
        let mut dropped = 0;
        for (polls, turns) in (1..=12).flat_map(|polls| (0..8).map(move |turns| (polls, turns))) {
            let order = order(&format!("{polls}/{turns}"));
            match dropped_after(store.record_order(&order), polls, turns).await {
                Some(count) => finished += count.map(|_| 1).unwrap(),
                None => dropped += 1,
            }
        }
        assert!(
            finished > 0 && dropped > 0,
            "{engine}: {finished} finished, {dropped} dropped"
        );
        // Whatever was sent arrives.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let count = store.record_order(&order("last")).await.unwrap();
        assert!(
            count > finished,
            "{engine}: {count} counted, {finished} finished"
        );
        let history = store.history(USER, 1_000).await.unwrap();
        assert_eq!(
            i64::try_from(history.len()).unwrap(),
            20 + count,
            "{engine}"
        );
        let after = score(&store, 42).await;
        assert_scores(engine, [after, 0.0], [before + 2.0 * count as f64, 0.0]);
    }
}
