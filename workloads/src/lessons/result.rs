//! `lesson_result`: a large result, whole or in pieces on the way.
//!
//! What is shown: a result that is sent whole reaches its reader when all of it was made and
//! serialised; pieces, as the messages of progress notifications, reach it one by one, and the server
//! never holds more than a piece. Pieces need a client that asked for progress (`_meta.progressToken`)
//! and a reply that may hold more than one message; without the former the result comes whole.
//!
//! Left to others: what notifications cost a transport, and that they are sent
//! ([`crate::DemoServer`]).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::LessonError;
use crate::tools::{ToolError, arguments, check_range};

/// The largest result, in bytes.
pub const MAX_BYTES: i64 = 10_000_000;
/// The smallest piece, in bytes: at most 10,000 notifications a call.
pub const MIN_CHUNK_BYTES: i64 = 1_000;
/// The largest piece, in bytes.
pub const MAX_CHUNK_BYTES: i64 = 1_000_000;

/// What the text consists of, again and again.
const LINE: &str = "All of this text is one line of sixty-four characters, repeated\n";

/// The arguments of `lesson_result`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResultArguments {
    /// How long the text is, in bytes.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = MAX_BYTES))]
    pub bytes: i64,
    /// How long a piece is, in bytes, from 1000, for a caller that takes progress notifications; 0 for the
    /// text in one piece.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_CHUNK_BYTES))]
    pub chunk_bytes: i64,
}

impl Default for ResultArguments {
    fn default() -> Self {
        Self {
            bytes: 1_000_000,
            chunk_bytes: 0,
        }
    }
}

/// The result of `lesson_result`, the first piece of its content. A text that comes whole is the second.
#[derive(Debug, Serialize)]
pub struct ResultSummary {
    /// How long the text is, in bytes.
    pub bytes: i64,
    /// In how many progress notifications it was sent; 0 when it comes whole.
    pub chunks: i64,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
}

impl ResultSummary {
    /// What became of `text`, which was sent in `chunks` notifications.
    #[must_use]
    pub fn new(text: &Text, chunks: i64, server_type: &'static str) -> Self {
        Self {
            bytes: super::whole(text.bytes()),
            chunks,
            server_type,
        }
    }

    /// As JSON.
    #[must_use]
    pub fn text(&self) -> String {
        json!(self).to_string()
    }
}

/// A text of so many bytes, and how it is cut.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    bytes: usize,
    chunk_bytes: Option<usize>,
}

impl Text {
    /// The text that `arguments` ask for.
    ///
    /// # Errors
    /// When an argument is outside of its limits.
    pub fn new(arguments: &ResultArguments) -> Result<Self, ToolError> {
        let ResultArguments { bytes, chunk_bytes } = *arguments;
        check_range("bytes", bytes, 1, MAX_BYTES)?;
        if chunk_bytes != 0 && !(MIN_CHUNK_BYTES..=MAX_CHUNK_BYTES).contains(&chunk_bytes) {
            Err(LessonError::ChunkBytes {
                value: chunk_bytes,
                min: MIN_CHUNK_BYTES,
                max: MAX_CHUNK_BYTES,
            })?;
        }
        let size = |bytes: i64| usize::try_from(bytes).unwrap_or(0);
        Ok(Self {
            bytes: size(bytes),
            chunk_bytes: Some(size(chunk_bytes)).filter(|bytes| *bytes > 0),
        })
    }

    /// Its length in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// All of it.
    #[must_use]
    pub fn whole(&self) -> String {
        piece(0, self.bytes)
    }

    /// Its pieces in order, each made when it is asked for, with the number of bytes up to its end. None, if the
    /// text is wanted whole.
    #[must_use]
    pub fn chunks(&self) -> Option<impl Iterator<Item = (usize, String)> + Send + use<>> {
        let (bytes, chunk_bytes) = (self.bytes, self.chunk_bytes?);
        Some((0..bytes).step_by(chunk_bytes).map(move |start| {
            let end = bytes.min(start + chunk_bytes);
            (end, piece(start, end))
        }))
    }
}

/// The text from byte `start` up to byte `end`.
fn piece(start: usize, end: usize) -> String {
    let mut text = String::with_capacity(end - start);
    while text.len() < end - start {
        let from = (start + text.len()) % LINE.len();
        let length = (LINE.len() - from).min(end - start - text.len());
        text.push_str(&LINE[from..from + length]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: i64, chunk_bytes: i64) -> Result<Text, ToolError> {
        Text::new(&ResultArguments { bytes, chunk_bytes })
    }

    #[test]
    fn the_pieces_are_the_whole() {
        for (bytes, chunks) in [(1, 1), (1_000, 1), (1_001, 2), (64_000, 64), (99_999, 100)] {
            let text = text(bytes, 1_000).unwrap();
            let whole = text.whole();
            assert_eq!(whole.len(), text.bytes());
            let pieces: Vec<_> = text.chunks().unwrap().collect();
            assert_eq!(pieces.len(), chunks);
            assert_eq!(pieces.last().unwrap().0, whole.len());
            let joined: String = pieces.into_iter().map(|(_, piece)| piece).collect();
            assert_eq!(joined, whole);
        }
        assert!(text(200, 0).unwrap().whole().starts_with(LINE));
        assert!(text(200, 0).unwrap().chunks().is_none());
    }

    #[test]
    fn sizes_outside_of_their_limits_are_refused() {
        for (bytes, chunk_bytes, says) in [
            (0, 0, "bytes must be"),
            (10_000_001, 0, "not 10000001"),
            (1, 999, "chunk_bytes must be 0"),
            (1, -1, "not -1"),
            (1, 1_000_001, "to 1000000"),
        ] {
            let refused = text(bytes, chunk_bytes).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
