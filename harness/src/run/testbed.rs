//! The testbed that subjects are put on: definitions, cores, services, and the values of templates.

mod prepare;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::backends::{self, Backends};
use super::setup::{Setup, base_context};
use super::target::target;
use crate::config::subject::{ReadyBy, Subject, Subjects, Wire};
use crate::config::template::{Context, fill, fill_command};
use crate::host::cores::{Cores, pin_this_thread};
use crate::host::facts;
use crate::host::limits::Limiter;
use crate::host::proc::ProcessId;
use crate::interrupt::Interrupt;
use crate::load::Target;
use crate::results::environment::{Machine, ServerLimits};
use crate::run::process::{Port, Ready, Running, Server};

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
    /// Where its wire is. Pipes are closed before the process is ended.
    pub(crate) target: Target,
    /// Its process.
    pub(crate) running: Server,
    /// From the start of the process until it was ready, if that could be seen.
    pub(crate) startup: Option<Duration>,
}

impl Testbed {
    /// Puts the selected subjects on the testbed; nothing is built or started yet. The calling
    /// thread is pinned to the load cores, and so are the threads and services that it starts.
    pub(crate) fn new(
        setup: Setup,
        mut subjects: Subjects,
        selected: &[String],
    ) -> anyhow::Result<Self> {
        let Subjects {
            build,
            service,
            store,
            subject,
        } = &mut subjects;
        subject.retain(|name, _| selected.contains(name));
        service.retain(|name, _| {
            let url = format!("{name}_url");
            subject.values().any(|one| one.mentions(&url))
        });
        store.take_if(|_| {
            !subject
                .values()
                .any(|one| prepare::store_flag(one).is_some())
        });
        let builds: BTreeSet<&String> = (subject.values().map(|subject| &subject.build))
            .chain(service.values().map(|service| &service.build))
            .chain(store.iter().map(|store| &store.build))
            .flatten()
            .collect();
        build.retain(|name, _| builds.contains(name));
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
            (Server::Theirs(subject.pid), self.place(name)?, None)
        } else {
            let (running, ready) =
                self.start_process(cores, (name, answer_bytes), None, interrupt)?;
            (Server::Ours(running), ready.place, ready.after)
        };
        let target = target(subject, &place, answer_bytes, &mut running)
            .map_err(|error| anyhow::anyhow!("{name} is ready, but {error}"))?;
        Ok(Started {
            target,
            running,
            startup,
        })
    }

    fn start_process(
        &self,
        cores: &Cores,
        (name, answer_bytes): (&str, Option<u32>),
        limit: Option<Duration>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<(Running, Ready)> {
        let subject = self.subject(name)?;
        let mut context = self.context.clone();
        if let Some(bytes) = answer_bytes {
            context.insert("answer_bytes".to_owned(), Value::from(bytes));
        }
        let launch = subject.launch(&context);
        let mut launch = launch.with_context(|| format!("subject.{name}"))?;
        let limit = limit.unwrap_or(launch.ready_within);
        if let Some(limiter) = &self.limiter {
            launch.command = limiter.wrap(launch.command);
            launch.environment.extend(limiter.variable());
        }
        let port = (subject.ready == ReadyBy::Port).then(|| self.port(name));
        let port = port.transpose()?;
        if let Some(port) = port.as_ref().filter(|port| port.is_taken()) {
            bail!(
                "something listens at {} before {name} is started: end it, or measure it as it is, by its URL without a \
                 command",
                port.url()
            );
        }
        let piped = subject.wire == Wire::Stdio;
        let mut running = Running::start(name, &launch, cores, piped)?;
        let ready = match subject.ready {
            ReadyBy::None => Ready {
                place: "stdio".to_owned(),
                after: None,
            },
            _ => running.wait_ready(port.as_ref(), limit, interrupt)?,
        };
        Ok((running, ready))
    }

    /// The URL of a subject's definition, filled.
    fn place(&self, name: &str) -> anyhow::Result<String> {
        let url = self.subject(name)?.url.as_deref().unwrap_or_default();
        fill(url, &self.context).with_context(|| format!("subject.{name}"))
    }

    /// The port of a subject that prints no ready line.
    fn port(&self, name: &str) -> anyhow::Result<Port> {
        let (subject, url) = (self.subject(name)?, self.place(name)?);
        Port::new(&url, subject.wire, subject.revision()?)
            .map_err(|error| anyhow::anyhow!("subject.{name}: its url {error}"))
    }

    /// One of the selected subjects.
    pub(crate) fn subject(&self, name: &str) -> anyhow::Result<&Subject> {
        let subject = self.subjects.subject.get(name);
        subject.with_context(|| format!("{name} is not on the testbed"))
    }

    /// The selected subjects.
    pub(crate) fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// The processes of the services and backends.
    pub(crate) fn service_ids(&self) -> Vec<ProcessId> {
        let backends = self.backends.iter().flat_map(|all| all.ids.iter().copied());
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

    /// What the servers are limited to; nothing before [`Testbed::make_ready`].
    pub(crate) fn server_limits(&self) -> Option<ServerLimits> {
        self.limiter.as_ref().map(Limiter::described)
    }

    /// The machine as it was before the testbed was set up.
    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Whether programs on the testbed were built by [`Testbed::build`].
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

    /// How the testbed is set up.
    pub(crate) fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The definitions with their templates filled, as far as they do not differ between trials.
    pub(crate) fn effective(&self) -> anyhow::Result<Subjects> {
        let mut context = self.context.clone();
        context.insert("answer_bytes".to_owned(), Value::from("{answer_bytes}"));
        let services = self
            .subjects
            .service
            .keys()
            .map(|name| format!("{name}_url"));
        let backends = backends::KNOWN.iter().map(|(_, _, url)| (*url).to_owned());
        for url in services.chain(backends) {
            let as_it_is = Value::String(format!("{{{url}}}"));
            context.entry(url).or_insert(as_it_is);
        }
        let mut filled = self.subjects.clone();
        for (name, build) in &mut filled.build {
            let command = fill_command(&build.command, &context);
            build.command = command.with_context(|| format!("build.{name}"))?;
        }
        for (name, service) in &mut filled.service {
            let launch = service.launch(&context);
            let launch = launch.with_context(|| format!("service.{name}"))?;
            (service.command, service.environment) = (launch.command, launch.environment);
        }
        for (name, subject) in &mut filled.subject {
            let fill = |url: &String| fill(url, &context);
            let url = subject.url.as_ref().map(fill).transpose();
            let launch = url.and_then(|url| Ok((url, subject.launch(&context)?)));
            let (url, launch) = launch.with_context(|| format!("subject.{name}"))?;
            subject.url = url;
            (subject.command, subject.environment) = (launch.command, launch.environment);
        }
        Ok(filled)
    }

    /// The files of the programs on the testbed, by the name of their subject or service.
    pub(crate) fn programs(&self) -> anyhow::Result<BTreeMap<String, PathBuf>> {
        let Subjects {
            service, subject, ..
        } = self.effective()?;
        let subjects = subject.into_iter().map(|(name, one)| (name, one.command));
        let services = service.into_iter().map(|(name, one)| (name, one.command));
        let file =
            |(name, command): (_, Vec<String>)| Some((name, command.into_iter().next()?.into()));
        Ok(subjects.chain(services).filter_map(file).collect())
    }

    /// What suites may name in templates: the places of the services.
    pub(crate) fn service_urls(&self) -> Context {
        let names = self
            .subjects
            .service
            .keys()
            .map(|name| format!("{name}_url"));
        let value = |name: String| Some((name.clone(), self.context.get(&name)?.clone()));
        names.filter_map(value).collect()
    }
}
