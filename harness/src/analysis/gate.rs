//! Whether a run may pass: nothing slower than a baseline beyond a limit, and every target met.
//!
//! A regression is beyond the limit when the near end of its interval is, so noise alone does not
//! fail a gate. The intervals are so wide that all of them together hold the true ratios with a
//! probability of 95% (Bonferroni). What could not be judged by any figure does not pass.

use std::fmt::Write as _;

use anyhow::bail;
use serde::Serialize;

use super::compare::{self, Compared, Comparison};
use super::dataset::Dataset;
use super::metric::Metric;
use super::summary::Report;
use super::targets::{self, Held};
use crate::render::findings::{COMPARED, compared, list};
use crate::render::table::{Cell, Style, Table};
use crate::stats::{Threshold, Verdict};

/// What a gate found.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Gate {
    /// The run.
    pub run: String,
    /// What it is held against.
    pub baseline: Option<String>,
    /// The largest regression that passes, a share of one.
    pub max_regression: Threshold,
    /// The figures beside those of the baseline.
    pub rows: Vec<Row>,
    /// The targets of the run's suites.
    pub targets: Vec<Held>,
    /// What only one of the runs has.
    pub left_out: Vec<String>,
}

/// One figure of a subject in a suite.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "GateRow"))]
pub struct Row {
    /// The suite.
    pub suite: String,
    /// The subject.
    pub subject: String,
    /// The figure in the baseline (a) and in the run (b).
    pub compared: Compared,
    /// What the gate says to it.
    pub outcome: Outcome,
}

/// What a gate says to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not shown to be worse beyond the limit.
    Passed,
    /// Worse beyond the limit by the whole interval; or none of the figures of its subject in this suite could be judged.
    Failed,
    /// It could not be judged, and another figure of its subject in this suite could.
    NotJudged,
}

/// Judges a run, where there is a baseline by a comparison with it, whose threshold is the limit.
///
/// # Errors
/// When there is nothing to hold it against.
pub fn gate(
    report: &Report,
    comparison: Option<Comparison>,
    max_regression: Threshold,
) -> anyhow::Result<Gate> {
    let mut found = Gate {
        run: report.run.clone(),
        baseline: None,
        max_regression,
        rows: Vec::new(),
        targets: report.targets().cloned().collect(),
        left_out: Vec::new(),
    };
    if let Some(comparison) = comparison {
        found.baseline = Some(comparison.a);
        found.left_out = comparison.left_out;
        let is_floor = |suite: &str, subject: &str| {
            let floors = report.suites.iter().filter(|table| table.suite == suite);
            floors
                .flat_map(|table| &table.floors)
                .any(|row| row.subject == subject)
        };
        for pair in comparison.rows {
            // A floor is nobody's work: when it is slower the machine is.
            if is_floor(&pair.suite, &pair.b) {
                continue;
            }
            let figures = pair.figures;
            let is_judged = figures.iter().any(|one| one.verdict != Verdict::Unknown);
            found.rows.extend(figures.into_iter().map(|compared| Row {
                suite: pair.suite.clone(),
                subject: pair.b.clone(),
                outcome: outcome(compared.verdict, is_judged),
                compared,
            }));
        }
    }
    if found.rows.is_empty() && found.targets.is_empty() {
        bail!(
            "there is nothing to hold {} against: name a run with --baseline, or set [targets] in a suite and measure it",
            found.run
        );
    }
    Ok(found)
}

/// Compares all other servers of a run with one of its subjects. Floors take part in the fit that
/// the ratios come from.
///
/// # Errors
/// When there is no other server.
pub fn against_subject(
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

fn outcome(verdict: Verdict, is_judged: bool) -> Outcome {
    match verdict {
        Verdict::Faster | Verdict::Equal | Verdict::CannotTell => Outcome::Passed,
        Verdict::Unknown if is_judged => Outcome::NotJudged,
        Verdict::Slower | Verdict::Unknown => Outcome::Failed,
    }
}

impl Gate {
    /// Whether the run may pass.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.count(Outcome::Failed) == 0 && self.targets.iter().all(|held| held.is_met)
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.rows
            .iter()
            .filter(|row| row.outcome == outcome)
            .count()
    }
}

fn row_table<'r>(rows: impl Iterator<Item = &'r Row>, style: Style) -> String {
    let mut header = vec![
        ("suite", "suite"),
        ("subject", "subject"),
        ("outcome", "outcome"),
    ];
    header.extend(COMPARED);
    let mut table = Table::keyed(&header, 4);
    for row in rows {
        let outcome = match row.outcome {
            Outcome::Passed => "passed",
            Outcome::Failed => "FAILED",
            Outcome::NotJudged => "not judged",
        };
        let mut cells: Vec<Cell> = vec![
            row.suite.as_str().into(),
            row.subject.as_str().into(),
            outcome.into(),
        ];
        cells.extend(compared(&row.compared, style));
        table.cells(cells);
    }
    table.draw(style)
}

/// What failed, for people.
#[must_use]
pub fn render(gate: &Gate, style: Style) -> String {
    if style == Style::Csv {
        return csv(gate);
    }
    let word = if gate.passes() {
        "PASSES"
    } else {
        "DOES NOT PASS"
    };
    let mut text = format!("{} {word}.\n", gate.run);
    if let Some(baseline) = &gate.baseline {
        let counts = [Outcome::Failed, Outcome::NotJudged].map(|outcome| gate.count(outcome));
        // Writing into a string does not fail.
        let _ = writeln!(
            text,
            "Against {baseline}: of {} figures {} failed and {} could not be judged. A regression fails \
             when the near end of its interval is beyond {}; all intervals together hold the true \
             ratios with a probability of 95%.",
            gate.rows.len(),
            counts[0],
            counts[1],
            gate.max_regression
        );
        if counts[0] > 0 {
            let failed = gate
                .rows
                .iter()
                .filter(|row| row.outcome == Outcome::Failed);
            let _ = write!(text, "\n{}", row_table(failed, style));
        }
    }
    if !gate.targets.is_empty() {
        let targets = targets::table(&gate.targets, style);
        let _ = write!(text, "\nTargets:\n\n{targets}");
    }
    list(&mut text, "Left out", gate.left_out.iter());
    text
}

/// All rows as CSV; targets follow after an empty line.
fn csv(gate: &Gate) -> String {
    let mut parts = Vec::new();
    if !gate.rows.is_empty() {
        parts.push(row_table(gate.rows.iter(), Style::Csv));
    }
    if !gate.targets.is_empty() {
        parts.push(targets::table(&gate.targets, Style::Csv));
    }
    parts.join("\n")
}
