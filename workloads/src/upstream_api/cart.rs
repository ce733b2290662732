//! The cart: what a list of products costs in the end.

use serde::{Deserialize, Serialize};

use super::reply::Problem;
use crate::catalog::{PRODUCT_COUNT, Product, units};

/// The most entries that a cart may have.
pub const MAX_ITEMS: usize = 100;
/// The most pieces that one entry of a cart may have.
pub const MAX_QUANTITY: i64 = 1_000;
/// From this subtotal on, shipping is free and there is a discount.
const GENEROUS_FROM_CENTS: i64 = 10_000;
const DISCOUNT_PERCENT: i64 = 10;
const TAX_PER_MILLE: i64 = 85;
const SHIPPING_CENTS: i64 = 599;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cart {
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    product_id: i64,
    quantity: i64,
}

/// What a cart costs, in units.
#[derive(Debug, Serialize, PartialEq)]
pub(super) struct Calculation {
    items_count: usize,
    subtotal: f64,
    discount: f64,
    tax: f64,
    shipping: f64,
    total: f64,
}

/// Reads a cart and adds it up.
pub(super) fn calculate(body: &[u8]) -> Result<Calculation, Problem> {
    let cart: Cart = serde_json::from_slice(body).map_err(|error| {
        Problem::bad(format!(
            "the body is no cart: {error}; send {{\"items\":[{{\"product_id\":42,\"quantity\":2}}]}}"
        ))
    })?;
    if cart.items.is_empty() || cart.items.len() > MAX_ITEMS {
        let count = cart.items.len();
        return Err(Problem::bad(format!(
            "a cart holds 1 to {MAX_ITEMS} items, not {count}"
        )));
    }
    let mut subtotal_cents = 0;
    for item in &cart.items {
        subtotal_cents += price_cents(item)?;
    }
    Ok(total(cart.items.len(), subtotal_cents))
}

fn price_cents(item: &Item) -> Result<i64, Problem> {
    let Item {
        product_id,
        quantity,
    } = *item;
    if !(1..=MAX_QUANTITY).contains(&quantity) {
        return Err(Problem::bad(format!(
            "quantity must be a whole number from 1 to {MAX_QUANTITY}, not {quantity}"
        )));
    }
    let product = Product::by_id(product_id).ok_or_else(|| no_product(product_id))?;
    Ok(product.price_cents * quantity)
}

/// The discount comes off first; tax is on what is left. Amounts are rounded half up to cents.
fn total(items_count: usize, subtotal_cents: i64) -> Calculation {
    let generous = subtotal_cents >= GENEROUS_FROM_CENTS;
    let discount = if generous {
        share(subtotal_cents, DISCOUNT_PERCENT * 10)
    } else {
        0
    };
    let shipping = if generous { 0 } else { SHIPPING_CENTS };
    let tax = share(subtotal_cents - discount, TAX_PER_MILLE);
    Calculation {
        items_count,
        subtotal: units(subtotal_cents),
        discount: units(discount),
        tax: units(tax),
        shipping: units(shipping),
        total: units(subtotal_cents - discount + tax + shipping),
    }
}

fn share(cents: i64, per_mille: i64) -> i64 {
    (cents * per_mille + 500) / 1_000
}

/// 404 for a product that is not there.
pub(super) fn no_product(id: impl std::fmt::Display) -> Problem {
    Problem::not_found(format!(
        "there is no product {id}; ids run from 1 to {PRODUCT_COUNT}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_the_threshold_shipping_is_paid() {
        // 2 x 1.41 + 14.36 = 17.18; 8.5% of it is 1.4603; and 5.99.
        let body =
            br#"{"items":[{"product_id":42,"quantity":2},{"product_id":1337,"quantity":1}]}"#;
        let expected = Calculation {
            items_count: 2,
            subtotal: 17.18,
            discount: 0.0,
            tax: 1.46,
            shipping: 5.99,
            total: 24.63,
        };
        assert_eq!(calculate(body).unwrap(), expected);
    }

    #[test]
    fn from_a_hundred_on_it_is_free_and_there_is_a_discount() {
        // 100.00 - 10.00 = 90.00; 8.5% of it is 7.65.
        let at = total(1, 10_000);
        assert_eq!(
            (at.discount, at.tax, at.shipping, at.total),
            (10.0, 7.65, 0.0, 97.65)
        );
        // 99.99: tax 8.49915.
        let below = total(1, 9_999);
        assert_eq!(
            (below.discount, below.tax, below.shipping, below.total),
            (0.0, 8.5, 5.99, 114.48)
        );
    }
}
