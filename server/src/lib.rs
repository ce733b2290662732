//! From a tool set to a server program: flags, limits, transports, runtimes, logging, signals.
//!
//! A tool set is an [`App`]: ordinary rmcp code, its own flags, and one line of [`fast_tools!`].
//! [`main`] makes a program of it, for the transport and the runtime that two types name:
//!
//! ```no_run
//! # use server::{App, HttpJson, Tokio};
//! # fn program<MyApp: App>() -> std::process::ExitCode {
//! server::main::<HttpJson, Tokio, MyApp>()
//! # }
//! ```
//!
//! `examples/minimal.rs` is a whole server. A crate of your own depends on `server`, `rmcp`,
//! `clap`, `anyhow`, `serde` and `schemars`. This library knows no tool.
//!
//! A program that serves HTTP but not MCP builds on [`process::run`] and [`transport::listen`].

mod app;
mod command;
pub mod flags;
mod memory;
#[cfg(feature = "otlp")]
mod otlp;
pub mod process;
mod telemetry;
pub mod transport;

pub use rmcp;
pub use transports::{
    Limits,
    admission::{Admission, NotAdmitted, Stop},
    fast_path::{FastResult, FastTools, SerializedResult},
    fast_tools, http,
    metrics::{self, Metrics},
    runtime,
    shutdown::Shutdown,
    supervise::{CallHook, Supervised, ToolCall},
};

#[cfg(feature = "async-std")]
pub use transports::runtime::AsyncStd;
#[cfg(feature = "percore")]
pub use transports::runtime::PerCore;
#[cfg(feature = "smol")]
pub use transports::runtime::Smol;
#[cfg(feature = "tokio")]
pub use transports::runtime::Tokio;

pub use self::{
    app::{App, Context, main, main_with},
    transport::{HttpJson, HttpStream, Sse, Stdio, Transport},
};
