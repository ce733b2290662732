//! The order of the trials of a run.

use std::collections::BTreeMap;

use crate::format::order::Slot;
use crate::format::suite::Suite;
use crate::format::variables::Generator;

/// Who is asked what next to each other, so many times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Suites and subjects.
    pub(super) pairs: Vec<(String, String)>,
    /// How often each.
    pub(super) trials: u32,
}

/// Every subject in every suite, the floors in those that they can take part in.
pub(super) fn every_pair(
    suites: &BTreeMap<String, Suite>,
    servers: &[String],
    floors: &[String],
) -> Vec<Group> {
    let group = |(name, suite): (&String, &Suite)| {
        let floors = suite.answer_bytes.map_or(&[][..], |_| floors);
        let subjects = servers.iter().chain(floors);
        Group {
            pairs: subjects
                .map(|subject| (name.clone(), subject.clone()))
                .collect(),
            trials: suite.load.trials,
        }
    };
    suites.iter().map(group).collect()
}

/// The order of the run: round by round, group by group, and within that the subjects shuffled, so
/// that what drifts (temperature, neighbours) falls on all of them alike.
pub(super) fn order(groups: &[Group], seed: u64) -> Vec<Slot> {
    let mut generator = Generator::new(seed);
    let rounds = groups.iter().map(|group| group.trials).max().unwrap_or(0);
    let mut slots = Vec::new();
    for trial in 1..=rounds {
        for group in groups.iter().filter(|group| trial <= group.trials) {
            let mut pairs: Vec<&(String, String)> = group.pairs.iter().collect();
            generator.shuffle(&mut pairs);
            slots.extend(pairs.into_iter().map(|(suite, subject)| Slot {
                suite: suite.clone(),
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

    use super::{every_pair, order};
    use crate::format::order::Slot;
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
        let groups = every_pair(&suites(), &servers, &["floor".to_owned()]);
        let slots = order(&groups, 1);
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
        assert_eq!(order(&groups, 9), order(&groups, 9));
    }
}
