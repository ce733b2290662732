//! The load engine against fake servers that follow a script.

mod failures;
mod http;
mod iterations;
mod memory;
mod open;
mod sessions;
mod shape;
mod shared;
mod sse;
mod stdio;
mod support;
