//! The work that the servers are measured by: one tool set, and what it stands on.
//!
//! [`DemoServer`] is an ordinary rmcp server whose tools echo, compute, query SQL ([`database`]) and fetch
//! from an upstream API ([`catalog_client`]); [`upstream_api`] is that API's own small server. All of them
//! serve the same products, which [`catalog`] makes by formula. What users buy is in the [`store`].
//!
//! No transport is known here. Of the async runtime the tools know what
//! [`transports::runtime::Handle`] offers: to wait, and to block somewhere harmless.

pub mod cache;
pub mod catalog;
pub mod database;
mod demo_server;
pub mod lessons;
pub mod tuning;
pub mod pool;
pub mod store;
pub mod tools;
pub mod catalog_client;
pub mod upstream_api;

pub use demo_server::{DemoServer, AppState};
