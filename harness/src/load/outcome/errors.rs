//! What can be wrong with a call, and how often it was.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// The longest example text that is kept of an error, in characters.
pub const EXAMPLE_CHARS: usize = 300;

/// Why a call is not a right one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// No connection could be made.
    Connect,
    /// The connection was reset or ended before the answer was whole.
    Transport,
    /// No answer within the call timeout.
    Timeout,
    /// An HTTP status other than the one that is due.
    Http,
    /// Not HTTP, not an event stream, not JSON, not JSON-RPC, or an answer to another id.
    Protocol,
    /// A JSON-RPC error object.
    JsonRpc,
    /// A tool result with `isError: true`.
    Tool,
    /// A result that is not the expected one.
    Mismatch,
}

impl ErrorKind {
    /// All kinds, in the order of the layers they belong to.
    pub const ALL: [Self; 8] = [
        Self::Connect,
        Self::Transport,
        Self::Timeout,
        Self::Http,
        Self::Protocol,
        Self::JsonRpc,
        Self::Tool,
        Self::Mismatch,
    ];

    /// The name in results and reports, the same as in serde.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Transport => "transport",
            Self::Timeout => "timeout",
            Self::Http => "http",
            Self::Protocol => "protocol",
            Self::JsonRpc => "json_rpc",
            Self::Tool => "tool",
            Self::Mismatch => "mismatch",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A call that failed: its kind, and what was seen.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[error("{kind}: {text}")]
pub struct CallError {
    /// Why the call is not a right one.
    pub kind: ErrorKind,
    /// What was seen, at most [`EXAMPLE_CHARS`] characters.
    pub text: String,
}

impl CallError {
    /// An error with its text cut to [`EXAMPLE_CHARS`].
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if let Some((at, _)) = text.char_indices().nth(EXAMPLE_CHARS) {
            text.truncate(at);
        }
        Self { kind, text }
    }
}

/// How often one kind of error came, and the first of them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tally {
    /// How many there were.
    pub count: u64,
    /// The text of the first one.
    pub example: String,
}

/// Errors by kind.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Errors {
    by_kind: BTreeMap<ErrorKind, Tally>,
}

impl Errors {
    /// Counts one error; its text is kept when it is the first of its kind.
    pub fn add(&mut self, error: CallError) {
        self.by_kind
            .entry(error.kind)
            .or_insert_with(|| Tally {
                count: 0,
                example: error.text,
            })
            .count += 1;
    }

    /// Takes in the errors of others; `before` stands in front of their texts.
    pub fn join(&mut self, others: &Self, before: &str) {
        for (kind, tally) in others.iter() {
            let mine = self.by_kind.entry(kind).or_insert_with(|| Tally {
                count: 0,
                example: format!("{before}{}", tally.example),
            });
            mine.count += tally.count;
        }
    }

    /// How many errors there were in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_kind.values().map(|tally| tally.count).sum()
    }

    /// How many errors of this kind there were.
    #[must_use]
    pub fn count(&self, kind: ErrorKind) -> u64 {
        self.by_kind.get(&kind).map_or(0, |tally| tally.count)
    }

    /// The first error of this kind, if there was one.
    #[must_use]
    pub fn example(&self, kind: ErrorKind) -> Option<&str> {
        self.by_kind.get(&kind).map(|tally| tally.example.as_str())
    }

    /// The kinds that came, in the order of [`ErrorKind::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (ErrorKind, &Tally)> {
        self.by_kind.iter().map(|(kind, tally)| (*kind, tally))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_the_first_example_and_cut_it() {
        let mut errors = Errors::default();
        errors.add(CallError::new(ErrorKind::Tool, "ä".repeat(400)));
        errors.add(CallError::new(ErrorKind::Tool, "second"));
        assert_eq!(errors.count(ErrorKind::Tool), 2);
        assert_eq!(errors.total(), 2);
        assert_eq!(
            errors.example(ErrorKind::Tool).unwrap().chars().count(),
            EXAMPLE_CHARS
        );
    }

    #[test]
    fn kinds_have_one_name() {
        for kind in ErrorKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
