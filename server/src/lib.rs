//! From a command line to a running server: flags, wiring, telemetry, signals.
//!
//! A binary names a transport and a runtime and calls [`main`]; everything else is the same text
//! for all of them. What the transports and the tools do is in their own crates.

mod flags;
mod floor;
mod run;
mod signals;
mod telemetry;
mod transport;

pub use self::{
    floor::main as floor,
    run::main,
    transport::{HttpJson, HttpStream, Sse, Stdio, Transport},
};
