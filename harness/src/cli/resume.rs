//! `measure --resume RUN`: makes the missing trials of a run, with its own definitions, order and cores.

use std::path::Path;

use anyhow::bail;

use super::args::BenchFlags;
use super::record::{Recorded, finish, warn_of_debug_build};
use super::{Places, Verdict};
use crate::analysis::dataset::Dataset;
use crate::analysis::summary::Report;
use crate::config::subject::Subjects;
use crate::host::cores::{Layout, Server};
use crate::host::limits::Limits;
use crate::interrupt::Interrupt;
use crate::results::environment::Environment;
use crate::results::redact::{is_redacted, redact};
use crate::run::resume::Begun;
use crate::run::setup::Setup;
use crate::run::testbed::Testbed;
use crate::run::{RunPlan, resume};

/// Continues a run. A complete one is left as it is.
pub(super) fn make(
    root: &Path,
    places: &Places,
    flags: &BenchFlags,
    interrupt: &Interrupt,
) -> anyhow::Result<(Recorded, Verdict)> {
    let begun = Begun::open(root)?;
    let (missing, planned) = (begun.missing(), begun.planned());
    if begun.is_complete() {
        eprintln!("the run is complete: none of its {planned} trials is missing");
        let run = Dataset::read(begun.folder().clone())?;
        let report = Report::of(&run)?;
        return Ok((Recorded { run, report }, Verdict::Right));
    }
    warn_of_debug_build();
    eprintln!("{missing} of {planned} trials are missing");
    let subjects = begun.folder().read_templates()?;
    let setup = setup(places, flags, begun.environment(), &subjects)?;
    let plan = plan(&begun, root)?;
    let names: Vec<String> = subjects.subject.keys().cloned().collect();
    let mut bench = Testbed::new(setup, subjects, &names)?;
    begun.check(&bench)?;
    bench.make_ready(interrupt)?;
    let done = resume(&bench, &plan, begun, interrupt)?;
    drop(bench);
    finish(done)
}

/// What was asked, with the settings of the run.
fn plan(begun: &Begun, root: &Path) -> anyhow::Result<RunPlan> {
    let (folder, environment) = (begun.folder(), begun.environment());
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
    let cores = |cores: &[usize]| {
        let texts: Vec<String> = cores.iter().map(ToString::to_string).collect();
        texts.join(",").parse().map_err(anyhow::Error::msg)
    };
    let server = Server::These(cores(&environment.server_cores)?);
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
        layout: Layout::new(server, Some(cores(&environment.load_cores)?))?,
        limits: Limits {
            cpu_milli: limits.and_then(|limits| limits.cpu_milli),
            memory_bytes: limits.and_then(|limits| limits.memory_bytes),
        },
    })
}

/// The URL that a run was begun with: from its record, or given again where that does not hold the password.
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
