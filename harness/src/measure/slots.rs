//! Which trials a run has: from what is asked to the order in which it is asked.

use super::bench::Bench;
use super::order::{Group, every_pair, order};
use super::run::Questions;
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
    if questions.capacity.is_some() {
        // Of a search it is known only whom it is about.
        slots.retain(|slot| slot.trial == 1);
    }
    anyhow::ensure!(
        !slots.is_empty(),
        "nothing to measure: the chosen subjects are floors, which take part only in suites with answer_bytes"
    );
    Ok(slots)
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
