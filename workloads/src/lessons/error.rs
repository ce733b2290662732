//! What a lesson says when it cannot be given.

use super::token::MAX_TOKEN_BYTES;

/// Why a lesson failed, in words that the caller can act on.
#[derive(Debug, thiserror::Error)]
pub enum LessonError {
    /// The server was started without lessons.
    #[error("this server gives no lessons; start it with --lessons on")]
    Off,
    /// The server was started without Redis.
    #[error(
        "this server has no Redis to publish through; start it with --store-url redis://HOST:PORT, \
         or ask for via \"memory\""
    )]
    NoRedis,
    /// The URL of Redis is not one.
    #[error("the URL of Redis is not valid ({0}); give --store-url redis://HOST:PORT")]
    RedisUrl(String),
    /// Redis does not answer as it should.
    #[error("cannot {doing} to Redis at {url}: {reason}; start it, or ask for via \"memory\"")]
    Redis {
        /// Where, without a password.
        url: String,
        /// What was being done.
        doing: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// The connection to Redis ended.
    #[error(
        "the connection to Redis ended while notification {at} of {messages} was on its way; ask again"
    )]
    Interrupted {
        /// Which one, from 1.
        at: i64,
        /// Of how many.
        messages: i64,
    },
    /// A notification was published and never came.
    #[error(
        "notification {at} of {messages} was published and did not arrive within {waited_s} s; ask again"
    )]
    Lost {
        /// Which one, from 1.
        at: i64,
        /// Of how many.
        messages: i64,
        /// How long it was waited for, in seconds.
        waited_s: u64,
    },
    /// The token is not one that could stand in a header.
    #[error(
        "a token is 1 to {MAX_TOKEN_BYTES} characters out of A-Z a-z 0-9 - . _ ~ + / and = (RFC 6750, section 2.1); \
         try lesson-00042"
    )]
    Token,
    /// The upstream answered, but not with what was asked for.
    #[error(
        "the upstream answered {url} with HTTP {status} and not with {wanted}; is it this project's `upstream`?"
    )]
    Unexpected {
        /// What was fetched.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What was wanted.
        wanted: &'static str,
    },
    /// A parser did not understand the document.
    #[error("the document could not be read: {0}; this is a defect of the server, not of the call")]
    Unreadable(String),
    /// A size of chunks that nobody sends.
    #[error(
        "chunk_bytes must be 0 (the result whole) or from {min} to {max}, not {value}; choose one of these"
    )]
    ChunkBytes {
        /// What it was.
        value: i64,
        /// The smallest chunk.
        min: i64,
        /// The largest chunk.
        max: i64,
    },
    /// More extra tools than there are.
    #[error(
        "there are {max} extra tools, not {wanted}; give --extra-tools a number from 0 to {max}"
    )]
    ExtraTools {
        /// How many were wanted.
        wanted: usize,
        /// How many there are.
        max: usize,
    },
}
