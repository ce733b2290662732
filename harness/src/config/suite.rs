//! `suites/NAME.toml`: what is asked, what a right answer is, and how hard.
//!
//! The right answer is worked out here from the definition alone, never from what some server said.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::expect::Expect;
use super::sweep::{Step, Sweep, expand};
use super::targets::Targets;
use super::template::{Context, fill_value, value_mentions};
use super::variables::{Generator, Variable};
use super::workload::Workload;
use super::{FormatError, read_toml};
use crate::load::{Exchange, Expectation, MAX_CLIENTS};

pub use super::load::Load;

/// One workload.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// What it measures, in one line.
    pub description: String,
    /// The MCP tool that is called.
    pub tool: String,
    /// The kind of work that it stands for, where it stands for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
    /// Length in bytes of the answer body that floors give. Without it floors take no part in the
    /// suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_bytes: Option<u32>,
    /// Different calls prepared for a run; the load goes round through them. Fewer when there is
    /// nothing that varies.
    #[serde(default = "default_variants")]
    pub variants: usize,
    /// Start of the generator of the variables.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Measured only when it is named; always verified.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_request: bool,
    /// Its calls change what the store holds, so the store is reset after each trial.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changes_store: bool,
    /// What is counted of what a model would read, besides the figures of the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// The rules of [`Suite::expect`] are the server's own first answer, and nobody's knowledge of what is right.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expect_learned: bool,
    /// What makes many suites of this one, each with a name of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sweep: Vec<Sweep>,
    /// The place in a sweep, of a suite that one has made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// How hard.
    #[serde(default)]
    pub load: Load,
    /// Values that are drawn anew for each prepared call.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Variable>,
    /// Literal sets of values, used in turn: questions whose answers are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<BTreeMap<String, Value>>,
    /// The arguments of the call, with templates.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// Members of `params._meta` of each call, for instance a `progressToken`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub meta: Map<String, Value>,
    /// What the `result` of the answer must hold.
    pub expect: Expect,
    /// What the server is asked at the same time, by other clients that are not timed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// What is promised of its servers: `measure` and `gate` fail when one does not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Targets>,
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

const fn default_variants() -> usize {
    256
}

const fn default_seed() -> u64 {
    1
}

/// Most calls prepared for one run: beyond this the requests themselves crowd the caches of the
/// load core.
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

    pub(in crate::config) fn check(&self) -> Result<(), String> {
        if self.variants == 0 || self.variants > MAX_VARIANTS {
            return Err(format!(
                "variants = {} is not between 1 and {MAX_VARIANTS}",
                self.variants
            ));
        }
        for (name, variable) in &self.variables {
            variable
                .check()
                .map_err(|message| format!("variables.{name}: {message}"))?;
        }
        self.check_cases()?;
        if self.expect.is_empty() {
            return Err(
                "[expect] has no rule, so every answer would be right; say what a right one is"
                    .to_owned(),
            );
        }
        let names = self.variables.keys();
        let names = names.chain(self.cases.first().into_iter().flat_map(BTreeMap::keys));
        for name in names {
            if !self.mentions(name) {
                return Err(format!(
                    "nothing mentions {{{name}}}: neither the arguments nor a rule of [expect] does; mind the spelling"
                ));
            }
        }
        if let Some(beside) = &self.beside {
            beside.check()?;
        }
        if let Some(targets) = &self.targets {
            targets.check()?;
        }
        self.load.check()
    }

    /// Whether the arguments or a rule name this value in a template.
    pub(super) fn mentions(&self, name: &str) -> bool {
        (self.arguments.values()).any(|value| value_mentions(value, name))
            || self.expect.mentions(name)
    }

    /// The cases must have the same keys, and none of them may be a variable.
    fn check_cases(&self) -> Result<(), String> {
        let Some(first) = self.cases.first() else {
            return Ok(());
        };
        let keys =
            |case: &BTreeMap<String, Value>| case.keys().cloned().collect::<Vec<_>>().join(", ");
        for (index, case) in self.cases.iter().enumerate() {
            if keys(case) != keys(first) {
                return Err(format!(
                    "cases[{index}] has the keys {}, the first case has {}; all cases need the same",
                    keys(case),
                    keys(first)
                ));
            }
        }
        match first.keys().find(|key| self.variables.contains_key(*key)) {
            Some(twice) => Err(format!(
                "\"{twice}\" is both a variable and a key of the cases"
            )),
            None => Ok(()),
        }
    }

    /// Reads all suites of a folder, by name: that of the file without `.toml`, and in a sweep its values after that.
    ///
    /// # Errors
    /// As [`Suite::read`], and when the folder cannot be read or holds no suite.
    pub fn read_folder(folder: &Path) -> Result<BTreeMap<String, Self>, FormatError> {
        let mut all = BTreeMap::new();
        for (name, path) in super::definitions(folder, "suite")? {
            let invalid = |message| FormatError::invalid(&path, message);
            for (member, suite) in expand(&name, read_toml(&path)?).map_err(invalid)? {
                if all.contains_key(&member) {
                    let text = format!("makes the suite \"{member}\", which is there already");
                    return Err(FormatError::invalid(&path, text));
                }
                all.insert(member, suite);
            }
        }
        Ok(all)
    }

    /// The calls of a run with their right answers. `services` holds what the templates may name
    /// besides the suite's own variables: `{upstream_url}` and its like.
    ///
    /// # Errors
    /// A sentence with the key and the value when a template names nothing known, or a length is no
    /// number.
    pub fn exchanges(&self, services: &Context) -> Result<Vec<Exchange>, String> {
        let mut generator = Generator::new(self.seed);
        let count = match (self.variables.is_empty(), self.cases.len()) {
            (true, 0) => 1,
            (true, cases) => self.variants.min(cases),
            (false, _) => self.variants,
        };
        (0..count)
            .map(|index| {
                let mut context = services.clone();
                context.extend(self.step.iter().flat_map(Step::context));
                for (name, variable) in &self.variables {
                    context.insert(name.clone(), generator.draw(variable));
                }
                if !self.cases.is_empty() {
                    context.extend(self.cases[index % self.cases.len()].clone());
                }
                let arguments = fill_value(&Value::Object(self.arguments.clone()), &context)
                    .map_err(|error| format!("arguments: {error}"))?;
                Ok(Exchange {
                    tool: self.tool.clone(),
                    arguments,
                    meta: self.meta.clone(),
                    expect: Expectation::Result(self.expect.checks(&context)?),
                })
            })
            .collect()
    }
}

impl Beside {
    fn check(&self) -> Result<(), String> {
        if self.expect.is_empty() {
            return Err("[beside.expect] has no rule, so every answer would be right".to_owned());
        }
        let clients = self.clients;
        if (1..=MAX_CLIENTS).contains(&clients) {
            return Ok(());
        }
        Err(format!(
            "beside.clients = {clients} is not between 1 and {MAX_CLIENTS}"
        ))
    }

    /// The call with its right answer.
    ///
    /// # Errors
    /// A sentence with the key when a rule makes no sense.
    pub fn exchange(&self, services: &Context) -> Result<Exchange, String> {
        let arguments = fill_value(&Value::Object(self.arguments.clone()), services)
            .map_err(|error| format!("beside.arguments: {error}"))?;
        let checks = self.expect.checks(services);
        Ok(Exchange {
            tool: self.tool.clone(),
            arguments,
            meta: Map::new(),
            expect: Expectation::Result(checks.map_err(|text| format!("beside.{text}"))?),
        })
    }
}
