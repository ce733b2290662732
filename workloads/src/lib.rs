//! The work that the servers are measured by: one tool set, and what it stands on.
//!
//! [`DemoServer`] is an ordinary rmcp server. Its tools, one file each in [`tools`], echo, compute,
//! query SQL ([`database`]), call a catalogue API ([`catalog_client`]) and record orders
//! ([`store`]). All of them serve the same products, which [`catalog`] makes by formula.
//!
//! This crate knows no transport. Of the async runtime it uses what [`transports::runtime::Handle`]
//! offers: to wait, and to run work that blocks.

pub mod cache;
pub mod catalog;
pub mod catalog_client;
pub mod database;
mod demo_server;
pub mod pool;
#[cfg(feature = "redis")]
mod redis_link;
pub mod session_store;
pub mod storage;
pub mod store;
pub mod tools;

pub use demo_server::{AppState, CpuOffload, CpuWork, DemoServer};
