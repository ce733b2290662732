//! Whether a run may pass: nothing slower than a baseline beyond a limit, and every target met.
//!
//! A regression is beyond the limit when the near end of its interval is, so noise alone does not
//! fail a gate. The intervals are so wide that all of them together hold the true ratios with a
//! probability of 95% (Bonferroni). What could not be judged by any figure does not pass.

use std::collections::BTreeSet;

use anyhow::bail;

use super::compare::{self, Comparison};
use super::dataset::Dataset;
use super::metric::Metric;
use super::summary::Report;
use super::targets::{self, Held};
use crate::render::findings::{Line, compared, lines, reasons};
use crate::render::table::{Cell, Columns, Document, Style, Table};
use crate::stats::{Threshold, Verdict};

/// What a gate found.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The run.
    pub(crate) run: String,
    /// Its servers beside those of the baseline; the threshold is the largest regression that
    /// passes.
    pub(crate) comparison: Option<Comparison>,
    /// The targets of the run's suites.
    pub(crate) targets: Vec<Held>,
}

/// What a gate says to a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Not shown to be worse beyond the limit.
    Passed,
    /// Worse beyond the limit by the whole interval; or no figure of its subject in this suite
    /// could be judged.
    Failed,
    /// It could not be judged, and another figure of its subject in this suite could.
    NotJudged,
}

/// Judges a run, where there is a baseline by a comparison with it, whose threshold is the limit.
pub(crate) fn gate(report: &Report, mut comparison: Option<Comparison>) -> anyhow::Result<Gate> {
    if let Some(comparison) = &mut comparison {
        let floors = report.suites.iter().flat_map(|table| &table.floors);
        let floors: BTreeSet<&String> = floors.map(|row| &row.subject).collect();
        // No server is in a floor: when it is slower the machine is.
        comparison.rows.retain(|pair| !floors.contains(&pair.b));
    }
    let targets: Vec<Held> = report.targets().cloned().collect();
    if targets.is_empty() && comparison.as_ref().is_none_or(|one| one.rows.is_empty()) {
        bail!(
            "there is nothing to hold {} against: name a run with --baseline, or set [targets] in a suite and measure it",
            report.run
        );
    }
    Ok(Gate {
        run: report.run.clone(),
        comparison,
        targets,
    })
}

/// Compares all other servers of a run with one of its subjects. Floors take part in the fit that
/// the ratios come from.
pub(crate) fn against_subject(
    run: &Dataset,
    baseline: &str,
    by: &[Metric],
    max_regression: Threshold,
) -> anyhow::Result<Comparison> {
    let subjects = run.subjects.subject.keys().map(String::as_str);
    let others = subjects.filter(|name| *name != baseline && !run.is_floor(name));
    let others: Vec<&str> = others.collect();
    if others.is_empty() {
        bail!(
            "the run {} has no other server than the baseline \"{baseline}\"",
            run.run
        );
    }
    compare::subjects(run, baseline, &others, by, max_regression)
}

fn outcome((pair, one): &Line<'_>) -> Outcome {
    let mut figures = pair.figures.iter();
    let is_judged = figures.any(|one| one.verdict != Verdict::Unknown);
    match one.verdict {
        Verdict::Faster | Verdict::Equal | Verdict::CannotTell => Outcome::Passed,
        Verdict::Unknown if is_judged => Outcome::NotJudged,
        Verdict::Slower | Verdict::Unknown => Outcome::Failed,
    }
}

impl Gate {
    /// Judges one comparison within `run` alone, also where the server is a floor.
    pub(crate) fn of(run: &str, comparison: Comparison) -> Self {
        Self {
            run: run.to_owned(),
            comparison: Some(comparison),
            targets: Vec::new(),
        }
    }

    /// Whether the run may pass.
    pub(crate) fn passes(&self) -> bool {
        let is_failed = |line: &Line<'_>| outcome(line) == Outcome::Failed;
        !self.lines().iter().any(is_failed) && self.targets.iter().all(|held| held.is_met)
    }

    fn lines(&self) -> Vec<Line<'_>> {
        lines(self.comparison.iter().flat_map(|found| &found.rows))
    }
}

/// What was judged, as a document; people see what failed.
pub(crate) fn render(gate: &Gate, style: Style) -> String {
    let lines = gate.lines();
    let of = |wanted| move |line: &&Line<'_>| outcome(line) == wanted;
    let failed: Vec<Line<'_>> = lines.iter().filter(of(Outcome::Failed)).copied().collect();
    let not_judged = lines.iter().filter(of(Outcome::NotJudged)).count();
    let word = |line: &Line<'_>| match outcome(line) {
        Outcome::Passed => "passed".into(),
        Outcome::Failed => Cell::shown("failed", "FAILED"),
        Outcome::NotJudged => Cell::shown("not_judged", "not judged"),
    };
    let columns = Columns::<Line<'_>>::new()
        .text("suite", "suite", |(pair, _)| &pair.suite)
        .text("subject", "subject", |(pair, _)| &pair.b)
        .add("outcome", "outcome", word)
        .with(compared().of(|(_, one)| *one));
    let passes = gate.passes();
    let mut document = Document::default();
    document.fact("run", &gate.run);
    document.fact("passes", passes);
    let word = if passes { "PASSES" } else { "DOES NOT PASS" };
    document.say(format!("{} {word}.\n", gate.run));
    let comparison = gate.comparison.as_ref();
    document.fact("baseline", comparison.map(|found| &found.a));
    document.fact(
        "max_regression",
        comparison.map(|found| found.threshold.share()),
    );
    if let Some(comparison) = comparison {
        document.say(format!(
            "Against {}: of {} figures {} failed and {not_judged} could not be judged. A regression fails \
             when the near end of its interval is beyond {}; all intervals together hold the true \
             ratios with a probability of 95%.\n",
            comparison.a,
            lines.len(),
            failed.len(),
            comparison.threshold
        ));
    }
    if !failed.is_empty() {
        document.say("\n");
        document.table_for_people(Table::of(&columns, 4, &failed));
    }
    document.list("reasons", "Unknown, because", &reasons(&failed));
    document.table_for_programs("rows", Table::of(&columns, 4, &lines));
    let targets = targets::table(&gate.targets);
    if !gate.targets.is_empty() {
        document.say("\nTargets:\n\n");
        document.table_for_people(targets.clone());
    }
    document.table_for_programs("targets", targets);
    let left_out = comparison.map(|found| &found.left_out[..]);
    document.list("left_out", "Left out", left_out.unwrap_or_default());
    document.draw(style)
}
