//! How bytes become MCP tool calls and back.
//!
//! A transport ([`stdio`], [`sse`], [`streamable`]) is given any rmcp service and carries its
//! messages; a [`runtime`] gives it sockets, time and threads; [`supervise`] keeps one call's panic or
//! delay from costing anybody else; [`shutdown`] says when to stop. What the tools do is not
//! known here.

mod timed_body;
pub mod conversation;
pub mod fast_path;
pub mod http;
mod in_flight;
mod rejection;
pub mod runtime;
pub mod shutdown;
pub mod sse;
pub mod stdio;
pub mod streamable;
pub mod supervise;
