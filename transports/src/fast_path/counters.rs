//! Counts the messages that the fast path took, and those that fell back, by reason.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::metrics::Metrics;

/// Why a message fell back to the SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackReason {
    /// Its headers are missing, unusual or contradict the message.
    Headers,
    /// It has a part that the fast path does not know.
    Message,
    /// Its `_meta` is not what its revision asks for.
    Metadata,
    /// The fast path does not answer its method.
    Method,
    /// Its tool is not fast.
    Tool,
    /// Its arguments are unusual, or do not fit the tool.
    Arguments,
    /// Its session is unknown, or has no settled revision.
    Session,
}

impl FallbackReason {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Headers, "headers"),
        (Self::Message, "message"),
        (Self::Metadata, "metadata"),
        (Self::Method, "method"),
        (Self::Tool, "tool"),
        (Self::Arguments, "arguments"),
        (Self::Session, "session"),
    ];
}

/// Counts of messages since the start.
#[derive(Debug, Default)]
pub struct Counters {
    taken: AtomicU64,
    fallbacks: [AtomicU64; FallbackReason::ALL.len()],
}

impl Counters {
    /// Counts a message that the fast path took.
    pub(crate) fn count_dispatch(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a message that fell back for `reason`.
    pub(crate) fn count_fallback(&self, reason: FallbackReason) {
        self.fallbacks[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of messages that the fast path took.
    pub fn count_taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Adds the counts to `metrics`.
    pub(super) fn register(self: &Arc<Self>, metrics: &Metrics) {
        let counters = self.clone();
        metrics.counter(
            "mcp_fast_path_taken",
            "Messages that the fast path took",
            &[],
            move || counters.count_taken() as f64,
        );
        for (reason, name) in FallbackReason::ALL {
            let counters = self.clone();
            metrics.counter(
                "mcp_fast_path_fallbacks",
                "Messages that the fast path left to the SDK",
                &[("reason", name)],
                move || counters.fallbacks(reason) as f64,
            );
        }
    }

    fn fallbacks(&self, reason: FallbackReason) -> u64 {
        self.fallbacks[reason as usize].load(Ordering::Relaxed)
    }

    fn by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let reasons = FallbackReason::ALL.into_iter();
        reasons.map(|(reason, name)| (name, self.fallbacks(reason)))
    }
}

/// `12 taken, 3 left (headers 1, method 2)`.
impl fmt::Display for Counters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fallbacks: u64 = self.by_reason().map(|(_, count)| count).sum();
        write!(formatter, "{} taken, {fallbacks} left", self.count_taken())?;
        let mut before = " (";
        for (name, count) in self.by_reason().filter(|(_, count)| *count > 0) {
            write!(formatter, "{before}{name} {count}")?;
            before = ", ";
        }
        formatter.write_str(if fallbacks > 0 { ")" } else { "" })
    }
}

/// `{"taken":12,"left":{"headers":1,...}}`, every reason named.
impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Fallbacks<'c>(&'c Counters);
        impl Serialize for Fallbacks<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.by_reason())
            }
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("taken", &self.count_taken())?;
        map.serialize_entry("left", &Fallbacks(self))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_count() {
        for (place, (reason, _)) in FallbackReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }

    #[test]
    fn counts_are_shown_as_text_and_as_json() {
        let counters = Counters::default();
        assert_eq!(counters.to_string(), "0 taken, 0 left");
        counters.count_dispatch();
        counters.count_fallback(FallbackReason::Tool);
        counters.count_fallback(FallbackReason::Headers);
        assert_eq!(counters.to_string(), "1 taken, 2 left (headers 1, tool 1)");
        let json = serde_json::to_value(&counters).unwrap();
        assert_eq!(json["left"]["tool"], 1);
    }
}
