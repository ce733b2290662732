//! The products database: what is promised of every engine ([`contract`]), and what is `PostgreSQL`'s own
//! ([`postgres`]), asked of a real server that `scripts/services` starts.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and clippy knows tests by their attribute alone"
)]

#[macro_use]
mod contract;
mod place;
mod postgres;
#[path = "../services/mod.rs"]
mod services;

contract!(
    what_is_found_is_what_the_formula_says,
    opening_again_adds_nothing,
    two_openings_at_once_fill_it_once,
    an_interrupted_seeding_is_completed,
    a_table_that_seeding_never_leaves_is_refused,
    every_size_of_pool_answers_everybody,
    orders_are_the_same_in_every_shape,
    a_closed_database_says_so,
);
