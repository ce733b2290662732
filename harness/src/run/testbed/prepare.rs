//! What has to be there before the first trial: databases that are filled, stores in their first state.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::Testbed;
use crate::config::subject::{Launch, Role, Subject, duration};
use crate::config::template::fill_command;
use crate::host::limits::{Limiter, Limits};
use crate::interrupt::Interrupt;
use crate::results::redact::redact;
use crate::run::process::Running;

/// Longest first start over an empty database, which is filled then; and longest reset of a store.
const PREPARE_LIMIT: Duration = Duration::from_mins(5);

/// The store that a command line names.
pub(super) fn store_flag(command: &[String]) -> Option<&String> {
    flag_value(command, "--store-url")
}

fn flag_value<'c>(command: &'c [String], flag: &str) -> Option<&'c String> {
    let at = command.iter().position(|part| part == flag)?;
    command.get(at + 1)
}

impl Testbed {
    /// Limits the servers that are started from now on, where the setup says so.
    pub(crate) fn limit_servers(&mut self) -> anyhow::Result<()> {
        if self.setup.limits != Limits::default() {
            self.limiter = Some(Limiter::new(self.setup.limits)?);
        }
        Ok(())
    }

    /// Limits servers, starts services and backends, and prepares databases and stores.
    pub(crate) fn make_ready(&mut self, interrupt: &Interrupt) -> anyhow::Result<()> {
        self.limit_servers()?;
        self.start_services(interrupt)?;
        self.prepare_databases(interrupt)?;
        self.prepare_stores(interrupt)
    }

    /// Starts the first subject of each database once, so that filling an empty one is nobody's
    /// start-up time.
    pub(crate) fn prepare_databases(&self, interrupt: &Interrupt) -> anyhow::Result<()> {
        let folder = self.setup.state_folder();
        let mut first: BTreeMap<String, (&String, &Subject)> = BTreeMap::new();
        for (name, subject) in &self.subjects.subject {
            let is_meant = subject.role == Role::Server
                && (subject.mentions("database_url") || subject.mentions("postgres_url"));
            if is_meant {
                let url = flag_value(&self.command(name)?, "--database-url").cloned();
                first
                    .entry(url.unwrap_or_default())
                    .or_insert((name, subject));
            }
        }
        if !first.is_empty() {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        for (name, subject) in first.into_values() {
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
    pub(crate) fn prepare_stores(&self, interrupt: &Interrupt) -> anyhow::Result<()> {
        let mut first: BTreeMap<String, &String> = BTreeMap::new();
        for (name, subject) in &self.subjects.subject {
            // A floor's command cannot be filled yet.
            if store_flag(&subject.command).is_some() {
                let command = self.command(name)?;
                let url = store_flag(&command).cloned().unwrap_or_default();
                first.entry(url).or_insert(name);
            }
        }
        for name in first.into_values() {
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
        let Some(store) = &self.subjects.store else {
            return Ok(None);
        };
        if store_flag(&self.subject(name)?.command).is_none() {
            return Ok(None);
        }
        let command = self.command(name)?;
        let url = store_flag(&command).cloned().unwrap_or_default();
        let mut context = self.context.clone();
        context.insert("store_url".to_owned(), Value::String(url.clone()));
        let reset = fill_command(&store.reset, &context).context("store.reset")?;
        self.run_to_its_end("the reset of the store", reset, interrupt)?;
        Ok(Some(url))
    }

    /// Runs a program on the load cores until it ends; what it says is shown when it fails.
    fn run_to_its_end(
        &self,
        what: &str,
        command: Vec<String>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        let launch = Launch {
            command,
            environment: BTreeMap::new(),
            ready_within: PREPARE_LIMIT,
        };
        let mut running = Running::start(what, &launch, self.setup.common_load(), false)?;
        interrupt.wait(PREPARE_LIMIT, || running.has_ended().then_some(()));
        if interrupt.is_set() {
            bail!("interrupted during {what}");
        }
        let is_late = !running.has_ended();
        let last_lines = running.last_lines();
        let ended = running.stop();
        if is_late {
            bail!("{what} took longer than {PREPARE_LIMIT:?}; its last lines:\n{last_lines}");
        }
        if !ended.is_clean {
            let status = ended.status;
            bail!("{what} failed ({status}); its last lines:\n{last_lines}");
        }
        Ok(())
    }
}
