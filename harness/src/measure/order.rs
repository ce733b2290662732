//! The order of the trials of a run.

use std::collections::BTreeMap;

use crate::format::suite::Suite;
use crate::format::variables::Generator;

/// A trial in the order of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// Name of the suite.
    pub(super) suite: String,
    /// Name of the subject.
    pub(super) subject: String,
    /// Number of the trial, from 1.
    pub(super) trial: u32,
}

/// The order of the run: round by round, suite by suite, and within that the subjects shuffled, so
/// that what drifts (temperature, neighbours) falls on all of them alike.
pub(super) fn order(
    suites: &BTreeMap<String, Suite>,
    servers: &[String],
    floors: &[String],
    seed: u64,
) -> Vec<Slot> {
    let mut generator = Generator::new(seed);
    let rounds = suites
        .values()
        .map(|suite| suite.load.trials)
        .max()
        .unwrap_or(0);
    let mut slots = Vec::new();
    for trial in 1..=rounds {
        for (name, suite) in suites
            .iter()
            .filter(|(_, suite)| trial <= suite.load.trials)
        {
            let floors = if suite.answer_bytes.is_some() {
                floors
            } else {
                &[]
            };
            let mut subjects: Vec<&String> = servers.iter().chain(floors).collect();
            generator.shuffle(&mut subjects);
            slots.extend(subjects.into_iter().map(|subject| Slot {
                suite: name.clone(),
                subject: subject.clone(),
                trial,
            }));
        }
    }
    slots
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{Slot, order};
    use crate::format::suite::Suite;

    fn suites() -> BTreeMap<String, Suite> {
        let suite = |more: &str| -> Suite {
            toml::from_str(&format!(
                "description = \"d\"\ntool = \"t\"\n{more}[load]\ntrials = 2\n[expect]\n"
            ))
            .unwrap()
        };
        BTreeMap::from([
            ("with".to_owned(), suite("answer_bytes = 10\n")),
            ("without".to_owned(), suite("")),
        ])
    }

    #[test]
    fn every_subject_comes_once_in_every_round_and_floors_where_they_can() {
        let servers: Vec<String> = (0..6).map(|n| format!("s{n}")).collect();
        let slots = order(&suites(), &servers, &["floor".to_owned()], 1);
        assert_eq!(slots.len(), 2 * (7 + 6));
        let keys: BTreeSet<_> = slots
            .iter()
            .map(|slot| (slot.trial, &slot.suite, &slot.subject))
            .collect();
        assert_eq!(keys.len(), slots.len());
        assert!(slots.windows(2).all(|pair| pair[0].trial <= pair[1].trial));
        let round = |trial| -> Vec<&Slot> {
            slots
                .iter()
                .filter(|s| s.trial == trial && s.suite == "without")
                .collect()
        };
        let names = |slots: Vec<&Slot>| -> Vec<String> {
            slots.iter().map(|slot| slot.subject.clone()).collect()
        };
        assert_ne!(
            names(round(1)),
            names(round(2)),
            "the order changes from round to round"
        );
        assert_eq!(
            order(&suites(), &servers, &[], 9),
            order(&suites(), &servers, &[], 9)
        );
    }
}
