//! From a command line to a running server: flags, wiring, telemetry, signals.
//!
//! A binary names a transport and a runtime and calls [`main`]; everything else is the same text
//! for all of them. What the transports and the tools do is in their own crates.

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod burn;
mod flags;
mod floor;
mod floor_epoll;
mod run;
mod signals;
mod telemetry;
mod transport;

pub use self::{
    floor::main as floor,
    floor_epoll::main as floor_epoll,
    run::main,
    transport::{
        EventStream, HttpJson, HttpStream, Json, Kind, Sse, Stdio, StreamableHttp, Transport,
    },
};
