//! A server of one's own, by flags alone: `measure --url` and `measure --command`.
//!
//! The flags become the same definitions that files hold. What they do not say is found out from
//! the server before anything is timed, and a wrong answer ends the command there.

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde_json::{Map, Value};

use super::Places;
use super::args::BenchFlags;
use crate::config::expect::{Expect, is_same_answer};
use crate::config::subject::{ReadyBy, Subject, Wire};
use crate::config::suite::Suite;
use crate::config::template::escaped;
use crate::interrupt::Interrupt;
use crate::load::{DEFAULT_CALL_TIMEOUT, Exchange, Revision};
use crate::run::RunPlan;
use crate::run::discover::{Discovered, candidates, check_call, definitions, discover, words};

/// A server that no definition describes.
#[derive(Debug, Args)]
#[command(next_help_heading = "A server of your own")]
pub(super) struct ServerFlags {
    /// Where the server listens, like `http://127.0.0.1:8000/mcp`. Without --command it runs
    /// already
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// How the server is started: program and arguments, split as a shell would; no shell is run.
    /// Without --url it is spoken to on its standard streams
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// What is spoken at --url
    #[arg(long, value_enum, default_value_t = Wire::Http, requires = "url")]
    wire: Wire,
    /// The tool to call; without it the tools are listed
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// The arguments of the call, a JSON object [default: {}]
    #[arg(long, value_name = "JSON", requires = "tool")]
    arguments: Option<String>,
    /// What a right answer is: text=TEXT (the first content block), contains=PART (of it),
    /// /json/pointer=JSON (a place in the result), or any (a result that is no error). Several must
    /// all hold. Without it the server's first answer is what all others are held against
    #[arg(long, value_name = "RULE", requires = "tool")]
    expect: Vec<String>,
    /// The protocol revision [default: the newest with a handshake that both speak]
    #[arg(long, value_name = "DATE")]
    revision: Option<Revision>,
    /// The process behind --url, so that its CPU time and memory can be read
    #[arg(long, value_name = "PID", requires = "url", conflicts_with = "command")]
    pid: Option<u32>,
    /// What the server is called in results
    #[arg(long, value_name = "NAME", default_value = "server")]
    name: String,
    /// Longest wait for a server that is started, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    ready_within_s: f64,
}

impl ServerFlags {
    /// Whether a server is described.
    pub(super) fn is_given(&self) -> bool {
        self.url.is_some() || self.command.is_some()
    }

    /// Gets to know the server, and says what is to be measured.
    pub(super) fn plan(
        &self,
        places: &Places,
        flags: &BenchFlags,
        interrupt: &Interrupt,
    ) -> anyhow::Result<RunPlan> {
        let subject = self.subject()?;
        let arguments = self.arguments()?;
        let expect = Expect::from_flags(&self.expect).map_err(|message| anyhow!(message))?;
        let tool = self.tool.clone().unwrap_or_default();
        let asked = Value::Object(arguments.clone());
        let found = self.discover(&subject, (&tool, &asked, &expect), places, flags, interrupt)?;
        check_call(&found.tools, &tool, &asked)?;
        let expect_learned = expect.is_empty();
        let expect = if expect_learned {
            first_answer(&found)?
        } else {
            if let Some(error) = found
                .answers
                .iter()
                .find_map(|answer| answer.as_ref().err())
            {
                bail!("the answer is not right, so nothing was measured: {error}");
            }
            expect
        };
        let suite =
            Suite::of_call(&tool, &arguments, &expect).map_err(|message| anyhow!(message))?;
        let suite = Suite {
            expect_learned,
            ..suite
        };
        say(&found, expect_learned)?;
        let subjects = definitions(BTreeMap::from([(self.name.clone(), found.subject)]));
        Ok(RunPlan {
            subjects,
            names: vec![self.name.clone()],
            suites: BTreeMap::from([(file_name(&tool), suite)]),
            ..RunPlan::default()
        })
    }

    /// The server as far as the flags describe it.
    fn subject(&self) -> anyhow::Result<Subject> {
        let url = self.url.as_deref().map(complete).transpose()?;
        let command = self.command.as_deref().map(split).transpose()?;
        let wire = if url.is_some() {
            self.wire
        } else {
            Wire::Stdio
        };
        let revision = self.revision.unwrap_or_default();
        let subject = Subject::server(wire, revision).map_err(|message| anyhow!(message))?;
        Ok(Subject {
            ready: match (&command, &url) {
                (None, _) => ReadyBy::Line,
                (Some(_), None) => ReadyBy::None,
                (Some(_), Some(_)) => ReadyBy::Port,
            },
            command: command.unwrap_or_default(),
            url: url.map(|url| escaped(&url)),
            pid: self.pid,
            ready_within_s: self.ready_within_s,
            ..subject
        })
    }

    fn arguments(&self) -> anyhow::Result<Map<String, Value>> {
        let text = self.arguments.as_deref().unwrap_or("{}");
        let wrong = || format!("--arguments {text} is not a JSON object like {{\"a\": 1}}");
        serde_json::from_str(text).with_context(wrong)
    }

    /// Finds out what the server is like, and asks it: once where it is known what is right, and
    /// otherwise twice.
    fn discover(
        &self,
        subject: &Subject,
        (tool, arguments, expect): (&str, &Value, &Expect),
        places: &Places,
        flags: &BenchFlags,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Discovered> {
        let checks = expect.checks(&BTreeMap::new());
        let exchange = Exchange {
            tool: Some(tool.to_owned()),
            arguments: arguments.clone(),
            meta: Map::new(),
            expect: checks.map_err(|message| anyhow!(message))?,
            step: 0,
        };
        let times = if expect.is_empty() { 2 } else { 1 };
        let exchanges = vec![exchange; times];
        let subjects = definitions(candidates(subject, self.revision));
        subjects
            .check()
            .map_err(|message| anyhow!("these flags do not fit together: {message}"))?;
        let names: Vec<String> = subjects.subject.keys().cloned().collect();
        let look = || {
            let bench = flags.bare_bench(places, subjects, &names, &BTreeMap::new())?;
            discover(&bench, &exchanges, DEFAULT_CALL_TIMEOUT, interrupt)
        };
        let place = self.url.as_ref().or(self.command.as_ref());
        let place = place.map_or("the server", String::as_str);
        // A testbed pins its thread, and that of the run must still see all cores.
        std::thread::scope(|scope| scope.spawn(look).join())
            .map_err(|_| anyhow!("discovery panicked: this is a defect of the harness"))?
            .with_context(|| format!("cannot get to know {place}"))
    }
}

/// What all answers will be held against, if the first two say the same.
fn first_answer(found: &Discovered) -> anyhow::Result<Expect> {
    let mut results = Vec::new();
    for answer in &found.answers {
        let right = answer.as_ref().map_err(|error| anyhow!("{error}"));
        let right = right.context("the call fails, so there is nothing to measure")?;
        results.push(&right.result);
    }
    let [first, second] = results.as_slice() else {
        bail!("the server was not asked twice: this is a defect of the harness");
    };
    if !is_same_answer(first, second) {
        bail!(
            "the server answers the same call differently each time, so its first answer is no expectation: \
             say what is right with --expect. It said\n  {first}\nand then\n  {second}"
        );
    }
    Expect::learned(first).map_err(|message| anyhow!(message))
}

/// Says what was found out.
fn say(found: &Discovered, expect_learned: bool) -> anyhow::Result<()> {
    let subject = &found.subject;
    let kept = match subject.wire {
        Wire::Http => format!(", {}", words(subject.sessions)),
        Wire::Sse | Wire::Stdio => String::new(),
    };
    eprintln!(
        "server: revision {}{kept}, {} tools",
        subject.revision()?,
        found.tools.len()
    );
    if expect_learned {
        eprintln!(
            "warning: no --expect, so all answers are held against the server's own first one"
        );
    }
    if subject.runs_already() {
        eprintln!(
            "warning: the harness does not start this server, so it is not pinned to its cores"
        );
    }
    Ok(())
}

/// A URL with its port and path.
fn complete(url: &str) -> anyhow::Result<String> {
    if url.starts_with("https://") {
        bail!(
            "{url}: the load client speaks plain HTTP only. Measure the server behind its TLS proxy, by its own http:// URL; \
             or end TLS on this machine (`socat TCP-LISTEN:8443,fork,reuseaddr OPENSSL:HOST:443`, then --url \
             http://127.0.0.1:8443/...) and count that as part of what is measured"
        );
    }
    let rest = url
        .strip_prefix("http://")
        .with_context(|| format!("--url {url} is not like http://127.0.0.1:8000/mcp"))?;
    let (host, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let port = host.rsplit_once(':').map(|(_, port)| port);
    let has_port = port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = if has_port { "" } else { ":80" };
    Ok(format!("http://{host}{port}{path}"))
}

/// The words of a command, as a shell splits them.
fn split(command: &str) -> anyhow::Result<Vec<String>> {
    let words = shlex::split(command)
        .with_context(|| format!("--command {command}: a quote is not closed"))?;
    Ok(words.iter().map(|word| escaped(word)).collect())
}

/// A tool's name as the name of a file.
fn file_name(tool: &str) -> String {
    let allowed = |(at, c): (usize, char)| match c {
        '.' if at == 0 => '-',
        '-' | '_' | '.' => c,
        c if c.is_ascii_alphanumeric() => c,
        _ => '-',
    };
    tool.chars().take(64).enumerate().map(allowed).collect()
}

#[cfg(test)]
mod tests {
    use super::{complete, file_name, split};

    #[test]
    fn a_url_gets_its_port_and_path() {
        for (given, whole) in [
            ("http://127.0.0.1:8000/mcp", "http://127.0.0.1:8000/mcp"),
            ("http://host", "http://host:80/"),
            ("http://host/mcp?a=1", "http://host:80/mcp?a=1"),
            ("http://[::1]/mcp", "http://[::1]:80/mcp"),
            ("http://[::1]:8000", "http://[::1]:8000/"),
        ] {
            assert_eq!(complete(given).unwrap(), whole);
        }
    }

    #[test]
    fn a_command_holds_no_templates_and_a_tool_of_any_name_has_a_file() {
        let words = split("python3 -c 'print({1: 2})' \"a b\"").unwrap();
        assert_eq!(words, ["python3", "-c", "print({{1: 2}})", "a b"]);
        assert_eq!(file_name("files/read all.x"), "files-read-all.x");
        assert_eq!(file_name(".hidden"), "-hidden");
        assert_eq!(file_name(&"x".repeat(200)).len(), 64);
    }
}
