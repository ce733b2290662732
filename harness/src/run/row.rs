//! From what the load and the window found to the row of a trial.

use std::time::{Duration, SystemTime};

use super::trial::Job;
use super::usage::Cost;
use super::warnings::permille;
use crate::config::subject::{Subject, duration};
use crate::load::{ErrorKind, Errors, Outcome};
use crate::results::histogram::{mean_us, percentile_us, whole_us};
use crate::results::trial::Trial;
use crate::results::whole;

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

fn us(duration: Duration) -> u64 {
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
        suite: job.suite_name.to_owned(),
        tool: job.suite.tool.clone(),
        subject: job.subject_name.to_owned(),
        role: subject.role.name().to_owned(),
        transport: subject.transport.clone(),
        runtime: subject.runtime.clone().unwrap_or_default(),
        fast_path: subject.fast_path.clone().unwrap_or_default(),
        wire: subject.wire.name().to_owned(),
        trial: job.trial,
        position: job.position,
        started_unix_ms: unix_ms(started),
        clients: load.clients() as u64,
        sessions: subject.sessions.name().to_owned(),
        revision: subject.revision().unwrap_or_default().to_string(),
        connections: Some(load.connections.unwrap_or(load.clients()) as u64),
        threads: Some(load.threads() as u64),
        rate_planned_per_s_milli: load.rate_per_s.map(milli),
        arrivals: load
            .rate_per_s
            .map_or_else(String::new, |_| load.arrivals().name().to_owned()),
        think_time_us: Some(milli(load.think_time_ms())),
        round_trip_us: Some(milli(load.round_trip_ms())),
        calls_per_session: load.calls_per_session.map(u64::from),
        warmup_us: us(seconds(load.warmup_s())),
        binary_bytes: job.binary_bytes,
        ..Trial::default()
    }
}

/// Puts what the load and the window found into the row.
pub(super) fn fill(trial: &mut Trial, outcome: &Outcome, cost: &Cost) {
    fill_load(trial, outcome);
    fill_errors(trial, outcome);
    trial.server_cpu_ns = cost.server_cpu_ns;
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
    if outcome.calls > 0 {
        // A share of the CPU seconds: calls / (cpu_s * 100), which is calls/s divided by the
        // percent of one core.
        trial.server_cpu_ns_per_call = cost.server_cpu_ns.map(|ns| ns / outcome.calls);
        trial.calls_per_s_per_cpu_percent_milli = cost
            .server_cpu_ns
            .and_then(|ns| scaled(outcome.calls, 10_000_000_000, ns));
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
    trial.window_us = Some(us(outcome.elapsed));
    trial.calls = outcome.calls;
    trial.calls_per_s = scaled(outcome.calls, 1_000_000, us(outcome.elapsed));
    trial.json_rpc_requests = Some(outcome.json_rpc_requests);
    trial.http_requests = (outcome.http_requests > 0).then_some(outcome.http_requests);
    let iterations = &outcome.iteration_ns;
    trial.iterations = trial.calls_per_session.map(|_| iterations.len());
    trial.iteration_p50_us = percentile_us(iterations, 50.0);
    trial.iteration_p99_us = percentile_us(iterations, 99.0);
    trial.late_p50_us = percentile_us(&outcome.late_ns, 50.0);
    trial.late_p99_us = percentile_us(&outcome.late_ns, 99.0);
    trial.late_max_us = (!outcome.late_ns.is_empty()).then(|| whole_us(outcome.late_ns.max()));
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
        trial.min_us = Some(whole_us(latency.min()));
        trial.mean_us = Some(mean_us(latency));
        trial.max_us = Some(whole_us(latency.max()));
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
pub(super) fn examples(outcome: &Outcome) -> String {
    let shown = |when: &str, errors: &Errors| {
        errors.iter().fold(String::new(), |text, (kind, tally)| {
            text + &format!("{} {kind}{when}, first: {}\n", tally.count, tally.example)
        })
    };
    shown("", &outcome.errors)
        + &shown(" in the warm-up", &outcome.warmup_errors)
        + &shown(" when the sessions were ended", &outcome.closing_errors)
}
