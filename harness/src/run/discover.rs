//! Gets to know a server that no definition describes: which revision it agrees to, whether it
//! keeps sessions, which tools it has, and what it answers.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::testbed::Testbed;
use super::verify::ask;
use crate::config::subject::{Sessions, Subject, Subjects, Wire};
use crate::interrupt::Interrupt;
use crate::load::{CallError, ErrorKind, Exchange, LoadError, Revision, Verified};

/// What a server is like.
#[derive(Debug)]
pub(crate) struct Discovered {
    /// The subject as it can be measured, its revision and sessions found out.
    pub(crate) subject: Subject,
    /// The definitions of its tools.
    pub(crate) tools: Vec<Value>,
    /// Its answers to what was asked, in that order.
    pub(crate) answers: Vec<Result<Verified, CallError>>,
}

/// The ways to speak to a server, those first that most likely fit.
///
/// With sessions comes before without: a server that keeps none just gives none, while a session
/// that was given and not taken would stay at the server.
pub(crate) fn candidates(
    subject: &Subject,
    revision: Option<Revision>,
) -> BTreeMap<String, Subject> {
    let newest_first = Revision::ALL.iter().copied().rev();
    let revisions: Vec<Revision> = match revision {
        Some(revision) => vec![revision],
        None => newest_first
            .filter(|revision| revision.has_handshake())
            .collect(),
    };
    let mut found = BTreeMap::new();
    for revision in revisions {
        let can_keep = subject.wire == Wire::Http && revision.has_handshake();
        let kept = can_keep.then_some(Sessions::Stateful);
        for sessions in kept.into_iter().chain([Sessions::Stateless]) {
            let candidate = Subject {
                revision: Some(revision.to_string()),
                sessions,
                ..subject.clone()
            };
            found.insert(format!("candidate-{:02}", found.len()), candidate);
        }
    }
    found
}

/// A bench's definitions of these subjects and nothing else.
pub(crate) fn definitions(subject: BTreeMap<String, Subject>) -> Subjects {
    Subjects {
        subject,
        ..Subjects::default()
    }
}

/// Tries the candidates on the bench in their order, until one of them has a handshake that works.
pub(crate) fn discover(
    bench: &Testbed,
    exchanges: &[Exchange],
    call_timeout: Duration,
    interrupt: &Interrupt,
) -> anyhow::Result<Discovered> {
    let mut seen = Vec::new();
    for (name, subject) in &bench.subjects().subject {
        let asked = ask(bench, name, None, exchanges, call_timeout, interrupt)?;
        match asked.verified {
            Ok(found) => {
                return Ok(Discovered {
                    subject: subject.clone(),
                    tools: found.definitions,
                    answers: found.answers,
                });
            }
            Err(LoadError::Handshake { error, .. }) if may_differ_by_revision(error.kind) => {
                let (revision, sessions) = (subject.revision()?, words(subject.sessions));
                seen.push(format!("  {revision}, {sessions}: {error}"));
            }
            Err(error) => bail!("{error}\nits last lines:\n{}", asked.last_lines),
        }
    }
    bail!("no handshake works:\n{}", seen.join("\n"))
}

/// Whether another revision, or another word about sessions, may be understood.
fn may_differ_by_revision(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Protocol | ErrorKind::JsonRpc | ErrorKind::Http
    )
}

/// How it is said whether a server keeps sessions.
pub(crate) const fn words(sessions: Sessions) -> &'static str {
    match sessions {
        Sessions::Stateless => "no sessions",
        Sessions::Stateful => "a session for each client",
        Sessions::Shared => "shared sessions",
    }
}

/// Makes sure that the server has the tool, and that the tool takes the arguments by name.
pub(crate) fn check_call(tools: &[Value], tool: &str, arguments: &Value) -> anyhow::Result<()> {
    let name = |tool: &Value| tool["name"].as_str().unwrap_or_default().to_owned();
    let names: Vec<String> = tools.iter().map(name).collect();
    let known = names.join(", ");
    if tool.is_empty() {
        bail!("say which tool to call with --tool; the server has: {known}");
    }
    let definition = tools.iter().find(|one| name(one) == tool);
    let schema = &definition
        .with_context(|| format!("the server has no tool \"{tool}\"; it has: {known}"))?["inputSchema"];
    let given: Vec<&String> = arguments
        .as_object()
        .into_iter()
        .flat_map(|all| all.keys())
        .collect();
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !given.iter().any(|given| *given == name) {
            bail!("{tool} needs the argument \"{name}\"; its schema: {schema}");
        }
    }
    let Some(properties) = schema["properties"].as_object() else {
        return Ok(());
    };
    let takes_others = matches!(
        &schema["additionalProperties"],
        Value::Bool(true) | Value::Object(_)
    );
    if let Some(unknown) = given.iter().find(|name| !properties.contains_key(**name))
        && !takes_others
    {
        let known: Vec<&String> = properties.keys().collect();
        bail!("{tool} takes no argument \"{unknown}\"; it takes: {known:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{candidates, check_call};
    use crate::config::subject::{Sessions, Subject, Wire};
    use crate::load::Revision;

    #[test]
    fn the_newest_revision_and_sessions_are_tried_first() {
        let tried = |wire, revision| -> Vec<(String, Sessions)> {
            let subject = Subject::server(wire, Revision::default()).unwrap();
            let all = candidates(&subject, revision).into_values();
            all.map(|one| (one.revision.unwrap(), one.sessions))
                .collect()
        };
        let http = tried(Wire::Http, None);
        assert_eq!(http.len(), 8);
        assert_eq!(http[0], ("2025-11-25".to_owned(), Sessions::Stateful));
        assert_eq!(http[7], ("2024-11-05".to_owned(), Sessions::Stateless));
        assert_eq!(tried(Wire::Stdio, None).len(), 4);
        let asked = tried(Wire::Http, Some(Revision::July2026));
        assert_eq!(asked, [("2026-07-28".to_owned(), Sessions::Stateless)]);
    }

    #[test]
    fn a_call_that_the_tool_does_not_take_is_refused_with_what_it_takes() {
        let tools = [json!({ "name": "add", "inputSchema": {
            "type": "object", "properties": { "a": {}, "b": {} }, "required": ["a"] } })];
        let check = |tool: &str, arguments: Value| {
            check_call(&tools, tool, &arguments).map_err(|error| error.to_string())
        };
        assert_eq!(check("add", json!({ "a": 1 })), Ok(()));
        for (tool, arguments, told) in [
            ("", json!({}), "the server has: add"),
            ("ad", json!({}), "it has: add"),
            ("add", json!({ "b": 1 }), "needs the argument \"a\""),
            ("add", json!({ "a": 1, "c": 1 }), "no argument \"c\""),
        ] {
            let error = check(tool, arguments).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
