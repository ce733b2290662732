//! Burns a known amount of processor time.
//!
//! To read the thread's CPU clock is a system call and takes as long as what is to be burned, so no clock is read for a
//! request: a loop of plain arithmetic is calibrated once, at the start, and then runs so many times.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// Rounds of the loop in one turn of the calibration: about 2 ms.
const ROUNDS: u32 = 2_000_000;

/// Turns of the calibration. The quickest counts: whatever else ran meanwhile made the others slower.
const TURNS: usize = 9;

/// So many rounds of the loop take the time that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burner {
    rounds: u64,
}

impl Burner {
    /// Calibrates the loop, in about 20 ms; nothing when there is nothing to burn.
    pub(crate) fn new(burn_ns: u32) -> Option<Self> {
        if burn_ns == 0 {
            return None;
        }
        let turn = |_| {
            let begun = Instant::now();
            spin(u64::from(ROUNDS));
            begun.elapsed()
        };
        let quickest = (0..TURNS).map(turn).min().unwrap_or(Duration::ZERO);
        Some(Self::calibrated(burn_ns, quickest))
    }

    /// The rounds that take the time, when a turn takes this long.
    fn calibrated(burn_ns: u32, turn: Duration) -> Self {
        // A clock that stands still would make the loop endless.
        let turn_ns = turn.as_nanos().max(1_000);
        let rounds = u128::from(burn_ns) * u128::from(ROUNDS) / turn_ns;
        Self {
            rounds: u64::try_from(rounds).unwrap_or(u64::MAX),
        }
    }

    /// Burns it on this thread.
    pub(crate) fn burn(self) {
        spin(self.rounds);
    }
}

/// Arithmetic that the compiler can neither leave out nor do at once: each round needs the one before.
fn spin(rounds: u64) {
    let mut state = black_box(1_u64);
    for _ in 0..rounds {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        black_box(state);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Burner, ROUNDS};

    #[test]
    fn the_rounds_take_the_time_that_is_asked_for_and_none_is_no_burner() {
        // A round takes 1 ns, so 300 ns are 300 rounds; at half the speed they are 150.
        let rounds = |turn_ns| Burner::calibrated(300, Duration::from_nanos(turn_ns)).rounds;
        assert_eq!(rounds(u64::from(ROUNDS)), 300);
        assert_eq!(rounds(2 * u64::from(ROUNDS)), 150);
        assert!(Burner::new(0).is_none());
        Burner::new(300).unwrap().burn();
    }
}
