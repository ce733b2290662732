//! `suites/NAME.toml`: the calls, what a right answer is, how hard the load is, and which subjects
//! can take part.
//!
//! The right answer comes from the definition alone, never from what some server said.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::expect::{Expect, has_null};
use super::load::Load;
use super::matrix::{self, Point, Sweep};
use super::scenario::Scenario;
use super::step::{Step, check_all, in_order};
use super::subject::{Labels, Processes, Role, Sessions, Subject, Wire, is_default};
use super::template::{Context, Generator, Variable, escaped, literal};
use super::{FormatError, read_toml};
use crate::load::{Exchange, MAX_CLIENTS, Revision, Shape, UnknownRevision};

/// One workload.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// What it measures, in one line.
    pub description: String,
    /// The MCP tool that is called, in a suite without steps.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tool: String,
    /// What a client does one after the other, in place of one tool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub step: Vec<Step>,
    /// Protocol revision that clients ask for, in place of that of the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// The kind of work that it stands for, where it stands for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
    /// Length in bytes of the answer body that floors give. Without it floors take no part in the
    /// suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_bytes: Option<u32>,
    /// Different calls prepared for a run, used in turn. Fewer when there is nothing that varies.
    #[serde(default = "default_variants")]
    pub variants: usize,
    /// Start of the generator of the variables.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Measured only when it is named; always verified.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_request: bool,
    /// Measured without being named only where the machine has so many physical cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_cores: Option<usize>,
    /// The servers that it is for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub only: Labels,
    /// Its calls change what the store holds, so the store is reset after each trial.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changes_store: bool,
    /// What is counted of what a model would read, besides the figures of the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// The rules of [`Suite::expect`] are the server's own first answer, which may be wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expect_learned: bool,
    /// What makes many suites of this one, each with a name of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sweep: Vec<Sweep>,
    /// The place in a sweep, of a suite that one has made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<Point>,
    /// The situation that it was made for; written by the harness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<Scenario>,
    /// How hard; every setting that has a default is set.
    #[serde(default = "Load::defaults", deserialize_with = "Load::over_defaults")]
    pub load: Load,
    /// Values that are drawn anew for each prepared call.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Variable>,
    /// Literal sets of values, used in turn: questions whose answers are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<BTreeMap<String, Value>>,
    /// The arguments of the call, with templates.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
    /// Members of `params._meta` of each call, for instance a `progressToken`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub meta: Map<String, Value>,
    /// What the `result` of the answer must hold.
    #[serde(default, skip_serializing_if = "Expect::is_empty")]
    pub expect: Expect,
    /// Calls that other clients make at the same time, which are not timed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// What is promised of its servers: `measure` and `gate` fail when one does not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Targets>,
}

/// A kind of work that a server may mostly do.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    ValueEnum,
    strum::Display,
)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Workload {
    /// Computing: parsing, searching, arithmetic.
    Cpu,
    /// Waiting for other services.
    #[value(name = "api", alias = "io")]
    Io,
    /// Queries of a database.
    #[value(name = "db", alias = "database")]
    Database,
    /// Some of each.
    #[value(name = "mix", alias = "mixed")]
    Mixed,
}

/// What a model would read, counted in bytes and in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// The text of the answers' `content`, a mean over the prepared calls.
    Answers,
    /// The definitions of all tools that `tools/list` gives.
    Listing,
}

/// Calls that keep a server busy while others are timed. Their answers are checked too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// The MCP tool that is called.
    pub tool: String,
    /// The arguments of the call; nothing varies.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// Clients, each with one call outstanding.
    pub clients: usize,
    /// What the `result` of the answer must hold.
    pub expect: Expect,
}

/// The most that each figure may be (service levels). What is not named is not promised.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Targets {
    /// Median latency, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// Latency that one call in a hundred exceeds, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// Calls of the windows that got no answer or a wrong one, in percent of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors_percent: Option<f64>,
    /// CPU time of the server for a right answer, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_us_per_call: Option<f64>,
}

const fn default_variants() -> usize {
    256
}

const fn default_seed() -> u64 {
    1
}

/// Most calls prepared for one run: with more, the requests themselves fill the caches of the load
/// core.
const MAX_VARIANTS: usize = 65_536;

impl Suite {
    /// Reads and checks one suite.
    ///
    /// # Errors
    /// [`FormatError`] with the place for what does not parse, with the key for what makes no
    /// sense.
    pub fn read(path: &Path) -> Result<Self, FormatError> {
        let suite: Self = read_toml(path)?;
        suite
            .check()
            .map_err(|message| FormatError::invalid(path, message))?;
        Ok(suite)
    }

    /// Reads all suites of a folder, by name: that of the file without `.toml`, and in a sweep its
    /// values after that.
    ///
    /// # Errors
    /// As [`Suite::read`], and when the folder cannot be read or holds no suite.
    pub fn read_folder(folder: &Path) -> Result<BTreeMap<String, Self>, FormatError> {
        let mut all = BTreeMap::new();
        for (name, path) in super::definitions(folder, "suite")? {
            matrix::suites(&name, read_toml(&path)?, &mut all)
                .map_err(|message| FormatError::invalid(&path, message))?;
        }
        Ok(all)
    }

    /// A suite that repeats one call, given by flags. Braces are braces.
    pub(crate) fn of_call(
        tool: &str,
        arguments: &Map<String, Value>,
        expect: &Expect,
    ) -> Result<Self, String> {
        if arguments.values().any(has_null) {
            return Err(
                "the arguments hold a null, which the TOML that is kept with a run cannot say: leave that member out"
                    .to_owned(),
            );
        }
        // By way of its keys, so that all others are what they are in a file that does not name
        // them.
        let suite = json!({
            "description": format!("{}, asked with the same arguments each time.", escaped(tool)),
            "tool": tool,
            "variants": 1,
            "arguments": literal(&Value::Object(arguments.clone())),
            "expect": expect,
        });
        let suite: Self = serde_json::from_value(suite).map_err(|error| error.to_string())?;
        suite.check()?;
        Ok(suite)
    }

    /// Says what makes no sense, with the key and the value.
    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=MAX_VARIANTS).contains(&self.variants) {
            let variants = self.variants;
            return Err(format!(
                "variants = {variants} is not between 1 and {MAX_VARIANTS}"
            ));
        }
        self.check_steps()?;
        self.beside.as_ref().map_or(Ok(()), Beside::check)?;
        self.targets.as_ref().map_or(Ok(()), Targets::check)?;
        self.load.check()
    }

    /// Says what makes no sense in the steps, or in the one tool in place of them.
    fn check_steps(&self) -> Result<(), String> {
        if self.step.is_empty() {
            return self.single().check();
        }
        if self.single() != Step::default() {
            return Err(
                "a suite of steps has tool, variables, cases, arguments, meta and expect in its \
                 [[step]]s and not beside them"
                    .to_owned(),
            );
        }
        if self.answer_bytes.is_some() || self.beside.is_some() {
            return Err("answer_bytes and [beside] need one tool and no [[step]]".to_owned());
        }
        check_all(&self.step)
    }

    /// The one tool of a suite without steps.
    fn single(&self) -> Step {
        Step {
            tool: self.tool.clone(),
            variables: self.variables.clone(),
            cases: self.cases.clone(),
            arguments: self.arguments.clone(),
            meta: self.meta.clone(),
            expect: self.expect.clone(),
            ..Step::default()
        }
    }

    /// What clients do: the steps, or the one tool.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        if self.step.is_empty() {
            vec![self.single()]
        } else {
            self.step.clone()
        }
    }

    /// The tool that it calls, or the names of its steps.
    #[must_use]
    pub fn label(&self) -> String {
        let steps = self.steps();
        let names: Vec<&str> = steps.iter().map(Step::name).collect();
        names.join(", ")
    }

    /// The calls of a run with their right answers. `services` holds what the templates may name
    /// besides the suite's own variables: `{upstream_url}` and its like.
    ///
    /// # Errors
    /// A sentence with the key and the value when a template names nothing known, or a length is no
    /// number.
    pub fn exchanges(&self, services: &Context) -> Result<Vec<Exchange>, String> {
        let steps = self.steps();
        let generator = |number| Generator::new(self.seed.wrapping_add(number as u64));
        let calls = steps.iter().enumerate().map(|(number, step)| {
            step.exchanges(number, self.variants, generator(number), services)
        });
        let calls: Vec<_> = calls.collect::<Result<_, _>>()?;
        Ok(in_order(&steps, &calls, generator(steps.len())))
    }

    /// What its clients are like.
    pub(crate) fn shape(&self) -> Shape {
        let is_ordered = self.step.iter().all(|step| step.weight.is_none());
        let steps = (is_ordered && self.step.len() > 1).then_some(self.step.len());
        Shape {
            steps,
            ..self.load.shape()
        }
    }

    /// The protocol revision that clients of this subject ask for.
    pub(crate) fn revision(&self, subject: &Subject) -> Result<Revision, UnknownRevision> {
        self.revision.map_or_else(|| subject.revision(), Ok)
    }
}

impl Beside {
    fn check(&self) -> Result<(), String> {
        let clients = self.clients;
        if self.expect.is_empty() {
            return Err("[beside.expect] has no rule, so every answer would be right".to_owned());
        }
        if !(1..=MAX_CLIENTS).contains(&clients) {
            return Err(format!(
                "beside.clients = {clients} is not between 1 and {MAX_CLIENTS}"
            ));
        }
        Ok(())
    }

    /// The call with its right answer.
    pub(crate) fn exchange(&self, services: &Context) -> Result<Exchange, String> {
        let step = Step {
            tool: self.tool.clone(),
            arguments: self.arguments.clone(),
            expect: self.expect.clone(),
            ..Step::default()
        };
        (step.exchange(0, services)).map_err(|message| format!("beside.{message}"))
    }
}

impl Targets {
    /// The targets that are set, by the names of their keys.
    pub(crate) fn set(&self) -> Vec<(&'static str, f64)> {
        let all = [
            ("p50_ms", self.p50_ms),
            ("p99_ms", self.p99_ms),
            ("errors_percent", self.errors_percent),
            ("cpu_us_per_call", self.cpu_us_per_call),
        ];
        all.into_iter()
            .filter_map(|(name, most)| Some((name, most?)))
            .collect()
    }

    fn check(&self) -> Result<(), String> {
        if self.set().is_empty() {
            return Err(
                "[targets] promises nothing; set p50_ms, p99_ms, errors_percent or cpu_us_per_call"
                    .to_owned(),
            );
        }
        for (name, most) in self.set() {
            let highest = if name == "errors_percent" {
                100.0
            } else {
                f64::MAX
            };
            if !(0.0..=highest).contains(&most) {
                return Err(format!(
                    "targets.{name} = {most} is not a bound from 0 to {highest}"
                ));
            }
        }
        Ok(())
    }
}

impl Workload {
    /// Whether a suite of that kind stands for this one. All of them stand for mixed work.
    pub(crate) fn takes(self, suite: Self) -> bool {
        self == Self::Mixed || self == suite
    }
}

/// Whether only one of a suite's revision and the subject's own has a handshake.
fn is_no_match(asked: Revision, subject: &Subject) -> bool {
    let own = subject.revision();
    own.is_ok_and(|own| own.has_handshake() != asked.has_handshake())
}

/// Why a subject cannot take part in a suite, if it cannot.
#[must_use]
pub fn incompatibility(suite: &Suite, subject: &Subject) -> Option<&'static str> {
    let (load, is_stdio) = (&suite.load, subject.wire == Wire::Stdio);
    let is_shared = subject.sessions == Sessions::Shared;
    let is_per_call = subject.processes == Processes::PerCall;
    let rules = [
        (
            subject.role == Role::Floor && suite.answer_bytes.is_none(),
            "a floor has no answer of that length (answer_bytes)",
        ),
        (
            is_per_call && suite.shape() != Shape::default(),
            "a process for each call knows one tool and a closed loop without think time only",
        ),
        (
            suite
                .revision
                .is_some_and(|asked| is_no_match(asked, subject)),
            "the suite's protocol revision has another kind of handshake than the subject's (revision)",
        ),
        (
            subject.role == Role::Server && !suite.only.takes(subject),
            "the suite is for other servers (only)",
        ),
        (
            load.calls_per_session.is_some() && is_stdio,
            "over stdio a session ends with its process (calls_per_session)",
        ),
        (
            load.calls_per_session.is_some() && is_shared,
            "sessions that are shared do not end after the calls of one client (calls_per_session)",
        ),
        (
            load.connections.is_some() && subject.wire != Wire::Http,
            "connections are shared over Streamable HTTP only (connections)",
        ),
        (
            load.threads() > 1 && is_stdio,
            "threads cannot share the pipes of one process (threads)",
        ),
        (
            is_shared && subject.shared_sessions.unwrap_or(1) > load.clients(),
            "there are fewer clients than sessions to be shared (clients)",
        ),
        (
            suite.counts.is_some() && is_stdio,
            "what is counted is asked for over HTTP (counts)",
        ),
        (
            suite.beside.is_some() && is_stdio,
            "calls beside the timed ones need a wire over HTTP (beside)",
        ),
    ];
    let found = rules
        .into_iter()
        .find(|(is_incompatible, _)| *is_incompatible);
    found.map(|(_, why)| why)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::{Expect, Suite, incompatibility};
    use crate::config::subject::Subject;

    #[test]
    fn subjects_take_no_part_where_their_wire_or_sessions_cannot() {
        let (http, stdio) = ("wire = \"http\"", "wire = \"stdio\"");
        let shared = "wire = \"http\"\nsessions = \"shared\"\nshared_sessions = 10";
        let per_call = "wire = \"stdio\"\nprocesses = \"per_call\"";
        let floor = "wire = \"http\"\nrole = \"floor\"";
        for (load, subject, told) in [
            ("", http, None),
            ("", per_call, None),
            ("rate_per_s = 10", stdio, None),
            ("", floor, Some("answer_bytes")),
            ("calls_per_session = 1", http, None),
            ("calls_per_session = 1", stdio, Some("calls_per_session")),
            ("calls_per_session = 1", shared, Some("calls_per_session")),
            ("connections = 2", http, None),
            ("connections = 2", "wire = \"sse\"", Some("connections")),
            ("threads = 2", stdio, Some("threads")),
            ("clients = 5", shared, Some("clients")),
            ("think_time_ms = 1", per_call, Some("closed loop")),
            ("[only]\ntransport = [\"s\", \"t\"]", http, None),
            ("[only]\ntransport = [\"s\"]", http, Some("only")),
            ("[only]\nruntime = [\"tokio\"]", http, Some("only")),
            ("server_cores = 2", stdio, Some("threads")),
        ] {
            let suite = format!("description = \"d\"\ntool = \"t\"\n[load]\n{load}\n[expect]\n");
            let suite: Suite = toml::from_str(&suite).unwrap();
            let one = format!("transport = \"t\"\ncommand = [\"c\"]\n{subject}");
            let one: Subject = toml::from_str(&one).unwrap();
            let found = incompatibility(&suite, &one);
            assert_eq!(
                found.is_some(),
                told.is_some(),
                "{load}, {subject}: {found:?}"
            );
            assert!(
                found.unwrap_or_default().contains(told.unwrap_or_default()),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_call_by_flags_has_no_nulls() {
        let arguments = Map::from_iter([("text".to_owned(), json!([null]))]);
        let any = Expect::from_flags(&["any".to_owned()]).unwrap();
        let error = Suite::of_call("say", &arguments, &any).unwrap_err();
        assert!(error.contains("null"), "{error}");
    }
}
