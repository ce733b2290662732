//! The formula of the store's content, by hand, and the ids of users.

use std::collections::HashSet;

use workloads::{
    catalog::Product,
    store::{CartItem, Order, content, user_number},
};

#[test]
fn the_cart_of_user_42_by_hand() {
    // 42 mod 5 = 2: three items. 37 x 42 = 1554, and product 1555 has index 1554: 1 + 15.54.
    let item = |product_id, quantity| CartItem {
        product_id,
        quantity,
    };
    let cart = content::cart(42);
    assert_eq!(cart.items, [item(1555, 1), item(1656, 2), item(1757, 3)]);
    // 16.54 + 2 x 17.55 + 3 x 18.56
    assert!((cart.total - 107.32).abs() < 1e-9, "{}", cart.total);
    let last = content::cart(9_999);
    assert_eq!((last.items.len(), last.items[0].product_id), (5, 69_964));
}

#[test]
fn the_newest_order_of_user_42_by_hand() {
    let history: Vec<Order> = content::history(42).collect();
    assert_eq!(history.len(), 20);
    let newest = &history[19];
    assert_eq!(newest.order_id, "order-00042-19");
    assert_eq!(newest.created, "2026-01-20T12:00:42Z");
    // 19 mod 3 = 1: two items. 53 x 42 + 17 x 19 = 2549; 19 mod 3 = 1 makes two pieces, 20 mod 3
    // three.
    let ids: Vec<i64> = newest.items.iter().map(|item| item.product_id).collect();
    assert_eq!(ids, [2550, 2761]);
    // 2 x 26.49 + 3 x 28.60
    assert!((newest.total - 138.78).abs() < 1e-9, "{}", newest.total);
}

#[test]
fn no_two_products_are_equally_popular() {
    let scores: HashSet<u64> = (0..content::POPULAR)
        .map(|i| content::popular(i).score.to_bits())
        .collect();
    assert_eq!(scores.len(), content::POPULAR as usize);
    assert_eq!(content::popular(0).product_id, 1);
}

#[test]
fn everything_in_carts_and_histories_is_in_the_catalogue() {
    let bought = (0..content::CARTS).flat_map(|n| content::cart(n).items);
    let ordered = (0..content::HISTORIES)
        .flat_map(content::history)
        .flat_map(|order| order.items);
    for item in bought.chain(ordered) {
        assert!(Product::by_id(item.product_id).is_some(), "{item:?}");
        assert!((1..=3).contains(&item.quantity), "{item:?}");
    }
}

#[test]
fn a_user_id_is_user_and_five_digits() {
    for (user_id, number) in [
        ("user-00000", 0),
        ("user-00042", 42),
        ("user-99999", 99_999),
    ] {
        assert_eq!(user_number(user_id), Some(number), "{user_id}");
    }
    for user_id in [
        "",
        "user-",
        "user-42",
        "user-000042",
        "user-+0042",
        "User-00042",
        "user-0004\u{664}",
        "bench:user-00042",
    ] {
        assert_eq!(user_number(user_id), None, "{user_id}");
    }
}
