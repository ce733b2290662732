//! What came of experiments: for each comparison the ratio of two variants or subjects, or a figure
//! by itself, and where it has bounds whether it keeps them.

use std::collections::BTreeMap;

use super::compare::{Compared, Side, compare};
use super::dataset::{Dataset, Figure};
use super::metric::Metric;
use crate::config::FormatError;
use crate::config::experiment::{Comparison, Experiment, Published};
use crate::render::findings::{ratio_columns, verdict};
use crate::render::table::{Cell, Columns, Document, Style, Table};
use crate::stats::{Ratio, Threshold};

/// The metrics that the table of variants shows, all that a reader may ask for.
const METRICS: [Metric; 9] = [
    Metric::FirstMs,
    Metric::P50Ms,
    Metric::P99Ms,
    Metric::MaxMs,
    Metric::CallsPerS,
    Metric::CpuUsPerCall,
    Metric::RssPeakMb,
    Metric::TextBytes,
    Metric::TextTokens,
];

/// One comparison of an experiment.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    /// Place of the experiment in the table.
    pub(crate) number: u32,
    /// The experiment.
    pub(crate) title: String,
    /// What it teaches.
    pub(crate) teaches: String,
    /// What others have published about it.
    pub(crate) published: Vec<Published>,
    /// What is compared, and the bounds.
    pub(crate) comparison: Comparison,
    /// What was found: of variants once, otherwise in each suite of the experiment.
    pub(crate) found: Vec<Found>,
    /// All variants, in the order of the definition.
    pub(crate) variants: Vec<VariantFigures>,
}

/// What was found in one suite.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The suite, by its name in the definition.
    pub(crate) suite: String,
    /// The two sides; absent where the figure itself has bounds.
    pub(crate) compared: Option<Compared>,
    /// The ratio with the ends of its interval, or the figure with its least and most over the
    /// trials; absent when a trial failed or had wrong answers.
    pub(crate) value: Option<Reading>,
    /// Whether there are trials in which the figures hold.
    pub(crate) holds: bool,
}

/// All figures of one variant.
#[derive(Debug, Clone)]
pub(crate) struct VariantFigures {
    /// The variant.
    pub(crate) variant: String,
    /// The figure of the comparison, with its least and most over the trials.
    figure: Option<Reading>,
    /// [`METRICS`], as far as it has them.
    figures: Vec<Option<f64>>,
    /// Errors of all its trials.
    pub(crate) errors: u64,
}

/// A figure with its least and most.
pub(crate) type Reading = (f64, f64, f64);

/// How a comparison with bounds came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Within its bounds in every suite.
    Met,
    /// Out of them in at least one.
    Missed,
    /// In at least one suite a trial failed or had wrong answers.
    NotMeasured,
}

/// What came of experiments, in their order: of comparisons of variants, and of all comparisons
/// that have bounds.
pub(super) fn findings(
    experiments: &BTreeMap<String, Experiment>,
    run: &Dataset,
) -> Result<(Vec<Finding>, Vec<Finding>), FormatError> {
    let mut found = all(experiments, run)?;
    let bound = found.iter().filter(|one| one.comparison.has_bounds());
    let bound = bound.cloned().collect();
    found.retain(|one| !one.comparison.variants.is_empty());
    Ok((found, bound))
}

/// What came of every comparison of these experiments, in their order.
pub(crate) fn all(
    experiments: &BTreeMap<String, Experiment>,
    run: &Dataset,
) -> Result<Vec<Finding>, FormatError> {
    let mut in_order: Vec<(&String, &Experiment)> = experiments.iter().collect();
    in_order.sort_by_key(|(_, experiment)| experiment.number);
    let mut found = Vec::new();
    for (name, experiment) in in_order {
        for one in &experiment.compare {
            found.push(finding(name, experiment, one, run)?);
        }
    }
    Ok(found)
}

fn finding(
    name: &str,
    experiment: &Experiment,
    one: &Comparison,
    run: &Dataset,
) -> Result<Finding, FormatError> {
    let with = experiment.places(name, one, &one.with);
    let base = one.base.as_ref();
    let base = base.map(|base| experiment.places(name, one, base));
    let found = with.iter().enumerate().map(|(at, with)| {
        let suites = experiment.suites.get(at);
        let suite = suites.or_else(|| one.suite_of_with()).unwrap_or(&with.0);
        find(
            one,
            suite,
            base.as_ref().and_then(|base| base.get(at)),
            with,
            run,
        )
    });
    let of_variant = |variant: &str| {
        let places = experiment.places(name, one, variant);
        let (suite, subject) = places.into_iter().next().unwrap_or_default();
        let figure = |metric| Ok(run.figure(metric, &suite, &subject)?.right());
        let rows = run.rows(&suite, &subject);
        Ok(VariantFigures {
            variant: variant.to_owned(),
            figure: reading(&run.figure(one.figure, &suite, &subject)?),
            figures: METRICS
                .into_iter()
                .map(figure)
                .collect::<Result<_, FormatError>>()?,
            errors: rows.map(|trial| trial.errors + trial.errors_around()).sum(),
        })
    };
    let variants = one.variants.iter().map(|variant| of_variant(&variant.name));
    Ok(Finding {
        number: experiment.number,
        title: experiment.title.clone(),
        teaches: experiment.teaches.clone(),
        published: experiment.published.clone(),
        comparison: one.clone(),
        found: found.collect::<Result<_, _>>()?,
        variants: variants.collect::<Result<_, FormatError>>()?,
    })
}

fn reading(figure: &Figure) -> Option<Reading> {
    let value = figure.right()?;
    let (least, most) = figure.range()?;
    Some((value, least, most))
}

/// The ratio, or without a base the figure, by the names of suite and subject in the run.
fn find(
    one: &Comparison,
    suite: &str,
    base: Option<&(String, String)>,
    with: &(String, String),
    run: &Dataset,
) -> Result<Found, FormatError> {
    let figure = |(suite, subject): &(String, String)| run.figure(one.figure, suite, subject);
    let of = figure(with)?;
    let mut found = Found {
        suite: suite.to_owned(),
        compared: None,
        value: reading(&of),
        holds: of.validity.is_usable(),
    };
    if let Some(base) = base {
        let sides = [base, with].map(|(suite, subject)| Side::of(run, suite, subject));
        let compared = compare(one.figure, sides, Threshold::default(), 1)?;
        found.value = compared.ratio.map(
            |Ratio {
                 point, interval, ..
             }| {
                interval.map_or((point, point, point), |ends| (point, ends.low, ends.high))
            },
        );
        found.compared = Some(compared);
        found.holds &= figure(base)?.validity.is_usable();
    }
    Ok(found)
}

impl Finding {
    /// Whether it could be measured everywhere.
    pub(crate) fn is_measured(&self) -> bool {
        self.found.iter().all(|found| found.value.is_some())
    }

    /// Whether it rests on figures that hold.
    pub(crate) fn holds(&self) -> bool {
        self.found.iter().all(|found| found.holds)
    }

    /// Whether it keeps its bounds.
    pub(crate) fn outcome(&self) -> Outcome {
        let mut values = self.found.iter().filter_map(|found| found.value);
        if !self.is_measured() {
            Outcome::NotMeasured
        } else if values.all(|(value, ..)| self.comparison.allows(value)) {
            Outcome::Met
        } else {
            Outcome::Missed
        }
    }

    fn compared(&self) -> Option<&Compared> {
        self.found.first()?.compared.as_ref()
    }

    /// How many times better the figure is with the change.
    fn gain(&self) -> Option<Ratio> {
        self.compared()?.gain()
    }

    /// The figures that a picture shows beside each other, each with its name: those of the
    /// variants, or of both subjects in each suite. The least and the most over the trials are
    /// known of variants.
    pub(crate) fn bars(&self) -> Vec<(String, Option<Reading>)> {
        if !self.variants.is_empty() {
            let bar = |one: &VariantFigures| (one.variant.clone(), one.figure);
            return self.variants.iter().map(bar).collect();
        }
        let comparison = &self.comparison;
        let of_suite = |found: &Found| {
            let name = |subject: &String| format!("{}, {subject}", found.suite);
            match (&comparison.base, &found.compared) {
                (Some(base), Some(compared)) => {
                    let point = |value: f64| (value, value, value);
                    let base = (name(base), compared.a.map(point));
                    vec![base, (name(&comparison.with), compared.b.map(point))]
                }
                _ => vec![(name(&comparison.with), found.value)],
            }
        };
        self.found.iter().flat_map(of_suite).collect()
    }
}

/// All variants, and what each change is worth.
pub(crate) fn render(found: &[Finding], style: Style) -> String {
    let mut document = Document::default();
    document.table("variants", variants(found));
    document.say("\n");
    document.table("experiments", table(found));
    document.draw(style)
}

/// The table of what the changes are worth.
pub(crate) fn table(found: &[Finding]) -> Table {
    // An experiment's words stand once, beside its first comparison.
    let once = |text: fn(&Finding) -> String| {
        move |one: &Finding| {
            let is_first = found.iter().find(|other| other.number == one.number);
            let is_first = is_first.is_some_and(|first| std::ptr::eq(first, one));
            let text = text(one);
            Cell::shown(text.as_str(), if is_first { text.as_str() } else { "" })
        }
    };
    let side = |name: &str, value: Option<f64>| {
        let shown = value.map_or("-".to_owned(), |value| format!("{value:.2}"));
        Cell::shown(value, format!("{shown} ({name})"))
    };
    let base = |one: &Finding| one.comparison.base.clone().unwrap_or_default();
    let gain = |one: &Finding| {
        let doubt = if one.holds() { "" } else { " (doubtful)" };
        let ratio = one.gain().map(|gain| format!("{:.2}{doubt}", gain.point));
        ratio.unwrap_or_else(|| "NOT MEASURED".to_owned())
    };
    let word = |one: &Finding| match one.compared() {
        Some(found) => verdict(found.threshold, found.verdict),
        None => "-".into(),
    };
    let published = |one: &Finding| {
        let claims = one.published.iter();
        let claims = claims.map(|claim| format!("{}: {}", claim.id, claim.says));
        claims.collect::<Vec<_>>().join("; ")
    };
    let columns = Columns::<Finding>::new()
        .add("number", "#", once(|one| one.number.to_string()))
        .add("experiment", "experiment", once(|one| one.title.clone()))
        .text("compared", "compared", |one| &one.comparison.what)
        .add("figure", "figure", |one| metric(one.comparison.figure))
        .add("off", "off", move |one| {
            side(&base(one), one.compared().and_then(|it| it.a))
        })
        .add("on", "on", move |one| {
            side(&one.comparison.with, one.compared().and_then(|it| it.b))
        })
        .add("", "ratio", move |one| gain(one).into())
        .with(ratio_columns("", 2, Finding::gain))
        .flag("holds", Finding::holds)
        .add("verdict", "with the change", word)
        .add(
            "teaches",
            "what it teaches",
            once(|one| one.teaches.clone()),
        )
        .add("published", "published", once(published));
    Table::of(&columns, usize::MAX, found)
}

fn metric(metric: Metric) -> Cell {
    Cell::shown(metric.key(), metric.name())
}

/// The table of all variants.
pub(crate) fn variants(found: &[Finding]) -> Table {
    type Line<'l> = (&'l Finding, &'l VariantFigures);
    let lines = found
        .iter()
        .flat_map(|one| one.variants.iter().map(move |variant| (one, variant)));
    let lines: Vec<Line<'_>> = lines.collect();
    let mut columns = Columns::<Line<'_>>::new()
        .count("number", "#", |(one, _)| one.number.into())
        .text("compared", "compared", |(one, _)| &one.comparison.what)
        .text("variant", "variant", |(_, variant)| &variant.variant);
    for (at, metric) in METRICS.into_iter().enumerate() {
        let figure = move |(_, variant): &Line<'_>| variant.figures.get(at).copied().flatten();
        columns = columns.figure(metric.key(), metric.name(), figure);
    }
    columns = columns.count("errors", "errors", |(_, variant)| variant.errors);
    Table::of(&columns, 3, &lines)
}

/// The table of comparisons with bounds.
pub(crate) fn bounds(bounds: &[Finding]) -> Table {
    let bound = |one: &Finding| {
        let one = &one.comparison;
        let times = if one.base.is_some() { " times" } else { "" };
        let said = |word: &str, bound: Option<f64>| Some(format!("{word} {}{times}", bound?));
        let both = [said("at least", one.at_least), said("at most", one.at_most)];
        both.into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let word = |one: &Finding| {
        let doubt = if one.holds() { "" } else { " (doubtful)" };
        match one.outcome() {
            Outcome::Met => Cell::shown("met", format!("met{doubt}")),
            Outcome::Missed => Cell::shown("missed", format!("MISSED{doubt}")),
            Outcome::NotMeasured => Cell::shown("not_measured", "NOT MEASURED"),
        }
    };
    let mut columns = Columns::<Finding>::new()
        .text("compared", "compared", |one| &one.comparison.what)
        .add("figure", "figure", |one| metric(one.comparison.figure))
        .add("bound", "bound", move |one| bound(one).into());
    let suites = bounds.first().map_or(&[][..], |one| &one.found);
    for (at, suite) in suites.iter().enumerate() {
        let value = move |one: &Finding| match one.found.get(at).and_then(|found| found.value) {
            None => Cell::number(None, 2),
            Some((value, low, high)) => Cell::shown(
                vec![value, low, high],
                format!("{value:.2} ({low:.2}..{high:.2})"),
            ),
        };
        columns = columns.add(&suite.suite, &suite.suite, value);
    }
    columns = columns
        .add("verdict", "verdict", word)
        .flag("holds", Finding::holds);
    Table::of(&columns, 3, bounds)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Finding, Outcome, bounds, findings};
    use crate::analysis::dataset::dataset_for_tests;
    use crate::config::experiment::Experiment;
    use crate::render::table::Style;
    use crate::results::trial::Trial;
    use crate::stats::Verdict;

    const CHANGE: &str = "\
        number = 3\ntitle = \"A pool\"\nteaches = \"Keep connections.\"\n\
        [[published]]\nid = \"C2\"\nsays = \"100 ms to 5 ms\"\n\
        [[compare]]\nname = \"sql\"\nwhat = \"SQL\"\nserver = \"s\"\nsuite = \"q\"\n\
        figure = \"max_ms\"\nbase = \"none\"\nwith = \"ten\"\n\
        variants = [{ name = \"none\" }, { name = \"ten\" }]\n";

    const BOUNDS: &str = "\
        number = 1\ntitle = \"l\"\nteaches = \"t\"\nsuites = [\"echo\"]\n\
        [[compare]]\nname = \"a\"\nwhat = \"a over b\"\nfigure = \"cpu_us_per_call\"\nwith = \"a\"\nbase = \"b\"\nat_most = 1.5\n\
        [[compare]]\nname = \"r\"\nwhat = \"rate\"\nfigure = \"calls_per_s\"\nwith = \"a\"\nbase = \"b\"\nat_least = 3\n\
        [[compare]]\nname = \"m\"\nwhat = \"memory\"\nfigure = \"rss_peak_mb\"\nwith = \"a\"\nat_most = 12\n";

    fn found(name: &str, experiment: &str, trials: &[Trial]) -> (Vec<Finding>, Vec<Finding>) {
        let experiment: Experiment = toml::from_str(experiment).unwrap();
        let all = BTreeMap::from([(name.to_owned(), experiment)]);
        findings(&all, &dataset_for_tests(trials.into())).unwrap()
    }

    #[test]
    fn a_ratio_says_how_many_times_better_the_change_makes_it() {
        let row = |variant: &str, trial, max_us| Trial {
            suite: format!("pool.sql.{variant}"),
            subject: format!("pool.sql.{variant}"),
            trial,
            calls: 1,
            max_us: Some(max_us),
            ..Trial::default()
        };
        let of = |variant: &'static str, max_us: [u64; 3]| {
            (1..)
                .zip(max_us)
                .map(move |(trial, us)| row(variant, trial, us))
        };
        let trials = of("none", [6_000, 12_000, 6_000]).chain(of("ten", [1_500, 3_000, 1_500]));
        let (found, _) = found("pool", CHANGE, &trials.collect::<Vec<_>>());
        let gain = found[0].gain().unwrap();
        assert!((gain.point - 4.0).abs() < 1e-9);
        assert!((gain.interval.unwrap().low - 4.0).abs() < 1e-6);
        assert_eq!(found[0].compared().unwrap().verdict, Verdict::Faster);
        let bars = [("none", (6.0, 6.0, 12.0)), ("ten", (1.5, 1.5, 3.0))];
        let bars = bars.map(|(name, reading)| (name.to_owned(), Some(reading)));
        assert_eq!(found[0].bars(), bars);
    }

    #[test]
    fn bounds_of_variants_are_judged_too() {
        let row = |variant: &str, trial, cpu| Trial {
            suite: format!("pool.sql.{variant}"),
            subject: format!("pool.sql.{variant}"),
            max_us: Some(1_000 * u64::from(cpu)),
            ..self::trial("", trial, 1, 1)
        };
        let trials = |ten| {
            (1..=3).flat_map(move |trial| [row("none", trial, 10_u8), row("ten", trial, ten)])
        };
        for (ten, outcome) in [(11, Outcome::Met), (13, Outcome::Missed)] {
            let bound = CHANGE.replace("with = \"ten\"\n", "with = \"ten\"\nat_most = 1.2\n");
            let (variants, bounded) = found("pool", &bound, &trials(ten).collect::<Vec<_>>());
            assert_eq!((variants.len(), bounded.len()), (1, 1));
            assert_eq!(bounded[0].outcome(), outcome);
            assert_eq!(bounded[0].found[0].suite, "q");
        }
    }

    fn trial(subject: &str, trial: u32, cpu: u64, rate: u64) -> Trial {
        Trial {
            suite: "layers.echo".to_owned(),
            subject: subject.to_owned(),
            trial,
            calls: 1,
            calls_per_s: Some(rate),
            server_cpu_ns_per_call: Some(cpu),
            rss_peak_bytes: Some(11_000_000 + u64::from(trial)),
            ..Trial::default()
        }
    }

    #[test]
    fn bounds_are_held_against_ratios_with_the_interval_of_the_fit_and_against_figures() {
        let trials = [7_000, 14_000, 7_000].map(|cpu| ("a", cpu, 200));
        let others = [5_000, 10_000, 5_000].map(|cpu| ("b", cpu, 100));
        let rows = [(1..).zip(trials), (1..).zip(others)].into_iter().flatten();
        let rows = rows.map(|(round, (subject, cpu, rate))| trial(subject, round, cpu, rate));
        let (_, found) = found("layers", BOUNDS, &rows.collect::<Vec<_>>());
        let (value, low, high) = found[0].found[0].value.unwrap();
        let close = |a: f64| (a - 1.4).abs() < 1e-9;
        assert!(close(value) && close(low) && close(high), "{found:?}");
        let names = |one: &Finding| {
            one.bars()
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&found[0]), ["echo, b", "echo, a"]);
        assert_eq!(names(&found[2]), ["echo, a"]);
        assert!(found[0].bars().iter().all(|(_, reading)| reading.is_some()));
        let outcomes: Vec<Outcome> = found.iter().map(Finding::outcome).collect();
        assert_eq!(outcomes, [Outcome::Met, Outcome::Missed, Outcome::Met]);
        let text = bounds(&found).draw(Style::Text);
        for part in [
            "1.40 (1.40..1.40)",
            "at least 3 times",
            "MISSED",
            "11.00 (11.00..11.00)",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn a_wrong_answer_or_a_missing_subject_is_no_measurement_and_doubts_are_said() {
        let mut wrong = trial("b", 2, 5_000, 100);
        wrong.errors = 1;
        let mut full = trial("a", 1, 6_000, 500);
        full.warnings = "client_saturated".to_owned();
        let missing = [full.clone(), trial("a", 2, 6_000, 500)];
        let failed = [full.clone(), trial("b", 1, 5_000, 100), wrong];
        for trials in [&missing[..], &failed] {
            let (_, found) = found("layers", BOUNDS, trials);
            assert_eq!(found[0].outcome(), Outcome::NotMeasured);
            assert_eq!(found[2].outcome(), Outcome::Met);
        }
        let (_, found) = found("layers", BOUNDS, &[full, trial("b", 1, 5_000, 100)]);
        assert_eq!((found[0].holds(), found[1].holds()), (true, false));
        assert!(bounds(&found).draw(Style::Text).contains("met (doubtful)"));
    }
}
