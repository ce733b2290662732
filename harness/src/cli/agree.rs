//! `agree`: the load client's figures beside those of other clients, where the server sets the
//! pace.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::args::BenchFlags;
use super::report::{ReportFormat, with_notes};
use super::{Places, Verdict};
use crate::config::subject::{Subjects, Wire};
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::load::Exchange;
use crate::render::table::{Style, Table};
use crate::run::peers::{Client, Reading, Turn};
use crate::run::testbed::Testbed;
use crate::stats::median_of;

/// Flags of `agree`.
#[derive(Debug, Args)]
#[command(after_help = "\
Each client sends a fresh server the same request over as many connections from the same core, in
turn; the figures are medians over the turns. Compared are rate, p50 and p99:
  closed   with wrk and oha, over Streamable HTTP
  open     with oha at a fixed rate, both timed from when a request was due
  sse      with the client of the official TypeScript SDK, which times its own calls
They can agree only where the server is the limit: with a fast server each client measures itself.
`doctor` compares the speed of the clients.

Exit code 1 when a figure differs by more than the tolerance from that of another client.")]
pub(super) struct Agree {
    #[command(flatten)]
    bench: BenchFlags,
    /// Only these comparisons
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Comparison>,
    /// A server on Streamable HTTP that keeps no sessions
    #[arg(long, value_name = "NAME", default_value = "http-json-tokio-rmcp")]
    subject: String,
    /// A server on HTTP+SSE
    #[arg(long, value_name = "NAME", default_value = "sse-tokio-rmcp")]
    sse_subject: String,
    /// The first call of each of these suites is sent; `open` and `sse` use the first suite only
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "simulate_database_query,echo"
    )]
    suite: Vec<String>,
    /// Length of each turn, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    duration_s: u64,
    /// Turns of each client
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    trials: u32,
    /// Connections
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    clients: u16,
    /// Calls a second of the open loop
    #[arg(long, value_name = "RATE", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate_per_s: u32,
    /// Sessions of `sse`; with several the SDK's client, which has one thread, measures its own
    /// queue
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    sse_clients: u16,
    /// The SDK's client, as `scripts/install-sdk-client` installs it [default:
    /// ROOT/target/sdk-client/client.mjs]
    #[arg(long, value_name = "FILE")]
    sdk_client: Option<PathBuf>,
    /// Largest difference that counts as agreement, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    tolerance: f64,
    /// How the table is printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

/// What is compared with whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
enum Comparison {
    Closed,
    Open,
    Sse,
}

impl Comparison {
    const fn clients(self) -> &'static [Client] {
        match self {
            Self::Closed => &[Client::McpHarness, Client::Wrk, Client::Oha],
            Self::Open => &[Client::McpHarness, Client::Oha],
            Self::Sse => &[Client::McpHarness, Client::TypescriptSdk],
        }
    }
}

/// Figures of a client, as medians over its turns.
#[derive(Debug, Serialize)]
struct Found {
    comparison: Comparison,
    suite: String,
    client: Client,
    calls_per_s: f64,
    p50_us: f64,
    p99_us: f64,
    /// Difference of each figure from that of the harness's client, in percent: rate, p50, p99.
    off_percent: [f64; 3],
}

impl Agree {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let chosen = |one: &Comparison| self.only.is_empty() || self.only.contains(one);
        let all = Comparison::value_variants().iter().copied();
        let comparisons: Vec<Comparison> = all.filter(chosen).collect();
        let subjects = Subjects::read(&places.subjects())?;
        let mut names = Vec::new();
        for comparison in &comparisons {
            let (name, wire) = self.subject(*comparison);
            match subjects.subject.get(name) {
                Some(subject) if subject.wire == wire => names.push(name.to_owned()),
                Some(_) => bail!("{name}: `{comparison}` needs wire = \"{wire}\""),
                None => bail!("there is no subject \"{name}\"; see `list`"),
            }
        }
        let bench = self.bench.bench(places, subjects, &names, interrupt)?;
        let suites = Suite::read_folder(&places.suites())?;
        let mut found = Vec::new();
        for comparison in comparisons {
            let used = if comparison == Comparison::Closed {
                self.suite.len()
            } else {
                1
            };
            for name in self.suite.iter().take(used) {
                let suite = suites.get(name);
                let suite =
                    suite.with_context(|| format!("there is no suite \"{name}\"; see `list`"))?;
                let exchanges = suite
                    .exchanges(&bench.service_urls())
                    .map_err(anyhow::Error::msg)?;
                let exchange = exchanges
                    .first()
                    .with_context(|| format!("suite {name} has no call"))?;
                found.extend(self.compare(
                    comparison,
                    name,
                    exchange,
                    (places, &bench),
                    interrupt,
                )?);
            }
        }
        self.format
            .show(&found, |found, style| self.text(found, style))?;
        let mut off = found.iter().flat_map(|one| one.off_percent);
        Ok(Verdict::of(off.all(|off| off.abs() <= self.tolerance)))
    }

    fn subject(&self, comparison: Comparison) -> (&str, Wire) {
        match comparison {
            Comparison::Closed | Comparison::Open => (&self.subject, Wire::Http),
            Comparison::Sse => (&self.sse_subject, Wire::Sse),
        }
    }

    /// All turns of one comparison in one suite.
    fn compare(
        &self,
        comparison: Comparison,
        suite: &str,
        exchange: &Exchange,
        (places, bench): (&Places, &Testbed),
        interrupt: &Interrupt,
    ) -> anyhow::Result<Vec<Found>> {
        let installed = || places.root().join("target/sdk-client/client.mjs");
        let is_sse = comparison == Comparison::Sse;
        let one = Turn {
            bench,
            subject: self.subject(comparison).0,
            answer_bytes: None,
            exchange,
            clients: usize::from(if is_sse {
                self.sse_clients
            } else {
                self.clients
            }),
            rate_per_s: (comparison == Comparison::Open).then_some(self.rate_per_s),
            seconds: self.duration_s,
            sdk_client: &self.sdk_client.clone().unwrap_or_else(installed),
            interrupt,
        };
        let clients = comparison.clients();
        let mut turns = vec![Vec::new(); clients.len()];
        for turn in 0..self.trials as usize {
            for place in 0..clients.len() {
                // Another client begins in each turn: a later one finds a warmer machine.
                let index = (place + turn) % clients.len();
                let client = clients[index];
                let reading = one.run(client)?.with_context(|| {
                    format!(
                        "{} is not installed: {}",
                        client.name(),
                        client.how_to_install()
                    )
                })?;
                eprintln!(
                    "{comparison} {suite}, turn {}, {}: {:.0} calls/s, p50 {:.0} us, p99 {:.0} us",
                    turn + 1,
                    client.name(),
                    reading.calls_per_s,
                    reading.p50_us,
                    reading.p99_us
                );
                turns[index].push(reading);
            }
        }
        let figures: Vec<[f64; 3]> = turns.iter().map(|turns| medians(turns)).collect();
        let pairs = clients.iter().zip(&figures);
        let found = pairs.map(|(client, [calls_per_s, p50_us, p99_us])| Found {
            comparison,
            suite: suite.to_owned(),
            client: *client,
            calls_per_s: *calls_per_s,
            p50_us: *p50_us,
            p99_us: *p99_us,
            off_percent: std::array::from_fn(|at| {
                let theirs = [calls_per_s, p50_us, p99_us][at];
                (theirs / figures[0][at] - 1.0) * 100.0
            }),
        });
        Ok(found.collect())
    }

    fn text(&self, found: &[Found], style: Style) -> String {
        let columns = [
            "comparison",
            "suite",
            "client",
            "calls/s",
            "p50 us",
            "p99 us",
            "off by %",
        ];
        let mut table = Table::new(&columns, 3);
        for one in found {
            let [rate, p50, p99] = one.off_percent;
            table.row(vec![
                one.comparison.to_string(),
                one.suite.clone(),
                one.client.name().to_owned(),
                format!("{:.0}", one.calls_per_s),
                format!("{:.0}", one.p50_us),
                format!("{:.0}", one.p99_us),
                format!("{rate:+.1} {p50:+.1} {p99:+.1}"),
            ]);
        }
        let notes = format!(
            "\nMedians of {} turns of {} s with {} connections (sse: {}), the open loop at {} calls/s; \
             off by: rate, p50, p99 against mcp-harness.\n",
            self.trials, self.duration_s, self.clients, self.sse_clients, self.rate_per_s,
        );
        with_notes(found, &table, style, &notes)
    }
}

/// The medians of rate, p50 and p99.
fn medians(turns: &[Reading]) -> [f64; 3] {
    let median = |figure: fn(&Reading) -> f64| {
        let mut figures: Vec<f64> = turns.iter().map(figure).collect();
        median_of(&mut figures).unwrap_or(f64::NAN)
    };
    [
        median(|one| one.calls_per_s),
        median(|one| one.p50_us),
        median(|one| one.p99_us),
    ]
}
