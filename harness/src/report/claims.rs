//! Published claims beside what was measured, as the page shows them. Verdicts, and what may be
//! divided by what, are those of `analysis::replay`.

use serde::Serialize;

use super::tables::anchor;
use crate::analysis::replay::{Answered, Shown, Verdict, number};
use crate::render::replay::published;

/// A claim with its verdict and its figures.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Published {
    /// Its place on the page.
    pub(crate) anchor: String,
    /// Its id, for instance `P2`.
    pub(crate) id: String,
    source: String,
    says: String,
    pub(crate) verdict: String,
    pub(crate) sentence: String,
    doubts: Vec<String>,
    caveats: Vec<String>,
    pub(crate) rows: Vec<Beside>,
}

/// A measured figure beside the published ones.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Beside {
    pub(crate) what: String,
    /// What both figures are, with the unit.
    pub(crate) figure: String,
    published: String,
    measured: String,
    interval: String,
    /// Measured over published; empty where load or limits differ.
    ratio: String,
    /// What differs, in the place of the ratio.
    differences: String,
    pub(crate) holds: bool,
    /// Both, where the published one has the same unit.
    #[serde(skip)]
    pub(crate) pair: Option<Pair>,
}

/// Two figures of one unit, each with the ends of its range.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) published: (f64, Option<(f64, f64)>),
    pub(crate) measured: (f64, Option<(f64, f64)>),
}

impl Published {
    /// The claims that a run answers. Rows of other implementations stand in the tables alone.
    pub(super) fn of(run: usize, answered: &[Answered]) -> Vec<Self> {
        let own = answered
            .iter()
            .filter(|one| one.verdict != Verdict::Reference);
        let one = |(place, one): (usize, &Answered)| Self {
            anchor: anchor(&format!("claim-{run}-{place}-{}", one.id)),
            id: one.id.clone(),
            source: one.source.clone(),
            says: one.says.clone(),
            verdict: one.verdict.to_string(),
            sentence: one.sentence.trim_end_matches('.').to_owned(),
            doubts: one.doubts.clone(),
            caveats: one.caveats.clone(),
            rows: one.rows.iter().map(Beside::of).collect(),
        };
        own.enumerate().map(one).collect()
    }
}

impl Beside {
    fn of(row: &Shown) -> Self {
        let name = row.figure.name();
        let differs = !row.published.is_empty() && row.over_published.is_none();
        let differences = row.differences.iter().filter(|_| differs);
        let differences: Vec<&str> = differences.map(String::as_str).collect();
        Self {
            what: row.what.clone(),
            figure: if row.is_ratio {
                format!("{name}, times")
            } else {
                name
            },
            published: published(&row.published),
            measured: row.found.map_or_else(|| "not measured".to_owned(), number),
            interval: row.interval.map_or_else(String::new, |ends| {
                format!("{} to {}", number(ends.low), number(ends.high))
            }),
            ratio: row.over_published.map_or_else(String::new, number),
            differences: differences.join("; "),
            holds: row.holds,
            pair: pair(row),
        }
    }
}

fn pair(row: &Shown) -> Option<Pair> {
    let value = row.beside()?;
    Some(Pair {
        published: (value.value, value.up_to.map(|most| (value.value, most))),
        measured: (
            row.found.filter(|found| found.is_finite())?,
            row.interval.map(|ends| (ends.low, ends.high)),
        ),
    })
}
