//! What has to be there before the first trial: programs, services, databases that are filled,
//! stores in their first state.

use std::collections::BTreeMap;
use std::os::fd::AsFd as _;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::{Backends, Testbed, backends};
use crate::config::subject::{Launch, Role, Subject, duration};
use crate::config::template::fill_command;
use crate::host::limits::{Limiter, Limits};
use crate::interrupt::Interrupt;
use crate::results::redact::redact;
use crate::run::process::{self, Running};

/// Longest first start over an empty database, which is filled then; and longest reset of a store.
const PREPARE_LIMIT: Duration = Duration::from_mins(5);

/// Longer than any build takes: a limit only so that nothing waits without one.
const BUILD_LIMIT: Duration = Duration::from_hours(6);

const STORE: &str = "--store-url";

/// The store that a subject's command line names.
pub(super) fn store_flag(subject: &Subject) -> Option<&String> {
    flag_value(&subject.command, STORE)
}

fn flag_value<'c>(command: &'c [String], flag: &str) -> Option<&'c String> {
    let at = command.iter().position(|part| part == flag)?;
    command.get(at + 1)
}

impl Testbed {
    /// Builds what the selected subjects need, in the project's root folder; what a build prints
    /// goes to stderr.
    pub(crate) fn build(&mut self, interrupt: &Interrupt) -> anyhow::Result<()> {
        for (name, definition) in &self.subjects.build {
            let command = fill_command(&definition.command, &self.context)
                .with_context(|| format!("build.{name}"))?;
            let shown = command.join(" ");
            eprintln!("build {name}: {shown}");
            let (program, arguments) = command
                .split_first()
                .context("the build command is empty")?;
            let to_stderr = std::io::stderr().as_fd().try_clone_to_owned();
            let mut command = Command::new(program);
            command
                .args(arguments)
                .current_dir(&self.setup.root)
                .stdout(to_stderr.context("cannot share stderr")?);
            let built = process::output(&mut command, BUILD_LIMIT, interrupt);
            let built = built.with_context(|| {
                format!("cannot start the build \"{shown}\"; is {program} installed?")
            })?;
            let status = built.context("interrupted while building")?.status;
            if !status.success() {
                bail!(
                    "the build \"{shown}\" failed ({status}); mend it, or measure what is there with --no-build"
                );
            }
        }
        self.is_built = !self.subjects.build.is_empty();
        Ok(())
    }

    /// Limits servers, starts services and backends, and prepares databases and stores.
    pub(crate) fn make_ready(&mut self, interrupt: &Interrupt) -> anyhow::Result<()> {
        if self.setup.limits != Limits::default() {
            self.limiter = Some(Limiter::new(self.setup.limits)?);
        }
        self.start_services(interrupt)?;
        self.prepare_databases(interrupt)?;
        self.prepare_stores(interrupt)
    }

    /// Starts the services and backends that the selected subjects name, on the load cores.
    fn start_services(&mut self, interrupt: &Interrupt) -> anyhow::Result<()> {
        for (name, service) in &self.subjects.service {
            let launch = service.launch(&self.context);
            let launch = launch.with_context(|| format!("service.{name}"))?;
            let mut running = Running::start(name, &launch, self.setup.common_load(), false)?;
            let ready = running.wait_ready(None, launch.ready_within, interrupt)?;
            let url = Value::String(ready.place);
            self.context.insert(format!("{name}_url"), url);
            self.services.push(running);
        }
        let is_needed = |template| {
            let mut subjects = self.subjects.subject.values();
            subjects.any(|subject| subject.mentions(template))
        };
        let known = backends::KNOWN.into_iter();
        let needed = known.filter(|(_, _, template)| is_needed(template));
        let names: Vec<&str> = needed.map(|(name, ..)| name).collect();
        if !names.is_empty() {
            let (backends, urls) = Backends::up(&self.setup.root, &names)?;
            self.context.extend(urls);
            self.backends = Some(backends);
        }
        Ok(())
    }

    /// The first of those subjects for each value of a flag.
    fn first_of_each(
        &self,
        flag: &str,
        is_meant: impl Fn(&Subject) -> bool,
    ) -> anyhow::Result<Vec<(&String, &Subject)>> {
        let mut first = BTreeMap::new();
        // A floor's command cannot be filled yet.
        let meant = self
            .subjects
            .subject
            .iter()
            .filter(|(_, one)| is_meant(one));
        for (name, subject) in meant {
            let url = flag_value(&self.command(subject, name)?, flag).cloned();
            first
                .entry(url.unwrap_or_default())
                .or_insert((name, subject));
        }
        Ok(first.into_values().collect())
    }

    /// The command line of a subject, filled.
    fn command(&self, subject: &Subject, name: &str) -> anyhow::Result<Vec<String>> {
        let filled = fill_command(&subject.command, &self.context);
        filled.with_context(|| format!("subject.{name}"))
    }

    /// Starts the first subject of each database once, so that filling an empty one is in no
    /// start-up time.
    fn prepare_databases(&self, interrupt: &Interrupt) -> anyhow::Result<()> {
        let first = self.first_of_each("--database-url", |subject| {
            subject.role == Role::Server
                && (subject.mentions("database_url") || subject.mentions("postgres_url"))
        })?;
        if !first.is_empty() {
            let folder = self.setup.state_folder();
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        for (name, subject) in first {
            let begin = Instant::now();
            let cores = &self.setup.layout.server;
            let limit = PREPARE_LIMIT.max(duration(subject.ready_within_s).unwrap_or_default());
            match self.start_process(cores, (name, None), Some(limit), interrupt) {
                Ok(_) => eprintln!(
                    "database: prepared by {name} in {:.1} s",
                    begin.elapsed().as_secs_f64()
                ),
                Err(_) if interrupt.is_set() => {
                    bail!("interrupted while the database was prepared")
                }
                Err(error) => eprintln!("database: {name} could not prepare it: {error:#}"),
            }
        }
        Ok(())
    }

    /// Brings each store of the subjects to its first state.
    fn prepare_stores(&self, interrupt: &Interrupt) -> anyhow::Result<()> {
        for (name, _) in self.first_of_each(STORE, |subject| store_flag(subject).is_some())? {
            let begin = Instant::now();
            if let Some(url) = self.reset_store(name, interrupt)? {
                let seconds = begin.elapsed().as_secs_f64();
                eprintln!("store: {} prepared in {seconds:.1} s", redact(&url));
            }
        }
        Ok(())
    }

    /// Brings the store of a subject to its first state; says which that is. Nothing happens to one
    /// that has none, or where no definition says how.
    pub(crate) fn reset_store(
        &self,
        name: &str,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Option<String>> {
        let (subject, store) = (self.subject(name)?, &self.subjects.store);
        let Some(store) = store.as_ref().filter(|_| store_flag(subject).is_some()) else {
            return Ok(None);
        };
        let command = self.command(subject, name)?;
        let url = flag_value(&command, STORE).cloned().unwrap_or_default();
        let mut context = self.context.clone();
        context.insert("store_url".to_owned(), Value::String(url.clone()));
        let launch = Launch {
            command: fill_command(&store.reset, &context).context("store.reset")?,
            environment: BTreeMap::new(),
            ready_within: PREPARE_LIMIT,
        };
        let what = "the reset of the store";
        let mut running = Running::start(what, &launch, self.setup.common_load(), false)?;
        interrupt.wait(PREPARE_LIMIT, || running.has_ended().then_some(()));
        if interrupt.is_set() {
            bail!("interrupted during {what}");
        }
        let (is_late, last_lines) = (!running.has_ended(), running.last_lines());
        let ended = running.stop();
        if is_late {
            bail!("{what} took longer than {PREPARE_LIMIT:?}; its last lines:\n{last_lines}");
        }
        if !ended.is_clean {
            let status = ended.status;
            bail!("{what} failed ({status}); its last lines:\n{last_lines}");
        }
        Ok(Some(url))
    }
}
