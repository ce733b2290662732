//! What `checkout` is given, and what it takes.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{ToolError, arguments, error::check_range, user_id::UserId};
use crate::{
    catalog::PRODUCT_COUNT,
    store::CartItem,
    upstream_api::{MAX_CART_ITEMS, MAX_CART_QUANTITY},
};

/// The arguments of `checkout`; the defaults are the public benchmark's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CheckoutArguments {
    /// Who buys: `user-` and five digits.
    pub user_id: UserId,
    /// What is bought.
    #[schemars(length(min = 1, max = MAX_CART_ITEMS))]
    pub items: Vec<ItemArgument>,
}

/// So many pieces of one product.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct ItemArgument {
    /// The product's number.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = PRODUCT_COUNT))]
    pub product_id: i64,
    /// How many pieces of it.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = MAX_CART_QUANTITY))]
    pub quantity: i64,
}

impl Default for CheckoutArguments {
    fn default() -> Self {
        let item = |product_id, quantity| ItemArgument {
            product_id,
            quantity,
        };
        Self {
            user_id: UserId::default(),
            items: vec![item(42, 2), item(1_337, 1)],
        }
    }
}

impl CheckoutArguments {
    /// The user and the items, if they are within their limits. What passes here is refused neither by the
    /// upstream nor by the store: one of them alone could refuse it too late.
    pub(super) fn check(self) -> Result<(String, Vec<CartItem>), ToolError> {
        let user_id = self.user_id.check()?;
        let count = self.items.len();
        if !(1..=MAX_CART_ITEMS).contains(&count) {
            return Err(ToolError::ItemCount {
                count,
                max: MAX_CART_ITEMS,
            });
        }
        let items = self.items.into_iter().map(ItemArgument::check);
        Ok((user_id, items.collect::<Result<_, _>>()?))
    }
}

impl ItemArgument {
    fn check(self) -> Result<CartItem, ToolError> {
        let Self {
            product_id,
            quantity,
        } = self;
        check_range("product_id", product_id, 1, PRODUCT_COUNT.into())?;
        check_range("quantity", quantity, 1, MAX_CART_QUANTITY)?;
        Ok(CartItem {
            product_id,
            quantity,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(arguments: Value) -> Result<(String, Vec<CartItem>), String> {
        let arguments: CheckoutArguments =
            serde_json::from_value(arguments).map_err(|error| error.to_string())?;
        arguments.check().map_err(|error| error.to_string())
    }

    #[test]
    fn without_arguments_it_is_the_published_order() {
        let item = |product_id, quantity| CartItem {
            product_id,
            quantity,
        };
        let published = ("user-00042".to_owned(), vec![item(42, 2), item(1_337, 1)]);
        assert_eq!(check(json!({})), Ok(published));
    }

    #[test]
    fn what_is_outside_of_its_limits_is_refused_with_the_value() {
        let items = |product_id: i64, quantity: i64| json!({"items": [{"product_id": product_id, "quantity": quantity}]});
        for (arguments, says) in [
            (json!({"items": []}), "1 to 100 entries, not 0"),
            (
                json!({"items": vec![json!({"product_id": 1, "quantity": 1}); 101]}),
                "1 to 100 entries, not 101",
            ),
            (
                items(0, 1),
                "product_id must be a whole number from 1 to 100000, not 0",
            ),
            (items(100_001, 1), "not 100001"),
            (
                items(1, 0),
                "quantity must be a whole number from 1 to 1000, not 0",
            ),
            (items(1, -1), "not -1"),
            (items(1, 1_001), "not 1001"),
            (
                json!({"items": [{"product_id": 1}]}),
                "missing field `quantity`",
            ),
            (
                json!({"items": [{"product_id": 1, "quantity": 1, "price": 0}]}),
                "unknown field `price`",
            ),
            (
                json!({"items": [{"product_id": 1, "quantity": 1.5}]}),
                "expected a whole number",
            ),
            (json!({"items": {}}), "expected a sequence"),
            (json!({"user_id": "somebody"}), "user-00042"),
            (json!({"user": "user-00042"}), "unknown field `user`"),
        ] {
            let refused = check(arguments.clone()).unwrap_err();
            assert!(refused.contains(says), "{arguments}: {refused}");
        }
    }
}
