//! Which trials a run has: from what is asked to the order in which it is asked.

use std::collections::{BTreeMap, BTreeSet};

use super::bench::Bench;
use super::order::{Group, every_pair, order};
use super::run::Questions;
use crate::format::fit::misfit;
use crate::format::order::Slot;
use crate::format::subjects::Role;

/// The trials, in their order.
pub(super) fn slots(bench: &Bench, questions: &Questions) -> anyhow::Result<Vec<Slot>> {
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
            .map(|names| group(names, questions))
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
fn leave_out(slots: &mut Vec<Slot>, bench: &Bench, questions: &Questions) -> Vec<String> {
    let mut reasons: BTreeMap<(String, &str), BTreeSet<String>> = BTreeMap::new();
    slots.retain(|slot| {
        let suite = questions.suites.get(&slot.suite);
        let subject = bench.subjects().subject.get(&slot.subject);
        let found = suite
            .zip(subject)
            .and_then(|(suite, one)| misfit(suite, one));
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

/// A group of subjects, each in the suite of its own name.
fn group(names: &[String], questions: &Questions) -> Group {
    let trials = |name: &String| questions.suites.get(name).map(|suite| suite.load.trials);
    Group {
        pairs: names
            .iter()
            .map(|name| (name.clone(), name.clone()))
            .collect(),
        trials: names.iter().filter_map(trials).max().unwrap_or(1),
    }
}
