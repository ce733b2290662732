//! `aa`: the same program as two subjects, and a third time slowed by a known share, in many runs: whether verdicts can be
//! trusted on this machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;

use super::args::BenchFlags;
use super::record::seed_from_the_clock;
use super::report::ReportFormat;
use super::{Places, Verdict};
use crate::analysis::aa::{self, Pairs, Trust};
use crate::analysis::compare::{self, METRICS, Side};
use crate::analysis::dataset::Dataset;
use crate::analysis::gate;
use crate::analysis::metric::Metric;
use crate::analysis::summary::Report;
use crate::config::load::Load;
use crate::config::subject::{Subject, Subjects};
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::results::whole;
use crate::run::testbed::Testbed;
use crate::run::{Done, RunPlan, run};
use crate::stats::Threshold;

/// The template of what the slowed one burns for each call.
const BURN: &str = "burn_ns";

/// The template of what all three burn for each call.
const BASE: &str = "base_burn_ns";

/// Flags of `aa`.
#[derive(Debug, Args)]
#[command(after_help = "\
A/A: one program as two subjects, interleaved, must tie; of 20 runs one may give another verdict. Sensitivity: the same program with
--burn-ns, which makes it slower by a known share, must be called slower in 18 of 20. Verdicts are by CPU per call. The cost of a call is
measured first, and each run is recorded. With the defaults it takes about 8 minutes; the machine should be left alone meanwhile.

Exit code 1 when one of the two does not hold.")]
pub(super) struct Aa {
    /// The subject; its program must know the flag --burn-ns
    #[arg(long, value_name = "NAME", default_value = "floor-http")]
    subject: String,
    /// What it is asked
    #[arg(long, value_name = "NAME", default_value = "echo")]
    suite: String,
    /// Runs
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: u32,
    /// Trials of each of the three in a run
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    trials: u32,
    /// Clients: enough that the server is never idle
    #[arg(long, value_name = "N", default_value_t = 50)]
    clients: usize,
    /// What all three burn for each call, so that the server sets the pace and the client waits for each answer. Of a quicker
    /// one much of the cost is how often it has to wake the client, which depends on the pace of both, and the share that is
    /// burned is not the share that is measured
    #[arg(long, value_name = "NANOSECONDS", default_value_t = 40_000)]
    base_burn_ns: u64,
    /// Load before the window, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0.1)]
    warmup_s: f64,
    /// Length of the measured window, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0.35)]
    duration_s: f64,
    /// How much slower the slowed one is
    #[arg(long, value_name = "SHARE", default_value = "5%")]
    slowed_by: Threshold,
    /// Differences below this are none
    #[arg(long, value_name = "SHARE", default_value = "2%")]
    threshold: Threshold,
    /// Judge the program beside itself as `gate` does, too: how often does nothing fail?
    #[arg(long)]
    gate: bool,
    /// The largest regression that passes such a gate
    #[arg(long, value_name = "SHARE", default_value = "5%")]
    max_regression: Threshold,
    /// Seed of the order of the first run; each run after it has the next [default: from the clock; it is recorded]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The folder that run folders are made in [default: ROOT/results/aa]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    bench: BenchFlags,
    /// How the figures are printed at the end
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

impl Aa {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let suite = self.suite(places)?;
        let subjects = self.subjects(places)?;
        let names: Vec<String> = subjects.subject.keys().cloned().collect();
        let mut bench = self.bench.bench(places, subjects, &names, interrupt)?;
        let results = || places.root().join("results/aa");
        let results = self.out.clone().unwrap_or_else(results);
        let seed = self.seed.unwrap_or_else(seed_from_the_clock);
        let calibrated_ns_per_call = self.calibrate(&mut bench, &suite, &results, interrupt)?;
        let burn_ns = nanoseconds(calibrated_ns_per_call as f64 * self.slowed_by.share());
        bench.fill(BURN, (self.base_burn_ns + burn_ns).into());
        let mut trust = Trust {
            subject: self.subject.clone(),
            suite: self.suite.clone(),
            threshold: self.threshold,
            calibrated_ns_per_call,
            base_burn_ns: self.base_burn_ns,
            burn_ns,
            runs: Vec::new(),
        };
        for number in 0..self.runs {
            eprintln!("run {} of {}", number + 1, self.runs);
            let suites = BTreeMap::from([(self.suite.clone(), suite.clone())]);
            let plan = plan(suites, seed + u64::from(number), results.clone());
            let done = made(run(&bench, plan, interrupt)?, interrupt)?;
            trust.runs.push(self.judge(&Dataset::read(done.folder)?)?);
        }
        self.format.show(&trust, aa::render)?;
        Ok(Verdict::of(trust.holds()))
    }

    fn suite(&self, places: &Places) -> anyhow::Result<Suite> {
        let mut all = Suite::read_folder(&places.suites())?;
        let Some(mut suite) = all.remove(&self.suite) else {
            let known = all.into_keys().collect::<Vec<_>>().join(", ");
            bail!("there is no suite \"{}\"; known: {known}", self.suite);
        };
        suite.load.apply_flags(&Load {
            clients: Some(self.clients),
            trials: Some(self.trials),
            slices: Some(0),
            warmup_s: Some(self.warmup_s),
            duration_s: Some(self.duration_s),
            ..Load::default()
        })?;
        Ok(suite)
    }

    fn name(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.subject)
    }

    /// The subject three times.
    fn subjects(&self, places: &Places) -> anyhow::Result<Subjects> {
        let mut subjects = Subjects::read(&places.subjects())?;
        let Some(plain) = subjects.subject.get(&self.subject).cloned() else {
            let known = subjects.subject.into_keys().collect::<Vec<_>>().join(", ");
            bail!("there is no subject \"{}\"; known: {known}", self.subject);
        };
        let burning = |template: &str| {
            let flag = ["--burn-ns".to_owned(), format!("{{{template}}}")];
            Subject {
                command: plain.command.iter().cloned().chain(flag).collect(),
                ..plain.clone()
            }
        };
        let (slowed, plain) = (burning(BURN), burning(BASE));
        subjects.subject = BTreeMap::from([
            (self.name(""), plain.clone()),
            (self.name(AGAIN), plain),
            (self.name(SLOWED), slowed),
        ]);
        Ok(subjects)
    }

    /// What a call costs the plain one, in nanoseconds.
    fn calibrate(
        &self,
        bench: &mut Testbed,
        suite: &Suite,
        results: &std::path::Path,
        interrupt: &Interrupt,
    ) -> anyhow::Result<u64> {
        bench.fill(BASE, self.base_burn_ns.into());
        bench.fill(BURN, self.base_burn_ns.into());
        // A group of one: the others have no part in it.
        let suites = BTreeMap::from([(self.suite.clone(), suite.clone())]);
        let mut plan = plan(suites, 0, results.to_owned());
        plan.groups = vec![vec![(self.suite.clone(), self.subject.clone())]];
        let done = made(run(bench, plan, interrupt)?, interrupt)?;
        let found = Dataset::read(done.folder)?;
        let figure = found.figure(Metric::CpuUsPerCall, &self.suite, &self.subject)?;
        let us = figure.right().with_context(|| {
            format!("{} could not be measured; see {}", self.subject, found.run)
        })?;
        Ok(nanoseconds(us * 1e3))
    }

    fn judge(&self, run: &Dataset) -> anyhow::Result<Pairs> {
        let names = ["", AGAIN, SLOWED].map(|suffix| self.name(suffix));
        let [plain, again, slowed] = &names;
        let compared = |other| {
            let side = |subject| Side {
                run,
                suite: &self.suite,
                subject,
            };
            compare::compare(
                Metric::CpuUsPerCall,
                side(plain),
                side(other),
                self.threshold,
                1,
            )
        };
        let gate_passes = || {
            let limit = self.max_regression;
            let found = compare::subjects(run, plain, &[again], &METRICS, limit)?;
            anyhow::Ok(gate::gate(&Report::of(run)?, Some(found), limit)?.passes())
        };
        let pairs = Pairs {
            run: run.run.clone(),
            again: compared(again)?,
            slowed: compared(slowed)?,
            gate_passes: self.gate.then(gate_passes).transpose()?,
        };
        let (of_same, of_slowed) = (pairs.again.verdict.name(), pairs.slowed.verdict.name());
        eprintln!("the same program: {of_same}; slowed: {of_slowed}");
        Ok(pairs)
    }
}

const AGAIN: &str = ".again";
const SLOWED: &str = ".slowed";

/// At least one, so that there is something to burn.
fn nanoseconds(ns: f64) -> u64 {
    whole(ns).max(1)
}

fn plan(suites: BTreeMap<String, Suite>, seed: u64, results: PathBuf) -> RunPlan {
    RunPlan {
        suites,
        seed,
        results,
        ..RunPlan::default()
    }
}

/// A run that came to its end.
fn made(done: Done, interrupt: &Interrupt) -> anyhow::Result<Done> {
    if interrupt.is_set() {
        bail!("interrupted; the runs that were done are kept");
    }
    match done.failure {
        Some(failure) => Err(failure),
        None => Ok(done),
    }
}
