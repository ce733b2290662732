//! What a run says about itself: when, on what and with what it is made.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use jiff::Timestamp;

use super::RunPlan;
use super::testbed::Testbed;
use crate::host::cores::Layout;
use crate::host::facts;
use crate::results::environment::{Environment, Program, SharedOut, State};
use crate::results::redact::redact;

/// Version of this harness.
pub(super) const HARNESS_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The time, RFC 3339 in UTC.
pub(super) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `<date>-<host>-<rev>`, the date with the time, in UTC.
pub(super) fn folder_name(environment: &Environment) -> String {
    let date: String = environment
        .started
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let rev = match environment.source.commit.as_str() {
        "" => "norev",
        commit => commit,
    };
    let dirty = if environment.source.dirty {
        "+dirty"
    } else {
        ""
    };
    format!("{date}-{}-{rev}{dirty}", environment.machine.host)
}

/// What the run is made with and on.
pub(super) fn environment(
    bench: &Testbed,
    plan: &RunPlan,
    trials: usize,
) -> anyhow::Result<Environment> {
    let setup = bench.setup();
    Ok(Environment {
        state: State::Running,
        failure: String::new(),
        trials_planned: trials as u64,
        trials_done: 0,
        started: now(),
        ended: String::new(),
        resumed: Vec::new(),
        command: std::env::args().map(|part| redact(&part)).collect(),
        database_url: redact(&bench.url("database_url")),
        store_url: redact(&bench.url("store_url")),
        harness_version: HARNESS_VERSION.to_owned(),
        capacity: plan.capacity,
        seed: plan.seed,
        subjects: bench.subjects().subject.keys().cloned().collect(),
        suites: plan.suites.keys().cloned().collect(),
        server_cores: setup.layout.server.numbers().to_vec(),
        load_cores: setup.layout.load.numbers().to_vec(),
        wider: (setup.wider.iter())
            .map(|(count, layout)| (*count, shared_out(layout)))
            .collect(),
        server_limits: bench.server_limits(),
        profile: setup.profile.clone(),
        built: bench.is_built(),
        build_variables: build_variables(),
        machine: bench.machine().clone(),
        source: facts::source(&setup.root),
        programs: programs(bench)?,
    })
}

fn shared_out(layout: &Layout) -> SharedOut {
    SharedOut {
        server_cores: layout.server.numbers().to_vec(),
        load_cores: layout.load.numbers().to_vec(),
    }
}

/// The programs on the testbed, and the harness itself. One that is found by `PATH` has no entry.
pub(super) fn programs(bench: &Testbed) -> anyhow::Result<BTreeMap<String, Program>> {
    // Many subjects are one program with other flags, and to read it takes a while.
    let mut known: BTreeMap<PathBuf, Option<Program>> = BTreeMap::new();
    let mut files = bench.programs()?;
    let own = std::env::current_exe().context("cannot find the harness's own program")?;
    files.insert("mcp-harness".to_owned(), own);
    let root = &bench.setup().root;
    let read = |(name, path): (String, PathBuf)| {
        let look = || facts::program(&path).or_else(|| facts::program(&root.join(&path)));
        let program = known.entry(path.clone()).or_insert_with(look);
        Some((name, program.clone()?))
    };
    Ok(files.into_iter().filter_map(read).collect())
}

/// What is set of the variables that change what cargo builds
/// (<https://doc.rust-lang.org/cargo/reference/environment-variables.html>).
fn build_variables() -> BTreeMap<String, String> {
    let changes = |name: &str| {
        matches!(
            name,
            "RUSTFLAGS" | "CARGO_ENCODED_RUSTFLAGS" | "CARGO_BUILD_RUSTFLAGS"
        ) || name.starts_with("CARGO_PROFILE_")
    };
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| changes(name))?;
            Some((name, value.to_string_lossy().into_owned()))
        })
        .collect()
}
