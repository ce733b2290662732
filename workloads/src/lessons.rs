//! The lesson tools: each does one piece of real work in the ways that a piece of advice compares, so
//! that the advice becomes a figure. Nobody's production server needs them, and they are not served
//! unless they are asked for ([`DemoServer::with_lessons`](crate::DemoServer::with_lessons)).
//!
//! A file here is plain Rust, as in [`crate::tools`], whose rules hold here too: limits are said in the
//! schema and checked in the work, unknown fields are refused, results stand in the order of their
//! members' names. Each head names the published claim that it answers to.
//!
//! What is kept between calls is in [`Lessons`]; what the tools stand on is the lab's.

mod error;
pub mod extra;
pub mod json;
pub mod listing;
pub mod notify;
pub mod orders;
pub mod result;
pub mod token;
mod upstream;
pub mod waits;

use std::sync::Arc;

pub use error::LessonError;

/// What the lessons keep between calls.
#[derive(Debug)]
pub struct Lessons {
    pub(crate) documents: Arc<json::Documents>,
    pub(crate) listings: listing::Listings,
    pub(crate) notices: notify::Notices,
    pub(crate) tokens: token::Tokens,
}

impl Lessons {
    /// Nothing kept yet. `store_url` is the store's: if that is a Redis, `lesson_notify` can publish through it.
    /// Nothing is connected before a call needs it.
    ///
    /// # Errors
    /// When `store_url` names a Redis and is not valid.
    pub fn new(store_url: Option<&str>) -> Result<Self, LessonError> {
        Ok(Self {
            documents: Arc::default(),
            listings: listing::Listings::default(),
            notices: notify::Notices::new(store_url)?,
            tokens: token::Tokens::default(),
        })
    }
}

/// A count as JSON has it.
fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
