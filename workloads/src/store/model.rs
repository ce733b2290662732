//! What the store holds, in the terms of the tools. The members are in the order of their names, as in
//! every result of a tool.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// So many pieces of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CartItem {
    /// The product's number, from 1.
    pub product_id: i64,
    /// How many pieces, from 1.
    pub quantity: i64,
}

/// What a user is about to buy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cart {
    /// What is in it, in the order in which it was put there.
    pub items: Vec<CartItem>,
    /// What the items cost together, in units of the currency, before tax and shipping.
    pub total: f64,
}

/// What a user has bought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// When, as RFC 3339 has it.
    pub created: String,
    /// What.
    pub items: Vec<CartItem>,
    /// The order's name.
    pub order_id: String,
    /// What the items cost together, in units of the currency, before tax and shipping.
    pub total: f64,
    /// Who: `user-` and five digits.
    pub user_id: String,
}

/// A product in the ranking.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Popular {
    /// The product's number, from 1.
    pub product_id: i64,
    /// The higher, the more popular.
    pub score: f64,
}

/// How far a seeding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being put there, for people: `carts`, for instance.
    pub what: &'static str,
    /// How many of them have been looked at.
    pub done: u32,
    /// How many there are.
    pub total: u32,
}

/// The number in `user_id`, if it is a user's id: `user-` and five digits.
#[must_use]
pub fn user_number(user_id: &str) -> Option<u32> {
    let digits = user_id.strip_prefix("user-")?;
    let is_number = digits.len() == 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
