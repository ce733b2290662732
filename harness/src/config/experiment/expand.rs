//! From experiments to subjects and suites, and who is asked what.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Comparison, Experiment, Variant};
use crate::config::load::{Load, LoadChange};
use crate::config::subject::{Subject, Subjects, check_name};
use crate::config::suite::Suite;

/// How hard an experiment asks where it does not say itself: clients enough to queue, times long
/// enough for a median.
fn default_load() -> Load {
    Load {
        clients: 8,
        warmup_s: 0.3,
        duration_s: 1.5,
        trials: 3,
        ..Load::default()
    }
}

/// What experiments come to.
#[derive(Debug, Clone, Default)]
pub struct Made {
    /// A subject for each variant, beside the builds and services of the file.
    pub subjects: Subjects,
    /// A suite for each variant, of the same name as its subject.
    pub suites: BTreeMap<String, Suite>,
    /// The names of each comparison's subjects: they are measured next to each other.
    pub groups: Vec<Vec<String>>,
}

/// What experiments are made from.
struct Stock<'a> {
    subjects: &'a Subjects,
    suites: &'a BTreeMap<String, Suite>,
    /// Of the command line: it counts most.
    change: &'a LoadChange,
}

/// Makes the subjects and suites of these experiments. `change` is put in the place of what the
/// experiments say of their load.
///
/// # Errors
/// A sentence with the experiment when it names a subject or suite that does not exist, or what
/// comes of it makes no sense.
pub fn expand(
    levers: &BTreeMap<String, Experiment>,
    subjects: &Subjects,
    suites: &BTreeMap<String, Suite>,
    change: &LoadChange,
) -> Result<Made, String> {
    let stock = Stock {
        subjects,
        suites,
        change,
    };
    let mut made = Made {
        subjects: Subjects {
            subject: BTreeMap::new(),
            ..subjects.clone()
        },
        ..Made::default()
    };
    let mut in_order: Vec<(&String, &Experiment)> = levers.iter().collect();
    in_order.sort_by_key(|(_, lever)| lever.number);
    for (name, lever) in in_order {
        for comparison in &lever.compare {
            let mut group = Vec::new();
            for variant in &comparison.variants {
                let member = comparison.subject(name, &variant.name);
                stock
                    .variant(lever, comparison, variant, &member, &mut made)
                    .map_err(|message| format!("levers/{name}.toml, {member}: {message}"))?;
                group.push(member);
            }
            made.groups.push(group);
        }
    }
    made.subjects.check()?;
    Ok(made)
}

impl Stock<'_> {
    fn variant(
        &self,
        lever: &Experiment,
        comparison: &Comparison,
        variant: &Variant,
        member: &str,
        made: &mut Made,
    ) -> Result<(), String> {
        check_name(member, member)?;
        let server = variant.server.as_ref().unwrap_or(&comparison.server);
        let subject = (self.subjects.subject.get(server))
            .ok_or_else(|| format!("there is no subject \"{server}\""))?;
        let name = variant.suite.as_ref().unwrap_or(&comparison.suite);
        let suite = (lever.suite.get(name).or_else(|| self.suites.get(name)))
            .ok_or_else(|| format!("there is no suite \"{name}\", neither here nor in suites/"))?;
        let mut command = subject.command.clone();
        for (flag, value) in comparison.flags.iter().chain(&variant.flags) {
            set_flag(&mut command, flag, value);
        }
        let subject = Subject {
            description: Some(format!(
                "{}: {}, {}",
                lever.title, comparison.what, variant.name
            )),
            on_request: true,
            processes: variant.processes,
            command,
            ..subject.clone()
        };
        let mut suite = Suite {
            load: default_load(),
            answer_bytes: None,
            ..suite.clone()
        };
        for change in [&lever.load, &comparison.load, &variant.load, self.change] {
            change.apply(&mut suite.load);
        }
        suite.arguments.extend(variant.arguments.clone());
        suite.meta.extend(variant.meta.clone());
        suite.check()?;
        made.subjects.subject.insert(member.to_owned(), subject);
        made.suites.insert(member.to_owned(), suite);
        Ok(())
    }
}

/// Gives a command line the flag, in the place of one of the same name.
fn set_flag(command: &mut Vec<String>, flag: &str, value: &Value) {
    let name = format!("--{flag}");
    let text = match value {
        Value::Bool(_) => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let place = command.iter().position(|part| *part == name);
    match (place, text) {
        (Some(at), Some(text)) if at + 1 < command.len() => command[at + 1] = text,
        (Some(_), None) => {}
        (_, text) => {
            command.push(name);
            command.extend(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::set_flag;

    #[test]
    fn a_flag_is_replaced_or_added() {
        let mut command: Vec<String> = ["server", "--pool", "4", "--listen", "x"]
            .map(String::from)
            .to_vec();
        set_flag(&mut command, "pool", &json!("off"));
        set_flag(&mut command, "cache-ttl", &json!(60));
        set_flag(&mut command, "cache-warm", &json!(true));
        set_flag(&mut command, "cache-warm", &json!(true));
        let wanted = "server --pool off --listen x --cache-ttl 60 --cache-warm";
        assert_eq!(command.join(" "), wanted);
    }
}
