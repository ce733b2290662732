//! Which trials a figure is taken from.

use crate::results::trial::{Status, Trial};
use crate::results::warning::{Effect, Validity};

/// The trials that have figures.
pub(super) fn measured<'a>(trials: &[&'a Trial]) -> Vec<&'a Trial> {
    let has_figures = |trial: &&Trial| trial.status == Status::Measured && trial.calls > 0;
    trials.iter().copied().filter(has_figures).collect()
}

/// The trials that a figure is taken from.
pub(super) struct Valid<'a> {
    pub(super) trials: Vec<&'a Trial>,
    /// In how many of them it holds: in all, or in none.
    pub(super) holding: usize,
    /// How far it holds in the worst of them.
    pub(super) validity: Validity,
}

impl<'a> Valid<'a> {
    /// The trials in which a figure holds; where there are none, all of them.
    pub(super) fn of(measured: &[&'a Trial], validity: fn(Effect) -> Validity) -> Self {
        let sound: Vec<&Trial> = measured
            .iter()
            .copied()
            .filter(|trial| validity(trial.validity()).is_usable())
            .collect();
        let holding = sound.len();
        let trials = if holding == 0 {
            measured.to_vec()
        } else {
            sound
        };
        let worst = trials.iter().map(|trial| validity(trial.validity())).max();
        Self {
            trials,
            holding,
            validity: worst.unwrap_or_default(),
        }
    }
}

/// A figure of each of these trials that has it.
pub(super) fn values(trials: &[&Trial], figure: fn(&Trial) -> Option<u64>) -> Vec<u64> {
    trials.iter().filter_map(|trial| figure(trial)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Valid, values};
    use crate::results::trial::Trial;

    #[test]
    fn a_figure_is_taken_from_the_trials_in_which_it_holds_or_else_from_all() {
        let trial = |rate: u64, warnings: &str| Trial {
            calls_per_s: Some(rate),
            warnings: warnings.to_owned(),
            ..Trial::default()
        };
        let (good, other) = (trial(10, ""), trial(20, "few_calls"));
        let (full, unsafe_build) = (trial(30, "client_saturated"), trial(40, "not_release"));
        let taken = |trials: &[&Trial], of_cpu: bool| {
            let sound = if of_cpu {
                Valid::of(trials, |effect| effect.cpu)
            } else {
                Valid::of(trials, |effect| effect.rate)
            };
            (
                values(&sound.trials, |trial| trial.calls_per_s),
                sound.holding,
            )
        };
        assert_eq!(taken(&[&good, &full, &other], false), (vec![10, 20], 2));
        assert_eq!(taken(&[&good, &full], true), (vec![10, 30], 2));
        assert_eq!(taken(&[&full, &unsafe_build], false), (vec![30, 40], 0));
        assert_eq!(taken(&[], false), (Vec::new(), 0));
    }
}
