//! Pictures of the servers of a suite: what a call and a server cost, and how long calls take.

use std::collections::{BTreeMap, BTreeSet};

use super::{Picture, Sources, each_suite, with};
use crate::analysis::dataset::Dataset;
use crate::analysis::metric::Metric;
use crate::analysis::summary::{Row, SuiteTable};
use crate::report::plot::{self, Axis, Bar, Fill, Line, Point, SERIES, Scale};
use crate::results::trial::Trial;

/// CPU time per call, in user mode and in the kernel, for each suite.
pub(super) fn cpu(sources: &Sources<'_>) -> anyhow::Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for (source, suite) in each_suite(sources) {
        let mut shown: Vec<(&Row, f64)> = with(suite, Metric::CpuUsPerCall).collect();
        if shown.is_empty() {
            continue;
        }
        shown.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        let best = suite.servers.iter().find(|row| row.rank == Some(1));
        let best = best.and_then(|row| row.figures.get(&Metric::CpuUsPerCall));
        let bar = |(row, value): &(&Row, f64)| Bar {
            name: row.subject.clone(),
            value: *value,
            parts: user_share(source.run, suite, row).map_or_else(Vec::new, |share| {
                vec![(share * value, Fill::Dark), (*value, Fill::Light)]
            }),
            ends: best
                .filter(|_| suite.ranked_by == Metric::CpuUsPerCall && row.rank != Some(1))
                .and_then(|best| {
                    let ends = row.ratio_to_best?.interval?;
                    Some((ends.low * best, ends.high * best))
                }),
            holds: row.cpu.is_usable(),
        };
        let bars: Vec<Bar> = shown.iter().map(bar).collect();
        let keys = shown.iter().map(|(row, _)| source.key(suite, row, 0));
        pictures.push(Picture {
            id: source.id("cpu", &suite.suite),
            title: format!("CPU time per call: {}", suite.suite),
            run: source.name.to_owned(),
            caption: "Microseconds for a right answer: dark in user mode, light in the kernel. Hollow: does \
                      not hold. Line: 95% interval beside the best server."
                .to_owned(),
            svg: plot::bars(&bars)?,
            keys: keys.collect(),
            has_colours: false,
        });
    }
    Ok(pictures)
}

/// The share of the server's CPU time in user mode, by the kernel's ticks.
fn user_share(run: &Dataset, suite: &SuiteTable, row: &Row) -> Option<f64> {
    let sum = |read: fn(&Trial) -> Option<u64>| -> u64 {
        run.rows(&suite.suite, &row.subject).filter_map(read).sum()
    };
    let user = sum(|trial| trial.server_cpu_user_ms);
    let system = sum(|trial| trial.server_cpu_system_ms);
    (user + system > 0).then(|| user as f64 / (user + system) as f64)
}

/// CPU time per call of each transport on each runtime, for each suite that has several of both.
pub(super) fn heat_maps(sources: &Sources<'_>) -> anyhow::Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for (source, suite) in each_suite(sources) {
        let mut cells: BTreeMap<(String, String), (&Row, f64)> = BTreeMap::new();
        for (row, value) in with(suite, Metric::CpuUsPerCall).filter(|(row, _)| row.rank.is_some())
        {
            let Some(trial) = source.run.rows(&suite.suite, &row.subject).next() else {
                continue;
            };
            if trial.transport.is_empty() || trial.runtime.is_empty() {
                continue;
            }
            let cell = cells.entry((trial.transport.clone(), trial.runtime.clone()));
            let kept = cell.or_insert((row, value));
            if value < kept.1 {
                *kept = (row, value);
            }
        }
        let transports: BTreeSet<&String> = cells.keys().map(|(transport, _)| transport).collect();
        let runtimes: BTreeSet<&String> = cells.keys().map(|(_, runtime)| runtime).collect();
        if transports.len() < 2 || runtimes.len() < 2 {
            continue;
        }
        let cell = |transport: &&String| -> Vec<Option<f64>> {
            let of = |runtime: &&String| {
                let cell = cells.get(&((*transport).clone(), (*runtime).clone()));
                cell.map(|(_, value)| *value)
            };
            runtimes.iter().map(of).collect()
        };
        let values: Vec<Vec<Option<f64>>> = transports.iter().map(cell).collect();
        let names =
            |set: &BTreeSet<&String>| set.iter().map(|name| (*name).clone()).collect::<Vec<_>>();
        pictures.push(Picture {
            id: source.id("heat", &suite.suite),
            title: format!("Transport by runtime: {}", suite.suite),
            run: source.name.to_owned(),
            caption: "Microseconds of the server's processor for a right answer, of the cheapest server of \
                      each pair. Darker costs more."
                .to_owned(),
            svg: plot::heat_map(&names(&runtimes), &names(&transports), &values)?,
            keys: cells.values().map(|(row, _)| source.key(suite, row, 0)).collect(),
            has_colours: false,
        });
    }
    Ok(pictures)
}

/// Latencies of the best servers of each suite, from the merged histograms.
pub(super) fn percentiles(sources: &Sources<'_>) -> anyhow::Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for (source, suite) in each_suite(sources) {
        let (mut lines, mut keys) = (Vec::new(), Vec::new());
        let ranked: Vec<&Row> = suite
            .servers
            .iter()
            .filter(|row| row.rank.is_some())
            .collect();
        for row in ranked.iter().take(SERIES) {
            let merged = source.run.merged(&suite.suite, &row.subject)?;
            if merged.is_empty() {
                continue;
            }
            keys.push(source.key(suite, row, lines.len()));
            // What lies beyond the last of a hundred calls is one call's luck.
            let last = (1.0 - 10.0 / merged.len() as f64).clamp(0.5, 0.9999);
            let end = Scale::Nines.place(last * 100.0);
            let point = |step: u32| {
                let percentile = (1.0 - 10_f64.powf(-end * f64::from(step) / 60.0)) * 100.0;
                Point {
                    x: percentile,
                    y: merged.value_at_percentile(percentile) as f64 / 1e6,
                    holds: row.rate.is_usable(),
                }
            };
            lines.push((0..=60).map(point).collect::<Line>());
        }
        if lines.is_empty() {
            continue;
        }
        let of = if ranked.len() > lines.len() {
            format!("The {} best of {} servers. ", lines.len(), ranked.len())
        } else {
            String::new()
        };
        let doubt = if ranked.iter().take(SERIES).all(|row| row.rate.is_usable()) {
            ""
        } else {
            " Dashed: does not hold, its row says why."
        };
        let axis = |name, scale| Axis { name, scale };
        pictures.push(Picture {
            id: source.id("latency", &suite.suite),
            title: format!("Latency percentiles: {}", suite.suite),
            run: source.name.to_owned(),
            caption: format!(
                "{of}So many percent of the calls were answered within the time.{doubt}"
            ),
            svg: plot::lines(
                axis("calls", Scale::Nines),
                axis("milliseconds", Scale::Log),
                &lines,
            )?,
            keys,
            has_colours: true,
        });
    }
    Ok(pictures)
}

/// The most memory that each server of a run took, in whichever suite that was.
pub(super) fn memory(sources: &Sources<'_>) -> anyhow::Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for source in sources.iter().copied() {
        let mut most: BTreeMap<&str, (&SuiteTable, &Row, f64)> = BTreeMap::new();
        for suite in source.suites() {
            for (row, value) in with(suite, Metric::RssPeakMb) {
                let kept = most.entry(&row.subject).or_insert((suite, row, value));
                if value > kept.2 {
                    *kept = (suite, row, value);
                }
            }
        }
        if most.is_empty() {
            continue;
        }
        let mut shown: Vec<_> = most.into_values().collect();
        shown.sort_by(|(_, _, a), (_, _, b)| a.total_cmp(b));
        let bar = |(_, row, value): &(&SuiteTable, &Row, f64)| Bar {
            name: row.subject.clone(),
            value: *value,
            parts: Vec::new(),
            ends: None,
            holds: row.cpu.is_usable(),
        };
        let bars: Vec<Bar> = shown.iter().map(bar).collect();
        pictures.push(Picture {
            id: source.id("memory", ""),
            title: "Memory".to_owned(),
            run: source.name.to_owned(),
            caption: "Peak of the resident memory in megabytes, the most of any suite.".to_owned(),
            svg: plot::bars(&bars)?,
            keys: shown
                .iter()
                .map(|(suite, row, _)| source.key(suite, row, 0))
                .collect(),
            has_colours: false,
        });
    }
    Ok(pictures)
}
