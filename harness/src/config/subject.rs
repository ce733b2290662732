//! `subjects.toml`: how each server is built and started, and where its wire is.
//!
//! A subject is data: adding one, in any language, is a table in that file and no code. What
//! differs by the values of a few axes only is one table too, a family (see `matrix`).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::matrix::File;
use super::template::{self, Context, TemplateError, fill_command};
use super::{FormatError, check_name, read_toml};
use crate::load::{MAX_CLIENTS, Revision, UnknownRevision};

/// All that the file defines, the members of its families written out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subjects {
    /// Builds by name; a subject or service names the one that makes its program.
    #[serde(default)]
    pub build: BTreeMap<String, Build>,
    /// Processes that subjects stand on, by name. Service `x` gives every template the value
    /// `{x_url}`.
    #[serde(default)]
    pub service: BTreeMap<String, Service>,
    /// The store of the subjects that use one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<Store>,
    /// What is measured, by name.
    pub subject: BTreeMap<String, Subject>,
}

/// How the store that subjects are given with `--store-url` is brought to its first state.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// The build that makes the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Program and arguments; `{store_url}` is the store of the subject that is measured.
    pub reset: Vec<String>,
}

/// A command that makes programs, run once before a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Program and arguments, with the templates of [`Subject::command`]; run in the project's root
    /// folder.
    pub command: Vec<String>,
}

/// A process beside the servers, on the load cores: it must print `ready URL` on stderr.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The build that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Environment variables, as of a subject.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Longest wait for the ready line, in seconds.
    #[serde(default = "ten_seconds")]
    pub ready_within_s: f64,
}

/// What a subject is to the report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Role {
    /// An MCP server: verified, measured and ranked.
    #[default]
    Server,
    /// Fixed bytes over plain HTTP without any protocol: what the layers below cost. Shown apart,
    /// never ranked.
    Floor,
}

/// The protocol binding that the load client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Wire {
    /// Streamable HTTP; a JSON answer and an event stream are both accepted.
    Http,
    /// Legacy HTTP+SSE of revision 2024-11-05.
    Sse,
    /// Lines on the standard streams of the child.
    Stdio,
}

/// Whether the client keeps a session (`Mcp-Session-Id`) on Streamable HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Sessions {
    /// No session: every request stands alone.
    #[default]
    Stateless,
    /// One session for each client.
    Stateful,
    /// A few sessions, used by all clients in turn.
    Shared,
}

/// How many processes serve the clients on stdio.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Processes {
    /// One for all of them.
    #[default]
    Shared,
    /// One for each client.
    PerClient,
    /// One for each call: started, one handshake, one call, ended.
    PerCall,
}

/// What a server that was started does when it can be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadyBy {
    /// It prints a line `ready URL` (or `ready stdio`) on stderr.
    #[default]
    Line,
    /// The port of its `url` answers.
    Port,
    /// Nothing: its first answer on stdio comes when it can be asked.
    None,
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Values of labels; a server is meant that has one of each kind that is named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Args)]
#[serde(deny_unknown_fields, default)]
pub struct Labels {
    /// Only servers of these transports
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transport: Vec<String>,
    /// Only servers of these runtimes
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runtime: Vec<String>,
    /// Only servers with their fast path on, or off
    #[arg(long, value_name = "SWITCH", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fast_path: Vec<String>,
}

/// Reads a label of a subject.
pub(crate) type Label = fn(&Subject) -> Option<&String>;

impl Labels {
    /// Each flag, what it names, and the label of a subject that it is about.
    pub(crate) fn each(&self) -> [(&'static str, &[String], Label); 3] {
        [
            ("--transport", &self.transport, |one| Some(&one.transport)),
            ("--runtime", &self.runtime, |one| one.runtime.as_ref()),
            ("--fast-path", &self.fast_path, |one| one.fast_path.as_ref()),
        ]
    }

    /// Whether a server is meant.
    pub(crate) fn takes(&self, subject: &Subject) -> bool {
        let has_one = |named: &[String], label: Option<&String>| {
            named.is_empty() || label.is_some_and(|label| named.contains(label))
        };
        let mut each = self.each().into_iter();
        each.all(|(_, named, label)| has_one(named, label(subject)))
    }
}

/// One thing that is measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// What it is, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its value on the transport axis, a label of reports.
    pub transport: String,
    /// Its value on the runtime axis, a label of reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Whether it answers by its fast path (`on`) or by the SDK alone (`off`), a label of reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast_path: Option<String>,
    /// What a reader of its rows has to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Measured only when it is named: by `--subject`, or by an experiment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_request: bool,
    /// The protocol binding that the client speaks to it.
    pub wire: Wire,
    /// Ranked server or floor.
    #[serde(default)]
    pub role: Role,
    /// Sessions on Streamable HTTP.
    #[serde(default)]
    pub sessions: Sessions,
    /// How many sessions there are with [`Sessions::Shared`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_sessions: Option<usize>,
    /// How many processes serve the clients on stdio.
    #[serde(default, skip_serializing_if = "is_default")]
    pub processes: Processes,
    /// Members that are added to the `params` of every call.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra_params: Map<String, Value>,
    /// The protocol revision to agree on; by default 2024-11-05 on `sse` and 2025-06-18 on the
    /// others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The build that makes it; none for a program that is there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Program and arguments. Templates: `{root}`, `{target_dir}`, `{bin_dir}`, `{profile}`,
    /// `{database_url}`, `{NAME_url}` of each service, and on floors `{answer_bytes}`. Empty for a
    /// server that runs already, which [`Subject::url`] says the place of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Where the server listens: of one that runs already, or whose command prints no ready line.
    /// With the templates of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The process of a server that runs already, so that its processor time and memory can be
    /// read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How the harness finds out that the command can be asked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ready: ReadyBy,
    /// Environment variables besides the few that are passed on (`PATH`, `HOME` and their like),
    /// with the same templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Longest wait for the ready line, in seconds.
    #[serde(default = "ten_seconds")]
    pub ready_within_s: f64,
}

const fn ten_seconds() -> f64 {
    10.0
}

/// Seconds of a definition as a duration; `None` when negative, not a number or beyond all reason
/// (a day).
pub(crate) fn duration(seconds: f64) -> Option<Duration> {
    (seconds <= 86_400.0)
        .then(|| Duration::try_from_secs_f64(seconds).ok())
        .flatten()
}

/// A process that can be started: command line and environment with their templates filled.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Additional environment variables.
    pub environment: BTreeMap<String, String>,
    /// Longest wait for the ready line.
    pub ready_within: Duration,
}

impl Launch {
    fn new(
        command: &[String],
        environment: &BTreeMap<String, String>,
        ready_within_s: f64,
        context: &Context,
    ) -> Result<Self, TemplateError> {
        let filled =
            |(key, text): (&String, &String)| Ok((key.clone(), template::fill(text, context)?));
        Ok(Self {
            command: fill_command(command, context)?,
            environment: environment.iter().map(filled).collect::<Result<_, _>>()?,
            ready_within: duration(ready_within_s).unwrap_or_default(),
        })
    }
}

impl Service {
    /// The process, with its templates filled.
    pub(crate) fn launch(&self, context: &Context) -> Result<Launch, TemplateError> {
        let (environment, ready_within_s) = (&self.environment, self.ready_within_s);
        Launch::new(&self.command, environment, ready_within_s, context)
    }
}

impl Subjects {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// [`FormatError`] with file, line and column for what does not parse, with the table's name
    /// for what makes no sense.
    pub fn read(path: &Path) -> Result<Self, FormatError> {
        let file: File = read_toml(path)?;
        let read = || {
            let subjects = file.expand()?;
            subjects.check().map(|()| subjects)
        };
        read().map_err(|message| FormatError::invalid(path, message))
    }

    /// Says what makes no sense, with the table's name.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.subject.is_empty() {
            return Err("there is no [subject.NAME] or [family.NAME] table in it".to_owned());
        }
        for (name, build) in &self.build {
            check_command(&format!("build.{name}"), &build.command)?;
        }
        for (name, service) in &self.service {
            let at = format!("service.{name}");
            check_name(&at, name)?;
            check_command(&at, &service.command)?;
            self.check_common(&at, service.build.as_deref(), service.ready_within_s)?;
        }
        if let Some(store) = &self.store {
            check_command("store", &store.reset)?;
            self.check_common("store", store.build.as_deref(), 0.0)?;
        }
        for (name, subject) in &self.subject {
            let at = format!("subject.{name}");
            check_name(&at, name)?;
            self.check_common(&at, subject.build.as_deref(), subject.ready_within_s)?;
            subject
                .check_start()
                .and_then(|()| subject.check_client())
                .map_err(|message| format!("[{at}] {message}"))?;
        }
        Ok(())
    }

    fn check_common(
        &self,
        at: &str,
        build: Option<&str>,
        ready_within_s: f64,
    ) -> Result<(), String> {
        if let Some(build) = build
            && !self.build.contains_key(build)
        {
            let known = self.build.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(format!(
                "[{at}] names the build \"{build}\", which does not exist; known builds: {known}"
            ));
        }
        duration(ready_within_s).map(|_| ()).ok_or_else(|| {
            format!(
                "[{at}] ready_within_s = {ready_within_s} is not a time between 0 and 86400 seconds"
            )
        })
    }
}

fn check_command(at: &str, command: &[String]) -> Result<(), String> {
    if command.first().is_none_or(String::is_empty) {
        return Err(format!(
            "[{at}] command is empty; it lists the program and its arguments"
        ));
    }
    Ok(())
}

impl Subject {
    /// A server of which only the protocol is known.
    pub(crate) fn server(wire: Wire, revision: Revision) -> Result<Self, String> {
        // By way of its keys, so that all others are what they are in a file that does not name
        // them.
        let keys = json!({ "transport": wire.to_string(), "wire": wire, "revision": revision });
        serde_json::from_value(keys).map_err(|error| error.to_string())
    }

    /// The process, with its templates filled.
    pub(crate) fn launch(&self, context: &Context) -> Result<Launch, TemplateError> {
        let (environment, ready_within_s) = (&self.environment, self.ready_within_s);
        Launch::new(&self.command, environment, ready_within_s, context)
    }

    /// Whether somebody else has started it, so that there is a place and no command.
    pub(crate) fn runs_already(&self) -> bool {
        self.command.is_empty() && self.url.is_some()
    }

    /// Whether the command line, the environment or the URL needs this template value.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        (self
            .command
            .iter()
            .chain(self.environment.values())
            .chain(&self.url))
        .any(|text| template::mentions(text, name))
    }

    /// The protocol revision that the client asks for; unknown when the load client does not speak
    /// the one that the definition names.
    pub(crate) fn revision(&self) -> Result<Revision, UnknownRevision> {
        match (&self.revision, self.wire) {
            (Some(revision), _) => revision.parse(),
            (None, Wire::Sse) => Ok(Revision::November2024),
            (None, _) => Ok(Revision::default()),
        }
    }

    /// Says what does not fit in how it is started and found.
    fn check_start(&self) -> Result<(), String> {
        let (has_command, has_url) = (!self.command.is_empty(), self.url.is_some());
        let is_stdio = self.wire == Wire::Stdio;
        let rules = [
            (
                has_url && is_stdio,
                "has a url, which a server on stdio has not",
            ),
            (
                !has_command && !has_url,
                "command is empty; it lists the program and its arguments (a server that runs already has a url instead)",
            ),
            (
                self.pid.is_some() && has_command,
                "pid is for a server that runs already; one with a command has its own",
            ),
            (
                self.ready != ReadyBy::Line && !has_command,
                "ready is for a server with a command",
            ),
            (
                self.ready == ReadyBy::Line && has_command && has_url,
                "has a command and a url: say ready = \"port\", or leave out the url if it prints a ready line",
            ),
            (
                self.ready == ReadyBy::Port && !has_url,
                "ready = \"port\" needs the url of that port",
            ),
            (
                self.ready == ReadyBy::None && !is_stdio,
                "ready = \"none\" is for wire = \"stdio\"; over HTTP say ready = \"port\" and a url",
            ),
        ];
        let broken = rules.into_iter().find(|(is_broken, _)| *is_broken);
        broken.map_or(Ok(()), |(_, message)| Err(message.to_owned()))
    }

    /// Says what does not fit in what the client is to do.
    fn check_client(&self) -> Result<(), String> {
        let revision = self.revision().map_err(|error| error.to_string())?;
        let is_server_over_http = self.wire == Wire::Http && self.role == Role::Server;
        let is_shared = self.sessions == Sessions::Shared;
        let is_stateless = self.sessions == Sessions::Stateless;
        let can_do_without = is_server_over_http && is_stateless;
        let count = self.shared_sessions;
        let switch = self.fast_path.as_deref().unwrap_or("on");
        let rules = [
            (
                self.role == Role::Floor && self.wire != Wire::Http,
                format!("is a floor, so its wire must be \"http\", not \"{}\"", self.wire),
            ),
            (
                !is_stateless && !is_server_over_http,
                "sessions = \"stateful\" or \"shared\" has a meaning on servers with wire = \"http\" only"
                    .to_owned(),
            ),
            (
                self.processes != Processes::Shared && self.wire != Wire::Stdio,
                "processes = \"per_client\" or \"per_call\" needs wire = \"stdio\"".to_owned(),
            ),
            (
                is_shared && !count.is_some_and(|count| (1..=MAX_CLIENTS).contains(&count)),
                format!(
                    "sessions = \"shared\" needs shared_sessions = 1 to {MAX_CLIENTS}, not {}",
                    count.map_or_else(|| "nothing".to_owned(), |count| count.to_string())
                ),
            ),
            (
                !is_shared && count.is_some(),
                format!(
                    "shared_sessions = {} needs sessions = \"shared\"",
                    count.unwrap_or_default()
                ),
            ),
            (
                !revision.has_handshake() && !can_do_without,
                format!(
                    "revision {revision} has no sessions, and the load client speaks it to servers with wire = \"http\" only"
                ),
            ),
            (
                !matches!(switch, "on" | "off"),
                format!("fast_path = \"{switch}\" is neither on nor off"),
            ),
        ];
        let broken = rules.into_iter().find(|(is_broken, _)| *is_broken);
        broken.map_or(Ok(()), |(_, message)| Err(message))
    }
}
