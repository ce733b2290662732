//! What figures and verdicts are worth: how often the same program beside itself gets a verdict,
//! how often a gate fails it, how often a known difference is told apart, and how far copies of one
//! program lie apart in a table.

use super::compare::Compared;
use super::dataset::Dataset;
use super::metric::Metric;
use super::summary::{Report, Steadiness};
use crate::render::findings::compared;
use crate::render::table::{Cell, Columns, Document, Style, Table};
use crate::stats::{Better, Resampled, Threshold, Verdict, median_of};

/// In so many runs one verdict that tells it from itself is allowed, and the known difference may
/// be missed twice.
const RUNS: usize = 20;

/// The most that the figures of copies may err, as the root mean square of the logarithms of their
/// ratios.
pub(crate) const TABLE_BOUND: f64 = 0.015;

/// All runs of an A/A test.
#[derive(Debug)]
pub(crate) struct Trust {
    /// The subject.
    pub(crate) subject: String,
    /// What it was asked.
    pub(crate) suite: String,
    /// Differences below this are ties, a share of one.
    pub(crate) threshold: Threshold,
    /// Its CPU time per call before the runs, in nanoseconds.
    pub(crate) calibrated_ns_per_call: u64,
    /// What the slowed one burns for each call, in nanoseconds.
    pub(crate) burn_ns: u64,
    /// What all of them burned for each call besides, in nanoseconds.
    pub(crate) base_burn_ns: u64,
    /// The runs.
    pub(crate) runs: Vec<Pairs>,
}

/// One run.
#[derive(Debug)]
pub(crate) struct Pairs {
    /// Name of its folder.
    pub(crate) run: String,
    /// The subject again beside itself.
    pub(crate) again: Compared,
    /// The slowed one beside it.
    pub(crate) slowed: Compared,
    /// Whether a gate that compares the program with itself passes; absent when none was asked for.
    pub(crate) gate_passes: Option<bool>,
}

impl Trust {
    fn count(&self, is: impl Fn(&Pairs) -> bool) -> usize {
        self.runs.iter().filter(|run| is(run)).count()
    }

    /// A/A, sensitivity and the gate: a sentence each, and whether it holds. Of 20 runs one may
    /// tell the same program from itself, and 18 have to tell the slowed one apart.
    fn tests(&self) -> Vec<(String, bool)> {
        let all = self.runs.len();
        let (allowed, needed) = ((all / RUNS).max(1), (all * 18).div_ceil(RUNS));
        let not_tied = self.count(|run| !run.again.verdict.is_tie());
        let told_apart = self.count(|run| run.slowed.verdict == Verdict::Slower);
        let mut tests = vec![
            (
                format!(
                    "A/A: {not_tied} of {all} runs gave the same program a verdict other than tie, \
                     at most {allowed}"
                ),
                not_tied <= allowed,
            ),
            (
                format!(
                    "Sensitivity: {told_apart} of {all} runs called the slowed one slower, at least \
                     {needed}"
                ),
                told_apart >= needed,
            ),
        ];
        let gated = self.count(|run| run.gate_passes.is_some());
        if gated > 0 {
            let failed = self.count(|run| run.gate_passes == Some(false));
            let text = format!(
                "Gate: {} of {gated} runs failed nothing of the program beside itself; at most \
                 {allowed} may fail",
                gated - failed
            );
            tests.push((text, failed <= allowed));
        }
        tests
    }

    /// Whether all of that holds.
    pub(crate) fn holds(&self) -> bool {
        !self.runs.is_empty() && self.tests().iter().all(|(_, holds)| *holds)
    }
}

/// The table of the runs, and what it comes to.
pub(crate) fn render(trust: &Trust, style: Style) -> String {
    type Line<'l> = (&'l Pairs, &'static str, &'l Compared);
    let mut lines: Vec<Line<'_>> = Vec::new();
    for run in &trust.runs {
        lines.extend([(run, "again", &run.again), (run, "slowed", &run.slowed)]);
    }
    let columns = Columns::<Line<'_>>::new()
        .text("run", "run", |(run, ..)| &run.run)
        .text("b_is", "B is A", |(_, name, _)| name)
        .with(compared().of(|(.., one)| *one));
    let ratios = trust
        .runs
        .iter()
        .filter_map(|run| Some(run.slowed.ratio?.point));
    let ratio = median_of(&mut ratios.collect::<Vec<_>>());
    let share = ratio.map_or_else(
        || "not measured".to_owned(),
        |ratio| format!("{:+.1}% (median of the runs)", (ratio - 1.0) * 100.0),
    );
    let word = |holds: bool| if holds { "holds" } else { "DOES NOT HOLD" };
    let mut document = Document::default();
    for (key, ns) in [
        ("calibrated_ns_per_call", trust.calibrated_ns_per_call),
        ("burn_ns", trust.burn_ns),
        ("base_burn_ns", trust.base_burn_ns),
    ] {
        document.fact(key, ns);
    }
    document.fact("subject", &trust.subject);
    document.fact("suite", &trust.suite);
    document.fact("holds", trust.holds());
    document.say(format!(
        "{}, suite {}, by CPU per call, threshold {}.\n\n",
        trust.subject, trust.suite, trust.threshold
    ));
    document.table("rows", Table::of(&columns, 3, &lines));
    document.say("\n");
    for (text, holds) in trust.tests() {
        document.say(format!("{text}: {}.\n", word(holds)));
    }
    document.say(format!(
        "The slowed one burned {} ns for each call, {:.1}% of the {} ns that one took before the runs; measured: {share}.\n",
        trust.burn_ns,
        trust.burn_ns as f64 / trust.calibrated_ns_per_call.max(1) as f64 * 100.0,
        trust.calibrated_ns_per_call,
    ));
    document.draw(style)
}

/// Copies of one program as the subjects of a table, in one or more runs.
#[derive(Debug)]
pub(crate) struct Copies {
    /// The subject.
    pub(crate) subject: String,
    /// What it was asked.
    pub(crate) suite: String,
    /// The runs.
    pub(crate) runs: Vec<TableOfCopies>,
}

/// One run of copies.
#[derive(Debug)]
pub(crate) struct TableOfCopies {
    /// Name of its folder.
    pub(crate) run: String,
    /// How steady the machine was.
    pub(crate) steadiness: Steadiness,
    /// CPU time per call of each copy, in microseconds.
    pub(crate) figures: Vec<f64>,
    /// Pairs of copies that a verdict told apart, beyond the usual threshold.
    pub(crate) told_apart: usize,
}

impl TableOfCopies {
    /// Reads the figures of the copies in a suite.
    pub(crate) fn of(run: &Dataset, suite: &str) -> anyhow::Result<Self> {
        let copies: Vec<&str> = run.subjects_in(suite).into_iter().collect();
        let figure = |copy: &&str| {
            let figure = run.figure(Metric::CpuUsPerCall, suite, copy)?;
            let missing = || anyhow::anyhow!("{copy} could not be measured; see {}", run.run);
            figure
                .right()
                .filter(|_| figure.counts())
                .ok_or_else(missing)
        };
        let figures = copies.iter().map(figure).collect::<anyhow::Result<_>>()?;
        let pairs = pairs(&copies).map(|(a, b)| (*b, *a)).collect::<Vec<_>>();
        let ratios = run.ratios(Metric::CpuUsPerCall, suite, &pairs);
        let told_apart = |ratio: &Resampled| {
            let verdict = Threshold::default().judge(&ratio.ratio(), Better::Less);
            matches!(verdict, Verdict::Faster | Verdict::Slower)
        };
        Ok(Self {
            run: run.run.clone(),
            steadiness: Report::of(run)?.steadiness,
            figures,
            told_apart: ratios
                .iter()
                .flatten()
                .filter(|ratio| told_apart(ratio))
                .count(),
        })
    }

    /// The logarithms of the ratios of all pairs, which would be 0 without errors.
    fn errors(&self) -> impl Iterator<Item = f64> + '_ {
        pairs(&self.figures).map(|(a, b)| (b / a).ln())
    }
}

fn pairs<T>(all: &[T]) -> impl Iterator<Item = (&T, &T)> {
    let rest = all.iter().enumerate();
    rest.flat_map(|(at, one)| all[at + 1..].iter().map(move |other| (one, other)))
}

fn root_mean_square(errors: impl Iterator<Item = f64>) -> Option<f64> {
    let squares: Vec<f64> = errors.map(|error| error * error).collect();
    (!squares.is_empty()).then(|| (squares.iter().sum::<f64>() / squares.len() as f64).sqrt())
}

fn worst(errors: impl Iterator<Item = f64>) -> Option<f64> {
    errors.map(f64::abs).reduce(f64::max)
}

impl Copies {
    fn errors(&self) -> impl Iterator<Item = f64> + '_ {
        self.runs.iter().flat_map(TableOfCopies::errors)
    }

    /// Whether the figures keep the bound.
    pub(crate) fn holds(&self) -> bool {
        root_mean_square(self.errors()).is_some_and(|error| error <= TABLE_BOUND)
    }
}

/// How far the copies lie apart, in each run and in all, and how steady the machine was meanwhile.
pub(crate) fn render_table(copies: &Copies, style: Style) -> String {
    let said =
        |share: Option<f64>| share.map_or("-".to_owned(), |it| format!("{:.2}%", it * 100.0));
    let percent = |share: Option<f64>| Cell::shown(share, said(share));
    let columns = Columns::<TableOfCopies>::new()
        .text("run", "run", |run| &run.run)
        .add("error_rms", "error rms", move |run| {
            percent(root_mean_square(run.errors()))
        })
        .add("error_worst", "worst", move |run| {
            percent(worst(run.errors()))
        })
        .count("pairs_told_apart", "pairs told apart", |run| {
            run.told_apart as u64
        })
        .add("rounds", "rounds", move |run| {
            percent(run.steadiness.rounds)
        })
        .add("readings", "readings", move |run| {
            percent(run.steadiness.readings)
        })
        .add("steal", "steal up to", move |run| {
            percent(run.steadiness.steal)
        })
        .count("trials_with_other_load", "with other load", |run| {
            run.steadiness.trials_with_other_load as u64
        })
        .add("cpu_us_per_call", "", |run| {
            Cell::shown(run.figures.clone(), "")
        });
    let error = root_mean_square(copies.errors());
    let worst = worst(copies.errors());
    let pairs: usize = copies.runs.iter().map(|run| run.errors().count()).sum();
    let mut document = Document::default();
    document.fact("subject", &copies.subject);
    document.fact("suite", &copies.suite);
    document.fact("error_rms", error);
    document.fact("error_worst", worst);
    document.fact("bound", TABLE_BOUND);
    document.fact("holds", copies.holds());
    document.say(format!(
        "Copies of {} as subjects, suite {}, by CPU per call.\n\n",
        copies.subject, copies.suite
    ));
    document.table("rows", Table::of(&columns, 1, &copies.runs));
    document.say(format!(
        "\nError of the log ratios of {pairs} pairs: {} rms, {} at worst. The bound is {} rms: {}.\n\
         rounds: the spread of drift that all copies shared, which is taken out; readings: the spread \
         of single slices around that; with other load: trials in which something else ran.\n",
        said(error),
        said(worst),
        said(Some(TABLE_BOUND)),
        if copies.holds() { "holds" } else { "DOES NOT HOLD" }
    ));
    document.draw(style)
}

#[cfg(test)]
mod tests {
    use super::{Copies, Pairs, TableOfCopies, Trust, render, render_table};
    use crate::analysis::compare::Compared;
    use crate::analysis::metric::Metric;
    use crate::analysis::summary::Steadiness;
    use crate::render::table::Style;
    use crate::stats::{Ratio, Threshold, Verdict};

    fn compared(point: f64, verdict: Verdict) -> Compared {
        Compared {
            figure: Metric::CpuUsPerCall,
            a: Some(5.5),
            b: Some(5.5 * point),
            ratio: Some(Ratio {
                point,
                interval: None,
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
        let run = |index: usize| {
            let again = verdict(index < not_tied, Verdict::Unknown, Verdict::Equal);
            let slowed = verdict(index < told_apart, Verdict::Slower, Verdict::CannotTell);
            Pairs {
                run: format!("run {index}"),
                again: compared(1.0, again),
                slowed: compared(1.05, slowed),
                gate_passes: Some(index >= not_tied),
            }
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

    #[test]
    fn the_error_of_a_table_is_that_of_all_pairs_of_copies() {
        let table = |figures: [f64; 3]| Copies {
            subject: "a".to_owned(),
            suite: "echo".to_owned(),
            runs: vec![TableOfCopies {
                run: "run".to_owned(),
                steadiness: Steadiness::default(),
                figures: figures.map(f64::exp).to_vec(),
                told_apart: 1,
            }],
        };
        // The pairs lie 0.01, 0.02 and 0.01 apart: the mean of the squares is 0.0002.
        let found = table([1.0, 1.01, 1.02]);
        let text = render_table(&found, Style::Text);
        assert!(
            text.contains("3 pairs: 1.41% rms, 2.00% at worst"),
            "{text}"
        );
        assert!(
            text.contains("bound is 1.50% rms: holds") && found.holds(),
            "{text}"
        );
        assert!(!table([1.0, 1.01, 1.03]).holds());
    }
}
