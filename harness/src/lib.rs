//! Asks the questions: which subjects, which suites, how much load; what was answered, how fast, at
//! which price.
//!
//! `config` holds the files that come in, `results` those of a run's folder, `load` the load
//! engine, `chaos` what is done to servers under load, `host` what the system tells, `run` the run
//! and its processes, `stats` what trials say and how surely, `analysis` the comparisons, `render`
//! the tables, `report` the page that people look at, `schema` their JSON Schemas, and `cli` the
//! verbs of the command line. The crate knows servers by their wire only.

pub mod analysis;
mod chaos;
pub mod cli;
pub mod config;
pub mod host;
pub mod interrupt;
pub mod load;
pub mod project;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod render;
mod report;
pub mod results;
mod run;
pub mod schema;
pub mod stats;
