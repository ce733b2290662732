//! What each lever is worth: a row for each comparison, off against on, and below them all variants.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bounds::Figures;
use crate::config::bounds::Figure;
use crate::config::experiment::{Comparison, Experiment, Published};
use crate::render::table::{Style, Table};
use crate::results::trial::Trial;

/// The figures that the table of variants shows, all that a reader may ask for.
const FIGURES: [Figure; 9] = [
    Figure::FirstMs,
    Figure::P50Ms,
    Figure::P99Ms,
    Figure::MaxMs,
    Figure::CallsPerS,
    Figure::CpuUsPerCall,
    Figure::RssPeakMb,
    Figure::TextBytes,
    Figure::TextTokens,
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
    pub figure: Figure,
    /// Without the lever.
    pub off: Side,
    /// With it.
    pub on: Side,
    /// How many times better the figure is with the lever.
    pub ratio: Option<f64>,
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
    /// The figures by name, in the unit of the name. Medians over trials; of memory the most.
    pub figures: Vec<(Figure, Option<f64>)>,
    /// Errors of all its trials.
    pub errors: u64,
}

/// Weighs all comparisons of these levers, in their order.
#[must_use]
pub fn weigh(levers: &BTreeMap<String, Experiment>, trials: &[Trial]) -> Vec<Weighed> {
    let mut in_order: Vec<(&String, &Experiment)> = levers.iter().collect();
    in_order.sort_by_key(|(_, lever)| lever.number);
    let comparisons = in_order.into_iter().flat_map(|(name, lever)| {
        let one = move |comparison| weigh_one(name, lever, comparison, trials);
        lever
            .compare
            .iter()
            .filter(|one| !one.variants.is_empty())
            .map(one)
    });
    comparisons.collect()
}

fn weigh_one(name: &str, lever: &Experiment, comparison: &Comparison, trials: &[Trial]) -> Weighed {
    let figures = |figure, variant: &str| {
        let places = lever.places(name, comparison, variant);
        let (suite, subject) = places.into_iter().next().unwrap_or_default();
        Figures::of(figure, &subject, &suite, trials)
    };
    let side = |variant: &String| {
        let found = figures(comparison.figure, variant);
        let side = Side {
            variant: variant.clone(),
            value: found.middle,
        };
        (side, found.holds)
    };
    let base = comparison.base.as_ref().unwrap_or(&comparison.with);
    let ((off, off_holds), (on, on_holds)) = (side(base), side(&comparison.with));
    let ratio = off.value.zip(on.value).map(|(off, on)| {
        if comparison.figure.more_is_better() {
            on / off
        } else {
            off / on
        }
    });
    let of_variant = |variant: &str| {
        let places = lever.places(name, comparison, variant);
        let own = (trials.iter()).filter(|one| places.iter().any(|(_, name)| one.subject == *name));
        VariantFigures {
            variant: variant.to_owned(),
            figures: FIGURES
                .map(|figure| (figure, figures(figure, variant).middle))
                .to_vec(),
            errors: own.map(|trial| trial.errors + trial.errors_around()).sum(),
        }
    };
    Weighed {
        number: lever.number,
        title: lever.title.clone(),
        what: comparison.what.clone(),
        figure: comparison.figure,
        off,
        on,
        ratio,
        holds: off_holds && on_holds,
        teaches: lever.teaches.clone(),
        published: lever.published.clone(),
        variants: (comparison.variants.iter())
            .map(|variant| of_variant(&variant.name))
            .collect(),
    }
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
        "what it teaches",
        "published",
    ];
    let mut table = Table::new(&header, header.len());
    let mut last = None;
    for one in weighed {
        // A lever's words stand once, beside its first comparison.
        let is_first = last.replace(one.number) != Some(one.number);
        let once = |text: String| if is_first { text } else { String::new() };
        let published: Vec<String> = (one.published.iter())
            .map(|claim| format!("{}: {}", claim.id, claim.says))
            .collect();
        let doubt = if one.holds { "" } else { " (doubtful)" };
        table.row(vec![
            once(one.number.to_string()),
            once(one.title.clone()),
            one.what.clone(),
            one.figure.name().to_owned(),
            side(&one.off),
            side(&one.on),
            one.ratio.map_or_else(
                || "NOT MEASURED".to_owned(),
                |ratio| format!("{}{doubt}", said(ratio)),
            ),
            once(one.teaches.clone()),
            once(published.join("; ")),
        ]);
    }
    table.draw(style)
}

/// The table of all variants.
#[must_use]
pub fn variants(weighed: &[Weighed], style: Style) -> String {
    let mut header = vec!["#", "compared", "variant"];
    header.extend(FIGURES.map(Figure::name));
    header.push("errors");
    let mut table = Table::new(&header, 3);
    for one in weighed {
        for variant in &one.variants {
            let mut row = vec![
                one.number.to_string(),
                one.what.clone(),
                variant.variant.clone(),
            ];
            let figures = variant.figures.iter();
            row.extend(figures.map(|(_, value)| value.map_or_else(|| "-".to_owned(), said)));
            row.push(variant.errors.to_string());
            table.row(row);
        }
    }
    table.draw(style)
}

fn side(side: &Side) -> String {
    let value = side.value.map_or_else(|| "-".to_owned(), said);
    format!("{value} ({})", side.variant)
}

/// A figure with as many digits as it can carry.
fn said(value: f64) -> String {
    match value.abs() {
        0.0..0.1 => format!("{value:.3}"),
        0.1..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{said, table, variants, weigh};
    use crate::config::experiment::Experiment;
    use crate::render::table::Style;
    use crate::results::trial::Trial;

    fn levers() -> BTreeMap<String, Experiment> {
        let lever: Experiment = toml::from_str(
            "number = 3\ntitle = \"A pool\"\nteaches = \"Keep connections.\"\n\
             [[published]]\nid = \"C2\"\nsays = \"100 ms to 5 ms\"\n\
             [[compare]]\nname = \"sql\"\nwhat = \"SQL\"\nserver = \"s\"\nsuite = \"q\"\nfigure = \"p50_ms\"\n\
             base = \"none\"\nwith = \"ten\"\nvariants = [{ name = \"none\" }, { name = \"ten\" }]\n\
             [[compare]]\nname = \"rate\"\nwhat = \"rates\"\nserver = \"s\"\nsuite = \"q\"\nfigure = \"calls_per_s\"\n\
             base = \"none\"\nwith = \"ten\"\nvariants = [{ name = \"none\" }, { name = \"ten\" }]\n",
        )
        .unwrap();
        BTreeMap::from([("pool".to_owned(), lever)])
    }

    fn trial(subject: &str, p50: u64, rate: u64) -> Trial {
        Trial {
            suite: subject.to_owned(),
            subject: subject.to_owned(),
            calls: 1,
            p50_us: Some(p50),
            calls_per_s: Some(rate),
            ..Trial::default()
        }
    }

    #[test]
    fn a_ratio_says_how_many_times_better_the_lever_makes_it() {
        let trials = [
            trial("pool.sql.none", 5_000, 0),
            trial("pool.sql.none", 7_000, 0),
            trial("pool.sql.none", 6_000, 0),
            trial("pool.sql.ten", 1_500, 0),
            trial("pool.rate.none", 0, 100),
            trial("pool.rate.ten", 0, 250),
        ];
        let weighed = weigh(&levers(), &trials);
        let close = |value: Option<f64>, wanted: f64| (value.unwrap() - wanted).abs() < 1e-9;
        assert!(close(weighed[0].off.value, 6.0) && close(weighed[0].ratio, 4.0));
        assert!(close(weighed[1].ratio, 2.5));
        let text = table(&weighed, Style::Text);
        assert_eq!(text.matches("Keep connections.").count(), 1, "{text}");
        for part in ["6.00 (none)", "1.50 (ten)", "4.00", "C2: 100 ms to 5 ms"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert_eq!(variants(&weighed, Style::Text).lines().count(), 2 + 4);
    }

    #[test]
    fn an_error_is_no_measurement_and_is_counted() {
        let mut wrong = trial("pool.sql.ten", 1_500, 0);
        wrong.errors = 2;
        let weighed = weigh(&levers(), &[trial("pool.sql.none", 6_000, 0), wrong]);
        assert_eq!((weighed[0].on.value, weighed[0].ratio), (None, None));
        assert_eq!(weighed[0].variants[1].errors, 2);
        assert!(table(&weighed, Style::Text).contains("NOT MEASURED"));
    }

    #[test]
    fn figures_are_said_with_the_digits_that_they_carry() {
        let all = [0.0123, 1.0, 2.345, 45.67, 2_485.4].map(said);
        assert_eq!(all, ["0.012", "1.00", "2.35", "45.7", "2485"]);
    }
}
