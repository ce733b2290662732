//! One window that is to be measured, and the row of what was found in it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;

use super::testbed::Testbed;
use super::usage::Cost;
use super::warnings::{Conditions, permille, warnings, warnings_of_definitions};
use crate::config::step::Method;
use crate::config::subject::{Subject, duration};
use crate::config::suite::Suite;
use crate::config::template::Context;
use crate::load::{ErrorKind, Errors, Exchange, Outcome};
use crate::results::histogram::{mean_us, percentile_us, whole_us};
use crate::results::trial::Trial;
use crate::results::trial_order::PlannedTrial;
use crate::results::warning::Warning;
use crate::results::whole;

/// No server answers a call in less CPU time: it takes a system call to read and one to write.
const LEAST_CALL_NS: u64 = 100;

/// One window that is to be measured.
#[derive(Debug, Clone)]
pub(crate) struct Job<'a> {
    /// The suite with the run's settings.
    pub(crate) suite: &'a Suite,
    pub(crate) calls: Arc<Calls>,
    /// The names of suite and subject, and the numbers of the trial.
    pub(crate) planned: &'a PlannedTrial,
    /// Place in the order of the run, from 1.
    pub(crate) position: u32,
    /// Size of the subject's program.
    pub(crate) binary_bytes: Option<u64>,
}

/// The prepared calls of a suite.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    /// Those that are timed.
    pub(crate) timed: Vec<Exchange>,
    /// What other clients ask at the same time, and how many of them there are.
    pub(crate) beside: Option<(Exchange, usize)>,
}

impl Calls {
    /// Prepares the calls of a suite; the error is a sentence.
    pub(crate) fn prepare(suite: &Suite, services: &Context) -> Result<Self, String> {
        let beside = suite.beside.as_ref();
        let beside = beside.map(|one| Ok::<_, String>((one.exchange(services)?, one.clients)));
        Ok(Self {
            timed: suite.exchanges(services)?,
            beside: beside.transpose()?,
        })
    }
}

impl Job<'_> {
    /// The warnings about what was found.
    pub(super) fn warnings(
        &self,
        bench: &Testbed,
        (outcome, cost): (&Outcome, &Cost),
        is_remote: bool,
    ) -> anyhow::Result<Vec<Warning>> {
        let setup = bench.setup();
        let subject = bench.subject(&self.planned.subject)?;
        let is_built = subject.build.is_some();
        let conditions = Conditions {
            layout: setup.layout_of(&self.suite.load),
            machine: bench.machine(),
            is_release: !is_built || !matches!(setup.profile.as_str(), "dev" | "test"),
            is_open_loop: self.suite.load.rate_per_s.is_some(),
            clients: self.suite.load.clients(),
            server_memory_bytes: setup.limits.memory_bytes,
        };
        let mut raised = warnings(cost, outcome, &conditions);
        raised.extend(warnings_of_definitions(subject, self.suite, is_remote));
        Ok(raised)
    }
}

/// Seconds of a checked definition.
pub(super) fn seconds(seconds: f64) -> Duration {
    duration(seconds).unwrap_or_default()
}

fn unix_ms(time: SystemTime) -> i64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A number of a checked definition in whole thousandths.
fn milli(value: f64) -> u64 {
    whole(value * 1_000.0)
}

/// The row before anything is known.
pub(super) fn blank(job: &Job<'_>, subject: &Subject, started: SystemTime) -> Trial {
    let load = &job.suite.load;
    Trial {
        suite: job.planned.suite.clone(),
        tool: job.suite.label(),
        subject: job.planned.subject.clone(),
        role: subject.role.to_string(),
        transport: subject.transport.clone(),
        runtime: subject.runtime.clone().unwrap_or_default(),
        fast_path: subject.fast_path.clone().unwrap_or_default(),
        wire: subject.wire.to_string(),
        trial: job.planned.trial,
        process: job.planned.process,
        slice: job.planned.slice,
        position: job.position,
        started_unix_ms: unix_ms(started),
        clients: load.clients() as u64,
        sessions: subject.sessions.to_string(),
        revision: (job.suite.revision(subject))
            .unwrap_or_default()
            .to_string(),
        connections: Some(load.connections.unwrap_or(load.clients()) as u64),
        threads: Some(load.threads() as u64),
        rate_planned_per_s_milli: load.rate_per_s.map(milli),
        arrivals: load
            .rate_per_s
            .map_or_else(String::new, |_| load.arrivals().to_string()),
        think_time_us: Some(milli(load.think_time_ms())),
        iteration_pause_us: load.iteration_pause_ms.map(milli),
        round_trip_us: Some(milli(load.round_trip_ms())),
        calls_per_session: load.calls_per_session.map(u64::from),
        warmup_us: us(seconds(match job.planned.slice {
            0 => load.warmup_s(),
            _ => load.lead_in_s(),
        })),
        binary_bytes: job.binary_bytes,
        ..Trial::default()
    }
}

/// The server's CPU time. Without one that was not measured: the work was done outside of the
/// server's processes, and what they used is not enough for the calls.
fn possible_cpu_ns(outcome: &Outcome, cost: &Cost) -> Option<u64> {
    let is_possible = |ns: &u64| *ns >= outcome.calls * LEAST_CALL_NS;
    cost.server_cpu_ns.filter(is_possible)
}

/// Puts what the load and the window found into the row.
pub(super) fn fill(trial: &mut Trial, job: &Job<'_>, outcome: &Outcome, cost: &Cost) {
    fill_load(trial, outcome);
    fill_steps(trial, job.suite, outcome);
    fill_errors(trial, outcome);
    let server_cpu_ns = possible_cpu_ns(outcome, cost);
    trial.server_cpu_ns = server_cpu_ns;
    trial.server_cpu_user_ms = cost.server_cpu_user_ms;
    trial.server_cpu_system_ms = cost.server_cpu_system_ms;
    trial.rss_mean_bytes = cost.server.rss_mean_bytes;
    trial.rss_peak_bytes = cost.rss_peak_bytes;
    fill_samples(trial, cost);
    trial.client_busy_permille = Some(permille(outcome.client_busy_share()));
    trial.services_busy_permille = cost.services_busy_permille;
    trial.server_cores_busy_permille = cost.server_cores.map(|cores| cores.busy_permille);
    trial.load_cores_busy_permille = cost.load_cores.map(|cores| cores.busy_permille);
    trial.steal_permille = [cost.server_cores, cost.load_cores]
        .into_iter()
        .flatten()
        .map(|cores| cores.steal_permille)
        .max();
    trial.failure = examples(outcome);
    // The server's CPU time is that of all calls: those beside the timed ones cannot be told apart.
    let timed_ns = server_cpu_ns.filter(|_| job.calls.beside.is_none());
    if outcome.calls > 0 {
        // A share of the CPU seconds: calls / (cpu_s * 100), which is calls/s divided by the
        // percent of one core.
        trial.server_cpu_ns_per_call = timed_ns.map(|ns| ns / outcome.calls);
        trial.calls_per_s_per_cpu_percent_milli =
            timed_ns.and_then(|ns| scaled(outcome.calls, 10_000_000_000, ns));
        trial.calls_per_s_per_mb_milli = match (trial.calls_per_s, cost.server.rss_mean_bytes) {
            (Some(rate), Some(rss)) => scaled(rate, 1_000_000_000, rss),
            _ => None,
        };
    }
}

/// What is known from samples, and of others than the server.
fn fill_samples(trial: &mut Trial, cost: &Cost) {
    let Cost {
        server,
        services,
        client,
        ..
    } = cost;
    trial.server_threads_max = server.threads_max;
    trial.server_open_files_max = server.open_files_max;
    trial.server_context_switches_voluntary = server.switches_voluntary;
    trial.server_context_switches_involuntary = server.switches_involuntary;
    trial.services_cpu_ns = cost.services_cpu_ns;
    trial.services_rss_peak_bytes = services.rss_max_bytes;
    trial.services_open_files_max = services.open_files_max;
    trial.services_context_switches = services
        .switches_voluntary
        .zip(services.switches_involuntary)
        .map(|(voluntary, involuntary)| voluntary + involuntary);
    trial.client_cpu_ns = cost.client_cpu_ns;
    trial.client_rss_peak_bytes = client.rss_max_bytes;
    trial.client_open_files_max = client.open_files_max;
    trial.client_context_switches_involuntary = client.switches_involuntary;
}

/// `value * factor / divisor` without overflow; `None` for a divisor of zero.
fn scaled(value: u64, factor: u64, divisor: u64) -> Option<u64> {
    let wide = (u128::from(value) * u128::from(factor)).checked_div(u128::from(divisor))?;
    u64::try_from(wide).ok()
}

fn fill_load(trial: &mut Trial, outcome: &Outcome) {
    let latency = &outcome.latency_ns;
    trial.elapsed_ns = u64::try_from(outcome.elapsed.as_nanos()).ok();
    trial.window_us = Some(us(outcome.elapsed));
    trial.calls = outcome.calls;
    trial.calls_per_s = scaled(outcome.calls, 1_000_000, us(outcome.elapsed));
    trial.json_rpc_requests = Some(outcome.json_rpc_requests);
    trial.http_requests = (outcome.http_requests > 0).then_some(outcome.http_requests);
    let iterations = &outcome.iteration_ns;
    trial.iterations =
        (trial.calls_per_session.is_some() || !outcome.steps.is_empty()).then(|| iterations.len());
    trial.iteration_p50_us = percentile_us(iterations, 50.0);
    trial.iteration_p99_us = percentile_us(iterations, 99.0);
    trial.late_p50_us = percentile_us(&outcome.late_ns, 50.0);
    trial.late_p99_us = percentile_us(&outcome.late_ns, 99.0);
    trial.late_max_us = (!outcome.late_ns.is_empty())
        .then(|| whole_us(Duration::from_nanos(outcome.late_ns.max())));
    trial.calls_unsent = trial.rate_planned_per_s_milli.map(|_| outcome.unsent);
    trial.bytes_in = outcome.bytes_in;
    trial.bytes_out = outcome.bytes_out;
    trial.reconnects = outcome.reconnects;
    // Where nobody kept the time there is nothing to compare.
    if !outcome.in_flight.is_zero() {
        trial.in_flight_mean_milli = Some(permille(outcome.mean_in_flight()));
        trial.littles_law_in_flight_milli = Some(permille(outcome.littles_law_in_flight()));
    }
    if !latency.is_empty() {
        trial.min_us = Some(whole_us(Duration::from_nanos(latency.min())));
        trial.mean_us = Some(mean_us(latency));
        trial.max_us = Some(whole_us(Duration::from_nanos(latency.max())));
    }
    // Of answers in several reads; a few of them among others say nothing about all.
    if outcome.first_ns.len() * 2 > outcome.calls {
        trial.first_p50_us = percentile_us(&outcome.first_ns, 50.0);
    }
    trial.p50_us = percentile_us(latency, 50.0);
    trial.p90_us = percentile_us(latency, 90.0);
    trial.p95_us = percentile_us(latency, 95.0);
    trial.p99_us = percentile_us(latency, 99.0);
    trial.p99_9_us = percentile_us(latency, 99.9);
}

/// What is known of the steps of an iteration, and of the pauses.
fn fill_steps(trial: &mut Trial, suite: &Suite, outcome: &Outcome) {
    let steps = suite.step.iter().zip(&outcome.steps);
    let listed = steps.filter(|(step, _)| step.method == Method::ListTools);
    let listed: u64 = match suite.step.as_slice() {
        [only] if only.method == Method::ListTools => outcome.calls,
        _ => listed.map(|(_, found)| found.calls).sum(),
    };
    trial.tool_calls = Some(outcome.calls.saturating_sub(listed));
    trial.tool_calls_per_s =
        (trial.tool_calls).and_then(|calls| scaled(calls, 1_000_000, us(outcome.elapsed)));
    trial.json_rpc_requests_per_s =
        scaled(outcome.json_rpc_requests, 1_000_000, us(outcome.elapsed));
    let clients = trial.clients.max(1) as f64;
    let share = outcome.paused.as_secs_f64() / outcome.elapsed.as_secs_f64() / clients;
    trial.paused_permille = share.is_finite().then(|| permille(share));
}

/// The latencies of each step, by its name.
pub(super) fn step_latencies(job: &Job<'_>, outcome: &Outcome) -> Vec<(String, Histogram<u64>)> {
    let steps = job.suite.step.iter().zip(&outcome.steps);
    steps
        .map(|(step, found)| (step.name().to_owned(), found.latency_ns.clone()))
        .collect()
}

fn fill_errors(trial: &mut Trial, outcome: &Outcome) {
    let errors: &Errors = &outcome.errors;
    trial.errors = errors.total();
    trial.errors_connect = errors.count(ErrorKind::Connect);
    trial.errors_transport = errors.count(ErrorKind::Transport);
    trial.errors_timeout = errors.count(ErrorKind::Timeout);
    trial.errors_http = errors.count(ErrorKind::Http);
    trial.errors_protocol = errors.count(ErrorKind::Protocol);
    trial.errors_json_rpc = errors.count(ErrorKind::JsonRpc);
    trial.errors_tool = errors.count(ErrorKind::Tool);
    trial.errors_mismatch = errors.count(ErrorKind::Mismatch);
    trial.errors_in_warmup = outcome.warmup_errors.total();
    trial.errors_in_closing = outcome.closing_errors.total();
}

/// The first error of each kind, one on a line.
pub(super) fn errors_in(errors: &Errors, when: &str) -> String {
    errors.iter().fold(String::new(), |text, (kind, tally)| {
        text + &format!("{} {kind}{when}, first: {}\n", tally.count, tally.example)
    })
}

pub(super) fn examples(outcome: &Outcome) -> String {
    errors_in(&outcome.errors, "")
        + &errors_in(&outcome.warmup_errors, " in the warm-up")
        + &errors_in(&outcome.closing_errors, " when the sessions were ended")
}

#[cfg(test)]
mod tests {
    use super::{Cost, Outcome, possible_cpu_ns};

    #[test]
    fn cpu_time_that_no_server_can_do_with_is_no_figure() {
        let outcome = Outcome {
            calls: 1_000,
            ..Outcome::default()
        };
        let of = |ns| {
            let cost = Cost {
                server_cpu_ns: Some(ns),
                ..Cost::default()
            };
            possible_cpu_ns(&outcome, &cost)
        };
        assert_eq!(of(5_000_000), Some(5_000_000));
        assert_eq!((of(20_000), of(0)), (None, None));
    }
}
