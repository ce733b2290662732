//! Counts what a server turned away because it had enough to do.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why work was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// All connections are busy.
    Connections,
    /// Too many sessions are open.
    Sessions,
    /// The client has too many requests in flight.
    InFlight,
    /// The calls in flight hold too many bytes.
    InFlightBytes,
    /// Too much CPU-bound work waits.
    CpuJobs,
    /// The client does not read its answers.
    UnreadAnswers,
    /// The client asks too often.
    Rate,
}

impl Shed {
    /// All reasons, with their labels.
    pub(super) const ALL: [(Self, &'static str); 7] = [
        (Self::Connections, "connections"),
        (Self::Sessions, "sessions"),
        (Self::InFlight, "in_flight"),
        (Self::InFlightBytes, "in_flight_bytes"),
        (Self::CpuJobs, "cpu_jobs"),
        (Self::UnreadAnswers, "unread_answers"),
        (Self::Rate, "rate"),
    ];
}

/// Counts of the whole process, so that whatever turns work away can count it without a handle.
static SHEDS: [AtomicU64; Shed::ALL.len()] = [const { AtomicU64::new(0) }; Shed::ALL.len()];

/// Counts work that was turned away for `reason`.
pub fn count_shed(reason: Shed) {
    SHEDS[reason as usize].fetch_add(1, Ordering::Relaxed);
}

/// Returns the count of each reason with its label.
pub(super) fn sheds() -> impl Iterator<Item = (&'static str, u64)> {
    let all = Shed::ALL.into_iter();
    all.map(|(reason, label)| (label, SHEDS[reason as usize].load(Ordering::Relaxed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_count() {
        for (place, (reason, _)) in Shed::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }
}
