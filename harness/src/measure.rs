//! The run: builds and starts what is measured, puts load on it trial by trial, reads what it cost,
//! and records it.

mod ask;
pub mod backends;
pub mod bench;
pub mod build;
mod count;
mod describe;
pub mod doubts;
mod foreign;
pub mod meet;
mod order;
mod processes;
pub mod profile;
pub mod progress;
pub mod resume;
mod row;
pub mod run;
pub mod samples;
pub mod setup;
mod slots;
pub mod target;
pub mod trial;
pub mod window;
