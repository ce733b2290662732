//! Which pictures a report has, and the data of each. A picture whose data no run has is left out,
//! with the command that records it.

mod courses;
mod layers;
mod servers;

use std::collections::BTreeMap;

use serde::Serialize;

use super::claims::{Beside, Pair, Published};
use super::plot::{self, Bar, Fill, SERIES};
use super::tables::{anchor, row_id};
use crate::analysis::dataset::Dataset;
use crate::analysis::metric::Metric;
use crate::analysis::summary::{Report, Row, SuiteTable};
use courses::{capacity, cores, p99_by_clients, rate_by_clients};
pub(super) use layers::LayerTable;
use servers::{cpu, heat_maps, memory, percentiles};

/// A picture with the rows that it shows.
#[derive(Debug, Serialize)]
pub(super) struct Picture {
    id: String,
    pub(super) title: String,
    /// The run, where the report has several.
    run: String,
    pub(super) caption: String,
    pub(super) svg: String,
    /// Lines and their colours; of other pictures the rows that are shown.
    keys: Vec<Key>,
    has_colours: bool,
}

/// A row of a picture.
#[derive(Debug, Clone, Serialize)]
struct Key {
    name: String,
    colour: usize,
    href: String,
}

/// A picture that is not there.
#[derive(Debug, Serialize)]
pub(super) struct Missing {
    title: &'static str,
    command: &'static str,
}

/// Pictures, and those that are left out.
#[derive(Debug, Default, Serialize)]
pub(super) struct Pictures {
    drawn: Vec<Picture>,
    missing: Vec<Missing>,
    layers: Option<LayerTable>,
}

/// A run with its summary and its place among the runs of the report.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    index: usize,
    run: &'a Dataset,
    summary: &'a Report,
    /// Its name where the report has several; otherwise empty.
    name: &'a str,
}

/// The runs of a report.
type Sources<'a> = [Source<'a>];

type Draw = fn(&Sources<'_>) -> anyhow::Result<Vec<Picture>>;

/// Each kind of picture, and the command that records its data.
const KINDS: [(&str, Draw, &str); 9] = [
    ("CPU time per call", cpu, "mcp-harness measure"),
    (
        "CPU time per call by layer",
        layers::stacks,
        "just bench-layers",
    ),
    (
        "Transport by runtime",
        heat_maps,
        "mcp-harness measure --suite echo",
    ),
    ("Latency percentiles", percentiles, "mcp-harness measure"),
    ("Memory", memory, "mcp-harness measure"),
    (
        "Rate against clients",
        rate_by_clients,
        "mcp-harness measure --suite concurrency",
    ),
    (
        "p99 against clients",
        p99_by_clients,
        "mcp-harness measure --suite concurrency",
    ),
    (
        "Capacity",
        capacity,
        "mcp-harness measure --suite echo --find-capacity",
    ),
    (
        "Scaling over cores",
        cores,
        "mcp-harness measure --suite cores",
    ),
];

impl Pictures {
    /// All pictures that these runs have the data of.
    pub(super) fn of(
        runs: &[(&Dataset, &Report)],
        published: &[Published],
    ) -> anyhow::Result<Self> {
        let sources = runs.iter().enumerate();
        let sources: Vec<Source<'_>> = sources
            .map(|(index, (run, summary))| Source {
                index,
                run,
                summary,
                name: if runs.len() > 1 { &run.run } else { "" },
            })
            .collect();
        let mut all = Self {
            layers: LayerTable::of(&sources)?,
            ..Self::default()
        };
        for (title, draw, command) in KINDS {
            let drawn = draw(&sources)?;
            if drawn.is_empty() {
                all.missing.push(Missing { title, command });
            }
            all.drawn.extend(drawn);
        }
        all.drawn.extend(published_beside_measured(published)?);
        if published.is_empty() {
            all.missing.push(Missing {
                title: "Published beside measured",
                command: "mcp-harness replay",
            });
        }
        Ok(all)
    }
}

/// The one picture of a run that documents show: its transports and runtimes beside each other
/// where a tool does no work, or the bars of that suite where there are not several of both. None
/// of a run that was made for something else.
pub(super) fn for_documents(run: &Dataset, summary: &Report) -> anyhow::Result<Option<Picture>> {
    let source = Source::of(run, summary);
    let suites = source.plain_suites();
    let echo = suites.iter().find(|suite| suite.suite == "echo");
    let Some(suite) = echo.or(suites.first()) else {
        return Ok(None);
    };
    let ids = ["heat", "cpu"].map(|kind| source.id(kind, &suite.suite));
    let mut drawn = heat_maps(&[source])?.into_iter().chain(cpu(&[source])?);
    Ok(drawn.find(|one| ids.contains(&one.id)))
}

impl<'a> Source<'a> {
    /// The only run of a document.
    pub(super) const fn of(run: &'a Dataset, summary: &'a Report) -> Self {
        Self {
            index: 0,
            run,
            summary,
            name: "",
        }
    }

    /// The suites that stand alone and were made for no scenario.
    pub(super) fn plain_suites(self) -> Vec<&'a SuiteTable> {
        let suites = self.suites();
        suites
            .filter(|suite| suite.definition.scenario.is_none())
            .collect()
    }

    /// The suites that stand alone: closed loops, and none of a sweep. A search for capacity and
    /// experiments have pictures and tables of their own.
    fn suites(self) -> impl Iterator<Item = &'a SuiteTable> {
        let summary = self.summary;
        let asks_else = self.run.environment.capacity.is_some()
            || !(summary.experiments.is_empty() && summary.replay.is_empty());
        let suites = self.summary.suites.iter().filter(move |_| !asks_else);
        suites.filter(|suite| {
            suite.definition.point.is_none() && suite.definition.load.rate_per_s.is_none()
        })
    }

    fn href(self, suite: &str, subject: &str) -> String {
        format!("#{}", row_id(self.index, suite, subject))
    }

    fn key(self, suite: &SuiteTable, row: &Row, colour: usize) -> Key {
        Key {
            name: row.subject.clone(),
            colour: colour % SERIES,
            href: self.href(&suite.suite, &row.subject),
        }
    }

    /// The name of a picture of a suite, unique in the report.
    fn id(self, kind: &str, suite: &str) -> String {
        anchor(&format!("picture-{kind}-{}-{suite}", self.index))
    }
}

fn rows(suite: &SuiteTable) -> impl Iterator<Item = &Row> {
    suite.servers.iter().chain(&suite.floors)
}

/// Each measured figure below the published one of the same unit, a picture for each unit.
fn published_beside_measured(published: &[Published]) -> anyhow::Result<Vec<Picture>> {
    let mut units: BTreeMap<&str, Vec<(&Published, &Beside, Pair)>> = BTreeMap::new();
    for claim in published {
        for row in &claim.rows {
            if let Some(pair) = row.pair {
                let unit = units.entry(&row.figure).or_default();
                unit.push((claim, row, pair));
            }
        }
    }
    let mut pictures = Vec::new();
    for (unit, rows) in units {
        let (mut bars, mut keys) = (Vec::new(), Vec::new());
        for (number, (claim, row, pair)) in rows.into_iter().enumerate() {
            let name = format!("{} {}", number + 1, claim.id);
            let bar = |kind: &str, (value, ends), parts, holds| Bar {
                name: format!("{name} {kind}"),
                value,
                parts,
                ends,
                holds,
            };
            bars.push(bar(
                "published",
                pair.published,
                vec![(pair.published.0, Fill::Light)],
                true,
            ));
            bars.push(bar("here", pair.measured, Vec::new(), row.holds));
            keys.push(Key {
                name: format!("{name}: {}", row.what),
                colour: 0,
                href: format!("#{}", claim.anchor),
            });
        }
        pictures.push(Picture {
            id: anchor(&format!("picture-published-{unit}")),
            title: format!("Published beside measured: {unit}"),
            run: String::new(),
            caption:
                "Light: published. Dark: measured here; hollow where it does not hold. Load and \
                      limits are the same only where the table has a ratio."
                    .to_owned(),
            svg: plot::bars(&bars)?,
            keys,
            has_colours: false,
        });
    }
    Ok(pictures)
}

fn each_suite<'a>(sources: &'a Sources<'a>) -> impl Iterator<Item = (Source<'a>, &'a SuiteTable)> {
    let suites = |source: &'a Source<'a>| source.suites().map(move |suite| (*source, suite));
    sources.iter().flat_map(suites)
}

/// The rows of a suite that have a metric.
fn with(suite: &SuiteTable, metric: Metric) -> impl Iterator<Item = (&Row, f64)> {
    rows(suite).filter_map(move |row| Some((row, *row.figures.get(&metric)?)))
}

#[cfg(test)]
mod tests {
    use super::Pictures;
    use crate::analysis::dataset::golden_for_tests;
    use crate::analysis::replay::tests::answered_for_tests;
    use crate::analysis::summary::Report;
    use crate::report::claims::Published;

    fn titles(pictures: &Pictures) -> (Vec<&str>, Vec<&str>) {
        (
            pictures
                .drawn
                .iter()
                .map(|one| one.title.as_str())
                .collect(),
            pictures.missing.iter().map(|one| one.title).collect(),
        )
    }

    #[test]
    fn a_picture_is_there_where_its_data_is_and_named_where_it_is_not() {
        let run = golden_for_tests();
        let summary = Report::of(&run).unwrap();
        let found = Pictures::of(&[(&run, &summary)], &[]).unwrap();
        let (drawn, missing) = titles(&found);
        assert_eq!(
            drawn,
            [
                "CPU time per call: echo",
                "CPU time per call by layer: echo",
                "CPU time per call by layer: calculate_fibonacci",
                "CPU time per call by layer: query_products",
                "Latency percentiles: echo",
                "Memory"
            ]
        );
        assert!(missing.contains(&"Capacity") && missing.contains(&"Published beside measured"));
        assert_eq!(drawn.len() + missing.len(), 12);
        for picture in &found.drawn {
            assert!(
                picture.svg.contains("<svg") && !picture.keys.is_empty(),
                "{picture:?}"
            );
        }
    }

    #[test]
    fn published_figures_have_a_picture_for_each_unit() {
        let published = Published::of(0, &answered_for_tests());
        let found = Pictures::of(&[], &published).unwrap();
        let (drawn, missing) = titles(&found);
        assert_eq!(drawn, ["Published beside measured: calls/s, times"]);
        assert!(!missing.contains(&"Published beside measured"));
        let picture = &found.drawn[0];
        for part in ["1 S8 published", "1 S8 here", "10"] {
            assert!(picture.svg.contains(part), "{part} in {}", picture.svg);
        }
        assert_eq!(picture.keys[0].href, "#claim-0-0-S8");
    }
}
