//! The load engine: asks a subject over its own wire, checks every answer, and times the right ones.
//!
//! It is an instrument and must not be what is measured: an epoll loop on each thread (one, unless more are asked for), requests built before the run
//! with only the JSON-RPC id overwritten in place, and in the steady state one `write`, one `read` and no allocation
//! for a call. The calling thread is the load thread: pin it before calling [`run()`]; the
//! others of [`run_on()`] inherit its cores.
//!
//! Every answer is checked. The first answers of an exchange are parsed and held against its [`Expectation`]; an
//! answer that has the same bytes but for the id is right by construction; any other is parsed and held against it again.
//!
//! Left to the caller: starting and pinning the subject, reading `/proc` (see [`Moment`]), statistics and reports.

mod address;
mod chunks;
mod client;
mod crew;
mod desk;
mod engine;
mod events;
mod expect;
mod head;
mod http;
mod judge;
mod message;
mod outcome;
mod pace;
mod plan;
mod response;
mod revision;
mod run;
mod schedule;
mod score;
mod setup;
mod threads;
mod timer;
mod verify;
mod wire;
mod wording;

pub use address::Address;
pub use expect::{Check, Expectation, JsonType, Rule};
pub use outcome::{CallError, EXAMPLE_CHARS, Ended, ErrorKind, Errors, LoadError, Outcome, Tally};
pub use pace::{Arrivals, Pace};
pub use plan::{
    DEFAULT_CALL_TIMEOUT, Exchange, MAX_CLIENTS, MAX_THREADS, Moment, Plan, Sessions, Shape, Target,
};
pub use revision::{Revision, UnknownRevision};
pub use run::run;
pub use threads::{run_each, run_on};
pub use verify::{Options, Verification, Verified, verify};
