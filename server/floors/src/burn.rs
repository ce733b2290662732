//! Burns a known amount of processor time.
//!
//! It reads the clock again and again until the time is over, which needs no system call and takes
//! some 25 ns. A loop of arithmetic, calibrated at the start, burns more than it should as soon as
//! the core's other hardware thread is busy, and reading the thread's CPU clock takes a system
//! call. On a core of its own, which a measured server has, the time that passes is the time that
//! is burned.

use std::{
    hint::spin_loop,
    time::{Duration, Instant},
};

/// The processor time to burn for each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burner {
    time: Duration,
}

impl Burner {
    /// A burner of `burn_ns` nanoseconds; nothing for 0.
    pub(crate) fn new(burn_ns: u32) -> Option<Self> {
        (burn_ns > 0).then(|| Self {
            time: Duration::from_nanos(u64::from(burn_ns)),
        })
    }

    /// Burns the time on this thread.
    pub(crate) fn burn(self) {
        let begun = Instant::now();
        while begun.elapsed() < self.time {
            spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Burner;

    #[test]
    fn no_less_is_burned_than_was_asked_for_and_nothing_is_no_burner() {
        assert!(Burner::new(0).is_none());
        let begun = Instant::now();
        Burner::new(2_000_000).unwrap().burn();
        assert!(begun.elapsed() >= Duration::from_millis(2));
    }
}
