//! The doubts that a trial raises: from what the window cost and the load saw to warnings.

use std::time::Duration;

use super::usage::Cost;
use crate::config::subject::Subject;
use crate::config::suite::Suite;
use crate::load::{Outcome, Target};
use crate::machine::cores::Layout;
use crate::machine::facts::{is_fast_clock, is_steady_governor};
use crate::machine::proc::Utilisation;
use crate::results::environment::Machine;
use crate::results::warning::Warning;
use crate::results::whole;

/// Busier than this the load thread or its cores were the limit, in thousandths.
const SATURATED_PERMILLE: u64 = 950;

/// More stolen time than this spoils a window, in thousandths.
const STEAL_PERMILLE: u64 = 10;

/// More work of others than this on the server's cores spoils a window, in thousandths of them.
const OTHER_LOAD_PERMILLE: u64 = 50;

/// More work of others than this on the load's cores spoils a window, in thousandths of one core.
/// The harness itself is among the others.
const OTHER_LOAD_BESIDE_PERMILLE: u64 = 100;

/// Below this length the ticks of `/proc/stat` (10 ms) are too coarse to see work of others.
const TICKS_SUFFICE: Duration = Duration::from_secs(1);

/// Fewer calls than this say nothing about p99.9.
const FEW_CALLS: u64 = 1_000;

/// Sends that are later than this at p99, and than a tenth of the median latency, spoil a rate.
const LATE_NS: u64 = 1_000_000;

/// So far the calls in flight may lie from rate times mean latency, as a share of them.
const LAW_SHARE: f64 = 0.05;

/// More of a memory limit than this, in thousandths, and the kernel may have to take pages back.
const NEAR_LIMIT_PERMILLE: u64 = 950;

/// What a trial was made under.
#[derive(Debug, Clone, Copy)]
pub struct Conditions<'a> {
    /// Who ran where.
    pub layout: &'a Layout,
    /// On what.
    pub machine: &'a Machine,
    /// Whether the programs were built for release.
    pub is_release: bool,
    /// Whether calls were due at a rate, whatever the server did.
    pub is_open_loop: bool,
    /// Clients, each with at most one call outstanding.
    pub clients: usize,
    /// Memory limit of the server alone.
    pub server_memory_bytes: Option<u64>,
}

/// The doubts about a trial, in the order of reports.
#[must_use]
pub fn warnings(cost: &Cost, outcome: &Outcome, conditions: &Conditions<'_>) -> Vec<Warning> {
    let Conditions {
        layout,
        machine,
        is_release,
        is_open_loop,
        clients,
        server_memory_bytes,
    } = *conditions;
    let client_permille = permille(outcome.client_busy_share());
    let load_full = cost
        .load_cores
        .is_some_and(|cores| cores.busy_permille > SATURATED_PERMILLE);
    let client_full = client_permille > SATURATED_PERMILLE;
    let stolen = |cores: Option<Utilisation>| {
        cores.is_some_and(|cores| cores.steal_permille > STEAL_PERMILLE)
    };
    let raised = |warning: &Warning| match warning {
        Warning::NotRelease => !is_release,
        Warning::SharedCores => layout.is_shared(),
        Warning::ClientSaturated => client_full,
        Warning::LoadCoresSaturated => load_full && !client_full,
        Warning::BackendSaturated => {
            let services = cost.services_busy_permille.unwrap_or(0);
            cost.busiest_service_permille > Some(SATURATED_PERMILLE)
                || (load_full && services > client_permille)
        }
        Warning::SendsLate => is_open_loop && is_late(outcome),
        Warning::LittlesLaw => breaks_littles_law(outcome, clients),
        Warning::Steal => stolen(cost.server_cores) || stolen(cost.load_cores),
        Warning::Throttled => cost.throttled.is_some_and(|times| times > 0),
        Warning::MemoryNearLimit => {
            is_near_limit(cost, server_memory_bytes, machine.cgroup_memory_bytes)
        }
        Warning::OtherLoad => !layout.is_shared() && has_others(cost, outcome, layout),
        Warning::ClockSource => !is_fast_clock(&machine.clock_source),
        Warning::Governor => !is_steady_governor(&machine.governor),
        Warning::FewCalls => outcome.calls < FEW_CALLS,
        // Several trials are looked at together by the report; the others follow from the definitions.
        Warning::FewTrials
        | Warning::NotStarted
        | Warning::Remote
        | Warning::LearnedAnswer
        | Warning::SharesPhysicalCore
        | Warning::IdleServerBusy => false,
    };
    Warning::ALL.iter().copied().filter(raised).collect()
}

/// Whether something else than server, load and services ran on their cores.
fn has_others(cost: &Cost, outcome: &Outcome, layout: &Layout) -> bool {
    if outcome.elapsed < TICKS_SUFFICE {
        return false;
    }
    let on_server = match (cost.server_cores, cost.server_share_permille) {
        (Some(cores), Some(own)) => cores.busy_permille.saturating_sub(own),
        _ => 0,
    };
    let beside = cost.load_cores.map_or(0, |cores| {
        let count = layout.load.numbers().len() as u64;
        let client = permille(outcome.client_busy_share()) * outcome.threads as u64;
        let own = client + cost.services_busy_permille.unwrap_or(0);
        (cores.busy_permille * count).saturating_sub(own)
    });
    on_server > OTHER_LOAD_PERMILLE || beside > OTHER_LOAD_BESIDE_PERMILLE
}

/// Whether calls that were due were sent late, or not at all.
fn is_late(outcome: &Outcome) -> bool {
    let late_ns = outcome.late_ns.value_at_quantile(0.99);
    let median_ns = outcome.latency_ns.value_at_quantile(0.5);
    outcome.unsent > 0 || (late_ns > LATE_NS && late_ns > median_ns / 10)
}

/// Whether the calls in flight are not rate times mean latency, beyond what has its reasons: of the calls at the edges of
/// the window only a part lies in it, and those of an open loop wait before they are sent. Calls that went wrong are in flight
/// too and have no latency, so nothing is said about a window with errors.
fn breaks_littles_law(outcome: &Outcome, clients: usize) -> bool {
    if outcome.in_flight.is_zero() || outcome.errors.total() > 0 {
        return false;
    }
    let in_flight = outcome.mean_in_flight();
    let longest = Duration::from_nanos(outcome.latency_ns.max()).as_secs_f64();
    let edges = clients as f64 * longest / outcome.elapsed.as_secs_f64();
    let waiting = outcome.calls_per_s() * outcome.late_ns.mean() / 1e9;
    let difference = (in_flight - outcome.littles_law_in_flight()).abs();
    difference > LAW_SHARE * in_flight + edges + waiting
}

/// Whether the server came close to its own limit, or all together to that of the harness.
fn is_near_limit(cost: &Cost, of_server: Option<u64>, of_all: Option<u64>) -> bool {
    let near = |resident: u64, limit: Option<u64>| {
        limit.is_some_and(|limit| resident > limit / 1_000 * NEAR_LIMIT_PERMILLE)
    };
    let all = [&cost.server, &cost.services, &cost.client];
    let all = all.iter().filter_map(|one| one.rss_max_bytes).sum();
    near(cost.rss_peak_bytes.unwrap_or(0), of_server) || near(all, of_all)
}

/// A share (0 to 1) in whole thousandths.
#[must_use]
pub fn permille(share: f64) -> u64 {
    whole((share * 1_000.0).clamp(0.0, 1e9))
}

/// The doubts that a subject and its suite bring with them, whatever a trial finds.
pub(super) fn doubts(subject: &Subject, suite: &Suite, is_remote: bool) -> Vec<Warning> {
    [
        (Warning::NotStarted, subject.runs_already()),
        (Warning::Remote, is_remote),
        (Warning::LearnedAnswer, suite.expect_learned),
    ]
    .into_iter()
    .filter_map(|(warning, is_raised)| is_raised.then_some(warning))
    .collect()
}

/// Whether the wire leaves this machine.
pub(super) fn is_remote(target: &Target) -> bool {
    match target {
        Target::Http { address, .. }
        | Target::Sse { address, .. }
        | Target::Floor { address, .. } => !address.socket.ip().is_loopback(),
        Target::Stdio { .. } => false,
    }
}

#[cfg(test)]
mod tests;
