//! A server of one's own, by flags alone: `measure --url` and `measure --command`.
//!
//! The flags become the same definitions that files hold. What they do not say is found out from the server before
//! anything is timed, and a wrong answer ends the command there.

mod words;

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use self::words::{complete, file_name, split};
use super::Places;
use super::args::BenchFlags;
use crate::config::call;
use crate::config::expect::Expect;
use crate::config::subject::{ReadyBy, Subject, Wire};
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::load::{DEFAULT_CALL_TIMEOUT, Exchange, Expectation, Revision};
use crate::run::RunPlan;
use crate::run::discover::{Discovered, candidates, check_call, definitions, discover, words};

/// The wires of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UrlWire {
    /// Streamable HTTP.
    Http,
    /// Legacy HTTP+SSE of revision 2024-11-05.
    Sse,
}

/// A server that no definition describes.
#[derive(Debug, Args)]
#[command(next_help_heading = "A server of your own")]
pub(super) struct ServerFlags {
    /// Where the server listens, like `http://127.0.0.1:8000/mcp`. Without --command it runs already
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// How the server is started: program and arguments, split as a shell would; no shell is run. Without --url it is
    /// spoken to on its standard streams
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// What is spoken at --url
    #[arg(long, value_enum, default_value_t = UrlWire::Http, requires = "url")]
    wire: UrlWire,
    /// The tool to call; without it the tools are listed
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// The arguments of the call, a JSON object [default: {}]
    #[arg(long, value_name = "JSON", requires = "tool")]
    arguments: Option<String>,
    /// What a right answer is: text=TEXT (the first content block), contains=PART (of it), /json/pointer=JSON (a place
    /// in the result), or any (a result that is no error). Several must all hold. Without it the server's first answer
    /// is what all others are held against
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
        let expect = call::expectation(&self.expect).map_err(|message| anyhow!(message))?;
        let tool = self.tool.clone().unwrap_or_default();
        let asked = Value::Object(arguments.clone());
        let found = self.discover(&subject, (&tool, &asked, &expect), places, flags, interrupt)?;
        check_call(&found.tools, &tool, &asked)?;
        let expect_learned = expect.is_empty();
        let expect = if expect_learned {
            first_answer(&found)?
        } else {
            right_answer(&found)?;
            expect
        };
        let suite = call::suite(&tool, &arguments, &expect).map_err(|message| anyhow!(message))?;
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
        let wire = match (&url, self.wire) {
            (None, _) => Wire::Stdio,
            (Some(_), UrlWire::Http) => Wire::Http,
            (Some(_), UrlWire::Sse) => Wire::Sse,
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
            url: url.map(|url| call::escaped(&url)),
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

    /// Finds out what the server is like, and asks it: once where it is known what is right, and otherwise twice.
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
            tool: tool.to_owned(),
            arguments: arguments.clone(),
            meta: Map::new(),
            expect: Expectation::Result(checks.map_err(|message| anyhow!(message))?),
        };
        let times = if expect.is_empty() { 2 } else { 1 };
        let exchanges = vec![exchange; times];
        let subjects = definitions(candidates(subject, self.revision));
        subjects
            .check()
            .map_err(|message| anyhow!("these flags do not fit together: {message}"))?;
        let names: Vec<String> = subjects.subject.keys().cloned().collect();
        let look = || {
            let bench = flags.bare_bench(places, subjects, &names)?;
            discover(&bench, &exchanges, DEFAULT_CALL_TIMEOUT, interrupt)
        };
        // A bench pins its thread, and the run's own bench must still see all cores.
        std::thread::scope(|scope| scope.spawn(look).join())
            .map_err(|_| {
                anyhow!("the look at the server panicked: this is a defect of the harness")
            })?
            .with_context(|| format!("cannot get to know {}", self.place()))
    }

    fn place(&self) -> &str {
        let place = self.url.as_ref().or(self.command.as_ref());
        place.map_or("the server", String::as_str)
    }
}

/// What all answers will be held against, if the first two say the same.
fn first_answer(found: &Discovered) -> anyhow::Result<Expect> {
    let mut results = Vec::new();
    for answer in &found.answers {
        let right = answer.as_ref().map_err(|error| anyhow!("{error}"));
        results.push(
            &right
                .context("the call fails, so there is nothing to measure")?
                .result,
        );
    }
    let [first, second] = results.as_slice() else {
        bail!("the server was not asked twice: this is a defect of the harness");
    };
    if !call::is_same_answer(first, second) {
        bail!(
            "the server answers the same call differently each time, so its first answer is no expectation: say what is right \
             with --expect. It said\n  {first}\nand then\n  {second}"
        );
    }
    call::learned(first).map_err(|message| anyhow!(message))
}

/// Makes sure that the answer is the expected one.
fn right_answer(found: &Discovered) -> anyhow::Result<()> {
    for answer in &found.answers {
        if let Err(error) = answer {
            bail!("the answer is not right, so nothing was measured: {error}");
        }
    }
    Ok(())
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
