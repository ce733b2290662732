//! The tests of the lab's programs.
//!
//! - `front_door`: the programs, bytes in and bytes out; one test for each case and subject.
//! - `differential`: the proof that the fast path answers what rmcp answers.
//! - `clients`: what published clients sent, replayed.
//! - `failures`: services that are killed, and upstreams that misbehave, under load.
//! - `dependencies`: which runtime each program carries.
//! - `layers`: the benchmark, in short.
//! - `memory`: what clients take, and that it is returned.
//! - `telemetry`: Prometheus and a collector of traces beside a server.
//!
//! `cargo test -p lab --no-default-features --features smol --test it front_door` asks the programs
//! of another runtime. The other modules run on tokio, in this process.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy knows tests by their attribute alone"
)]
#![cfg_attr(
    not(feature = "tokio"),
    allow(
        dead_code,
        unused_macros,
        reason = "percore has no stdio, and the tests on tokio use more of what all share"
    )
)]

#[cfg(feature = "tokio")]
mod clients;
mod common;
#[cfg(feature = "tokio")]
mod dependencies;
#[cfg(feature = "tokio")]
mod differential;
#[cfg(feature = "tokio")]
mod failures;
mod front_door;
#[cfg(feature = "tokio")]
mod in_process;
#[cfg(feature = "tokio")]
mod layers;
#[cfg(feature = "tokio")]
mod memory;
#[cfg(feature = "tokio")]
mod telemetry;
