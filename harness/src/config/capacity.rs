//! When a server still keeps up with a rate: the bound of a search for its capacity, and how a
//! trial is held against it.

use serde::{Deserialize, Serialize};

use crate::results::trial::{Status, Trial};
use crate::results::warning::Warning;

/// Less of the planned rate than this, in thousandths, is not kept up with.
const KEPT_UP_PERMILLE: u128 = 980;

/// What a server must keep to at a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Bound"))]
pub struct CapacityBound {
    /// Of a hundred calls 99 are answered within this, counted from when they were due.
    pub p99_us: u64,
}

/// Why a rate is too high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Miss {
    /// The trial was not measured, or an answer was wrong.
    Errors,
    /// The load client was full: the server might have kept up.
    Client,
    /// Fewer calls were answered than were due, or some could not be sent.
    Behind,
    /// The latency is beyond the bound.
    P99,
}

impl Miss {
    /// In words.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Client => "the load client was full",
            Self::Behind => "it fell behind",
            Self::P99 => "p99 beyond the bound",
        }
    }
}

impl CapacityBound {
    /// Whether a trial at a planned rate kept to it; otherwise the first reason why not, in the
    /// order of [`Miss`].
    pub(crate) fn holds(self, trial: &Trial) -> Result<(), Miss> {
        let planned = u128::from(trial.rate_planned_per_s_milli.unwrap_or_default());
        let due = planned * u128::from(trial.window_us.unwrap_or_default()) / 1_000_000_000;
        // What was under way when the window closed is not behind.
        let made = u128::from(trial.calls + trial.clients);
        if trial.status != Status::Measured || !trial.is_right() {
            Err(Miss::Errors)
        } else if trial.warnings().contains(&Warning::ClientSaturated) {
            Err(Miss::Client)
        } else if trial.calls_unsent.unwrap_or_default() > 0
            || made * 1_000 < due * KEPT_UP_PERMILLE
        {
            Err(Miss::Behind)
        } else if trial.p99_us.is_none_or(|us| us > self.p99_us) {
            Err(Miss::P99)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CapacityBound, Miss};
    use crate::results::trial::Trial;

    #[test]
    fn each_miss_has_its_cause() {
        let bound = CapacityBound { p99_us: 5_000 };
        let good = Trial {
            clients: 10,
            calls: 1_970,
            window_us: Some(2_000_000),
            rate_planned_per_s_milli: Some(1_000_000),
            calls_unsent: Some(0),
            p99_us: Some(5_000),
            ..Trial::default()
        };
        assert_eq!(bound.holds(&good), Ok(()));
        let with = |change: fn(&mut Trial)| {
            let mut trial = good.clone();
            change(&mut trial);
            bound.holds(&trial)
        };
        assert_eq!(with(|trial| trial.errors = 1), Err(Miss::Errors));
        assert_eq!(
            with(|trial| trial.calls_unsent = Some(1)),
            Err(Miss::Behind)
        );
        assert_eq!(with(|trial| trial.calls = 1_949), Err(Miss::Behind));
        assert_eq!(with(|trial| trial.p99_us = Some(5_001)), Err(Miss::P99));
        assert_eq!(with(|trial| trial.p99_us = None), Err(Miss::P99));
        let full = |trial: &mut Trial| trial.warnings = "client_saturated".to_owned();
        assert_eq!(with(full), Err(Miss::Client));
    }
}
