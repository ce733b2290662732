//! What differs between the load and limits of a published figure and those of a run.

use std::collections::BTreeSet;

use crate::analysis::dataset::Dataset;
use crate::config::published::Shape;
use crate::config::step::Step;
use crate::config::suite::Suite;
use crate::results::environment::Environment;

/// Requests of a mix that open and close sessions.
const AROUND_CALLS: [&str; 3] = ["initialize", "notifications/initialized", "DELETE"];

/// All differences of load and limits, and the two machines.
pub(super) fn differences(
    there: &Shape,
    run: &Dataset,
    suite: &str,
    subject: &str,
) -> (Vec<String>, String) {
    let mut found = Vec::new();
    if let Some(definition) = run.suites.get(suite) {
        let calls = run.rows(suite, subject).map(|trial| trial.calls).sum();
        found.extend(loads(there, definition, calls));
    }
    let shared = (run.subjects.subject.get(subject)).and_then(|one| one.shared_sessions);
    let shared = shared.map(|count| count as u64);
    if there.shared_sessions != shared {
        found.push(format!(
            "sessions: {} there, {} here",
            sessions(there.shared_sessions),
            sessions(shared)
        ));
    }
    found.extend(limits(there, &run.environment));
    let here = &run.environment.machine.cpu_model;
    let machine = there.machine.as_deref().unwrap_or("not known");
    (found, format!("machine: {machine} there, {here} here"))
}

fn sessions(shared: Option<u64>) -> String {
    shared.map_or_else(
        || "none shared".to_owned(),
        |count| format!("{count} shared"),
    )
}

/// What differs in the load.
fn loads(there: &Shape, suite: &Suite, calls: u64) -> Vec<String> {
    let here = &suite.load;
    let mut found = Vec::new();
    let mut differ = |what: &str, there: String, here: String| {
        if there != here {
            found.push(format!("{what}: {there} there, {here} here"));
        }
    };
    let known = |value: Option<String>| value.unwrap_or_else(|| "not known".to_owned());
    let asked = |rate: Option<f64>| {
        rate.map_or_else(
            || "closed loop".to_owned(),
            |rate| format!("{rate} calls/s"),
        )
    };
    differ("pace", asked(there.rate_per_s), asked(here.rate_per_s));
    if there.rate_per_s.is_none() {
        let clients = there.clients.map(|count| count.to_string());
        differ("clients", known(clients), here.clients().to_string());
        let wait = there.think_time_ms.map(|ms| format!("{ms} ms"));
        let pause_ms = here.think_time_ms() + here.iteration_pause_ms();
        differ("think time", known(wait), format!("{pause_ms} ms"));
    }
    let all = || there.mix.keys().map(String::as_str);
    let mut asked: Vec<&str> = (all().filter(|one| !AROUND_CALLS.contains(one))).collect();
    if asked.is_empty() {
        asked = all().collect();
    }
    let asked = (!there.mix.is_empty()).then(|| asked.join(", "));
    let steps = suite.steps();
    // In the order of the published mix, which is that of the names.
    let own: BTreeSet<&str> = steps.iter().map(Step::name).collect();
    let own: Vec<&str> = own.into_iter().collect();
    differ("asked", known(asked), own.join(", "));
    let lasting = |calls: Option<u32>| {
        calls.map_or_else(|| "lasting".to_owned(), |calls| format!("of {calls} calls"))
    };
    differ(
        "sessions",
        lasting(there.calls_per_session),
        lasting(here.calls_per_session),
    );
    let seconds = if here.slices() > 0 {
        f64::from(here.slices()) * here.slice_s()
    } else {
        here.duration_s() - here.ramp_s() - here.ramp_down_s()
    };
    if there.duration_s.is_some_and(|length| seconds < length) {
        let length = there.duration_s.map(|length| format!("{length} s"));
        differ("length", known(length), format!("{seconds} s"));
    }
    if there.requests.is_some_and(|count| calls < count) {
        let count = there.requests.map(|count| count.to_string());
        differ("requests", known(count), calls.to_string());
    }
    let ramps =
        [there.ramp_up_s, there.ramp_down_s].map(|ramp| format!("{} s", ramp.unwrap_or(0.0)));
    let own = [here.ramp_s(), here.ramp_down_s()].map(|ramp| format!("{ramp} s"));
    differ("ramps", ramps.join(" and "), own.join(" and "));
    found
}

/// What differs in the limits of the server and of what stands behind it.
fn limits(there: &Shape, environment: &Environment) -> Vec<String> {
    let mut found = Vec::new();
    let own = environment.server_limits.as_ref();
    let quota = own
        .and_then(|limits| limits.cpu_milli)
        .map(|milli| milli as f64 / 1e3);
    let cores = quota.unwrap_or(environment.server_cores.len() as f64);
    match there.server_cpus {
        None => found.push(format!(
            "processors of the server: not known there, {cores} here"
        )),
        Some(cpus) if (cpus - cores).abs() > 1e-9 => {
            found.push(format!(
                "processors of the server: {cpus} there, {cores} here"
            ));
        }
        Some(_) => {}
    }
    let megabytes = |bytes: Option<u64>| {
        bytes.map_or_else(
            || "no limit".to_owned(),
            |bytes| format!("{} MB", bytes / 1_000_000),
        )
    };
    let memory = own.and_then(|limits| limits.memory_bytes);
    if there.server_memory_bytes.is_some() && there.server_memory_bytes != memory {
        found.push(format!(
            "memory of the server: {} there, {} here",
            megabytes(there.server_memory_bytes),
            megabytes(memory)
        ));
    }
    if let Some(backends) = &there.backends {
        found.push(format!(
            "behind the server: {backends} there, no limits of their own here"
        ));
    }
    found
}
