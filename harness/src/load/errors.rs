//! What can be wrong with a call or with a whole load, and how often it was.

use std::{collections::BTreeMap, io};

use serde::{Deserialize, Serialize};

/// The longest example text that is kept of an error, in characters.
const EXAMPLE_CHARS: usize = 300;

/// Why a call failed.
#[derive(
    Clone, Copy, Debug, Deserialize, strum::Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ErrorKind {
    /// No connection could be made.
    Connect,
    /// The connection was reset or ended before the answer was complete.
    Transport,
    /// No answer came within the call timeout.
    Timeout,
    /// The HTTP status is not the expected one.
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

/// A call that failed: its kind, and what was seen.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[error("{kind}: {text}")]
pub struct CallError {
    /// Why the call failed.
    pub kind: ErrorKind,
    /// What was seen, at most 300 characters.
    pub text: String,
    /// Whether the server says that it has no room now, by status 429 or 503 or by error -32000.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_shed: bool,
}

impl CallError {
    /// An error; a text that is too long is cut.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if let Some((at, _)) = text.char_indices().nth(EXAMPLE_CHARS) {
            text.truncate(at);
        }
        Self {
            kind,
            text,
            is_shed: false,
        }
    }

    /// The same error of a call that was shed, where it was.
    pub(super) fn shed_if(self, is_shed: bool) -> Self {
        Self { is_shed, ..self }
    }

    pub(super) fn protocol(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Protocol, text)
    }

    pub(super) fn transport(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Transport, text)
    }

    /// A protocol error that shows the bytes.
    pub(super) fn unexpected(what: &str, bytes: &[u8]) -> Self {
        Self::protocol(seen(what, bytes))
    }
}

/// What can fail like a call.
pub(super) type CallResult<T = ()> = Result<T, CallError>;

/// An error text that ends with the first of the bytes that were seen.
pub(super) fn seen(what: &str, bytes: &[u8]) -> String {
    const SHOWN: usize = 160;
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
    let more = if bytes.len() > SHOWN { " ..." } else { "" };
    format!("{what}: {shown:?}{more}")
}

/// The number of errors of one kind, and the first of them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tally {
    /// How many there were.
    pub count: u64,
    /// How many of them were shed ([`CallError::is_shed`]).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shed: u64,
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
    /// Counts one error; the text of the first one of its kind is kept.
    pub fn add(&mut self, error: CallError) {
        let shed = u64::from(error.is_shed);
        self.add_many(error.kind, (1, shed), || error.text);
    }

    /// Adds the errors of others; `before` is put in front of their texts.
    pub fn join(&mut self, others: &Self, before: &str) {
        for (kind, tally) in others.iter() {
            let counts = (tally.count, tally.shed);
            self.add_many(kind, counts, || format!("{before}{}", tally.example));
        }
    }

    fn add_many(
        &mut self,
        kind: ErrorKind,
        (count, shed): (u64, u64),
        example: impl FnOnce() -> String,
    ) {
        let tally = self.by_kind.entry(kind).or_insert_with(|| Tally {
            count: 0,
            shed: 0,
            example: example(),
        });
        tally.count += count;
        tally.shed += shed;
    }

    /// The number of all errors.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_kind.values().map(|tally| tally.count).sum()
    }

    /// The number of errors of this kind.
    #[must_use]
    pub fn count(&self, kind: ErrorKind) -> u64 {
        self.by_kind.get(&kind).map_or(0, |tally| tally.count)
    }

    /// The number of calls that were shed ([`CallError::is_shed`]), of all kinds.
    #[must_use]
    pub fn shed(&self) -> u64 {
        self.by_kind.values().map(|tally| tally.shed).sum()
    }

    /// The text of the first error of this kind, if there was one.
    #[must_use]
    pub fn example(&self, kind: ErrorKind) -> Option<&str> {
        self.by_kind.get(&kind).map(|tally| tally.example.as_str())
    }

    /// The kinds that occurred, in the order of [`ErrorKind`].
    pub fn iter(&self) -> impl Iterator<Item = (ErrorKind, &Tally)> {
        self.by_kind.iter().map(|(kind, tally)| (*kind, tally))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Why there was no load at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The plan cannot be carried out.
    #[error("the load plan cannot be run: {0}")]
    Plan(String),
    /// A session could not be opened, so there is nothing to measure.
    #[error(
        "the MCP handshake of client {client} failed ({error}); is the subject ready, and is its transport the declared one?"
    )]
    Handshake {
        /// Which of the plan's clients, from 0.
        client: usize,
        /// What went wrong.
        error: CallError,
    },
    /// The session is open, but the server does not list its tools.
    #[error("tools/list failed ({error})")]
    ToolsList {
        /// What went wrong.
        error: CallError,
    },
    /// The stop flag was set before there was anything to report.
    #[error("stopped before there was a result")]
    Stopped,
    /// The event loop itself does not work.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

/// What can fail like a load.
pub(super) type LoadResult<T = ()> = Result<T, LoadError>;

impl LoadError {
    pub(super) fn plan<T>(text: impl Into<String>) -> LoadResult<T> {
        Err(Self::Plan(text.into()))
    }

    pub(super) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
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
        assert_eq!((errors.count(ErrorKind::Tool), errors.total()), (2, 2));
        let example = errors.example(ErrorKind::Tool).unwrap();
        assert_eq!(example.chars().count(), EXAMPLE_CHARS);
        assert_eq!(errors.shed(), 0);
        errors.add(CallError::new(ErrorKind::Tool, "third").shed_if(true));
        let mut all = errors.clone();
        all.join(&errors, "");
        assert_eq!((all.total(), all.shed()), (6, 2));
        let written = serde_json::to_value(&errors).unwrap();
        assert_eq!(written[ErrorKind::Tool.to_string()]["count"], 3);
    }
}
