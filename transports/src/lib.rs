//! How bytes become MCP tool calls and back.
//!
//! A transport ([`stdio`], [`sse`], [`streamable`]) carries the messages of any rmcp service. A
//! [`runtime`] gives it sockets, time and threads. [`supervise`] keeps the panic or delay of one
//! call away from all others, and asks a hook before a tool runs. [`admission`] bounds what all calls
//! use at once. [`telemetry`] observes the calls, with [`metrics`] and [`spans`]. [`shutdown`] tells
//! it when to stop. [`Limits`] bound what clients may take. This crate knows no tool and no flag.

pub mod admission;
pub mod conversation;
pub mod fast_path;
mod handshake;
pub mod http;
mod in_flight;
mod limits;
mod log_limit;
pub mod metrics;
mod outgoing;
mod presence;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod rejection;
pub mod runtime;
mod session_id;
pub mod shutdown;
pub mod spans;
pub mod sse;
pub mod stdio;
pub mod streamable;
pub mod supervise;
pub mod telemetry;
mod timed_body;

pub use self::limits::Limits;
