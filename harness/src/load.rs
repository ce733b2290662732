//! The load engine: calls a subject's tools over its own transport, checks every answer, and times
//! the right ones.
//!
//! It is an instrument and must not be what is measured: an epoll loop on each thread (one, unless
//! more are asked for), requests built before the run with only the JSON-RPC id overwritten in
//! place, and in the steady state one `write`, one `read` and no allocation for a call. The calling
//! thread is the load thread: pin it before calling [`run()`]; the other threads inherit its
//! cores.
//!
//! The first answers of an exchange are parsed and compared with its [`Check`]s; an answer
//! that has the same bytes but for the id is right too; any other is parsed and compared again.
//!
//! Left to the caller: starting and pinning the subject, reading `/proc` (see [`Moment`]),
//! statistics and reports. This module imports nothing from the rest of the crate.

mod checker;
mod clients;
mod disturb;
mod driver;
mod errors;
mod expect;
mod http1;
mod message;
mod outcome;
mod plan;
mod poller;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod recorder;
mod requests;
mod run;
mod schedule;
mod transport;
mod verify;

pub use disturb::{Disturbance, Disturbed, Disturber};
pub use errors::{CallError, ErrorKind, Errors, LoadError, Tally};
pub use expect::{Check, JsonType, Rule};
pub use outcome::{Ended, Outcome, StepOutcome};
pub use plan::{
    Address, Arrivals, DEFAULT_CALL_TIMEOUT, Exchange, MAX_CLIENTS, MAX_THREADS, Moment, Pace,
    Plan, Sessions, Shape, Target,
};
pub use requests::{Revision, UnknownRevision};
pub use run::{run, run_each};
pub use verify::{Options, Verification, Verified, verify};
