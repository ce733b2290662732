//! Which trials a run has: from what is asked to the order in which it is asked.

use std::collections::{BTreeMap, BTreeSet};

use super::Questions;
use super::testbed::Testbed;
use crate::config::subject::Role;
use crate::config::suite::Suite;
use crate::config::suite::incompatibility;
use crate::config::template::Generator;
use crate::results::trial_order::PlannedTrial;

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
            trials: suite.load.trials(),
        }
    };
    suites.iter().map(group).collect()
}

/// The order of the run: round by round, group by group, and within that the subjects shuffled, so
/// that what drifts (temperature, neighbours) falls on all of them alike.
pub(super) fn order(groups: &[Group], seed: u64) -> Vec<PlannedTrial> {
    let mut generator = Generator::new(seed);
    let rounds = groups.iter().map(|group| group.trials).max().unwrap_or(0);
    let mut slots = Vec::new();
    for trial in 1..=rounds {
        for group in groups.iter().filter(|group| trial <= group.trials) {
            let mut pairs: Vec<&(String, String)> = group.pairs.iter().collect();
            generator.shuffle(&mut pairs);
            slots.extend(pairs.into_iter().map(|(suite, subject)| PlannedTrial {
                suite: suite.clone(),
                subject: subject.clone(),
                trial,
            }));
        }
    }
    slots
}

/// The trials, in their order.
pub(super) fn slots(bench: &Testbed, questions: &Questions) -> anyhow::Result<Vec<PlannedTrial>> {
    let of_role = |role| -> Vec<String> {
        let subjects = bench.subjects().subject.iter();
        subjects
            .filter(|(_, subject)| subject.role == role)
            .map(|(name, _)| name.clone())
            .collect()
    };
    let groups = if questions.groups.is_empty() {
        let (servers, floors) = (of_role(Role::Server), of_role(Role::Floor));
        every_pair(&questions.suites, &servers, &floors)
    } else {
        questions
            .groups
            .iter()
            .map(|pairs| group(pairs, questions))
            .collect()
    };
    let mut slots = order(&groups, questions.seed);
    let left_out = leave_out(&mut slots, bench, questions);
    if questions.capacity.is_some() {
        // Of a search it is known only whom it is about.
        slots.retain(|slot| slot.trial == 1);
    }
    anyhow::ensure!(
        !slots.is_empty(),
        "nothing to measure: none of the chosen subjects can take part in a chosen suite\n{}",
        left_out.join("\n")
    );
    for line in left_out {
        eprintln!("{line}");
    }
    Ok(slots)
}

/// Takes out who cannot take part; a line for each suite and reason.
fn leave_out(slots: &mut Vec<PlannedTrial>, bench: &Testbed, questions: &Questions) -> Vec<String> {
    let mut reasons: BTreeMap<(String, &str), BTreeSet<String>> = BTreeMap::new();
    slots.retain(|slot| {
        let suite = questions.suites.get(&slot.suite);
        let subject = bench.subjects().subject.get(&slot.subject);
        let found = suite
            .zip(subject)
            .and_then(|(suite, one)| incompatibility(suite, one));
        if let Some(why) = found {
            let who = reasons.entry((slot.suite.clone(), why)).or_default();
            who.insert(slot.subject.clone());
        }
        found.is_none()
    });
    let line = |((suite, why), who): ((String, &str), BTreeSet<String>)| {
        let who: Vec<String> = who.into_iter().collect();
        format!("not in suite {suite}: {}: {why}", who.join(", "))
    };
    reasons.into_iter().map(line).collect()
}

/// A group of suites and subjects, as often as the suites say.
fn group(pairs: &[(String, String)], questions: &Questions) -> Group {
    let suites = pairs
        .iter()
        .filter_map(|(suite, _)| questions.suites.get(suite));
    Group {
        pairs: pairs.to_vec(),
        trials: suites.map(|suite| suite.load.trials()).max().unwrap_or(1),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{every_pair, order};
    use crate::config::suite::Suite;
    use crate::results::trial_order::PlannedTrial;

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
        let round = |trial| -> Vec<&PlannedTrial> {
            slots
                .iter()
                .filter(|s| s.trial == trial && s.suite == "without")
                .collect()
        };
        let names = |slots: Vec<&PlannedTrial>| -> Vec<String> {
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
