//! What the verbs that make a run share: where it is recorded, making it, and making the missing
//! trials of one with its own definitions, order and cores (`measure --resume`).

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::bail;
use clap::Args;

use super::args::BenchFlags;
use super::{Places, Verdict};
use crate::analysis::dataset::Dataset;
use crate::analysis::summary::Report;
use crate::config::subject::Subjects;
use crate::host::cores::{Layout, Server};
use crate::host::limits::Limits;
use crate::interrupt::Interrupt;
use crate::report;
use crate::results::environment::{Environment, State};
use crate::results::folder::RunFolder;
use crate::results::redact::{is_redacted, redact};
use crate::run::resume::Begun;
use crate::run::setup::Setup;
use crate::run::testbed::Testbed;
use crate::run::{self, Done, RunPlan};

/// A run that was made, and what is to be said of it.
pub(super) struct RecordedRun {
    pub(super) run: Dataset,
    pub(super) report: Report,
}

/// Where a run is recorded, and in which order it is made.
#[derive(Debug, Args)]
pub(super) struct RecordFlags {
    /// Seed of the order of the subjects [default: from the clock; it is recorded]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The folder that run folders are made in [default: ROOT/results]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl RecordFlags {
    /// The folder that run folders are made in, where it is given.
    pub(super) fn out(&self) -> Option<&Path> {
        self.out.as_deref()
    }

    /// Makes the run and writes its report; says whether nothing went wrong in it.
    pub(super) fn make(
        &self,
        places: &Places,
        flags: &BenchFlags,
        mut plan: RunPlan,
        interrupt: &Interrupt,
    ) -> anyhow::Result<(RecordedRun, Verdict)> {
        warn_of_debug_build();
        let subjects = std::mem::take(&mut plan.subjects);
        let (names, suites) = (&plan.names, &plan.suites);
        let bench = flags.bench_for(places, subjects, names, suites, interrupt)?;
        plan.seed = self.seed.unwrap_or_else(seed_from_the_clock);
        plan.results = places.results(self.out.as_deref());
        let done = run::run(&bench, plan, interrupt)?;
        drop(bench);
        finish(done)
    }
}

/// Says so where this harness is not built for release.
fn warn_of_debug_build() {
    if cfg!(debug_assertions) {
        eprintln!(
            "warning: this harness is a debug build; its client is slow and will be the limit"
        );
    }
}

/// Writes the report of a run; says whether nothing went wrong in it.
fn finish(done: Done) -> anyhow::Result<(RecordedRun, Verdict)> {
    eprintln!("recorded in {}", done.folder.root().display());
    let written = write_report(&done.folder);
    if let Some(failure) = done.failure {
        if let Err(error) = written {
            eprintln!("warning: the report could not be written: {error:#}");
        }
        return Err(failure);
    }
    let recorded = written?;
    let missed = recorded
        .report
        .targets()
        .filter(|held| !held.is_met)
        .count();
    if missed > 0 {
        eprintln!("{missed} targets are missed, see the tables");
    }
    let is_right = done.all_right && done.state == State::Complete && missed == 0;
    Ok((recorded, Verdict::of(is_right)))
}

/// Puts the report into the folder of its run.
fn write_report(folder: &RunFolder) -> anyhow::Result<RecordedRun> {
    let run = Dataset::read(folder.clone())?;
    let report = Report::of(&run)?;
    let page = report::write(&[(&run, &report)], folder.root())?;
    eprintln!("report: {}", page.display());
    Ok(RecordedRun { run, report })
}

/// Different from run to run; six digits, so that it can be typed again.
pub(super) fn seed_from_the_clock() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::from(now.subsec_micros())
}

/// Continues a run. A complete one is left as it is.
pub(super) fn resume(
    root: &Path,
    places: &Places,
    flags: &BenchFlags,
    interrupt: &Interrupt,
) -> anyhow::Result<(RecordedRun, Verdict)> {
    let begun = Begun::open(root)?;
    let (missing, planned) = (begun.missing(), begun.planned());
    if begun.is_complete() {
        eprintln!("the run is complete: none of its {planned} trials is missing");
        let run = Dataset::read(begun.folder.clone())?;
        let report = Report::of(&run)?;
        return Ok((RecordedRun { run, report }, Verdict::Right));
    }
    warn_of_debug_build();
    eprintln!("{missing} of {planned} trials are missing");
    let subjects = begun.folder.read_templates()?;
    let setup = setup(places, flags, &begun.environment, &subjects)?;
    let plan = plan(&begun, root)?;
    let names: Vec<String> = subjects.subject.keys().cloned().collect();
    let mut bench = Testbed::new(setup, subjects, &names)?;
    begun.check(&bench)?;
    bench.make_ready(interrupt)?;
    let done = run::resume(&bench, &plan, begun, interrupt)?;
    drop(bench);
    finish(done)
}

/// What was asked, with the settings of the run.
fn plan(begun: &Begun, root: &Path) -> anyhow::Result<RunPlan> {
    let (folder, environment) = (&begun.folder, &begun.environment);
    anyhow::ensure!(
        environment.capacity.is_none(),
        "the run in {} searched for capacities: each rate follows from how the one before went, so it cannot be continued; \
         make a new run",
        root.display()
    );
    let suites = environment.suites.iter();
    Ok(RunPlan {
        suites: suites
            .map(|name| Ok((name.clone(), folder.read_suite(name)?)))
            .collect::<anyhow::Result<_>>()?,
        experiments: folder.read_experiments()?,
        replayed: folder.read_replayed()?,
        seed: environment.seed,
        results: root.parent().unwrap_or(root).to_owned(),
        ..RunPlan::default()
    })
}

/// The cores, profile, limits and databases of the run.
fn setup(
    places: &Places,
    flags: &BenchFlags,
    environment: &Environment,
    subjects: &Subjects,
) -> anyhow::Result<Setup> {
    for (name, subject) in &subjects.subject {
        let mut texts = subject.command.iter().chain(subject.environment.values());
        if let Some(text) = texts.find(|text| is_redacted(text)) {
            bail!(
                "the definition of {name} holds \"{text}\": its password was not recorded, so the run cannot be \
                 continued; make a new one, and give such URLs by --database-url or --store-url"
            );
        }
    }
    let layout = |server: &[usize], load: &[usize]| {
        let cores = |numbers: &[usize]| numbers.iter().copied().collect();
        Layout::new(Server::These(cores(server)), Some(cores(load)))
    };
    let wider = environment.wider.iter().map(|(count, cores)| {
        let layout = layout(&cores.server_cores, &cores.load_cores)?;
        Ok((*count, layout))
    });
    let is_used = |template| subjects.subject.values().any(|one| one.mentions(template));
    let url = |template, flag, given: Option<&String>, recorded: &str| {
        let url = is_used(template).then(|| url_again(flag, given, recorded));
        url.transpose()
    };
    let (database, store) = (flags.database_url.as_ref(), flags.store_url.as_ref());
    let limits = environment.server_limits.as_ref();
    Ok(Setup {
        root: places.root(),
        profile: environment.profile.clone(),
        database_url: url(
            "database_url",
            "--database-url",
            database,
            &environment.database_url,
        )?,
        store_url: url("store_url", "--store-url", store, &environment.store_url)?,
        layout: layout(&environment.server_cores, &environment.load_cores)?,
        wider: wider.collect::<anyhow::Result<_>>()?,
        limits: Limits {
            cpu_milli: limits.and_then(|limits| limits.cpu_milli),
            memory_bytes: limits.and_then(|limits| limits.memory_bytes),
        },
    })
}

/// The URL that a run was begun with: from its record, or given again where that does not hold the
/// password.
fn url_again(flag: &str, given: Option<&String>, recorded: &str) -> anyhow::Result<String> {
    match given {
        Some(given) if redact(given) == recorded => Ok(given.clone()),
        Some(given) => bail!(
            "{flag} is {}, but the run was begun with {recorded}",
            redact(given)
        ),
        None if is_redacted(recorded) => bail!(
            "the run was begun with {flag} {recorded}; its password was not recorded: give the URL again with {flag}"
        ),
        None => Ok(recorded.to_owned()),
    }
}
