//! How bytes become MCP tool calls and back.
//!
//! A transport ([`stdio`], [`sse`], [`streamable`]) carries the messages of any rmcp service. A
//! [`runtime`] gives it sockets, time and threads. [`supervise`] keeps the panic or delay of one
//! call away from all others, and asks a hook before a tool runs. [`shutdown`] tells it when to
//! stop. [`Limits`] bound what clients may take. This crate knows no tool and no flag.

pub mod conversation;
pub mod fast_path;
mod handshake;
pub mod http;
mod in_flight;
mod limits;
mod log_limit;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod rejection;
pub mod runtime;
pub mod shutdown;
pub mod sse;
pub mod stdio;
pub mod streamable;
pub mod supervise;
mod timed_body;

pub use self::limits::Limits;
