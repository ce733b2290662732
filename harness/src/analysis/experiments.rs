//! What each lever is worth: a row for each comparison, off and on, and below them all variants.

use std::collections::BTreeMap;

use serde::Serialize;

use super::compare::{Side as Compared, compare};
use super::dataset::Dataset;
use super::metric::Metric;
use crate::config::FormatError;
use crate::config::experiment::{Comparison, Experiment, Published};
use crate::render::table::{Cell, Style, Table};
use crate::stats::{Better, Interval, Threshold, Verdict};

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

/// One comparison and what came of it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Weighed {
    /// Place of the lever in the table.
    pub number: u32,
    /// The lever.
    pub title: String,
    /// What is compared.
    pub what: String,
    /// The figure of the row.
    pub figure: Metric,
    /// Without the lever.
    pub off: Side,
    /// With it.
    pub on: Side,
    /// How many times better the figure is with the lever.
    pub ratio: Option<f64>,
    /// Where that lies with a probability of 95%; nothing with fewer than 3 trials.
    pub interval: Option<Interval>,
    /// Whether the lever makes it faster, slower, or neither.
    pub verdict: Verdict,
    /// Whether both figures hold in some trial.
    pub holds: bool,
    /// What it teaches.
    pub teaches: String,
    /// What others have published about it.
    pub published: Vec<Published>,
    /// All variants, in the order of the definition.
    pub variants: Vec<VariantFigures>,
}

/// One side of a row.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Side {
    /// The variant.
    pub variant: String,
    /// Its figure; `None` when a trial went wrong.
    pub value: Option<f64>,
}

/// All figures of one variant.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct VariantFigures {
    /// The variant.
    pub variant: String,
    /// The metrics by name, in the unit of the name.
    pub figures: Vec<(Metric, Option<f64>)>,
    /// Errors of all its trials.
    pub errors: u64,
}

/// Weighs all comparisons of these levers, in their order.
pub(super) fn weigh(
    levers: &BTreeMap<String, Experiment>,
    run: &Dataset,
) -> Result<Vec<Weighed>, FormatError> {
    let mut in_order: Vec<(&String, &Experiment)> = levers.iter().collect();
    in_order.sort_by_key(|(_, lever)| lever.number);
    let comparisons = in_order.into_iter().flat_map(|(name, lever)| {
        let one = move |comparison| weigh_one(name, lever, comparison, run);
        let has_variants = |one: &&Comparison| !one.variants.is_empty();
        lever.compare.iter().filter(has_variants).map(one)
    });
    comparisons.collect()
}

fn weigh_one(
    name: &str,
    lever: &Experiment,
    comparison: &Comparison,
    run: &Dataset,
) -> Result<Weighed, FormatError> {
    let metric = comparison.figure;
    let place = |variant: &str| {
        let places = lever.places(name, comparison, variant);
        places.into_iter().next().unwrap_or_default()
    };
    let base = comparison.base.as_ref().unwrap_or(&comparison.with);
    let (off, on) = (place(base), place(&comparison.with));
    let sides = [&off, &on].map(|(suite, subject)| Compared {
        run,
        suite,
        subject,
    });
    let found = compare(metric, sides[0], sides[1], Threshold::default(), 1)?;
    // Above one the lever helps.
    let better = |ratio: f64| match metric.better() {
        Better::More => ratio,
        Better::Less => 1.0 / ratio,
    };
    let interval = |ends: Interval| {
        let (low, high) = (better(ends.low), better(ends.high));
        Interval {
            low: low.min(high),
            high: low.max(high),
        }
    };
    let holds = |(suite, subject): &(String, String)| {
        let figure = run.figure(metric, suite, subject);
        figure.map(|one| one.validity.is_usable())
    };
    let of_variant = |variant: &str| {
        let (suite, subject) = place(variant);
        let figure = |metric| Ok((metric, run.figure(metric, &suite, &subject)?.right()));
        let own = run.rows(&suite, &subject);
        Ok(VariantFigures {
            variant: variant.to_owned(),
            figures: METRICS
                .into_iter()
                .map(figure)
                .collect::<Result<_, FormatError>>()?,
            errors: own.map(|trial| trial.errors + trial.errors_around()).sum(),
        })
    };
    let variants = comparison
        .variants
        .iter()
        .map(|variant| of_variant(&variant.name));
    Ok(Weighed {
        number: lever.number,
        title: lever.title.clone(),
        what: comparison.what.clone(),
        figure: metric,
        ratio: found.b.zip(found.a).map(|(on, off)| better(on / off)),
        interval: found.ratio.and_then(|ratio| ratio.interval).map(interval),
        verdict: found.verdict,
        off: Side {
            variant: base.clone(),
            value: found.a,
        },
        on: Side {
            variant: comparison.with.clone(),
            value: found.b,
        },
        holds: holds(&off)? && holds(&on)?,
        teaches: lever.teaches.clone(),
        published: lever.published.clone(),
        variants: variants.collect::<Result<_, FormatError>>()?,
    })
}

/// The table of levers.
#[must_use]
pub fn table(weighed: &[Weighed], style: Style) -> String {
    let header = [
        "#",
        "lever",
        "compared",
        "figure",
        "off",
        "on",
        "ratio",
        "95% interval",
        "with the lever",
        "what it teaches",
        "published",
    ];
    let mut table = Table::new(&header, header.len());
    let mut last = None;
    for one in weighed {
        // A lever's words stand once, beside its first comparison.
        let is_first = last.replace(one.number) != Some(one.number);
        let once = |text: String| Cell::Text(if is_first { text } else { String::new() });
        let published = one
            .published
            .iter()
            .map(|claim| format!("{}: {}", claim.id, claim.says));
        let doubt = if one.holds { "" } else { " (doubtful)" };
        let ratio = one.ratio.map(|ratio| format!("{ratio:.2}{doubt}"));
        let ends = one
            .interval
            .map(|ends| format!("{:.2}..{:.2}", ends.low, ends.high));
        table.cells(vec![
            once(one.number.to_string()),
            once(one.title.clone()),
            one.what.as_str().into(),
            one.figure.name().into(),
            side(&one.off),
            side(&one.on),
            ratio.unwrap_or_else(|| "NOT MEASURED".to_owned()).into(),
            ends.map_or(Cell::Missing, Cell::Text),
            Threshold::default().words(one.verdict).into(),
            once(one.teaches.clone()),
            once(published.collect::<Vec<_>>().join("; ")),
        ]);
    }
    table.draw(style)
}

/// The table of all variants.
#[must_use]
pub fn variants(weighed: &[Weighed], style: Style) -> String {
    let mut header = vec![("#", "#"), ("compared", "compared"), ("variant", "variant")];
    header.extend(METRICS.map(|metric| (metric.key(), metric.name())));
    header.push(("errors", "errors"));
    let mut table = Table::keyed(&header, 3);
    for one in weighed {
        for variant in &one.variants {
            let mut row: Vec<Cell> = vec![
                one.number.to_string().into(),
                one.what.as_str().into(),
                variant.variant.as_str().into(),
            ];
            row.extend(variant.figures.iter().map(|(_, value)| Cell::from(*value)));
            row.push(variant.errors.to_string().into());
            table.cells(row);
        }
    }
    table.draw(style)
}

fn side(side: &Side) -> Cell {
    let value = side
        .value
        .map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    format!("{value} ({})", side.variant).into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{table, variants, weigh};
    use crate::analysis::dataset::dataset_for_tests;
    use crate::config::experiment::Experiment;
    use crate::render::table::Style;
    use crate::results::trial::Trial;
    use crate::stats::Verdict;

    fn levers() -> BTreeMap<String, Experiment> {
        let lever: Experiment = toml::from_str(
            "number = 3\ntitle = \"A pool\"\nteaches = \"Keep connections.\"\n\
             [[published]]\nid = \"C2\"\nsays = \"100 ms to 5 ms\"\n\
             [[compare]]\nname = \"sql\"\nwhat = \"SQL\"\nserver = \"s\"\nsuite = \"q\"\n\
             figure = \"max_ms\"\nbase = \"none\"\nwith = \"ten\"\n\
             variants = [{ name = \"none\" }, { name = \"ten\" }]\n",
        )
        .unwrap();
        BTreeMap::from([("pool".to_owned(), lever)])
    }

    fn trials(variant: &str, max_us: [u64; 3], errors: u64) -> Vec<Trial> {
        let one = |(trial, max_us)| Trial {
            suite: format!("pool.sql.{variant}"),
            subject: format!("pool.sql.{variant}"),
            trial,
            calls: 1,
            max_us: Some(max_us),
            errors,
            ..Trial::default()
        };
        (1..).zip(max_us).map(one).collect()
    }

    #[test]
    fn a_ratio_says_how_many_times_better_the_lever_makes_it() {
        let off = trials("none", [6_000, 12_000, 6_000], 0);
        let on = trials("ten", [1_500, 3_000, 1_500], 0);
        let found = weigh(&levers(), &dataset_for_tests([off, on].concat())).unwrap();
        let one = &found[0];
        assert!((one.ratio.unwrap() - 4.0).abs() < 1e-9 && one.off.value == Some(6.0));
        assert!((one.interval.unwrap().low - 4.0).abs() < 1e-6);
        assert_eq!(one.verdict, Verdict::Faster);
        let text = table(&found, Style::Text);
        for part in [
            "6.00 (none)",
            "1.50 (ten)",
            "4.00",
            "faster",
            "C2: 100 ms to 5 ms",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert_eq!(variants(&found, Style::Text).lines().count(), 2 + 2);
    }
}
