//! `aa`: the same program as two subjects, and a third time slowed by a known share, in many runs:
//! whether verdicts can be trusted on this machine. Or as many subjects of one table: how far their
//! figures err.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;

use super::args::BenchFlags;
use super::record::seed_from_the_clock;
use super::report::ReportFormat;
use super::{Places, Verdict};
use crate::analysis::aa::{self, Copies, Pairs, TableOfCopies, Trust};
use crate::analysis::compare::{self, METRICS, Side};
use crate::analysis::dataset::Dataset;
use crate::analysis::gate::Gate;
use crate::analysis::metric::Metric;
use crate::config::load::Load;
use crate::config::subject::{Subject, Subjects};
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::results::whole;
use crate::run::testbed::Testbed;
use crate::run::{RunPlan, run};
use crate::stats::Threshold;

/// The template of what the slowed one burns for each call.
const BURN: &str = "burn_ns";

/// The template of what all three burn for each call.
const BASE: &str = "base_burn_ns";

/// Added to the names of the second and the third.
const AGAIN: &str = ".again";
const SLOWED: &str = ".slowed";

/// The subjects of a table of copies.
const COPIES: usize = 8;

/// Flags of `aa`.
#[derive(Debug, Args)]
#[command(after_help = "\
A/A: one program as two subjects, interleaved, must tie; of 20 runs one may give another verdict. Sensitivity: the same program with
--burn-ns, which makes it slower by a known share, must be called slower in 18 of 20. Verdicts are by CPU per call. The cost of a call is
measured first, and each run is recorded. Usual load: 50 clients, 15 long trials of 0.35 s after 0.1 s of warm-up; that takes about 8
minutes. The machine should be left alone meanwhile.

--table: eight copies of one program as eight subjects of one run, in slices, as `measure` makes it. The error is that of the logarithms
of the ratios of all pairs of copies, which would be 0: its root mean square may be 1.5%.

Examples:
  mcp-harness aa                              can verdicts be trusted here?
  mcp-harness aa --table --runs 3             how far do the figures of a table err here?

Exit code 1 when something does not hold.")]
pub(super) struct Aa {
    /// How far do the figures of eight copies of one program lie apart in a table?
    #[arg(long, conflicts_with_all = ["base_burn_ns", "slowed_by", "threshold", "gate", "max_regression"])]
    table: bool,
    /// The subject; without --table its program must know the flag --burn-ns [default: floor-http,
    /// with --table http-json-tokio]
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// What it is asked
    #[arg(long, value_name = "NAME", default_value = "echo")]
    suite: String,
    /// Runs [default: 20, with --table 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: Option<u32>,
    /// What all three burn for each call, so that the server sets the pace and the client waits for
    /// each answer. Of a quicker one much of the cost is how often it has to wake the client, which
    /// depends on the pace of both, and the share that is burned is not the share that is measured
    #[arg(long, value_name = "NANOSECONDS", default_value_t = 40_000)]
    base_burn_ns: u64,
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
    /// Seed of the order of the first run; each run after it has the next [default: from the clock;
    /// it is recorded]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The folder that run folders are made in [default: ROOT/results/aa]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    bench: BenchFlags,
    #[command(flatten)]
    load: Load,
    /// How the figures are printed at the end
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

/// What all runs share.
struct Runs<'a> {
    bench: Testbed,
    suites: BTreeMap<String, Suite>,
    results: PathBuf,
    interrupt: &'a Interrupt,
}

impl Aa {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let mut all = Subjects::read(&places.subjects())?;
        let Some(plain) = all.subject.remove(self.subject()) else {
            let known = all.subject.into_keys().collect::<Vec<_>>().join(", ");
            bail!("there is no subject \"{}\"; known: {known}", self.subject());
        };
        let suites = BTreeMap::from([(self.suite.clone(), self.suite(places)?)]);
        all.subject = if self.table {
            let copy = |number| (self.name(&format!(".{number}")), plain.clone());
            (1..=COPIES).map(copy).collect()
        } else {
            self.three(&plain)
        };
        let names: Vec<String> = all.subject.keys().cloned().collect();
        let results = || places.root().join("results/aa");
        let mut runs = Runs {
            bench: self.bench.bench(places, all, &names, interrupt)?,
            suites,
            results: self.out.clone().unwrap_or_else(results),
            interrupt,
        };
        if self.table {
            let mut copies = Copies {
                subject: self.subject().to_owned(),
                suite: self.suite.clone(),
                runs: Vec::new(),
            };
            self.each(&runs, |run| {
                copies.runs.push(TableOfCopies::of(run, &self.suite)?);
                Ok(())
            })?;
            self.format.show(&copies, aa::render_table)?;
            return Ok(Verdict::of(copies.holds()));
        }
        let calibrated_ns_per_call = self.calibrate(&mut runs)?;
        let burn_ns = nanoseconds(calibrated_ns_per_call as f64 * self.slowed_by.share());
        runs.bench.fill(BURN, (self.base_burn_ns + burn_ns).into());
        let mut trust = Trust {
            subject: self.subject().to_owned(),
            suite: self.suite.clone(),
            threshold: self.threshold,
            calibrated_ns_per_call,
            base_burn_ns: self.base_burn_ns,
            burn_ns,
            runs: Vec::new(),
        };
        self.each(&runs, |run| {
            trust.runs.push(self.judge(run)?);
            Ok(())
        })?;
        self.format.show(&trust, aa::render)?;
        Ok(Verdict::of(trust.holds()))
    }

    /// Makes the runs one after another, and hands each over.
    fn each(
        &self,
        runs: &Runs<'_>,
        mut take: impl FnMut(&Dataset) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let seed = self.seed.unwrap_or_else(seed_from_the_clock);
        let count = self.runs.unwrap_or(if self.table { 1 } else { 20 });
        for number in 0..count {
            eprintln!("run {} of {count}", number + 1);
            take(&runs.make(seed + u64::from(number), Vec::new())?)?;
        }
        Ok(())
    }

    fn subject(&self) -> &str {
        let default = if self.table {
            "http-json-tokio"
        } else {
            "floor-http"
        };
        self.subject.as_deref().unwrap_or(default)
    }

    fn name(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.subject())
    }

    fn suite(&self, places: &Places) -> anyhow::Result<Suite> {
        let mut all = Suite::read_folder(&places.suites())?;
        let Some(mut suite) = all.remove(&self.suite) else {
            let known = all.into_keys().collect::<Vec<_>>().join(", ");
            bail!("there is no suite \"{}\"; known: {known}", self.suite);
        };
        if !self.table {
            suite.load.apply(&Load {
                // Enough that the server is never idle.
                clients: Some(50),
                trials: Some(15),
                warmup_s: Some(0.1),
                duration_s: Some(0.35),
                ..Load::default()
            });
        }
        suite.load.apply_flags(&self.load)?;
        Ok(suite)
    }

    /// The subject three times.
    fn three(&self, plain: &Subject) -> BTreeMap<String, Subject> {
        let burning = |template: &str| {
            let flag = ["--burn-ns".to_owned(), format!("{{{template}}}")];
            Subject {
                command: plain.command.iter().cloned().chain(flag).collect(),
                ..plain.clone()
            }
        };
        BTreeMap::from([
            (self.name(""), burning(BASE)),
            (self.name(AGAIN), burning(BASE)),
            (self.name(SLOWED), burning(BURN)),
        ])
    }

    /// What a call costs the plain one, in nanoseconds.
    fn calibrate(&self, runs: &mut Runs<'_>) -> anyhow::Result<u64> {
        runs.bench.fill(BASE, self.base_burn_ns.into());
        runs.bench.fill(BURN, self.base_burn_ns.into());
        // A group of one: the others have no part in it.
        let group = vec![(self.suite.clone(), self.subject().to_owned())];
        let found = runs.make(0, vec![group])?;
        let figure = found.figure(Metric::CpuUsPerCall, &self.suite, self.subject())?;
        let us = figure.right().with_context(|| {
            format!(
                "{} could not be measured; see {}",
                self.subject(),
                found.run
            )
        })?;
        Ok(nanoseconds(us * 1e3))
    }

    fn judge(&self, run: &Dataset) -> anyhow::Result<Pairs> {
        let names = ["", AGAIN, SLOWED].map(|suffix| self.name(suffix));
        let [plain, again, slowed] = &names;
        let compared = |other| {
            let sides = [plain, other].map(|subject| Side::of(run, &self.suite, subject));
            compare::compare(Metric::CpuUsPerCall, sides, self.threshold, 1)
        };
        let gate_passes = || {
            let limit = self.max_regression;
            let found = compare::subjects(run, plain, &[again], &METRICS, limit)?;
            anyhow::Ok(Gate::of(&run.run, found).passes())
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

impl Runs<'_> {
    /// Makes a run to its end.
    fn make(&self, seed: u64, groups: Vec<Vec<(String, String)>>) -> anyhow::Result<Dataset> {
        let plan = RunPlan {
            suites: self.suites.clone(),
            groups,
            seed,
            results: self.results.clone(),
            ..RunPlan::default()
        };
        let done = run(&self.bench, plan, self.interrupt)?;
        if self.interrupt.is_set() {
            bail!("interrupted; the runs that were done are kept");
        }
        match done.failure {
            Some(failure) => Err(failure),
            None => Ok(Dataset::read(done.folder)?),
        }
    }
}

/// At least one, so that there is something to burn.
fn nanoseconds(ns: f64) -> u64 {
    whole(ns).max(1)
}
