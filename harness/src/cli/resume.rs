//! `measure --resume RUN`: makes the trials that a run lacks, as it would have made them.

use std::path::Path;

use anyhow::bail;

use super::args::BenchFlags;
use super::record::{finish, warn_of_debug_build};
use super::{Places, Verdict};
use crate::analysis::summary::Report;
use crate::config::subject::Subjects;
use crate::host::cores::{Layout, Server};
use crate::host::limits::Limits;
use crate::interrupt::Interrupt;
use crate::results::environment::Environment;
use crate::results::redact::{has_hidden_password, hide_passwords};
use crate::run::resume::Begun;
use crate::run::setup::Setup;
use crate::run::testbed::Testbed;
use crate::run::{RunPlan, resume};

/// Continues a run with the definitions, the order and the cores that it was begun with. A complete one is left as it is.
///
/// # Errors
/// When something is not as it was, or a URL's password is needed again.
pub(super) fn make(
    root: &Path,
    places: &Places,
    flags: &BenchFlags,
    interrupt: &Interrupt,
) -> anyhow::Result<(Report, Verdict)> {
    let begun = Begun::open(root)?;
    let (missing, planned) = (begun.missing(), begun.planned());
    if begun.is_complete() {
        eprintln!("the run is complete: none of its {planned} trials is missing");
        return Ok((Report::read(begun.folder())?, Verdict::Right));
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
        marks: folder.read_marks()?,
        levers: folder.read_levers()?,
        seed: environment.seed,
        results: root.parent().unwrap_or(root).to_owned(),
        ..RunPlan::default()
    })
}

/// The cores, profile and databases of the run.
fn setup(
    places: &Places,
    flags: &BenchFlags,
    environment: &Environment,
    subjects: &Subjects,
) -> anyhow::Result<Setup> {
    for (name, subject) in &subjects.subject {
        let mut texts = subject.command.iter().chain(subject.environment.values());
        if let Some(text) = texts.find(|text| has_hidden_password(text)) {
            bail!(
                "the definition of {name} holds \"{text}\": its password was not recorded, so the run cannot be continued; \
                 make a new one, and give such URLs by --database-url or --store-url"
            );
        }
    }
    let list = |cores: &[usize]| {
        let texts: Vec<String> = cores.iter().map(ToString::to_string).collect();
        texts.join(",").parse().map_err(anyhow::Error::msg)
    };
    let server = Server::These(list(&environment.server_cores)?);
    let is_used = |template| subjects.subject.values().any(|one| one.mentions(template));
    let url = |flag, template, given: Option<&String>, recorded: &str| {
        if is_used(template) {
            url_again(flag, given, recorded).map(Some)
        } else {
            Ok(None)
        }
    };
    Ok(Setup {
        root: places.root(),
        profile: environment.profile.clone(),
        database_url: url(
            "--database-url",
            "database_url",
            flags.database_url.as_ref(),
            &environment.database_url,
        )?,
        store_url: url(
            "--store-url",
            "store_url",
            flags.store_url.as_ref(),
            &environment.store_url,
        )?,
        layout: Layout::new(server, Some(list(&environment.load_cores)?))?,
        limits: (environment.server_limits.as_ref())
            .map(|limits| Limits {
                cpu_milli: limits.cpu_milli,
                memory_bytes: limits.memory_bytes,
            })
            .unwrap_or_default(),
    })
}

/// The URL that a run was begun with: from its record, or given again where that does not hold the password.
fn url_again(flag: &str, given: Option<&String>, recorded: &str) -> anyhow::Result<String> {
    match given {
        Some(given) if hide_passwords(given) == recorded => Ok(given.clone()),
        Some(given) => bail!(
            "{flag} is {}, but the run was begun with {recorded}",
            hide_passwords(given)
        ),
        None if has_hidden_password(recorded) => bail!(
            "the run was begun with {flag} {recorded}; its password was not recorded: give the URL again with {flag}"
        ),
        None => Ok(recorded.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::url_again;

    #[test]
    fn a_url_is_given_again_where_its_password_was_not_recorded() {
        let plain = "sqlite:///a/b.db".to_owned();
        assert_eq!(url_again("--store-url", None, &plain).unwrap(), plain);
        let secret = "redis://me:secret@h/0".to_owned();
        let recorded = "redis://me:***@h/0";
        assert_eq!(
            url_again("--store-url", Some(&secret), recorded).unwrap(),
            secret
        );
        let told = url_again("--store-url", None, recorded).unwrap_err();
        assert!(
            told.to_string()
                .contains("give the URL again with --store-url"),
            "{told}"
        );
        let told = url_again("--store-url", Some(&plain), recorded).unwrap_err();
        assert!(
            told.to_string().contains("begun with redis://me:***@h/0"),
            "{told}"
        );
        let told = url_again("--store-url", Some(&secret), &plain).unwrap_err();
        assert!(!told.to_string().contains("secret"), "{told}");
    }
}
