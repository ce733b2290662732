//! `[[sweep]]`: one file that makes many suites, one for each value of a key; with several keys, for each combination.
//!
//! Only the file knows sweeps. Everything behind it sees the suites that it makes, each with its place in the sweep, so
//! a run's folder holds each suite written out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::load::LoadChange;
use super::subject::check_name;
use super::suite::Suite;
use super::template::{Context, fill_known};

/// A key and the values that it takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// A key of `[load]`, or the name of a template.
    pub key: String,
    /// Its values, in the order of tables.
    pub values: Vec<Value>,
}

/// The place of a suite in the sweep that made it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Name of the sweep, which is that of its file.
    pub sweep: String,
    /// Its number in the sweep, from 1.
    pub number: u32,
    /// The keys, in the order of the file.
    pub keys: Vec<String>,
    /// The value of each.
    pub values: Vec<Value>,
}

/// The keys of `[load]` that may be swept.
const LOAD_KEYS: [&str; 16] = [
    "clients",
    "connections",
    "rate_per_s",
    "arrivals",
    "think_time_ms",
    "round_trip_ms",
    "calls_per_session",
    "threads",
    "warmup_s",
    "duration_s",
    "trials",
    "processes",
    "slices",
    "slice_s",
    "lead_in_s",
    "call_timeout_s",
];

/// Most suites of one file.
const MAX_STEPS: usize = 100;

impl Step {
    /// What templates may name because of it.
    #[must_use]
    pub fn context(&self) -> Context {
        let pairs = self.keys.iter().cloned().zip(self.values.iter().cloned());
        pairs.collect()
    }

    /// The keys that are names of templates.
    pub fn templates(&self) -> impl Iterator<Item = &String> {
        let is_template = |key: &&String| !LOAD_KEYS.contains(&key.as_str());
        self.keys.iter().filter(is_template)
    }
}

/// The suites that a file makes, by name: those of its sweep, or the one that it is.
///
/// # Errors
/// A sentence with what makes no sense.
pub(super) fn expand(name: &str, suite: Suite) -> Result<BTreeMap<String, Suite>, String> {
    if suite.sweep.is_empty() {
        suite.check()?;
        return Ok(BTreeMap::from([(name.to_owned(), suite)]));
    }
    let keys: Vec<String> = suite.sweep.iter().map(|one| one.key.clone()).collect();
    check_sweeps(&suite, &keys)?;
    let mut made = BTreeMap::new();
    for (values, number) in combinations(&suite.sweep).into_iter().zip(1..) {
        let step = Step {
            sweep: name.to_owned(),
            number,
            keys: keys.clone(),
            values,
        };
        let texts: Vec<String> = step.values.iter().map(text_of).collect();
        let member = format!("{name}-{}", texts.join("-"));
        check_name(&member, &member)?;
        let filled = filled(&suite, step).map_err(|message| format!("{member}: {message}"))?;
        if made.insert(member.clone(), filled).is_some() {
            return Err(format!("sweep makes \"{member}\" twice: each value once"));
        }
    }
    Ok(made)
}

fn check_sweeps(suite: &Suite, keys: &[String]) -> Result<(), String> {
    for (index, sweep) in suite.sweep.iter().enumerate() {
        let key = &sweep.key;
        if keys[..index].contains(key) {
            return Err(format!("sweep over \"{key}\" stands there twice"));
        }
        if suite.variables.contains_key(key) || suite.cases.iter().any(|one| one.contains_key(key))
        {
            return Err(format!(
                "\"{key}\" is both the key of a sweep and a variable or a key of the cases"
            ));
        }
        let is_plain = |value: &Value| value.is_number() || value.is_string();
        if sweep.values.is_empty() || !sweep.values.iter().all(is_plain) {
            return Err(format!(
                "sweep over \"{key}\" needs values = [...], numbers or strings, at least one"
            ));
        }
    }
    let count: usize = suite.sweep.iter().map(|one| one.values.len()).product();
    if count > MAX_STEPS {
        return Err(format!(
            "sweep makes {count} suites; {MAX_STEPS} is the most"
        ));
    }
    Ok(())
}

/// Every value of a key with every one of the others; the last key changes fastest.
fn combinations(sweeps: &[Sweep]) -> Vec<Vec<Value>> {
    let mut all = vec![Vec::new()];
    for sweep in sweeps {
        let longer = |begin: &Vec<Value>| {
            let begin = begin.clone();
            let with = move |value: &Value| [begin.clone(), vec![value.clone()]].concat();
            sweep.values.iter().map(with).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// One suite of the sweep. What its templates name is filled in when the calls are prepared, as variables are, but for
/// what has to be known before.
fn filled(suite: &Suite, step: Step) -> Result<Suite, String> {
    let context = step.context();
    let mut made = Suite {
        sweep: Vec::new(),
        description: fill_known(&suite.description, &context).map_err(|error| error.to_string())?,
        ..suite.clone()
    };
    for (key, value) in &context {
        if LOAD_KEYS.contains(&key.as_str()) {
            change(key, value)?.apply(&mut made.load);
        }
    }
    for (name, variable) in &mut made.variables {
        variable
            .fill(&context)
            .map_err(|message| format!("variables.{name}: {message}"))?;
    }
    for name in step.templates() {
        let is_length = suite
            .variables
            .values()
            .any(|variable| variable.mentions(name));
        if !is_length && !suite.mentions(name) {
            return Err(format!(
                "nothing mentions {{{name}}}, and [load] has no such key; mind the spelling"
            ));
        }
    }
    made.step = Some(step);
    made.check()?;
    Ok(made)
}

fn change(key: &str, value: &Value) -> Result<LoadChange, String> {
    let table = Map::from_iter([(key.to_owned(), value.clone())]);
    serde_json::from_value(Value::Object(table))
        .map_err(|error| format!("sweep over \"{key}\", {value}: {error}"))
}

/// A value as part of a name.
#[must_use]
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The names of suites that these names mean: their own, or those of all suites of a sweep.
#[must_use]
pub fn members(suites: &BTreeMap<String, Suite>, names: &[String]) -> Vec<String> {
    let of_sweep = |sweep: &str| -> Vec<String> {
        let is_of = |suite: &Suite| suite.step.as_ref().is_some_and(|step| step.sweep == sweep);
        let found = suites.iter().filter(|(_, suite)| is_of(suite));
        found.map(|(name, _)| name.clone()).collect()
    };
    let meant = |name: &String| match of_sweep(name) {
        found if found.is_empty() => vec![name.clone()],
        found => found,
    };
    names.iter().flat_map(meant).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{LOAD_KEYS, change, expand, members};
    use crate::config::suite::Suite;
    use crate::config::template::Context;

    const BASE: &str = "description = \"{size} bytes, {clients} clients\"\ntool = \"echo\"\nvariants = 2\n\
         arguments = { message = \"{message}\" }\nvariables = { message = { string = \"{size}\" } }\n\
         expect = { length = { \"/structuredContent/message\" = \"{size}\" } }\n";

    fn suites(sweeps: &str) -> Result<BTreeMap<String, Suite>, String> {
        let suite: Suite = toml::from_str(&format!("{BASE}{sweeps}")).unwrap();
        expand("both", suite)
    }

    #[test]
    fn every_value_meets_every_one_of_the_other_key() {
        let made = suites(
            "[[sweep]]\nkey = \"size\"\nvalues = [100, 20]\n[[sweep]]\nkey = \"clients\"\nvalues = [1, 5]\n",
        )
        .unwrap();
        let names: Vec<&String> = made.keys().collect();
        assert_eq!(
            names,
            ["both-100-1", "both-100-5", "both-20-1", "both-20-5"]
        );
        let one = &made["both-20-5"];
        assert_eq!(one.load.clients, 5);
        assert_eq!(one.description, "20 bytes, 5 clients");
        assert_eq!(one.step.as_ref().unwrap().number, 4);
        let call = &one.exchanges(&Context::new()).unwrap()[0];
        assert_eq!(call.arguments["message"].as_str().unwrap().len(), 20);
        assert!(format!("{:?}", call.expect).contains("min: 20, max: 20"));
        let chosen = ["both".to_owned(), "echo".to_owned()];
        assert_eq!(members(&made, &chosen).len(), 5);
        let written = crate::results::folder::definition_text(one).unwrap();
        assert_eq!(toml::from_str::<Suite>(&written).unwrap().step, one.step);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_key() {
        for (sweeps, told) in [
            ("", "{size}"),
            ("[[sweep]]\nkey = \"size\"\nvalues = []\n", "at least one"),
            (
                "[[sweep]]\nkey = \"size\"\nvalues = [5, 5]\n",
                "\"both-5\" twice",
            ),
            ("[[sweep]]\nkey = \"size\"\nvalues = [\"a\"]\n", "\"a\""),
            (
                "[[sweep]]\nkey = \"message\"\nvalues = [1]\n",
                "both the key of a sweep",
            ),
            (
                "[[sweep]]\nkey = \"size\"\nvalues = [5]\n[[sweep]]\nkey = \"other\"\nvalues = [1]\n",
                "nothing mentions {other}",
            ),
            (
                "[[sweep]]\nkey = \"size\"\nvalues = [5]\n[[sweep]]\nkey = \"clients\"\nvalues = [0]\n",
                "clients = 0",
            ),
            (
                "[[sweep]]\nkey = \"size\"\nvalues = [5]\n[[sweep]]\nkey = \"clients\"\nvalues = [\"x\"]\n",
                "\"clients\", \"x\"",
            ),
        ] {
            let error = suites(sweeps).unwrap_err();
            assert!(error.contains(told), "{sweeps}: {error}");
        }
    }

    #[test]
    fn all_keys_of_a_load_can_be_swept() {
        for key in LOAD_KEYS {
            let value = if key == "arrivals" {
                json!("poisson")
            } else {
                json!(1)
            };
            assert!(!change(key, &value).unwrap().is_empty(), "{key}");
        }
        // The complaint about an unknown key names all that there are.
        let known = change("none", &json!(1)).unwrap_err();
        assert_eq!(
            known.matches('`').count(),
            2 * (1 + LOAD_KEYS.len()),
            "{known}"
        );
    }
}
