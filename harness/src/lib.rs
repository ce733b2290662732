//! Asks the questions: which subjects, which suites, how much load; what was answered, how fast, at
//! which price.
//!
//! `format` holds the files, `load` the load engine, `host` what the system tells, `process` the
//! children, `measure` the run, `stats` what trials say and how surely, `report` the tables and
//! comparisons, `schema` their JSON Schemas, and `cmd` the verbs of the command line. The crate
//! knows servers by their wire only.

pub mod cmd;
pub mod format;
pub mod host;
pub mod interrupt;
pub mod load;
pub mod measure;
pub mod process;
pub mod report;
pub mod schema;
pub mod stats;
