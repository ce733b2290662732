//! Whether two runs can be compared: the same machine, harness, limits and questions.
//!
//! Files are compared as they are, key by key, so that a key which comes later counts too.

use std::collections::BTreeSet;

use anyhow::bail;
use serde::Serialize;
use serde_json::Value;

use super::dataset::Dataset;

/// Keys of the machine that differ from run to run on the same one.
const OF_THE_MOMENT: [&str; 1] = ["load_average_milli"];

/// Keys of a suite that do not change what a figure means: how often it was taken, and what is
/// said about it.
const NO_QUESTION: [&str; 7] = [
    "description",
    "on_request",
    "load.processes",
    "load.slices",
    "load.trials",
    "targets",
    "workload",
];

/// Keys of a subject that say how the client asks it.
const ASKED: [&str; 7] = [
    "wire",
    "role",
    "sessions",
    "shared_sessions",
    "processes",
    "extra_params",
    "revision",
];

/// Refuses runs that cannot be compared, with all that differs.
pub(super) fn refuse(a: &Dataset, b: &Dataset, both: &[(String, String)]) -> anyhow::Result<()> {
    let suites: BTreeSet<&String> = both.iter().map(|(suite, _)| suite).collect();
    let subjects: BTreeSet<&String> = both.iter().map(|(_, subject)| subject).collect();
    let is_of_the_run = |key: &str| !OF_THE_MOMENT.iter().any(|moment| key.ends_with(moment));
    let mut differ = differences("", [a, b].map(of_run), is_of_the_run);
    for suite in suites {
        let sides = [a, b].map(|run| json(run.suites.get(suite)));
        let is_question = |key: &str| {
            let is_below = |of: &&str| key == *of || key.starts_with(&format!("{of}."));
            !NO_QUESTION.iter().any(is_below)
        };
        differ.extend(differences(&format!("suite {suite}: "), sides, is_question));
    }
    for subject in subjects {
        let sides = [a, b].map(|run| json(run.subjects.subject.get(subject)));
        let is_asked = |key: &str| ASKED.contains(&key.split('.').next().unwrap_or(key));
        differ.extend(differences(
            &format!("subject {subject}: "),
            sides,
            is_asked,
        ));
    }
    if differ.is_empty() {
        return Ok(());
    }
    bail!(
        "A ({}) and B ({}) cannot be compared, measure one of them again as the other was:\n  {}",
        a.run,
        b.run,
        differ.join("\n  ")
    )
}

/// What has to be the same in runs as wholes: machine, cores, limits, harness.
fn of_run(run: &Dataset) -> Value {
    let environment = &run.environment;
    // Two builds of one version may measure differently; a version without a hash is better than
    // nothing.
    let program = environment.programs.get("mcp-harness");
    let harness = program.map_or(&environment.harness_version, |program| &program.sha256);
    serde_json::json!({
        "machine": environment.machine,
        "harness": harness,
        "server_cores": environment.server_cores,
        "load_cores": environment.load_cores,
        "server_limits": environment.server_limits,
        "profile": environment.profile,
    })
}

fn json<T: Serialize>(value: T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// A sentence with both values for each key that counts and differs.
fn differences(of: &str, [a, b]: [Value; 2], counts: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    descend("", &a, &b, &mut found);
    found.retain(|(key, _)| counts(key));
    let said = |(_, text): (String, String)| format!("{of}{text}");
    found.into_iter().map(said).collect()
}

fn descend(at: &str, a: &Value, b: &Value, found: &mut Vec<(String, String)>) {
    let (Value::Object(of_a), Value::Object(of_b)) = (a, b) else {
        if a != b {
            found.push((at.to_owned(), format!("{at} is {a} in A and {b} in B")));
        }
        return;
    };
    let more = of_b.keys().filter(|key| !of_a.contains_key(*key));
    for key in of_a.keys().chain(more) {
        let below = match at {
            "" => key.clone(),
            _ => format!("{at}.{key}"),
        };
        let side =
            |of: &serde_json::Map<String, Value>| of.get(key).cloned().unwrap_or(Value::Null);
        descend(&below, &side(of_a), &side(of_b), found);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::differences;

    #[test]
    fn differences_are_named_by_their_key_with_both_values() {
        let a = json!({ "load": { "clients": 50, "trials": 3 }, "tool": "echo", "only": 1 });
        let b = json!({ "load": { "clients": 10, "trials": 3 }, "tool": "echo" });
        let found = differences("", [a.clone(), b], |_| true);
        assert_eq!(
            found,
            [
                "load.clients is 50 in A and 10 in B",
                "only is 1 in A and null in B"
            ]
        );
        assert!(differences("", [a.clone(), a], |_| true).is_empty());
    }
}
