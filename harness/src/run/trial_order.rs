//! Which trials a run has: from what is asked to the order in which it is asked.

use std::collections::{BTreeMap, BTreeSet};

use super::testbed::Testbed;
use super::{AtRate, RunPlan};
use crate::config::subject::{Processes, ReadyBy, Role};
use crate::config::suite::{Suite, incompatibility};
use crate::config::template::Generator;
use crate::host::limits::Limits;
use crate::results::trial_order::PlannedTrial;

/// What the name of a suite at one rate ends with.
const AT_RATE: &str = "@rate";

/// A suite and a subject.
type Pair = (String, String);

/// Suites with their subjects, measured next to each other.
#[derive(Debug, Clone)]
struct Group {
    pairs: Vec<Pair>,
    /// How often each subject is started.
    processes: u32,
    /// Slices of each process; 0 for one long trial.
    slices: u32,
}

/// The suite that one at a rate was made of.
pub(super) fn base_of(suite: &str) -> Option<&str> {
    suite.strip_suffix(AT_RATE)
}

/// Adds a suite `NAME@rate` for each one that is measured in slices of a closed loop.
pub(super) fn add_rate_suites(plan: &mut RunPlan) {
    let Some(at_rate) = plan.at_rate else {
        return;
    };
    let sliced = |suite: &Suite| suite.load.slices() > 0 && suite.load.rate_per_s.is_none();
    let suites = plan.suites.iter().filter(|(_, suite)| sliced(suite));
    let added = suites.map(|(name, suite)| {
        let mut suite = suite.clone();
        suite.description = format!("{} At one rate for all subjects.", suite.description);
        (suite.targets, suite.load.think_time_ms) = (None, Some(0.0));
        suite.load.rate_per_s = match at_rate {
            AtRate::Auto => None,
            AtRate::Fixed(rate) => Some(rate),
        };
        (format!("{name}{AT_RATE}"), suite)
    });
    let added: Vec<_> = added.collect();
    plan.suites.extend(added);
}

/// The trials, in their order.
pub(super) fn planned_trials(bench: &Testbed, plan: &RunPlan) -> anyhow::Result<Vec<PlannedTrial>> {
    let mut groups = if plan.groups.is_empty() {
        every_pair(bench, &plan.suites)
    } else {
        plan.groups.clone()
    };
    let left_out = leave_out(&mut groups, bench, plan);
    let groups: Vec<Group> = match plan.capacity {
        // A search knows its subjects in advance, and not its rates.
        Some(_) => (groups.into_iter())
            .map(|pairs| Group {
                pairs,
                processes: 1,
                slices: 0,
            })
            .collect(),
        None => (groups.into_iter())
            .flat_map(|pairs| by_windows(pairs, bench, plan))
            .collect(),
    };
    let order = order(&groups, plan.seed);
    anyhow::ensure!(
        !order.is_empty(),
        "nothing to measure: none of the chosen subjects can take part in a chosen suite\n{}",
        left_out.join("\n")
    );
    for line in left_out {
        eprintln!("{line}");
    }
    Ok(order)
}

/// Every subject in every suite, the floors in those that they can take part in.
fn every_pair(bench: &Testbed, suites: &BTreeMap<String, Suite>) -> Vec<Vec<Pair>> {
    let group = |(suite, definition): (&String, &Suite)| {
        let subjects = bench.subjects().subject.iter();
        let takes_part = |role| role == Role::Server || definition.answer_bytes.is_some();
        subjects
            .filter(|(_, subject)| takes_part(subject.role))
            .map(|(name, _)| (suite.clone(), name.clone()))
            .collect()
    };
    suites.iter().map(group).collect()
}

/// Takes out who cannot take part; a line for each suite and reason.
fn leave_out(groups: &mut [Vec<Pair>], bench: &Testbed, plan: &RunPlan) -> Vec<String> {
    let mut reasons: BTreeMap<(String, &str), BTreeSet<String>> = BTreeMap::new();
    for pairs in groups {
        pairs.retain(|(suite, subject)| {
            let definition = plan.suites.get(suite);
            let found = definition
                .zip(bench.subjects().subject.get(subject))
                .and_then(|(suite, one)| incompatibility(suite, one));
            if let Some(why) = found {
                let who = reasons.entry((suite.clone(), why)).or_default();
                who.insert(subject.clone());
            }
            found.is_none()
        });
    }
    let line = |((suite, why), who): ((String, &str), BTreeSet<String>)| {
        let who: Vec<String> = who.into_iter().collect();
        format!("not in suite {suite}: {}: {why}", who.join(", "))
    };
    reasons.into_iter().map(line).collect()
}

/// Splits a group by how its subjects are measured. Subjects that cannot live beside others have
/// long trials: those that share a port or the limits of one control group, those with a process
/// for each call, and those whose calls change a store.
fn by_windows(pairs: Vec<Pair>, bench: &Testbed, plan: &RunPlan) -> Vec<Group> {
    let subjects = &bench.subjects().subject;
    let url = |subject: &String| {
        let subject = subjects.get(subject)?;
        let is_given = subject.ready == ReadyBy::Port && !subject.runs_already();
        subject.url.as_ref().filter(|_| is_given)
    };
    let urls = pairs.iter().filter_map(|(_, subject)| url(subject));
    let urls: Vec<String> = urls.cloned().collect();
    let shares_port = |subject: &String| {
        url(subject).is_some_and(|one| urls.iter().filter(|url| *url == one).count() > 1)
    };
    let mut groups: BTreeMap<(bool, u32, u32), Vec<Pair>> = BTreeMap::new();
    for (suite, subject) in pairs {
        let (Some(definition), Some(one)) = (plan.suites.get(&suite), subjects.get(&subject))
        else {
            continue;
        };
        let load = &definition.load;
        let is_long = load.slices() == 0
            || one.processes == Processes::PerCall
            || definition.changes_store
            || bench.setup().limits != Limits::default()
            || shares_port(&subject);
        let (processes, slices) = if is_long {
            (load.trials(), 0)
        } else {
            (load.processes(), load.slices())
        };
        // Slices come before long trials.
        let group = groups.entry((is_long, processes, slices));
        group.or_default().push((suite, subject));
    }
    let group = |((_, processes, slices), pairs)| Group {
        pairs,
        processes,
        slices,
    };
    groups.into_iter().map(group).collect()
}

/// The order of the run: round by round, group by group, and within that the subjects shuffled, so
/// that what drifts (temperature, neighbours) falls on all of them alike.
fn order(groups: &[Group], seed: u64) -> Vec<PlannedTrial> {
    let mut generator = Generator::new(seed);
    let rounds = groups.iter().map(|group| group.processes).max();
    let mut order = Vec::new();
    for process in 1..=rounds.unwrap_or(0) {
        for group in groups.iter().filter(|group| process <= group.processes) {
            for slice in group.slices.min(1)..=group.slices {
                let mut pairs: Vec<&Pair> = group.pairs.iter().collect();
                generator.shuffle(&mut pairs);
                order.extend(pairs.into_iter().map(|(suite, subject)| PlannedTrial {
                    suite: suite.clone(),
                    subject: subject.clone(),
                    trial: match slice {
                        0 => process,
                        _ => (process - 1) * group.slices + slice,
                    },
                    process,
                    slice,
                }));
            }
        }
    }
    order
}

/// The parts of an order that are made and recorded as a whole: a long trial, or all slices of one
/// process of each subject of a group.
pub(super) fn rounds(order: &[PlannedTrial]) -> Vec<&[PlannedTrial]> {
    // A variant of an experiment has a suite of its own name.
    let group = |planned: &PlannedTrial| {
        let is_variant = planned.suite == planned.subject;
        (!is_variant).then(|| planned.suite.clone())
    };
    let is_one = |a: &PlannedTrial, b: &PlannedTrial| {
        a.slice > 0 && a.slice <= b.slice && a.process == b.process && group(a) == group(b)
    };
    order.chunk_by(is_one).collect()
}

#[cfg(test)]
mod tests {
    use super::{Group, order, rounds};
    use crate::results::trial_order::PlannedTrial;

    #[test]
    fn slices_go_round_within_a_process_and_long_trials_stand_alone() {
        let group = |suite: &str, subjects: u32, processes, slices| Group {
            pairs: (0..subjects)
                .map(|number| (suite.to_owned(), format!("s{number}")))
                .collect(),
            processes,
            slices,
        };
        let groups = [group("a", 4, 2, 3), group("b", 2, 3, 0)];
        let planned = order(&groups, 1);
        assert_eq!(planned.len(), 4 * 2 * 3 + 2 * 3);
        let rounds = rounds(&planned);
        let sizes: Vec<usize> = rounds.iter().map(|round| round.len()).collect();
        assert_eq!(sizes, [12, 1, 1, 12, 1, 1, 1, 1]);
        let last = &rounds[3];
        let numbers: Vec<_> = last
            .iter()
            .map(|one| (one.trial, one.process, one.slice))
            .collect();
        assert_eq!((numbers[0], numbers[11]), ((4, 2, 1), (6, 2, 3)));
        assert!(numbers.is_sorted());
        let names = |of: &[PlannedTrial]| -> Vec<String> {
            of.iter().map(|one| one.subject.clone()).collect()
        };
        let names: Vec<_> = rounds[0].chunks(4).map(names).collect();
        assert!(
            names[0] != names[1] || names[1] != names[2],
            "the order changes: {names:?}"
        );
        assert_eq!(planned, order(&groups, 1), "the seed decides");
    }
}
