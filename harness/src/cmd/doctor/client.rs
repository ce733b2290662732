//! The load client against a floor, beside `wrk`: the same request, connections and core, in turns.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use super::super::wrk;
use super::{Check, Grade};
use crate::interrupt::Interrupt;
use crate::load::{self, Exchange, Expectation, Pace, Plan, Revision, Target};
use crate::measure::bench::Bench;

/// Below this share of `wrk`'s rate the client would be what is measured.
const LEAST_SHARE: f64 = 0.9;

/// About the size of an echo's answer.
const ANSWER_BYTES: u32 = 200;

/// How often and how long.
pub(super) struct Turns {
    pub(super) seconds: u64,
    pub(super) count: u32,
    pub(super) clients: usize,
}

/// Compares the client with `wrk` against one floor.
pub(super) fn compare(
    bench: &Bench,
    floor: &str,
    turns: &Turns,
    interrupt: &Interrupt,
) -> anyhow::Result<Check> {
    let exchange = Exchange {
        tool: "echo".to_owned(),
        arguments: json!({ "message": "abcdefghijklmnopqrstuvwxyz012345" }),
        expect: Expectation::Result(Vec::new()),
    };
    let folder = scratch_folder()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for turn in 1..=turns.count {
        anyhow::ensure!(!interrupt.is_set(), "interrupted");
        let started = bench.start(floor, Some(ANSWER_BYTES), interrupt)?;
        let Target::Floor { address, path } = &started.target else {
            anyhow::bail!("{floor} is not a floor");
        };
        let asked = wrk::Asked {
            url: format!("http://{address}{path}"),
            exchange: &exchange,
            clients: turns.clients,
            seconds: turns.seconds,
            cores: &bench.setup().layout.load,
        };
        let wrk_rate = wrk::rate(&asked, &folder.0)?;
        let rate = client_rate(started.target, &exchange, turns, interrupt)?;
        let shown =
            wrk_rate.map_or_else(|| "not installed".to_owned(), |rate| format!("{rate:.0}"));
        eprintln!("client against {floor}, turn {turn}: {rate:.0} calls/s; wrk: {shown}");
        ours.push(rate);
        theirs.extend(wrk_rate);
    }
    let ours = median(ours).context("no turn was made")?;
    let Some(theirs) = median(theirs) else {
        let found = format!("{floor}: {ours:.0} calls/s; wrk is not installed");
        let remedy =
            "apt-get install wrk: without it nobody can say whether the client is the limit";
        return Ok(Check::new("client", found, Grade::Fair, remedy));
    };
    let share = ours / theirs;
    let grade = if share >= LEAST_SHARE {
        Grade::Good
    } else {
        Grade::Bad
    };
    let found = format!(
        "{floor}: {ours:.0} calls/s, {:.0}% of wrk's {theirs:.0} (medians of {})",
        share * 100.0,
        turns.count
    );
    let remedy =
        "at least 90% of wrk's rate is needed: measure with a release build on a quiet machine";
    Ok(Check::new("client", found, grade, remedy))
}

/// Calls a second by the load engine. The calling thread is pinned to the load cores since the
/// bench was made.
fn client_rate(
    target: Target,
    exchange: &Exchange,
    turns: &Turns,
    interrupt: &Interrupt,
) -> anyhow::Result<f64> {
    let outcome = load::run(Plan {
        target,
        exchanges: std::slice::from_ref(exchange),
        clients: turns.clients,
        warmup: Duration::from_millis(500),
        duration: Duration::from_secs(turns.seconds),
        call_timeout: load::DEFAULT_CALL_TIMEOUT,
        revision: Revision::default(),
        pace: Pace::default(),
        stop: interrupt.flag(),
        observer: &mut |_| {},
    })?;
    let examples: Vec<String> = outcome
        .errors
        .iter()
        .map(|(kind, tally)| format!("{kind}: {}", tally.example))
        .collect();
    anyhow::ensure!(
        examples.is_empty(),
        "the floor answered wrong: {}",
        examples.join("; ")
    );
    Ok(outcome.calls_per_s())
}

fn median(mut rates: Vec<f64>) -> Option<f64> {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied()
}

/// A folder for the script of `wrk`, gone when dropped.
struct Scratch(std::path::PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("warning: cannot remove {}: {error}", self.0.display());
        }
    }
}

fn scratch_folder() -> anyhow::Result<Scratch> {
    let path = std::env::temp_dir().join(format!("mcp-harness-{}", std::process::id()));
    std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
    Ok(Scratch(path))
}
