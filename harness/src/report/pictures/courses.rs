//! Pictures of how figures change: with the number of clients, with a planned rate, with cores.

use std::collections::BTreeMap;

use super::{Key, Picture, Sources, with};
use crate::analysis::dataset::Dataset;
use crate::analysis::metric::Metric;
use crate::analysis::summary::{Row, SuiteTable};
use crate::config::capacity::CapacityBound;
use crate::report::plot::{self, Axis, Line, Point, SERIES, Scale};
use crate::report::tables::{anchor, validity};

pub(super) fn rate_by_clients(sources: &Sources<'_>) -> anyhow::Result<Vec<Picture>> {
    by_clients(sources, Metric::CallsPerS, "rate", Scale::Linear)
}

pub(super) fn p99_by_clients(sources: &Sources<'_>) -> anyhow::Result<Vec<Picture>> {
    by_clients(sources, Metric::P99Ms, "p99", Scale::Log)
}

/// The points of a subject, with where the last of them is found.
#[derive(Default)]
struct Course {
    points: BTreeMap<u64, Point>,
    href: String,
}

/// Lines by group and subject.
type Courses = BTreeMap<String, BTreeMap<String, Course>>;

/// A metric against the number of clients, for each suite or sweep that was asked with several.
fn by_clients(
    sources: &Sources<'_>,
    metric: Metric,
    kind: &str,
    scale: Scale,
) -> anyhow::Result<Vec<Picture>> {
    let mut groups = Courses::new();
    for source in sources {
        for suite in &source.summary.suites {
            let load = &suite.definition.load;
            let point = suite.definition.point.as_ref();
            let is_other =
                point.is_some_and(|point| !point.keys.iter().any(|key| key == "clients"));
            if is_other || load.rate_per_s.is_some() {
                continue;
            }
            let group = point.map_or(&suite.suite, |point| &point.sweep);
            for (row, value) in with(suite, metric).filter(|(row, _)| row.rank.is_some()) {
                let course = groups
                    .entry(group.clone())
                    .or_default()
                    .entry(row.subject.clone());
                let course = course.or_default();
                course.points.entry(load.clients() as u64).or_insert(Point {
                    x: load.clients() as f64,
                    y: value,
                    holds: validity(row, metric).is_usable(),
                });
                course.href = source.href(&suite.suite, &row.subject);
            }
        }
    }
    let title = format!(
        "{} against clients",
        if kind == "rate" { "Rate" } else { "p99" }
    );
    let y = Axis {
        name: metric.name(),
        scale,
    };
    let x = Axis {
        name: "clients",
        scale: Scale::Log,
    };
    courses(groups, &title, kind, "Closed loop.", x, y)
}

/// Calls a second, or CPU where rates do not hold, against the server's cores.
pub(super) fn cores(sources: &Sources<'_>) -> anyhow::Result<Vec<Picture>> {
    let mut groups = Courses::new();
    for source in sources {
        let of_run = source.run.environment.server_cores.len();
        let alone = source.suites().map(|suite| (suite, of_run));
        let steps = source.summary.suites.iter().filter_map(|suite| {
            suite.definition.point.as_ref()?;
            Some((suite, suite.definition.load.server_cores?))
        });
        for (suite, cores) in alone.chain(steps) {
            let point = suite.definition.point.as_ref();
            let name = point.map_or(&suite.suite, |point| &point.sweep);
            for (row, value) in with(suite, Metric::CallsPerS).filter(|(row, _)| row.rank.is_some())
            {
                let group = groups.entry(name.clone()).or_default();
                let course = group.entry(row.subject.clone()).or_default();
                course.points.entry(cores as u64).or_insert(Point {
                    x: cores as f64,
                    y: value,
                    holds: row.rate.is_usable(),
                });
                course.href = source.href(&suite.suite, &row.subject);
            }
        }
    }
    let x = Axis {
        name: "cores of the server",
        scale: Scale::Log,
    };
    let y = Axis {
        name: "calls/s",
        scale: Scale::Linear,
    };
    courses(
        groups,
        "Scaling over cores",
        "cores",
        "Closed loop on each number of cores.",
        x,
        y,
    )
}

/// A picture for each group in which a subject has points at two places or more.
fn courses(
    groups: Courses,
    title: &str,
    kind: &str,
    caption: &str,
    x: Axis<'_>,
    y: Axis<'_>,
) -> anyhow::Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for (group, subjects) in groups {
        let mut shown: Vec<(String, Course)> = subjects
            .into_iter()
            .filter(|(_, course)| course.points.len() > 1)
            .collect();
        let all = shown.len();
        shown.truncate(SERIES);
        if shown.is_empty() {
            continue;
        }
        let lines: Vec<Line> = shown
            .iter()
            .map(|(_, course)| course.points.values().copied().collect())
            .collect();
        let hollow = if lines.iter().flatten().all(|point| point.holds) {
            ""
        } else {
            " Hollow: the figure does not hold, its row says why."
        };
        let of = if all > shown.len() {
            format!(" {} of {all} servers.", shown.len())
        } else {
            String::new()
        };
        let key = |(colour, (name, course)): (usize, &(String, Course))| Key {
            name: name.clone(),
            colour: colour % SERIES,
            href: course.href.clone(),
        };
        pictures.push(Picture {
            id: anchor(&format!("picture-{kind}-{group}")),
            title: format!("{title}: {group}"),
            run: String::new(),
            caption: format!("{caption}{of}{hollow}"),
            svg: plot::lines(x, y, &lines)?,
            keys: shown.iter().enumerate().map(key).collect(),
            has_colours: true,
        });
    }
    Ok(pictures)
}

/// p99 against the planned rate in a search for capacity: where a server falls behind, its line
/// bends.
pub(super) fn capacity(sources: &Sources<'_>) -> anyhow::Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for source in sources.iter().copied() {
        let Some(bound) = source.run.environment.capacity else {
            continue;
        };
        for suite in &source.summary.suites {
            let (mut lines, mut keys) = (Vec::new(), Vec::new());
            for row in suite.servers.iter().take(SERIES) {
                let line = knee(source.run, suite, row, bound);
                if line.len() > 1 {
                    keys.push(source.key(suite, row, lines.len()));
                    lines.push(line);
                }
            }
            if lines.is_empty() {
                continue;
            }
            let found = source
                .summary
                .capacities
                .iter()
                .filter(|one| one.found.suite == suite.suite);
            let found: Vec<String> = found
                .filter_map(|one| {
                    let rate = one.found.rate_per_s_milli? as f64 / 1e3;
                    Some(format!("{} {}", one.found.subject, plot::short(rate)))
                })
                .collect();
            let axis = |name, scale| Axis { name, scale };
            pictures.push(Picture {
                id: source.id("capacity", &suite.suite),
                title: format!("Capacity: {}", suite.suite),
                run: source.name.to_owned(),
                caption: format!(
                    "p99 at each planned rate; full where the server kept up within {} ms, hollow where it \
                     did not. Confirmed calls/s: {}.",
                    plot::short(bound.p99_us as f64 / 1e3),
                    if found.is_empty() { "none".to_owned() } else { found.join(", ") }
                ),
                svg: plot::lines(
                    axis("planned calls/s", Scale::Log),
                    axis("p99 ms", Scale::Log),
                    &lines,
                )?,
                keys,
                has_colours: true,
            });
        }
    }
    Ok(pictures)
}

/// The probes of a search, one for each rate: the last, which the search believed.
fn knee(run: &Dataset, suite: &SuiteTable, row: &Row, bound: CapacityBound) -> Line {
    let mut probes = BTreeMap::new();
    for trial in run.rows(&suite.suite, &row.subject) {
        let p99 = Metric::P99Ms.reading(trial);
        if let Some((rate, y)) = trial.rate_planned_per_s_milli.zip(p99) {
            let holds = bound.holds(trial).is_ok();
            probes.insert(
                rate,
                Point {
                    x: rate as f64 / 1e3,
                    y,
                    holds,
                },
            );
        }
    }
    probes.into_values().collect()
}
