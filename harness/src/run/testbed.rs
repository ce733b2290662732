//! The bench that subjects are put on: definitions, cores, services, and the values of templates.

mod definitions;
mod prepare;
mod start;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use self::prepare::store_flag;
use self::start::Found;
use super::backends::{self, Backends};
use super::build::build;
use super::setup::{Setup, base_context};
use super::target::target;
use crate::config::subject::{ReadyBy, Subject, Subjects, Wire};
use crate::config::template::{Context, fill_command};
use crate::host::cores::{Cores, pin_this_thread};
use crate::host::facts;
use crate::host::limits::Limiter;
use crate::host::proc::ProcessId;
use crate::interrupt::Interrupt;
use crate::load::Target;
use crate::results::environment::{Machine, ServerLimits};
use crate::run::process::{Running, Server};

/// Subjects, ready to be started one at a time.
#[derive(Debug)]
pub(crate) struct Testbed {
    setup: Setup,
    subjects: Subjects,
    context: Context,
    services: Vec<Running>,
    /// Ended after the services that are processes of the definitions.
    backends: Option<Backends>,
    /// Where servers are limited; none when they are not.
    limiter: Option<Limiter>,
    machine: Machine,
    is_built: bool,
}

/// A subject that is ready for load.
#[derive(Debug)]
pub(crate) struct Started {
    /// Its process.
    pub(crate) running: Server,
    /// Where its wire is.
    pub(crate) target: Target,
    /// From the start of the process until it was ready, if that could be seen.
    pub(crate) startup: Option<Duration>,
}

impl Testbed {
    /// Puts the selected subjects on the bench; nothing is built or started yet. The calling thread
    /// is pinned to the load cores, and so are the threads and services that it starts.
    pub(crate) fn new(
        setup: Setup,
        mut subjects: Subjects,
        selected: &[String],
    ) -> anyhow::Result<Self> {
        subjects.subject.retain(|name, _| selected.contains(name));
        let uses_store = |subject: &Subject| store_flag(&subject.command).is_some();
        if !subjects.subject.values().any(uses_store) {
            subjects.store = None;
        }
        let needed: BTreeSet<String> = subjects
            .service
            .keys()
            .filter(|service| {
                let url = format!("{service}_url");
                subjects
                    .subject
                    .values()
                    .any(|subject| subject.mentions(&url))
            })
            .cloned()
            .collect();
        subjects.service.retain(|name, _| needed.contains(name));
        let builds: BTreeSet<String> = (subjects.subject.values().map(|subject| &subject.build))
            .chain(subjects.service.values().map(|service| &service.build))
            .chain(subjects.store.iter().map(|store| &store.build))
            .flatten()
            .cloned()
            .collect();
        subjects.build.retain(|name, _| builds.contains(name));
        // Before this thread is pinned, or it would see the load cores only.
        let machine = facts::machine();
        pin_this_thread(setup.common_load())?;
        let context = base_context(&setup);
        Ok(Self {
            setup,
            subjects,
            context,
            services: Vec::new(),
            backends: None,
            limiter: None,
            machine,
            is_built: false,
        })
    }

    /// Builds what the selected subjects need.
    pub(crate) fn build(&mut self, interrupt: &Interrupt) -> anyhow::Result<()> {
        for (name, definition) in &self.subjects.build {
            let command = fill_command(&definition.command, &self.context)
                .with_context(|| format!("build.{name}"))?;
            build(name, &command, &self.setup.root, interrupt)?;
        }
        self.is_built = !self.subjects.build.is_empty();
        Ok(())
    }

    /// Starts the services and backends that the selected subjects name, on the load cores.
    pub(crate) fn start_services(&mut self, interrupt: &Interrupt) -> anyhow::Result<()> {
        for (name, service) in &self.subjects.service {
            let launch = service
                .launch(&self.context)
                .with_context(|| format!("service.{name}"))?;
            let mut running = Running::start(name, &launch, self.setup.common_load(), false)?;
            let ready = running.wait_ready(launch.ready_within, interrupt)?;
            self.context
                .insert(format!("{name}_url"), Value::String(ready.place));
            self.services.push(running);
        }
        let names = self.backend_names();
        if !names.is_empty() {
            let backends = Backends::up(&self.setup.root, &names)?;
            for (name, url) in backends.urls() {
                self.context
                    .insert(name.clone(), Value::String(url.clone()));
            }
            self.backends = Some(backends);
        }
        Ok(())
    }

    /// The backends whose URLs the selected subjects mention.
    fn backend_names(&self) -> Vec<&'static str> {
        let subjects = || self.subjects.subject.values();
        let is_needed = |template| subjects().any(|subject| subject.mentions(template));
        let needed = backends::KNOWN
            .into_iter()
            .filter(|(_, _, template)| is_needed(template));
        needed.map(|(name, ..)| name).collect()
    }

    /// Starts a subject on the server cores and waits until it is ready.
    pub(crate) fn start(
        &self,
        name: &str,
        answer_bytes: Option<u32>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Started> {
        self.start_on(&self.setup.layout.server, name, answer_bytes, interrupt)
    }

    /// Starts a subject on these cores and waits until it is ready.
    pub(crate) fn start_on(
        &self,
        cores: &Cores,
        name: &str,
        answer_bytes: Option<u32>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Started> {
        let subject = self.subject(name)?;
        let (mut running, place, startup) = if subject.runs_already() {
            let server = Server::Theirs { pid: subject.pid };
            (server, self.place(name)?, None)
        } else {
            let (running, ready) =
                self.start_process(cores, (name, answer_bytes), None, interrupt)?;
            (Server::Ours(running), ready.place, ready.after)
        };
        let target = target(subject, &place, answer_bytes, &mut running)
            .map_err(|error| anyhow::anyhow!("{name} is ready, but {error}"))?;
        Ok(Started {
            running,
            target,
            startup,
        })
    }

    /// The command line of a subject, filled.
    fn command(&self, name: &str) -> anyhow::Result<Vec<String>> {
        fill_command(&self.subject(name)?.command, &self.context)
            .with_context(|| format!("subject.{name}"))
    }

    fn start_process(
        &self,
        cores: &Cores,
        (name, answer_bytes): (&str, Option<u32>),
        limit: Option<Duration>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<(Running, Found)> {
        let subject = self.subject(name)?;
        let mut context = self.context.clone();
        if let Some(bytes) = answer_bytes {
            context.insert("answer_bytes".to_owned(), Value::from(bytes));
        }
        let mut launch = subject
            .launch(&context)
            .with_context(|| format!("subject.{name}"))?;
        let limit = limit.unwrap_or(launch.ready_within);
        if let Some(limiter) = &self.limiter {
            launch.command = limiter.wrap(launch.command);
            launch.environment.extend(limiter.variable());
        }
        let piped = subject.wire == Wire::Stdio;
        let start = || Running::start(name, &launch, cores, piped);
        Ok(match subject.ready {
            ReadyBy::Line => {
                let mut running = start()?;
                let ready = running.wait_ready(limit, interrupt)?;
                (running, ready.into())
            }
            ReadyBy::Port => {
                let port = self.port(name)?;
                if port.is_taken() {
                    bail!(
                        "something listens at {} before {name} is started: end it, or measure it as it is, by its URL without a \
                         command",
                        port.url()
                    );
                }
                let mut running = start()?;
                let ready = running.wait_port(&port, limit, interrupt)?;
                (running, ready.into())
            }
            ReadyBy::None => (start()?, Found::unseen_on_stdio()),
        })
    }

    /// One of the selected subjects.
    pub(crate) fn subject(&self, name: &str) -> anyhow::Result<&Subject> {
        self.subjects
            .subject
            .get(name)
            .with_context(|| format!("{name} is not on the bench"))
    }

    /// The selected subjects.
    pub(crate) fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// The processes of the services and backends.
    pub(crate) fn service_ids(&self) -> Vec<ProcessId> {
        let backends = self.backends.iter().flat_map(Backends::ids);
        self.services
            .iter()
            .map(Running::id)
            .chain(backends)
            .collect()
    }

    /// Makes sure that all services are still there.
    pub(crate) fn check_services(&self) -> anyhow::Result<()> {
        match self.services.iter().find(|service| service.has_ended()) {
            Some(dead) => bail!(
                "the service {} has ended; its last lines:\n{}",
                dead.name(),
                dead.last_lines()
            ),
            None => Ok(()),
        }
    }

    /// What the servers are limited to; nothing before [`Testbed::limit_servers`].
    pub(crate) fn server_limits(&self) -> Option<ServerLimits> {
        self.limiter.as_ref().map(Limiter::described)
    }

    /// The machine as it was before the bench was set up.
    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Whether programs on the bench were built by [`Testbed::build`].
    pub(crate) fn is_built(&self) -> bool {
        self.is_built
    }

    /// What a template of this name is filled with; nothing where there is no such text.
    pub(crate) fn url(&self, name: &str) -> String {
        let text = self.context.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    }

    /// Fills a template of this name with a value, from the next start of a subject on.
    pub(crate) fn fill(&mut self, name: &str, value: Value) {
        self.context.insert(name.to_owned(), value);
    }

    /// How the bench is set up.
    pub(crate) fn setup(&self) -> &Setup {
        &self.setup
    }
}
