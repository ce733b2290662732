//! How many messages the front took, and why it left others.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::{Serialize, Serializer, ser::SerializeMap};

/// Why a message was left to rmcp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackReason {
    /// Its headers are missing, unusual or not what the message says.
    Headers,
    /// It is no message whose every part the front knows.
    Message,
    /// Its `_meta` says something else than its revision asks for.
    Metadata,
    /// Its method is not answered here.
    Method,
    /// Its tool is not fast.
    Tool,
    /// Its arguments are not plain, or not what the tool takes.
    Arguments,
    /// Its session is not one whose calls can be answered here, or not any more.
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
    left: [AtomicU64; FallbackReason::ALL.len()],
}

impl Counters {
    /// Counts a message that was taken.
    pub(crate) fn taken(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a message that was left for `reason`.
    pub(crate) fn left(&self, reason: FallbackReason) {
        self.left[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Messages that were taken.
    pub fn count_taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Messages that were left for `reason`.
    pub fn count_left(&self, reason: FallbackReason) -> u64 {
        self.left[reason as usize].load(Ordering::Relaxed)
    }

    /// Messages that were left for any reason.
    pub fn count_all_left(&self) -> u64 {
        let counts = self.left.iter().map(|count| count.load(Ordering::Relaxed));
        counts.sum()
    }
}

/// `12 taken, 3 left (headers 1, method 2)`.
impl fmt::Display for Counters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (taken, left) = (self.count_taken(), self.count_all_left());
        write!(formatter, "{taken} taken, {left} left")?;
        let mut before = " (";
        for (reason, name) in FallbackReason::ALL {
            let count = self.count_left(reason);
            if count > 0 {
                write!(formatter, "{before}{name} {count}")?;
                before = ", ";
            }
        }
        formatter.write_str(if left > 0 { ")" } else { "" })
    }
}

/// `{"taken":12,"left":{"headers":1,...}}`, every reason named.
impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Left<'c>(&'c Counters);
        impl Serialize for Left<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let counts = FallbackReason::ALL.map(|(reason, name)| (name, self.0.count_left(reason)));
                serializer.collect_map(counts)
            }
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("taken", &self.count_taken())?;
        map.serialize_entry("left", &Left(self))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_stand_where_they_are_counted() {
        for (place, (reason, _)) in FallbackReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }

    #[test]
    fn counts_read_well() {
        let counters = Counters::default();
        assert_eq!(counters.to_string(), "0 taken, 0 left");
        counters.taken();
        counters.left(FallbackReason::Tool);
        counters.left(FallbackReason::Headers);
        assert_eq!(counters.to_string(), "1 taken, 2 left (headers 1, tool 1)");
        let json = serde_json::to_value(&counters).unwrap();
        assert_eq!(json["left"]["tool"], 1);
    }
}
