//! Which configuration to use for a described kind of work: the first of a ranking over the suites that stand for it, among
//! those that keep to the limits. With what it rests on, and what would change it.

mod advice;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use serde::Serialize;

use self::advice::advice;
use super::dataset::Dataset;
use super::ranking::{Place, Ranking, ranking};
use crate::config::bounds::Figure;
use crate::config::subject::Role;
use crate::config::suite::Workload;
use crate::stats::Threshold;

/// What is looked for.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Wish {
    /// The kind of work.
    pub workload: Workload,
    /// Clients at once.
    pub clients: Option<usize>,
    /// The most resident memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Only these transports; all when there is none.
    pub transports: Vec<String>,
    /// What decides.
    pub by: Figure,
    /// Differences below this are ties, a share of one.
    pub threshold: Threshold,
}

/// What to use, and why.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Recommendation {
    /// The run that it rests on.
    pub run: String,
    /// What was looked for.
    pub wish: Wish,
    /// The subject to use.
    pub subject: String,
    /// How it was started.
    pub command: Vec<String>,
    /// The suites that stand for the work.
    pub suites: Vec<String>,
    /// What was measured of it and of the runners-up.
    pub evidence: Vec<Measured>,
    /// The subjects behind it, the best first.
    pub runners_up: Vec<Place>,
    /// What would change the answer, and what it cannot say.
    pub would_change: Vec<String>,
}

/// One subject in one suite.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Measured {
    /// The suite.
    pub suite: String,
    /// The subject.
    pub subject: String,
    /// Clients that asked.
    pub clients: usize,
    /// Median CPU time of the server for a call, in microseconds.
    pub cpu_us_per_call: Option<f64>,
    /// Median of right answers a second.
    pub calls_per_s: Option<f64>,
    /// Of the merged histograms, in milliseconds.
    pub p50_ms: Option<f64>,
    /// Of the merged histograms, in milliseconds.
    pub p99_ms: Option<f64>,
    /// The most of any trial, in megabytes (1,000,000 bytes).
    pub rss_peak_mb: Option<f64>,
}

/// Runners-up that are shown.
const SHOWN: usize = 4;

/// Chooses.
///
/// # Errors
/// When the run has nothing that stands for the work, or nothing keeps to the limits: with the reasons.
pub fn recommend(run: &Dataset, wish: &Wish) -> anyhow::Result<Recommendation> {
    let suites = suites_for(run, wish.workload)?;
    let sorted = Candidates::sort(run, &suites, wish)?;
    if sorted.fit.is_empty() {
        let reasons: Vec<&String> = sorted
            .excluded
            .values()
            .chain(sorted.too_large.values())
            .collect();
        let reasons: Vec<&str> = reasons.into_iter().map(String::as_str).collect();
        bail!(
            "nothing in {} keeps to the limits:\n  {}",
            run.run,
            reasons.join("\n  ")
        );
    }
    let order = ranking(run, &suites, &sorted.fit, wish.by, wish.threshold)?;
    let Some((first, behind)) = order.places.split_first() else {
        bail!("nothing could be ranked in {}", run.run);
    };
    let shown: Vec<Place> = behind.iter().take(SHOWN).cloned().collect();
    let mut evidence = Vec::new();
    for subject in std::iter::once(&first.subject).chain(shown.iter().map(|place| &place.subject)) {
        for suite in &order.suites {
            evidence.push(measured(run, suite, subject)?);
        }
    }
    let definition = run.subjects.subject.get(&first.subject);
    Ok(Recommendation {
        run: run.run.clone(),
        wish: wish.clone(),
        subject: first.subject.clone(),
        command: definition
            .map(|definition| definition.command.clone())
            .unwrap_or_default(),
        would_change: advice(run, wish, &order, &sorted)?,
        suites: order.suites,
        evidence,
        runners_up: shown,
    })
}

/// The suites of the run that stand for this kind of work.
fn suites_for(run: &Dataset, workload: Workload) -> anyhow::Result<Vec<String>> {
    let kinds = run
        .suites
        .iter()
        .filter_map(|(name, suite)| Some((name, suite.workload?)));
    let kinds: Vec<(&String, Workload)> = kinds.collect();
    let taken = kinds.iter().filter(|(_, kind)| workload.takes(*kind));
    let taken: Vec<String> = taken.map(|(name, _)| (*name).clone()).collect();
    if taken.is_empty() {
        let known: BTreeSet<String> = kinds.iter().map(|(_, kind)| kind.to_string()).collect();
        let known = match known.into_iter().collect::<Vec<_>>().join(", ") {
            known if known.is_empty() => "none".to_owned(),
            known => known,
        };
        bail!(
            "no suite of the run {} stands for {workload} work (its suites stand for: {known}); measure one with \
             workload = \"{workload}\" in it, and recommend from that run",
            run.run
        );
    }
    Ok(taken)
}

/// The servers of the run, by whether they can be recommended.
struct Candidates {
    /// They keep to all limits.
    fit: Vec<String>,
    /// Only the limit of memory keeps them out: why.
    too_large: BTreeMap<String, String>,
    /// They cannot be recommended at all: why.
    excluded: BTreeMap<String, String>,
}

impl Candidates {
    fn sort(run: &Dataset, suites: &[String], wish: &Wish) -> anyhow::Result<Self> {
        let mut sorted = Self {
            fit: Vec::new(),
            too_large: BTreeMap::new(),
            excluded: BTreeMap::new(),
        };
        let servers = run
            .subjects
            .subject
            .iter()
            .filter(|(_, one)| one.role == Role::Server);
        let known: BTreeSet<&str> = servers
            .clone()
            .map(|(_, one)| one.transport.as_str())
            .collect();
        if let Some(unknown) = wish
            .transports
            .iter()
            .find(|one| !known.contains(one.as_str()))
        {
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            bail!(
                "no server of the run {} has the transport \"{unknown}\"; it has: {known}",
                run.run
            );
        }
        for (name, server) in servers {
            if !wish.transports.is_empty() && !wish.transports.contains(&server.transport) {
                continue;
            }
            if let Some(why) = wrong(run, suites, name) {
                sorted.excluded.insert(name.clone(), why);
                continue;
            }
            match (wish.memory_bytes, peak(run, suites, name)) {
                (Some(limit), Some(peak)) if peak > limit => {
                    let [peak, limit] = [peak, limit].map(|bytes| bytes as f64 / 1e6);
                    let why = format!(
                        "{name} took {peak:.1} MB of memory, over the limit of {limit:.1} MB"
                    );
                    sorted.too_large.insert(name.clone(), why);
                }
                (Some(_), None) => {
                    let why = format!("{name}: its memory is not known, so no limit can be kept");
                    sorted.excluded.insert(name.clone(), why);
                }
                _ => sorted.fit.push(name.clone()),
            }
        }
        Ok(sorted)
    }
}

/// Why a subject's answers cannot be relied on in these suites, if so.
fn wrong(run: &Dataset, suites: &[String], subject: &str) -> Option<String> {
    for suite in suites {
        let mut rows = run.rows(suite, subject).peekable();
        if rows.peek().is_none() {
            return Some(format!("{subject} was not asked {suite}"));
        }
        if !rows.all(crate::results::trial::Trial::is_right) {
            return Some(format!("{subject} had errors or a failed trial in {suite}"));
        }
    }
    None
}

/// The most resident memory of any trial in these suites, in bytes.
fn peak(run: &Dataset, suites: &[String], subject: &str) -> Option<u64> {
    let rows = suites.iter().flat_map(|suite| run.rows(suite, subject));
    rows.filter_map(|row| row.rss_peak_bytes).max()
}

fn measured(run: &Dataset, suite: &str, subject: &str) -> anyhow::Result<Measured> {
    let value = |figure| Ok::<_, anyhow::Error>(run.reading(figure, suite, subject)?.value);
    Ok(Measured {
        suite: suite.to_owned(),
        subject: subject.to_owned(),
        clients: run
            .suites
            .get(suite)
            .map_or(0, |suite| suite.load.clients()),
        cpu_us_per_call: value(Figure::CpuUsPerCall)?,
        calls_per_s: value(Figure::CallsPerS)?,
        p50_ms: value(Figure::P50Ms)?,
        p99_ms: value(Figure::P99Ms)?,
        rss_peak_mb: value(Figure::RssPeakMb)?,
    })
}

/// The order that there would be without the limit of memory.
fn unlimited(
    run: &Dataset,
    wish: &Wish,
    order: &Ranking,
    sorted: &Candidates,
) -> anyhow::Result<Option<Ranking>> {
    if sorted.too_large.is_empty() {
        return Ok(None);
    }
    let all = sorted.fit.iter().chain(sorted.too_large.keys()).cloned();
    let all: Vec<String> = all.collect();
    ranking(run, &order.suites, &all, wish.by, wish.threshold).map(Some)
}
