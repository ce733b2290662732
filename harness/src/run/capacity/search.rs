//! The search for the highest rate that holds: doubling until one does not, halving the distance between the two, and then
//! asking again whether that was luck.

/// Closer than this the rate that holds and the one that does not are the same.
const PRECISION: f64 = 1.05;

/// How much less is tried when the rate found does not hold again.
const STEP_DOWN: f64 = 0.95;

/// Below this many calls a second there is nothing to find.
const LEAST: f64 = 1.0;

/// A search under way.
#[derive(Debug)]
pub(super) struct Search {
    low: Option<f64>,
    high: Option<f64>,
    rate: f64,
    /// How many trials the rate that is found must have.
    trials: u32,
    stage: Stage,
}

/// How far a search is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// Looking for rates that hold and that do not.
    Closing,
    /// Asking again whether the highest one holds.
    Confirming { held: u32, missed: u32 },
    /// Done, with the rate or without any.
    Done(Option<f64>),
}

impl Search {
    /// A search that begins with this rate. The one it finds has so many trials, and holds in most of them.
    pub(super) fn new(first: f64, trials: u32) -> Self {
        Self {
            low: None,
            high: None,
            rate: rounded(first.max(LEAST)),
            trials: trials.max(1),
            stage: Stage::Closing,
        }
    }

    /// The rate to try next; `None` when the search is over.
    pub(super) fn rate(&self) -> Option<f64> {
        match self.stage {
            Stage::Done(_) => None,
            _ => Some(self.rate),
        }
    }

    /// What was found, once it is over.
    pub(super) fn found(&self) -> Option<f64> {
        match self.stage {
            Stage::Done(found) => found,
            _ => None,
        }
    }

    /// A trial at [`Self::rate`] held, or did not.
    pub(super) fn tell(&mut self, held: bool) {
        match self.stage {
            Stage::Closing => self.close_in(held),
            Stage::Confirming {
                held: before,
                missed,
            } => self.confirm(before + u32::from(held), missed + u32::from(!held)),
            Stage::Done(_) => {}
        }
    }

    fn close_in(&mut self, held: bool) {
        let end = if held { &mut self.low } else { &mut self.high };
        *end = Some(self.rate);
        self.rate = rounded(match (self.low, self.high) {
            (Some(low), None) => low * 2.0,
            (None, Some(high)) => high / 2.0,
            (Some(low), Some(high)) if high / low <= PRECISION => {
                self.rate = low;
                // The trial that found it is the first of those that confirm it.
                return self.confirm(1, 0);
            }
            (Some(low), Some(high)) => (low * high).sqrt(),
            (None, None) => self.rate,
        });
        if self.rate < LEAST {
            self.stage = Stage::Done(None);
        }
    }

    fn confirm(&mut self, held: u32, missed: u32) {
        self.stage = if held * 2 > self.trials {
            Stage::Done(Some(self.rate))
        } else if missed * 2 >= self.trials {
            self.rate = rounded(self.rate * STEP_DOWN);
            if self.rate < LEAST {
                Stage::Done(None)
            } else {
                Stage::Confirming { held: 0, missed: 0 }
            }
        } else {
            Stage::Confirming { held, missed }
        };
    }
}

/// Three significant digits: more would say more than is known.
fn rounded(rate: f64) -> f64 {
    let unit = 10_f64.powf(rate.log10().floor() - 2.0);
    (rate / unit).round() * unit
}

#[cfg(test)]
mod tests {
    use super::Search;

    /// The rates tried and the one found of a server that holds up to a limit.
    fn search(
        first: f64,
        trials: u32,
        mut holds: impl FnMut(f64) -> bool,
    ) -> (Vec<f64>, Option<f64>) {
        let mut search = Search::new(first, trials);
        let mut tried = Vec::new();
        while let Some(rate) = search.rate() {
            tried.push(rate);
            search.tell(holds(rate));
            assert!(tried.len() < 200, "{tried:?}");
        }
        (tried, search.found())
    }

    #[test]
    fn the_limit_is_found_from_below_and_from_above() {
        for first in [100.0, 12_345.0, 900_000.0] {
            let (tried, found) = search(first, 3, |rate| rate <= 12_000.0);
            let found = found.unwrap();
            assert!((11_300.0..=12_000.0).contains(&found), "{found}");
            assert_eq!(
                tried
                    .iter()
                    .filter(|rate| (**rate - found).abs() < 1.0)
                    .count(),
                2,
                "{tried:?}"
            );
        }
    }

    #[test]
    fn luck_does_not_count() {
        let mut times = 0;
        // 12,000 to 13,000 hold the first time only.
        let (_, found) = search(12_500.0, 3, |rate| {
            times += u32::from(rate > 12_000.0 && rate < 13_000.0);
            rate <= 12_000.0 || (rate < 13_000.0 && times == 1)
        });
        let found = found.unwrap();
        assert!(found <= 12_000.0 && found > 11_000.0, "{found}");
    }

    #[test]
    fn a_server_that_never_keeps_up_has_no_capacity() {
        let (tried, found) = search(1_000.0, 3, |_| false);
        assert_eq!(found, None);
        assert!(tried.len() < 15);
    }
}
