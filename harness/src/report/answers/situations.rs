//! What to use in which situation: the answers of the scenarios that runs have measured.

use serde::Serialize;

use super::{Answer, answer};
use crate::analysis::dataset::Dataset;
use crate::analysis::recommend::{Wish, scenarios};
use crate::analysis::summary::Report;
use crate::config::scenario::Scenario;
use crate::render::table::{Style, Table};

/// One situation.
#[derive(Debug, Serialize)]
pub(in crate::report) struct Decision {
    title: String,
    /// The load that stands for it.
    load: String,
    pub(super) answer: Answer,
}

/// The situations that these runs have measured, each from the first run that has.
pub(super) fn decisions(runs: &[(&Dataset, &Report)]) -> Vec<Decision> {
    let mut found: Vec<&Scenario> = Vec::new();
    for scenario in runs.iter().flat_map(|(run, _)| scenarios(run)) {
        if !found.iter().any(|other| other.name == scenario.name) {
            found.push(scenario);
        }
    }
    found.sort_by_key(|scenario| scenario.number);
    let decision = |scenario: &Scenario| Decision {
        title: scenario.title.clone(),
        load: scenario.description.clone(),
        answer: answer(runs, &Wish::of(scenario)),
    };
    found.into_iter().map(decision).collect()
}

/// The table of them. A terminal has no room for the load.
pub(in crate::report) fn table(decisions: &[Decision], style: Style) -> String {
    let has_load = style == Style::Markdown;
    let heads = ["situation", "use", "by how much", "load"];
    let mut table = Table::new(&heads[..heads.len() - usize::from(!has_load)], heads.len());
    for one in decisions {
        let (subject, why) = match &one.answer.found {
            Some(found) => (found.subject.as_str(), &found.wins),
            None => ("-", &one.answer.why_none),
        };
        // A cell is one line; `recommend` has the reasons, a line each.
        let why = why.lines().next().unwrap_or_default().trim_end_matches(':');
        let mut cells = vec![one.title.clone(), subject.to_owned(), why.to_owned()];
        cells.extend(has_load.then(|| one.load.clone()));
        table.row(cells);
    }
    table.draw(style)
}
