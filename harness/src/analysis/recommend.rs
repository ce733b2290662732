//! Which configuration to use: the first of a ranking over the suites that stand for a kind of
//! work, of those servers that fit where it will run and how much memory there is.

use std::collections::BTreeSet;

use anyhow::bail;
use serde::Serialize;

use super::dataset::Dataset;
use super::metric::Metric;
use super::ranking::{Place, Ranking, ranking};
use crate::config::scenario::{Deployment, Scenario};
use crate::config::suite::{Suite, Workload};
use crate::results::trial::Trial;
use crate::stats::{Threshold, Verdict};

/// What is looked for.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Wish {
    /// The kind of work.
    pub(crate) workload: Workload,
    /// Where it will run.
    pub(crate) deployment: Deployment,
    /// Clients at once.
    pub(crate) clients: Option<usize>,
    /// The most resident memory, in bytes.
    pub(crate) max_rss_bytes: Option<u64>,
    /// What decides.
    pub(crate) by: Metric,
    /// Differences below this are none, a share of one.
    pub(crate) threshold: Threshold,
    /// The situation that it is for, where one is named: then its suites count, and no others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scenario: Option<Scenario>,
}

impl Wish {
    /// What is looked for where only the kind of work and the place are known.
    pub(crate) fn usual(workload: Workload, deployment: Deployment) -> Self {
        Self {
            workload,
            deployment,
            clients: None,
            max_rss_bytes: None,
            by: Metric::CpuUsPerCall,
            threshold: Threshold::default(),
            scenario: None,
        }
    }

    /// What a scenario looks for.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        Self {
            workload: Workload::Mixed,
            deployment: scenario.deployment,
            clients: scenario.load.clients,
            max_rss_bytes: scenario.max_rss_bytes,
            by: scenario.by,
            threshold: Threshold::default(),
            scenario: Some(scenario.clone()),
        }
    }
}

/// What to use, and why.
#[derive(Debug)]
pub(crate) struct Recommendation {
    /// What was looked for.
    pub(crate) wish: Wish,
    /// The subject to use.
    pub(crate) subject: String,
    /// How it was started.
    pub(crate) command: Vec<String>,
    /// By how much it wins, in a sentence.
    pub(crate) wins: String,
    /// Subjects that are not told apart from it.
    pub(crate) equals: Vec<String>,
    /// What would change the answer.
    pub(crate) would_change: Vec<String>,
    /// The order that it comes from.
    pub(crate) ranking: Ranking,
}

/// Whether a run has what the question is about: suites of that work, and servers that may be used.
/// A search for capacity and experiments ask other questions: their suites are not the work alone.
pub(crate) fn answers(run: &Dataset, wish: &Wish) -> bool {
    let asks_another = run.environment.capacity.is_some() || run.folder.has_experiments();
    if asks_another {
        return false;
    }
    let suites = suites_for(run, wish);
    let clients = |suite: &String| run.suites.get(suite).map(|suite| suite.load.clients());
    let is_asked = |suite| wish.clients.is_none() || clients(suite) == wish.clients;
    suites.iter().any(is_asked) && candidates(run, &suites, wish).iter().any(Result::is_ok)
}

/// Chooses: the first of a ranking of the servers that fit.
pub(crate) fn recommend(run: &Dataset, wish: &Wish) -> anyhow::Result<Recommendation> {
    let suites = suites_for(run, wish);
    if suites.is_empty() {
        let known = run.suites.values().filter_map(|suite| suite.workload);
        let known: BTreeSet<String> = known.map(|kind| kind.to_string()).collect();
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        bail!(
            "no suite of the run {} stands for {} work (its suites stand for: {}); measure one with \
             workload = \"{}\" in it",
            run.run,
            wish.workload,
            if known.is_empty() { "none" } else { &known },
            wish.workload
        );
    }
    let (mut fit, mut excluded) = (Vec::new(), Vec::new());
    for candidate in candidates(run, &suites, wish) {
        match candidate {
            Ok(name) => fit.push(name),
            Err(why) => excluded.push(why),
        }
    }
    if fit.is_empty() {
        bail!(
            "no server in {} fits:\n  {}",
            run.run,
            excluded.join("\n  ")
        );
    }
    let order = ranking(run, &suites, &fit, wish.by, wish.threshold)?;
    let Some((first, behind)) = order.places.split_first() else {
        bail!("nothing could be ranked in {}", run.run);
    };
    let command = run.subjects.subject.get(&first.subject);
    let equal = |place: &Place| {
        let words = order.threshold.words(place.beside_first);
        let percent = percent(place.to_first.point);
        format!("{} ({percent}, {words})", place.subject)
    };
    let equals = behind.iter().filter(|place| place.beside_first.is_tie());
    Ok(Recommendation {
        wish: wish.clone(),
        subject: first.subject.clone(),
        command: command.map_or_else(Vec::new, |one| one.command.clone()),
        wins: wins(behind),
        equals: equals.map(equal).collect(),
        would_change: would_change(run, wish, &order, excluded),
        ranking: order,
    })
}

/// The servers of a run; in the place of one that cannot be recommended a sentence that says why.
fn candidates(run: &Dataset, suites: &[String], wish: &Wish) -> Vec<Result<String, String>> {
    let names = run.subjects.subject.keys();
    // A scenario says which servers it asks. Another that the run has is none that it left out.
    let is_asked = |name: &String| {
        let mut suites = suites.iter();
        wish.scenario.is_none() || suites.any(|suite| run.rows(suite, name).next().is_some())
    };
    let servers = names.filter(|name| !run.is_floor(name) && is_asked(name));
    let candidate = |name: &String| match why_not(run, suites, name, wish) {
        Some(why) => Err(format!("{name} {why}.")),
        None => Ok(name.clone()),
    };
    servers.map(candidate).collect()
}

/// The scenarios that a run has measured, in the order of tables.
pub(crate) fn scenarios(run: &Dataset) -> Vec<&Scenario> {
    let mut found: Vec<&Scenario> = Vec::new();
    for one in run
        .suites
        .values()
        .filter_map(|suite| suite.scenario.as_ref())
    {
        if !found.iter().any(|other| other.name == one.name) {
            found.push(one);
        }
    }
    found.sort_by_key(|one| one.number);
    found
}

/// The suites of the run that stand for this kind of work, or for this scenario, and where there
/// are some, those of them with that number of clients.
fn suites_for(run: &Dataset, wish: &Wish) -> Vec<String> {
    let is_of_work = |suite: &Suite| match (&wish.scenario, &suite.scenario) {
        (Some(wanted), Some(own)) => wanted.name == own.name,
        (None, None) => suite.workload.is_some_and(|kind| wish.workload.takes(kind)),
        _ => false,
    };
    let has_clients = |suite: &Suite| wish.clients.is_none_or(|one| one == suite.load.clients());
    let of_work = run.suites.iter().filter(|(_, suite)| is_of_work(suite));
    let (right, other): (Vec<_>, Vec<_>) = of_work.partition(|(_, suite)| has_clients(suite));
    let taken = if right.is_empty() { other } else { right };
    taken.into_iter().map(|(name, _)| name.clone()).collect()
}

/// Why a server cannot be recommended, if so.
fn why_not(run: &Dataset, suites: &[String], name: &str, wish: &Wish) -> Option<String> {
    let mut rows: Vec<&Trial> = Vec::new();
    for suite in suites {
        let own: Vec<&Trial> = run.rows(suite, name).collect();
        if own.is_empty() {
            return Some(format!("was not asked {suite}"));
        }
        if !own.iter().all(|row| row.is_right()) {
            return Some(format!("had errors or a failed trial in {suite}"));
        }
        rows.extend(own);
    }
    if wish.deployment == Deployment::Remote && rows.iter().any(|row| row.wire == "stdio") {
        return Some("speaks stdio, which does not reach another machine".to_owned());
    }
    let peak = rows.iter().filter_map(|row| row.rss_peak_bytes).max();
    match (wish.max_rss_bytes, peak) {
        (Some(_), None) => Some("has no known memory, so no limit can be kept".to_owned()),
        (Some(limit), Some(peak)) if peak > limit => {
            let [peak, limit] = [peak, limit].map(|bytes| bytes as f64 / 1e6);
            Some(format!(
                "took {peak:.1} MB of memory, over the limit of {limit:.1} MB"
            ))
        }
        _ => None,
    }
}

/// How much worse than the first this is.
fn percent(ratio: f64) -> String {
    format!("{:+.1}%", (ratio - 1.0) * 100.0)
}

/// By how much the first wins over the next one that is told apart from it.
fn wins(behind: &[Place]) -> String {
    let Some(second) = behind.iter().find(|place| !place.beside_first.is_tie()) else {
        return match behind.first() {
            None => "It was the only candidate: nothing was compared.".to_owned(),
            Some(_) => "It wins over no other candidate by more than the readings tell.".to_owned(),
        };
    };
    let ends = match second.to_first.interval {
        None => "no interval: fewer than 3 trials".to_owned(),
        Some(ends) => format!(
            "95% interval {} to {}",
            percent(ends.low),
            percent(ends.high)
        ),
    };
    format!(
        "Wins over {}, which is {} worse ({ends}).",
        second.subject,
        percent(second.to_first.point)
    )
}

/// What would change the answer, a line each.
fn would_change(run: &Dataset, wish: &Wish, order: &Ranking, excluded: Vec<String>) -> Vec<String> {
    let mut said = excluded;
    said.extend(order.left_out.iter().map(|why| format!("{why}.")));
    let is_unknown = |place: &Place| place.beside_first == Verdict::Unknown;
    if order.places.iter().any(is_unknown) {
        said.push("Fewer than 3 trials: no verdict says that the order is not chance.".to_owned());
    }
    let suites = order
        .suites
        .iter()
        .filter_map(|suite| run.suites.get(suite));
    let clients: BTreeSet<usize> = suites.map(|suite| suite.load.clients()).collect();
    let is_other = |asked: &usize| clients.iter().any(|one| one != asked);
    if let Some(asked) = wish.clients.filter(is_other) {
        let measured: Vec<String> = clients.iter().map(ToString::to_string).collect();
        said.push(format!(
            "Measured with {} clients, asked for {asked}: measure with --clients {asked} to know.",
            measured.join(" and ")
        ));
    }
    said.extend(order.notes.iter().cloned());
    said
}
