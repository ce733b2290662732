//! Load clients of others, run on the load cores with the request that the harness's own client
//! sends.
//!
//! `agree` compares figures with theirs, `doctor` the speed. Each turn has a fresh server and a
//! warm-up that does not count. A client that reports an error ends the comparison: its figures
//! would be of something else.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::per_call::children_cpu;
use super::process;
use super::testbed::Testbed;
use crate::interrupt::Interrupt;
use crate::load::{self, Arrivals, Exchange, Pace, Plan, Revision, Shape, Target};
use crate::results::whole;

/// Load before a turn counts; whole seconds, because the others take no fractions.
const WARMUP_S: u64 = 1;

/// How much longer than asked for a client may run: to start, and to give up on lost answers.
const GRACE: Duration = Duration::from_secs(10);

/// What `oha` calls requests that it gave up when its time was over. They are no errors.
const ABORTED: &str = "aborted due to deadline";

/// Headers of the request, which is the one that a server gets after its handshake.
const HEADERS: [(&str, &str); 3] = [
    ("Content-Type", "application/json"),
    ("Accept", "application/json, text/event-stream"),
    ("MCP-Protocol-Version", "2025-06-18"),
];

/// A load client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Client {
    /// The harness's own.
    McpHarness,
    /// `wrk`: a closed loop over HTTP, in C.
    Wrk,
    /// `oha`: a closed or an open loop over HTTP, on hyper and tokio. In the open loop its
    /// latencies count from when a request was due, as those of `wrk2` do.
    Oha,
    /// The client of the official TypeScript SDK over SSE, which times its own calls.
    TypescriptSdk,
}

impl Client {
    /// Its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::McpHarness => "mcp-harness",
            Self::Wrk => "wrk",
            Self::Oha => "oha",
            Self::TypescriptSdk => "typescript-sdk",
        }
    }

    /// How it is installed.
    pub(crate) const fn how_to_install(self) -> &'static str {
        match self {
            Self::McpHarness => "",
            Self::Wrk => "apt-get install wrk",
            Self::Oha => "cargo install --locked oha",
            Self::TypescriptSdk => "scripts/install-sdk-client, which needs node and npm",
        }
    }

    fn is_installed(self, sdk_client: &Path) -> bool {
        let program = match self {
            Self::McpHarness => return true,
            Self::TypescriptSdk if !sdk_client.is_file() => return false,
            Self::TypescriptSdk => "node",
            other => other.name(),
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    }
}

/// What a turn of a client found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reading {
    /// Right answers a second.
    pub(crate) calls_per_s: f64,
    /// Median latency in microseconds.
    pub(crate) p50_us: f64,
    /// 99th percentile of the latencies in microseconds.
    pub(crate) p99_us: f64,
    /// CPU time of the client for a call, in microseconds.
    pub(crate) cpu_us: f64,
}

/// What all clients of a comparison do.
pub(crate) struct Turn<'a> {
    pub(crate) bench: &'a Testbed,
    pub(crate) subject: &'a str,
    /// For floors, the length of their answers.
    pub(crate) answer_bytes: Option<u32>,
    pub(crate) exchange: &'a Exchange,
    /// Connections; in an open loop the most that the harness's client opens.
    pub(crate) clients: usize,
    /// An open loop at this rate; without it the loop is closed.
    pub(crate) rate_per_s: Option<u32>,
    pub(crate) seconds: u64,
    /// The script of the SDK's client.
    pub(crate) sdk_client: &'a Path,
    pub(crate) interrupt: &'a Interrupt,
}

impl Turn<'_> {
    /// One turn; `None` when the client is not installed.
    pub(crate) fn run(&self, client: Client) -> anyhow::Result<Option<Reading>> {
        ensure!(!self.interrupt.is_set(), "interrupted");
        if !client.is_installed(self.sdk_client) {
            return Ok(None);
        }
        let started = (self.bench).start(self.subject, self.answer_bytes, self.interrupt)?;
        if client == Client::McpHarness {
            return self.own(started.target).map(Some);
        }
        let (Target::Http { address, path, .. }
        | Target::Sse { address, path }
        | Target::Floor { address, path, .. }) = &started.target
        else {
            bail!("{} has no URL for {}", self.subject, client.name());
        };
        let url = format!("http://{address}{path}");
        let folder = tempfile::tempdir().context("cannot make a folder for scripts")?;
        // The SDK's client warms up by itself: its code is compiled while it runs.
        if client != Client::TypescriptSdk {
            self.other(client, &url, WARMUP_S, folder.path())?;
        }
        self.other(client, &url, self.seconds, folder.path())
            .map(Some)
    }

    /// The harness's own client. The calling thread is pinned to the load cores since the testbed
    /// was made.
    fn own(&self, target: Target) -> anyhow::Result<Reading> {
        let pace = self.rate_per_s.map(|rate| Pace::Open {
            rate_per_s: f64::from(rate),
            arrivals: Arrivals::Constant,
        });
        let plan = Plan {
            target,
            exchanges: std::slice::from_ref(self.exchange),
            clients: self.clients,
            warmup: Duration::from_secs(WARMUP_S),
            duration: Duration::from_secs(self.seconds),
            call_timeout: load::DEFAULT_CALL_TIMEOUT,
            revision: Revision::default(),
            extra_params: Map::new(),
            shape: Shape {
                pace: pace.unwrap_or_default(),
                ..Shape::default()
            },
            stop: self.interrupt.flag(),
        };
        let outcome = load::run(1, plan, &mut |_| {})?;
        ensure!(!self.interrupt.is_set(), "interrupted");
        let errors = outcome.errors.iter().chain(outcome.warmup_errors.iter());
        let examples: Vec<String> = errors
            .map(|(kind, tally)| format!("{kind}: {}", tally.example))
            .collect();
        ensure!(
            examples.is_empty(),
            "{} answered wrong: {examples:?}",
            self.subject
        );
        let us = |quantile| outcome.latency_ns.value_at_quantile(quantile) as f64 / 1e3;
        Ok(Reading {
            calls_per_s: outcome.calls_per_s(),
            p50_us: us(0.5),
            p99_us: us(0.99),
            cpu_us: outcome.client_cpu.as_secs_f64() * 1e6 / outcome.calls.max(1) as f64,
        })
    }

    /// A run of another client: its figures, and its CPU time for a call.
    fn other(
        &self,
        client: Client,
        url: &str,
        seconds: u64,
        folder: &Path,
    ) -> anyhow::Result<Reading> {
        let mut command = self.command(client, url, seconds, folder)?;
        // Of all children that have been waited for: during this function that is the client alone.
        let before = children_cpu()?;
        let text = self.output(client, &mut command, seconds)?;
        let cpu = children_cpu()?.saturating_sub(before);
        let read = match client {
            Client::Wrk => read_wrk(&text),
            Client::Oha => read_oha(&text),
            Client::McpHarness | Client::TypescriptSdk => read_sdk(&text),
        };
        let (calls, [calls_per_s, p50_us, p99_us]) =
            read.with_context(|| format!("{} printed\n{text}", client.name()))?;
        Ok(Reading {
            calls_per_s,
            p50_us,
            p99_us,
            cpu_us: cpu.as_secs_f64() * 1e6 / calls.max(1) as f64,
        })
    }

    fn command(
        &self,
        client: Client,
        url: &str,
        seconds: u64,
        folder: &Path,
    ) -> anyhow::Result<Command> {
        let call = json!({ "name": self.exchange.tool, "arguments": self.exchange.arguments });
        let body =
            json!({ "jsonrpc": "2.0", "id": 100_000_000, "method": "tools/call", "params": call });
        let file = folder.join("request");
        let write = |text: String| {
            std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
        };
        let (clients, seconds) = (self.clients.to_string(), seconds.to_string());
        let mut command = Command::new(client.name());
        match client {
            Client::Wrk => {
                write(wrk_script(&body))?;
                command.args(["-t1", "-c", &clients, "-d", &seconds, "--latency", "-s"]);
                command.arg(&file).arg(url);
            }
            Client::Oha => {
                command.args([
                    "--no-tui",
                    "--output-format",
                    "json",
                    "-m",
                    "POST",
                    "-c",
                    &clients,
                ]);
                command.args(["-z", &format!("{seconds}s"), "-d", &body.to_string()]);
                if let Some(rate) = self.rate_per_s {
                    command.args(["-q", &rate.to_string(), "--latency-correction"]);
                }
                for (name, value) in HEADERS {
                    command.args(["-H", &format!("{name}: {value}")]);
                }
                command.arg(url);
            }
            Client::McpHarness | Client::TypescriptSdk => {
                command = Command::new("node");
                command
                    .arg(self.sdk_client)
                    .args([url, &clients, &seconds, &call.to_string()]);
            }
        }
        Ok(command)
    }

    /// Runs a client to its end: what it printed. A signal ends it.
    fn output(
        &self,
        client: Client,
        command: &mut Command,
        seconds: u64,
    ) -> anyhow::Result<String> {
        let name = client.name();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let limit = Duration::from_secs(seconds) + GRACE;
        // It inherits the load cores: the calling thread is pinned to them.
        let output = process::output(command, limit, self.interrupt);
        let output = output.with_context(|| format!("cannot run {name}"))?;
        ensure!(
            !self.interrupt.is_set(),
            "interrupted while {name} was running"
        );
        let output = output.with_context(|| {
            format!("{name} did not end within {limit:?}; does the subject still answer?")
        })?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{name} failed ({}): {text}{errors}",
            output.status
        );
        Ok(text)
    }
}

/// The request as a script of `wrk`, which builds it once and sends the same bytes again and again.
fn wrk_script(body: &Value) -> String {
    let headers = HEADERS.map(|(name, value)| format!("wrk.headers[\"{name}\"] = \"{value}\"\n"));
    format!(
        "wrk.method = \"POST\"\nwrk.body = [==[{body}]==]\n{}",
        headers.concat()
    )
}

/// Calls; and calls a second, p50 and p99 in microseconds.
type Figures = (u64, [f64; 3]);

fn read_wrk(text: &str) -> anyhow::Result<Figures> {
    let line = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name));
    for bad in ["Non-2xx or 3xx responses:", "Socket errors:"] {
        ensure!(line(bad).is_none(), "wrk had errors");
    }
    // `12.5ms` and the like.
    let us = |name| {
        let text = line(name)?.trim();
        let number = text.trim_end_matches(char::is_alphabetic);
        let factor = match &text[number.len()..] {
            "us" => 1.0,
            "ms" => 1e3,
            "s" => 1e6,
            _ => return None,
        };
        Some(number.parse::<f64>().ok()? * factor)
    };
    let figures = || {
        let calls = text
            .lines()
            .find_map(|line| line.trim().split_once(" requests in "))?
            .0;
        let rate = line("Requests/sec:")?.trim().parse().ok()?;
        Some((calls.parse().ok()?, [rate, us("50%")?, us("99%")?]))
    };
    figures().context("no number of requests, no rate or no latencies")
}

/// The members of a JSON object of numbers, which must not name anything but what is allowed.
fn only(counts: &Value, allowed: &str) -> anyhow::Result<()> {
    let other = counts
        .as_object()
        .into_iter()
        .flatten()
        .find(|(name, _)| *name != allowed);
    match other {
        Some((name, count)) => bail!("\"{name}\" happened {count} times"),
        None => Ok(()),
    }
}

/// Numbers at these places of a JSON text, the first of them whole.
fn at(found: &Value, places: [&str; 4]) -> anyhow::Result<Figures> {
    let number = |place: &str| {
        let number = found.pointer(place).and_then(Value::as_f64);
        number.with_context(|| format!("no number at {place}"))
    };
    let [calls, rate, p50, p99] = places;
    Ok((
        whole(number(calls)?),
        [number(rate)?, number(p50)?, number(p99)?],
    ))
}

fn read_oha(text: &str) -> anyhow::Result<Figures> {
    let found: Value = serde_json::from_str(text)?;
    only(&found["statusCodeDistribution"], "200")?;
    only(&found["errorDistribution"], ABORTED)?;
    let places = [
        "/statusCodeDistribution/200",
        "/summary/requestsPerSec",
        "/latencyPercentiles/p50",
        "/latencyPercentiles/p99",
    ];
    let (calls, [rate, p50_s, p99_s]) = at(&found, places)?;
    Ok((calls, [rate, p50_s * 1e6, p99_s * 1e6]))
}

fn read_sdk(text: &str) -> anyhow::Result<Figures> {
    at(
        &serde_json::from_str(text)?,
        ["/calls", "/calls_per_s", "/p50_us", "/p99_us"],
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{read_oha, read_wrk};

    #[test]
    fn figures_of_wrk_are_read_and_errors_are_not_passed_over() {
        let good = "Running 1s test\n  Latency Distribution\n     50%   10.50ms\n     99%  912.00us\n  \
                    200 requests in 1.00s, 1MB read\nRequests/sec:    198.42\nTransfer/sec:  1MB\n";
        assert_eq!(read_wrk(good).unwrap(), (200, [198.42, 10_500.0, 912.0]));
        for bad in [
            "  Non-2xx or 3xx responses: 5\n",
            "  Socket errors: connect 0, read 5\n",
        ] {
            assert!(read_wrk(&format!("{good}{bad}")).is_err(), "{bad}");
        }
        assert!(read_wrk("Requests/sec: 5.0\n").is_err());
    }

    #[test]
    fn figures_of_oha_are_read_and_errors_are_not_passed_over() {
        let oha = json!({
            "summary": { "requestsPerSec": 500.5 },
            "latencyPercentiles": { "p50": 0.5, "p99": 0.25 },
            "statusCodeDistribution": { "200": 900 },
            "errorDistribution": { "aborted due to deadline": 50 },
        });
        let wanted = (900, [500.5, 500_000.0, 250_000.0]);
        assert_eq!(read_oha(&oha.to_string()).unwrap(), wanted);
        for (name, entry) in [
            ("statusCodeDistribution", "503"),
            ("errorDistribution", "closed"),
        ] {
            let mut bad = oha.clone();
            bad[name][entry] = json!(1);
            assert!(read_oha(&bad.to_string()).is_err(), "{entry}");
        }
        assert!(read_oha("{}").is_err() && read_oha("nothing").is_err());
    }
}
