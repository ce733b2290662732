//! What the extra tools are about: fifteen kinds of records of an invented business, each with fields
//! as its API would describe them.

mod office;
mod operations;

use super::Entity;

const CURRENCIES: &[&str] = &["EUR", "USD", "GBP", "JPY", "CHF"];

/// The kinds of records. There is an extra tool for each of them and each verb.
const ENTITIES: [&[Entity]; 2] = [office::OFFICE, operations::OPERATIONS];

/// How many kinds there are.
pub(super) const COUNT: usize = ENTITIES[0].len() + ENTITIES[1].len();

/// Every kind, in an order that does not change.
pub(super) fn all() -> impl Iterator<Item = &'static Entity> {
    ENTITIES.into_iter().flatten()
}
