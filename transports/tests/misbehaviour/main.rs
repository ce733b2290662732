//! Tools that panic, hang or never end, over every transport: each costs its own call an in-band
//! error and nobody else anything. Clients that stall, leave or talk out of turn cost nobody
//! anything either.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value,
    reason = "in a test a surprise is a failure, and `json!` makes values"
)]

mod client;
mod network;
mod server;
mod stdio;
