//! Which subjects can take part in which suites: what a wire or a model of sessions has no answer to.

use super::subject::{Processes, Role, Sessions, Subject, Wire};
use super::suite::Suite;
use crate::load::Shape;

/// Why a subject cannot take part in a suite, if it cannot.
#[must_use]
pub fn misfit(suite: &Suite, subject: &Subject) -> Option<&'static str> {
    let (load, is_stdio) = (&suite.load, subject.wire == Wire::Stdio);
    let is_shared = subject.sessions == Sessions::Shared;
    let is_per_call = subject.processes == Processes::PerCall;
    let rules = [
        (
            subject.role == Role::Floor && suite.answer_bytes.is_none(),
            "a floor has no answer of that length (answer_bytes)",
        ),
        (
            is_per_call && load.shape() != Shape::default(),
            "a process for each call knows a closed loop without think time only",
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
            load.threads > 1 && is_stdio,
            "threads cannot share the pipes of one process (threads)",
        ),
        (
            is_shared && subject.shared_sessions.unwrap_or(1) > load.clients,
            "there are fewer clients than sessions to be shared (clients)",
        ),
        (
            suite.counts.is_some() && is_stdio,
            "what is counted is asked for over HTTP (counts)",
        ),
        (
            suite.beside.is_some() && is_stdio,
            "what is asked beside needs a wire over HTTP (beside)",
        ),
    ];
    rules
        .into_iter()
        .find_map(|(is_misfit, why)| is_misfit.then_some(why))
}

#[cfg(test)]
mod tests {
    use super::misfit;
    use crate::config::subject::Subject;
    use crate::config::suite::Suite;

    fn suite(load: &str) -> Suite {
        let text = format!("description = \"d\"\ntool = \"t\"\n[load]\n{load}\n[expect]\n");
        toml::from_str(&text).unwrap()
    }

    fn subject(text: &str) -> Subject {
        toml::from_str(&format!("transport = \"t\"\ncommand = [\"c\"]\n{text}")).unwrap()
    }

    #[test]
    fn what_a_wire_has_no_answer_to_takes_no_part() {
        let (http, stdio) = ("wire = \"http\"", "wire = \"stdio\"");
        let shared = "wire = \"http\"\nsessions = \"shared\"\nshared_sessions = 10";
        let per_call = "wire = \"stdio\"\nprocesses = \"per_call\"";
        let floor = "wire = \"http\"\nrole = \"floor\"";
        for (load, one, told) in [
            ("", http, None),
            ("", stdio, None),
            ("", per_call, None),
            ("rate_per_s = 10", stdio, None),
            ("", floor, Some("answer_bytes")),
            ("calls_per_session = 1", http, None),
            ("calls_per_session = 1", stdio, Some("calls_per_session")),
            ("calls_per_session = 1", shared, Some("calls_per_session")),
            ("connections = 2", http, None),
            ("connections = 2", stdio, Some("connections")),
            ("connections = 2", "wire = \"sse\"", Some("connections")),
            ("threads = 2", stdio, Some("threads")),
            ("clients = 5", shared, Some("clients")),
            ("think_time_ms = 1", per_call, Some("closed loop")),
        ] {
            let found = misfit(&suite(load), &subject(one));
            let is_told = match told {
                None => found.is_none(),
                Some(told) => found.is_some_and(|found| found.contains(told)),
            };
            assert!(is_told, "{load}, {one}: {found:?}");
        }
    }
}
