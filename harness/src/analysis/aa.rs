//! What the verdicts are worth: how often the same program beside itself gets one, how often a gate
//! fails it, and how often a known difference is told apart.

use std::fmt::Write as _;

use serde::Serialize;

use super::compare::Compared;
use crate::render::findings::{interval, point};
use crate::render::table::{Cell, Style, Table};
use crate::stats::{Threshold, Verdict, median_of};

/// In so many runs one verdict that tells it from itself is allowed, and the known difference may be missed twice.
const RUNS: usize = 20;

/// All runs of an A/A test.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Trust {
    /// The subject.
    pub subject: String,
    /// What it was asked.
    pub suite: String,
    /// Differences below this are ties, a share of one.
    pub threshold: Threshold,
    /// Its CPU time per call before the runs, in nanoseconds.
    pub calibrated_ns_per_call: u64,
    /// What the slowed one burns for each call, in nanoseconds.
    pub burn_ns: u64,
    /// What all of them burned for each call besides, in nanoseconds.
    pub base_burn_ns: u64,
    /// The runs.
    pub runs: Vec<Pairs>,
}

/// One run.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Pairs {
    /// Name of its folder.
    pub run: String,
    /// The subject again beside itself.
    pub again: Compared,
    /// The slowed one beside it.
    pub slowed: Compared,
    /// Whether a gate that compares the program with itself passes; absent when none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate_passes: Option<bool>,
}

impl Trust {
    /// Runs in which the same program got a verdict that tells it from itself.
    #[must_use]
    pub fn not_tied(&self) -> usize {
        let is_other = |run: &&Pairs| !run.again.verdict.is_tie();
        self.runs.iter().filter(is_other).count()
    }

    /// How many of them are allowed: one in 20 runs, and one in fewer.
    #[must_use]
    pub fn not_tied_allowed(&self) -> usize {
        (self.runs.len() / RUNS).max(1)
    }

    /// Runs in which a gate failed the program beside itself.
    #[must_use]
    pub fn gates_failed(&self) -> usize {
        let failed = |run: &&Pairs| run.gate_passes == Some(false);
        self.runs.iter().filter(failed).count()
    }

    /// Runs in which the slowed one was called slower.
    #[must_use]
    pub fn told_apart(&self) -> usize {
        let is_slower = |run: &&Pairs| run.slowed.verdict == Verdict::Slower;
        self.runs.iter().filter(is_slower).count()
    }

    /// How many of them there must be: 18 of 20.
    #[must_use]
    pub fn told_apart_needed(&self) -> usize {
        (self.runs.len() * 18).div_ceil(RUNS)
    }

    /// Whether both hold.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.runs.is_empty()
            && self.not_tied() <= self.not_tied_allowed()
            && self.told_apart() >= self.told_apart_needed()
            && self.gates_failed() <= self.not_tied_allowed()
    }

    /// The median over the runs of how many times as much the slowed one cost.
    #[must_use]
    pub fn slowed_ratio(&self) -> Option<f64> {
        let ratios = self.runs.iter().filter_map(|run| run.slowed.ratio);
        median_of(&mut ratios.map(|ratio| ratio.point).collect::<Vec<_>>())
    }
}

/// The table of the runs, and what it comes to.
#[must_use]
pub fn render(trust: &Trust, style: Style) -> String {
    let header = [
        "run",
        "A us/call",
        "A'/A",
        "95% interval",
        "verdict",
        "slowed/A",
        "95% interval",
        "verdict",
    ];
    let mut table = Table::new(&header, 1);
    for run in &trust.runs {
        let mut cells = vec![Cell::from(run.run.as_str()), Cell::number(run.again.a, 3)];
        for one in [&run.again, &run.slowed] {
            cells.extend([point(one.ratio), interval(one.ratio)]);
            cells.push(one.threshold.words(one.verdict).into());
        }
        table.cells(cells);
    }
    let drawn = table.draw(style);
    if style == Style::Csv {
        return drawn;
    }
    let share = trust.slowed_ratio().map_or_else(
        || "not measured".to_owned(),
        |ratio| format!("{:+.1}% (median of the runs)", (ratio - 1.0) * 100.0),
    );
    let word = |holds: bool| if holds { "holds" } else { "DOES NOT HOLD" };
    let mut text = format!(
        "{}, suite {}, by CPU per call, threshold {}.\n\n{drawn}\n\
         A/A: {} of {} runs gave the same program a verdict other than tie, at most {}: {}.\n\
         Sensitivity: {} of {} runs called the slowed one slower, at least {}: {}.\n\
         The slowed one burned {} ns for each call, {:.1}% of the {} ns that one took before the runs; measured: {share}.\n",
        trust.subject,
        trust.suite,
        trust.threshold,
        trust.not_tied(),
        trust.runs.len(),
        trust.not_tied_allowed(),
        word(trust.not_tied() <= trust.not_tied_allowed()),
        trust.told_apart(),
        trust.runs.len(),
        trust.told_apart_needed(),
        word(trust.told_apart() >= trust.told_apart_needed()),
        trust.burn_ns,
        trust.burn_ns as f64 / trust.calibrated_ns_per_call.max(1) as f64 * 100.0,
        trust.calibrated_ns_per_call,
    );
    let gated = trust
        .runs
        .iter()
        .filter(|run| run.gate_passes.is_some())
        .count();
    if gated > 0 {
        let failed = trust.gates_failed();
        // Writing into a string does not fail.
        let _ = writeln!(
            text,
            "Gate: {} of {gated} runs failed nothing of the program beside itself; at most {} may \
             fail: {}.",
            gated - failed,
            trust.not_tied_allowed(),
            word(failed <= trust.not_tied_allowed())
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Pairs, Trust, render};
    use crate::analysis::compare::Compared;
    use crate::analysis::metric::Metric;
    use crate::render::table::Style;
    use crate::stats::{Interval, Ratio, Threshold, Verdict};

    fn compared(point: f64, verdict: Verdict) -> Compared {
        Compared {
            figure: Metric::CpuUsPerCall,
            a: Some(5.5),
            b: Some(5.5 * point),
            ratio: Some(Ratio {
                point,
                interval: Some(Interval {
                    low: point - 0.01,
                    high: point + 0.01,
                }),
                trials: 15,
            }),
            threshold: Threshold::default(),
            verdict,
            why: String::new(),
            outliers: 0,
        }
    }

    /// Twenty runs, of which so many were not tied and so many told apart.
    fn trust(not_tied: usize, told_apart: usize) -> Trust {
        let verdict = |is: bool, one, other| if is { one } else { other };
        let run = |index: usize| Pairs {
            run: format!("run {index}"),
            again: compared(
                1.0,
                verdict(index < not_tied, Verdict::Unknown, Verdict::Equal),
            ),
            slowed: compared(
                1.05,
                verdict(index < told_apart, Verdict::Slower, Verdict::CannotTell),
            ),
            gate_passes: Some(index >= not_tied),
        };
        Trust {
            subject: "floor-http".to_owned(),
            suite: "echo".to_owned(),
            threshold: Threshold::default(),
            calibrated_ns_per_call: 5_500,
            burn_ns: 275,
            base_burn_ns: 0,
            runs: (0..20).map(run).collect(),
        }
    }

    #[test]
    fn one_false_verdict_and_two_missed_ones_are_the_most_of_twenty() {
        assert!(trust(0, 20).holds() && trust(1, 18).holds());
        assert!(!trust(2, 20).holds() && !trust(0, 17).holds());
        let mut none = trust(0, 20);
        none.runs.clear();
        assert!(!none.holds(), "no run says nothing");
    }

    #[test]
    fn the_figures_are_said() {
        let text = render(&trust(2, 18), Style::Text);
        for part in [
            "2 of 20 runs gave the same program a verdict other than tie, at most 1: DOES NOT HOLD",
            "18 of 20 runs called the slowed one slower, at least 18: holds",
            "burned 275 ns for each call, 5.0% of the 5500 ns",
            "measured: +5.0%",
            "Gate: 18 of 20 runs failed nothing",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
