//! Keeps the log readable while many calls fail: at most one line a second for each kind of event.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// Decides which events of one kind are logged.
#[derive(Debug, Default)]
pub(crate) struct LogLimit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    left_out: u64,
}

impl LogLimit {
    /// Returns how many events were left out since the last line when this event may be logged, and
    /// nothing when it is left out.
    pub(crate) fn admit(&self) -> Option<u64> {
        self.admit_at(Instant::now())
    }

    fn admit_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < PAUSE)
        {
            state.left_out += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_a_second_is_logged_with_the_count_of_the_others() {
        let limit = LogLimit::default();
        let start = Instant::now();
        assert_eq!(limit.admit_at(start), Some(0));
        for ms in [0, 500, 999] {
            assert_eq!(limit.admit_at(start + Duration::from_millis(ms)), None);
        }
        assert_eq!(limit.admit_at(start + PAUSE), Some(3));
        assert_eq!(limit.admit_at(start + 3 * PAUSE), Some(0));
    }
}
