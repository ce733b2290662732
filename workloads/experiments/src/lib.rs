//! The tools of the experiments: each does one piece of work in the ways that a piece of advice
//! compares, so that the advice becomes a figure.
//!
//! [`ExperimentServer`] adds them to [`workloads::DemoServer`], which knows none of them. A file
//! here is one tool: its arguments, its result, the method under `#[tool]`, its work and its tests.
//! The head of the file names the published claim that the tool answers to. A new tool is a file, a
//! field in `State` if it keeps something between calls, and its two lines in `server`.
//!
//! The rules of [`workloads::tools`] hold: limits are stated in the schema and checked in the work,
//! and unknown fields are rejected.

mod error;
pub mod extra;
pub mod json;
mod listing;
mod notify;
mod orders;
mod result;
mod server;
mod token;
mod waits;

use error::ExperimentError;
pub use server::{ExperimentOptions, ExperimentServer};
