//! The keys of the public v2 benchmark.

use crate::store::content::user_id;

/// How all keys begin, as a pattern.
pub(super) const PATTERN: &str = "bench:*";

/// The sorted set of products by popularity.
pub(super) const POPULAR: &str = "bench:popular";

const CART: &str = "bench:cart:";
const HISTORY: &str = "bench:history:";
const RATE_COUNTER: &str = "bench:ratelimit:";
const PRODUCT: &str = "product:";

/// A hash: `user_id`, `items` as JSON, `created`, `expires`, `total`.
pub(super) fn cart(user_id: &str) -> String {
    format!("{CART}{user_id}")
}

/// A list of orders as JSON, oldest first.
pub(super) fn history(user_id: &str) -> String {
    format!("{HISTORY}{user_id}")
}

/// A counter.
pub(super) fn rate_counter(number: u32) -> String {
    format!("{RATE_COUNTER}{}", user_id(number))
}

/// A member of [`POPULAR`].
pub(super) fn product(id: i64) -> String {
    format!("{PRODUCT}{id}")
}

/// The product that a member of [`POPULAR`] stands for.
pub(super) fn product_id(member: &str) -> Option<i64> {
    member.strip_prefix(PRODUCT)?.parse().ok()
}

/// Whether `key` belongs to the store. Keys of others may begin like these.
pub(super) fn is_ours(key: &str) -> bool {
    let families = [CART, HISTORY, RATE_COUNTER];
    key == POPULAR || families.iter().any(|family| key.starts_with(family))
}
