//! What servers do when what they stand on fails: real services that are killed and come back, and an
//! upstream that misbehaves in every way it can. Through the front door, under load:
//!
//! - every call is answered within its limit, rightly or with an in-band error that names the service;
//! - two seconds after the service is back, every call is answered rightly;
//! - nothing panics, and no descriptor and no memory is left behind.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy knows tests by their attribute alone"
)]

mod callers;
mod footprint;
#[path = "../front_door"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the front door's own tests use the rest"
)]
mod front_door {
    pub(crate) mod common;
}
mod killed;
#[path = "../../../workloads/tests/services/mod.rs"]
mod services;
mod subjects;
mod upstream;
mod upstreams;

use front_door::common;
