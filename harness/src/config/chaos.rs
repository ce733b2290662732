//! `chaos/NAME.toml`: one experiment each, on what a server withstands.
//!
//! An experiment puts an ordinary load on a server, does something to the server meanwhile, and
//! holds what the ordinary clients see, and what the server uses, against bounds.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::matrix::set_flag;
use super::subject::{Subject, Subjects, Wire};
use super::suite::Suite;
use super::{FormatError, check_name, read_toml, repeated};
use crate::load::MAX_CLIENTS;

/// One experiment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chaos {
    /// Its place in the table.
    pub number: u32,
    /// What it is about, in a few words.
    pub title: String,
    /// What the figures show, in a sentence.
    pub shows: String,
    /// What is done to the server.
    pub fault: Fault,
    /// How often or how many; [`Fault`] says of what.
    #[serde(default = "one")]
    pub count: usize,
    /// The rate of an overload, as a multiple of the capacity that was measured before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times_capacity: Option<f64>,
    /// How many clients find out the capacity, in a closed loop.
    #[serde(default = "fifty")]
    pub capacity_clients: usize,
    /// The servers, each by itself.
    pub subjects: Vec<String>,
    /// Flags of the servers without their dashes, in the place of those of the subjects.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub flags: Map<String, Value>,
    /// What the ordinary clients ask: a suite of `suites/`, or one of [`Chaos::suites`].
    pub ask: String,
    /// Suites of this experiment alone.
    #[serde(default, rename = "suite", skip_serializing_if = "BTreeMap::is_empty")]
    pub suites: BTreeMap<String, Suite>,
    /// How many ordinary clients there are.
    pub clients: usize,
    /// How often they ask together. Without it, at half of the capacity that was measured before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<f64>,
    /// How long the load runs before the fault, and again after it.
    pub around_s: f64,
    /// How long the fault lasts.
    pub duration_s: f64,
    /// What `--quick` puts in the place of the above.
    #[serde(default)]
    pub quick: Quick,
    /// What has to hold.
    #[serde(rename = "bound")]
    pub bounds: Vec<Bound>,
}

const fn one() -> usize {
    1
}

const fn fifty() -> usize {
    50
}

/// The short form of an experiment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quick {
    /// Fewer servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subjects: Option<Vec<String>>,
    /// Less of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// Other flags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<Map<String, Value>>,
    /// Shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around_s: Option<f64>,
    /// Shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
}

/// What is done to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Fault {
    /// Many more calls than it can answer, over `count` connections.
    Overload,
    /// The ordinary load alone, for long.
    Soak,
    /// `count` connections that have had one answer stay open.
    IdleConnections,
    /// `count` sessions are opened and stay: sessions of Streamable HTTP, event streams of SSE.
    IdleSessions,
    /// `count` sessions a second are opened and never closed.
    SessionChurn,
    /// `count` connections whose requests' heads come byte by byte and never end; each is opened
    /// again when it is closed.
    SlowHeads,
    /// `count` connections that send half of a body and then nothing; opened again likewise.
    HalfBodies,
    /// `count` connections a second that are reset: in the middle of a body, or of an answer.
    Resets,
    /// `count` clients that ask for large answers and read none; connected again when they are cut
    /// off.
    SilentReaders,
    /// The server is killed with SIGKILL under load and started again, `count` times.
    Kill,
    /// Two servers behind `HAProxy`; one after the other is ended with SIGTERM and started again,
    /// `count` times.
    RollingRestart,
}

/// A figure of an experiment. The names of those that depend on the machine's pace end with a unit
/// of time or with `_share` or `_ratio`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Figure {
    /// Right answers a second of a closed loop before the fault; of an overload also after it.
    CapacityPerS,
    /// Right answers a second during the fault.
    GoodputPerS,
    /// The same as a share of the capacity.
    GoodputShare,
    /// How much of its core the load client used during the fault. At 1 it is the bottleneck.
    ClientBusyShare,
    /// Calls that were rejected with a clear error: 503, 429, or -32000.
    Shed,
    /// Calls that failed in another way during the fault.
    ErrorsDuring,
    /// Calls that failed before it.
    ErrorsBefore,
    /// Calls that failed after it.
    ErrorsAfter,
    /// Calls that were never sent because no client was free.
    Unsent,
    /// Median before the fault.
    P50BeforeMs,
    /// 99th percentile before the fault.
    P99BeforeMs,
    /// Median during the fault.
    P50DuringMs,
    /// 99th percentile during the fault.
    P99DuringMs,
    /// Median after the fault.
    P50AfterMs,
    /// 99th percentile after the fault.
    P99AfterMs,
    /// The median after the fault, by that before.
    P50AfterRatio,
    /// Resident memory before the fault, in MB.
    RssBeforeMb,
    /// The most during the fault.
    RssPeakMb,
    /// Resident memory after the fault.
    RssAfterMb,
    /// By how much the mean of the last quarter of the fault exceeds that of the second quarter.
    RssGrowthPercent,
    /// The same of the most open files.
    OpenFilesGrowth,
    /// The same of the most threads.
    ThreadsGrowth,
    /// Connections, sessions or resets that were made.
    Made,
    /// How many of them the server has kept until the end of the fault.
    Kept,
    /// By how much resident memory grew during the fault at most, for each of them, in bytes.
    BytesEach,
    /// Calls that were on their way to servers that were killed.
    LostCalls,
    /// How long a server took until it was ready again, at most.
    BackAfterMs,
    /// `SQLite` files that are not intact after it.
    DamagedFiles,
}

impl Figure {
    /// Whether it depends on how fast the machine is, and on what else runs on it.
    pub(crate) fn depends_on_pace(self) -> bool {
        let name = self.to_string();
        let endings = ["_ms", "_per_s", "_share", "_ratio"];
        endings.iter().any(|ending| name.ends_with(ending))
    }
}

/// What a figure has to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The figure.
    pub figure: Figure,
    /// The most that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// The least that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
}

impl Bound {
    /// Whether a value is within it.
    pub(crate) fn allows(&self, value: f64) -> bool {
        self.at_most.is_none_or(|most| value <= most)
            && self.at_least.is_none_or(|least| value >= least)
    }
}

impl Chaos {
    /// Reads and checks all experiments of a folder, by name (the file name without `.toml`).
    ///
    /// # Errors
    /// [`FormatError`] with the place for what does not parse, with the key for what makes no
    /// sense.
    pub fn read_folder(folder: &Path) -> Result<BTreeMap<String, Self>, FormatError> {
        let mut all: BTreeMap<String, Self> = BTreeMap::new();
        for (name, path) in super::definitions(folder, "experiment")? {
            let read: Self = read_toml(&path)?;
            let number = read.number;
            read.check()
                .and_then(|()| match all.values().find(|one| one.number == number) {
                    Some(other) => Err(format!("number = {number} is that of {}", other.title)),
                    None => Ok(()),
                })
                .map_err(|message| FormatError::invalid(&path, message))?;
            all.insert(name, read);
        }
        Ok(all)
    }

    /// The short form.
    #[must_use]
    pub fn quick(mut self) -> Self {
        let quick = std::mem::take(&mut self.quick);
        self.subjects = quick.subjects.unwrap_or(self.subjects);
        self.count = quick.count.unwrap_or(self.count);
        self.flags = quick.flags.unwrap_or(self.flags);
        self.around_s = quick.around_s.unwrap_or(self.around_s);
        self.duration_s = quick.duration_s.unwrap_or(self.duration_s);
        self
    }

    /// How many servers run at a time.
    pub(crate) const fn instances(&self) -> usize {
        match self.fault {
            Fault::RollingRestart => 2,
            _ => 1,
        }
    }

    /// Adds its servers to `made`, by [`member`], each with this experiment's flags. `listen` gives
    /// an address for each of several instances, which keeps it when it is started again.
    ///
    /// # Errors
    /// A sentence when a subject does not exist, or cannot take part.
    pub(crate) fn servers(
        &self,
        name: &str,
        stock: &Subjects,
        mut listen: impl FnMut() -> std::io::Result<String>,
        made: &mut BTreeMap<String, Subject>,
    ) -> Result<(), String> {
        for of in &self.subjects {
            let subject = stock.subject.get(of);
            let subject = subject.ok_or_else(|| format!("{name}: there is no subject \"{of}\""))?;
            let speaks_http = subject.wire == Wire::Http;
            let needs_http = matches!(self.fault, Fault::RollingRestart | Fault::SessionChurn);
            let needs_sockets = !matches!(self.fault, Fault::Overload | Fault::Soak | Fault::Kill);
            let is_stdio = subject.wire == Wire::Stdio;
            if needs_http && !speaks_http || needs_sockets && is_stdio {
                let (fault, wire) = (self.fault, subject.wire);
                return Err(format!("{name}: {of} speaks {wire}, which has no {fault}"));
            }
            for instance in 0..self.instances() {
                let mut subject = subject.clone();
                for (flag, value) in &self.flags {
                    set_flag(&mut subject.command, flag, value);
                }
                if self.instances() > 1 {
                    let address = listen().map_err(|error| format!("{name}: no port: {error}"))?;
                    set_flag(&mut subject.command, "listen", &Value::String(address));
                }
                made.insert(member(name, of, instance), subject);
            }
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        for (name, suite) in &self.suites {
            check_name(&format!("suite.{name}"), name)?;
            (suite.check()).map_err(|message| format!("suite.{name}: {message}"))?;
        }
        for (key, count) in [
            ("clients", self.clients),
            ("count", self.count),
            ("capacity_clients", self.capacity_clients),
        ] {
            if !(1..=MAX_CLIENTS).contains(&count) {
                return Err(format!(
                    "{key} = {count} is not between 1 and {MAX_CLIENTS}"
                ));
            }
        }
        let numbers = [
            ("around_s", Some(self.around_s)),
            ("duration_s", Some(self.duration_s)),
            ("rate_per_s", self.rate_per_s),
            ("times_capacity", self.times_capacity),
        ];
        for (key, number) in numbers {
            if number.is_some_and(|number| !(number > 0.0 && number < 1e6)) {
                return Err(format!("{key} is not a number above 0 and below a million"));
            }
        }
        if self.times_capacity.is_some() != (self.fault == Fault::Overload) {
            return Err("times_capacity goes with the fault overload, and only with it".to_owned());
        }
        if let Some(twice) = repeated(self.subjects.iter()) {
            return Err(format!("the subject \"{twice}\" is there twice"));
        }
        let is_open = |one: &Bound| one.at_most.is_none() && one.at_least.is_none();
        match self.bounds.iter().find(|one| is_open(one)) {
            Some(open) => Err(format!("the bound of {} has no number", open.figure)),
            None => Ok(()),
        }
    }
}

/// The name of a server of an experiment.
pub(crate) fn member(experiment: &str, subject: &str, instance: usize) -> String {
    match instance {
        0 => format!("{experiment}.{subject}"),
        other => format!("{experiment}.{subject}.{other}"),
    }
}
