//! `scenarios.toml`: situations that a server is chosen for, each with the load that stands for it.
//!
//! A scenario asks suites that exist already, at a load of its own. Each makes a suite
//! `SCENARIO.SUITE`, which keeps its scenario, so a recorded run is enough to answer it.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::load::Load;
use super::subject::{Labels, is_default};
use super::suite::Suite;
use super::{FormatError, check_name, read_toml};
use crate::analysis::metric::Metric;

/// Where clients and server run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Deployment {
    /// The client starts the server on its own machine.
    Local,
    /// The server is on another machine: stdio cannot reach it.
    Remote,
}

impl Deployment {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Local => "the client on the same machine",
            Self::Remote => "the clients on other machines",
        }
    }
}

/// A situation that a server is chosen for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name; written by the harness.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Place in tables, from 1.
    pub number: u32,
    /// The situation, in a few words.
    pub title: String,
    /// The load that stands for it, in one line.
    pub description: String,
    /// Where the clients are.
    pub deployment: Deployment,
    /// The most resident memory that a server may take, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rss_bytes: Option<u64>,
    /// What decides.
    #[serde(default = "default_by")]
    pub by: Metric,
    /// The suites that are asked: the mix of tools, each counting the same.
    pub suites: Vec<String>,
    /// The servers that are asked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub only: Labels,
    /// What is put in the place of the load of the suites.
    pub load: Load,
}

const fn default_by() -> Metric {
    Metric::CpuUsPerCall
}

impl Scenario {
    /// Reads all scenarios of a file, by name.
    ///
    /// # Errors
    /// [`FormatError`] with the place for what does not parse, with the name for what makes no
    /// sense.
    pub fn read_file(path: &Path) -> Result<BTreeMap<String, Self>, FormatError> {
        let mut all: BTreeMap<String, Self> = read_toml(path)?;
        for (name, scenario) in &mut all {
            scenario.name.clone_from(name);
            scenario
                .check()
                .map_err(|message| FormatError::invalid(path, format!("[{name}] {message}")))?;
        }
        Ok(all)
    }

    /// Says what makes no sense, with the key and the value.
    fn check(&self) -> Result<(), String> {
        check_name(&self.name, &self.name)?;
        if self.name.contains('.') || self.name == ALL {
            return Err(format!(
                "is not a usable name: a dot comes before the suite, and \"{ALL}\" means all \
                 of them"
            ));
        }
        if self.suites.is_empty() {
            return Err("suites = [] asks nothing".to_owned());
        }
        if self.load.clients.is_none() {
            return Err("load has no clients; how many there are is what tells it".to_owned());
        }
        if self.max_rss_bytes == Some(0) {
            return Err("max_rss_bytes = 0 fits no server".to_owned());
        }
        Ok(())
    }

    /// The command that records what answers it.
    pub(crate) fn command(&self) -> String {
        format!("`mcp-harness measure --scenario {}`", self.name)
    }

    /// The suites that measure it, by name. Floors take no part: they are no choice.
    ///
    /// # Errors
    /// A sentence for a suite that is not there, or a load that does not fit one.
    pub fn suites(&self, all: &BTreeMap<String, Suite>) -> Result<BTreeMap<String, Suite>, String> {
        let made = self.suites.iter().map(|suite| {
            let name = format!("{}.{suite}", self.name);
            let mut made = all
                .get(suite)
                .cloned()
                .ok_or_else(|| format!("scenario {}: there is no suite \"{suite}\"", self.name))?;
            made.load.apply(&self.load);
            made.scenario = Some(self.clone());
            made.only = self.only.clone();
            made.answer_bytes = None;
            made.targets = None;
            made.check()
                .map_err(|message| format!("scenario {}, suite {suite}: {message}", self.name))?;
            Ok((name, made))
        });
        made.collect()
    }
}

/// In the place of a name: every scenario.
pub const ALL: &str = "all";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Scenario;
    use crate::config::suite::Suite;

    const TEAM: &str = "[team]\nnumber = 2\ntitle = \"A team\"\ndescription = \"d\"\n\
        deployment = \"remote\"\nsuites = [\"echo\"]\nonly.runtime = [\"tokio\"]\nload.clients = 8\n";

    fn read(text: &str) -> Result<BTreeMap<String, Scenario>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("scenarios.toml");
        std::fs::write(&file, text).unwrap();
        Scenario::read_file(&file).map_err(|error| error.to_string())
    }

    fn echo() -> BTreeMap<String, Suite> {
        let text = "description = \"d\"\ntool = \"echo\"\nanswer_bytes = 9\n\
            [load]\nclients = 50\nthink_time_ms = 3\n[expect.type]\n\"/x\" = \"string\"\n";
        BTreeMap::from([("echo".to_owned(), toml::from_str(text).unwrap())])
    }

    #[test]
    fn a_scenario_asks_its_suites_at_its_own_load_and_is_kept_with_them() {
        let team = &read(TEAM).unwrap()["team"];
        let made = team.suites(&echo()).unwrap();
        assert_eq!(made.keys().collect::<Vec<_>>(), ["team.echo"]);
        let made = &made["team.echo"];
        assert_eq!((made.load.clients(), made.load.think_time_ms()), (8, 3.0));
        assert_eq!((made.answer_bytes, &made.only), (None, &team.only));
        let kept: Suite = toml::from_str(&toml::to_string_pretty(made).unwrap()).unwrap();
        assert_eq!(kept.scenario.as_ref(), Some(team));
    }

    #[test]
    fn scenarios_that_make_no_sense_are_rejected() {
        for (from, to, told) in [
            ("[team]", "[\"a.b\"]", "not a usable name"),
            ("[team]", "[all]", "means all of them"),
            ("[\"echo\"]", "[]", "asks nothing"),
            ("load.clients = 8", "load.trials = 3", "has no clients"),
            ("\"remote\"", "\"moon\"", "unknown variant `moon`"),
            (
                "number = 2",
                "number = 2\nmax_rss_bytes = 0",
                "fits no server",
            ),
        ] {
            let error = read(&TEAM.replace(from, to)).unwrap_err();
            assert!(error.contains(told), "{to}: {error}");
        }
        let unknown = read(&TEAM.replace("echo", "ecco")).unwrap();
        let error = unknown["team"].suites(&echo()).unwrap_err();
        assert!(error.contains("there is no suite \"ecco\""), "{error}");
    }
}
