//! Burns a known amount of processor time.
//!
//! The clock is looked at again and again until the time is over: the kernel lets a process read it without a system call, in
//! some 25 ns. A loop of arithmetic that was calibrated at the start burns more than it was meant to as soon as the core's other
//! hardware thread is busy, and to read the thread's CPU clock takes a system call. On a core of its own, which a
//! measured server has, the time that passes is the time that is burned.

use std::{
    hint::spin_loop,
    time::{Duration, Instant},
};

/// How long each request keeps the processor busy besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burner {
    time: Duration,
}

impl Burner {
    /// Nothing when there is nothing to burn.
    pub(crate) fn new(burn_ns: u32) -> Option<Self> {
        (burn_ns > 0).then(|| Self {
            time: Duration::from_nanos(u64::from(burn_ns)),
        })
    }

    /// Burns it on this thread.
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
