//! `subjects.toml`: how each server is built and started, and where its wire is.
//!
//! A subject is data: adding one, in any language, is a table in that file and no code. What differs
//! by the values of a few axes only is one table too, a family.

mod check;
mod ready;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(super) use check::check_name;
pub use ready::ReadyBy;

use super::family::File;
use super::template;
use super::{FormatError, read_toml};
use crate::load::{Revision, UnknownRevision};

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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// An MCP server: verified, measured and ranked.
    #[default]
    Server,
    /// Fixed bytes over plain HTTP without any protocol: what the layers below cost. Shown apart,
    /// never ranked.
    Floor,
}

/// The protocol binding that the load client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wire {
    /// Streamable HTTP; a JSON answer and an event stream are both accepted.
    Http,
    /// Legacy HTTP+SSE of revision 2024-11-05.
    Sse,
    /// Lines on the standard streams of the child.
    Stdio,
}

impl Wire {
    /// The name used in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Sse => "sse",
            Self::Stdio => "stdio",
        }
    }
}

/// Whether the client keeps a session (`Mcp-Session-Id`) on Streamable HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sessions {
    /// No session: every request stands alone.
    #[default]
    Stateless,
    /// One session for each client.
    Stateful,
    /// A few sessions, used by all clients in turn.
    Shared,
}

impl Sessions {
    /// The name used in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stateless => "stateless",
            Self::Stateful => "stateful",
            Self::Shared => "shared",
        }
    }
}

impl Role {
    /// The name used in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Floor => "floor",
        }
    }
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
    /// One for each call: started, greeted, asked once, ended.
    PerCall,
}

impl Processes {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands it over like this"
    )]
    fn is_shared(&self) -> bool {
        *self == Self::Shared
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
    /// Measured only when it is named: by `--subject`, or by a file of marks.
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
    #[serde(default, skip_serializing_if = "Processes::is_shared")]
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
    /// `{database_url}`, `{NAME_url}` of each service, and on floors `{answer_bytes}`. Empty for a server
    /// that runs already, which [`Subject::url`] says the place of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Where the server listens: of one that runs already, or whose command prints no ready line. With
    /// the templates of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The process of a server that runs already, so that its processor time and memory can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How the harness finds out that the command can be asked.
    #[serde(default, skip_serializing_if = "ReadyBy::is_line")]
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
#[must_use]
pub fn duration(seconds: f64) -> Option<Duration> {
    (seconds <= 86_400.0)
        .then(|| Duration::try_from_secs_f64(seconds).ok())
        .flatten()
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
}

impl Subject {
    /// Whether the command line or the environment needs this template value.
    #[must_use]
    pub fn mentions(&self, name: &str) -> bool {
        self.command
            .iter()
            .chain(self.environment.values())
            .chain(&self.url)
            .any(|text| template::mentions(text, name))
    }

    /// The protocol revision that the client asks for.
    ///
    /// # Errors
    /// [`UnknownRevision`] when the load client does not speak the one that the definition names.
    pub fn revision(&self) -> Result<Revision, UnknownRevision> {
        match (&self.revision, self.wire) {
            (Some(revision), _) => revision.parse(),
            (None, Wire::Sse) => Ok(Revision::November2024),
            (None, _) => Ok(Revision::default()),
        }
    }
}
