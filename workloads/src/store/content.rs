//! What a store holds before the first order: computed from numbers, as the catalogue is.
//!
//! - User `n`, for n from 0 to 9,999, has a cart of 1 + n mod 5 items; item k, from 0, is product
//!   1 + (37 n + 101 k) mod 100,000, in 1 + (n + k) mod 3 pieces.
//! - User `n`, for n from 0 to 999, has 20 orders; order j, from 0 and oldest first, has 1 + j mod 3 items;
//!   item k is product 1 + (53 n + 17 j + 211 k) mod 100,000, in 1 + (j + k) mod 3 pieces. Its time is the
//!   day j + 1 of January 2026, n seconds after noon, UTC, and its name `order-`, n in five digits, `-`, j
//!   in two.
//! - The product with the number p has the score 7,919 p mod 100,003. That is a prime, so scores differ.
//! - Rate counter `n`, for n from 0 to 99, is 0. It counts for all users whose number ends in n.
//!
//! A total is the sum of the catalogue's prices, without tax and shipping.

use super::{Cart, CartItem, Order, Popular};
use crate::catalog::{PRODUCT_COUNT, Product, units};

/// How many users have a cart.
pub const CARTS: u32 = 10_000;

/// How many users have a history.
pub const HISTORIES: u32 = 1_000;

/// How many orders are in each history.
pub const ORDERS_PER_HISTORY: u32 = 20;

/// How many products are in the popularity ranking: all.
pub const POPULAR: u32 = PRODUCT_COUNT;

/// How many rate counters there are.
pub const RATE_COUNTERS: u32 = 100;

/// The creation time of every cart. Redis keeps it beside the cart; no tool reads it.
pub const CART_CREATED: &str = "2026-01-01T00:00:00Z";

/// The expiry time of every cart. Redis keeps it beside the cart; no tool reads it.
pub const CART_EXPIRES: &str = "2027-01-01T00:00:00Z";

/// The id of user `number`.
#[must_use]
pub fn user_id(number: u32) -> String {
    format!("user-{number:05}")
}

/// The cart of user `number`.
#[must_use]
pub fn cart(number: u32) -> Cart {
    let items: Vec<CartItem> = (0..=number % 5)
        .map(|k| CartItem {
            product_id: product_id(37 * number + 101 * k),
            quantity: i64::from(1 + (number + k) % 3),
        })
        .collect();
    let total = total(&items);
    Cart { items, total }
}

/// The history of user `number`, oldest order first.
pub fn history(number: u32) -> impl Iterator<Item = Order> {
    (0..ORDERS_PER_HISTORY).map(move |j| {
        let items: Vec<CartItem> = (0..=j % 3)
            .map(|k| CartItem {
                product_id: product_id(53 * number + 17 * j + 211 * k),
                quantity: i64::from(1 + (j + k) % 3),
            })
            .collect();
        Order {
            created: format!(
                "2026-01-{day:02}T12:{minute:02}:{second:02}Z",
                day = j + 1,
                minute = number / 60 % 60,
                second = number % 60
            ),
            total: total(&items),
            items,
            order_id: format!("order-{number:05}-{j:02}"),
            user_id: user_id(number),
        }
    })
}

/// The ranking's entry for the product with `index`, which is one less than its id.
#[must_use]
pub fn popular(index: u32) -> Popular {
    let product_id = product_id(index);
    Popular {
        product_id,
        score: (product_id * 7_919 % 100_003) as f64,
    }
}

/// The rate counter that user `number` counts on.
#[must_use]
pub const fn rate_counter(number: u32) -> u32 {
    number % RATE_COUNTERS
}

fn product_id(index: u32) -> i64 {
    i64::from(1 + index % PRODUCT_COUNT)
}

/// The price of `items` in the catalogue, in units, before tax and shipping.
#[must_use]
pub fn total(items: &[CartItem]) -> f64 {
    let cents = items.iter().map(|item| {
        Product::by_id(item.product_id).map_or(0, |product| product.price_cents * item.quantity)
    });
    units(cents.sum())
}
