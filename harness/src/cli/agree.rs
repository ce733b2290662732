//! `agree`: the load client's figures beside those of other clients, where the server sets the
//! pace.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::args::BenchFlags;
use super::report::{ReportFormat, with_notes};
use super::{Places, Verdict as Outcome};
use crate::config::subject::{Subjects, Wire};
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::load::Exchange;
use crate::render::table::{Style, Table};
use crate::run::peers::{Client, Reading, Turn};
use crate::run::testbed::Testbed;
use crate::stats::{Better, Design, Ratio, Resampled, Sample, Threshold, Verdict, median_of};

/// Flags of `agree`.
#[derive(Debug, Args)]
#[command(after_help = "\
Each client sends a fresh server the same request over as many connections from the same core, in
turn; the figures are medians over the turns. Compared are rate, p50 and p99:
  closed   with wrk and oha, over Streamable HTTP
  open     with oha at a fixed rate, both timed from when a request was due
  sse      with the client of the official TypeScript SDK, which times its own calls and takes some
           2 ms for each, so that this call takes a quarter of a second
They can agree only where the server is the limit: with a fast server each client measures itself.
`doctor` compares the speed of the clients.

Exit code 1 when a figure differs from that of another client by more than the tolerance, with its
whole 95% interval over the turns, or there are too few turns for one.")]
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
    /// The first call of each of these suites is sent; `open` uses the first suite only
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "simulate_database_query,echo"
    )]
    suite: Vec<String>,
    /// The suite of `sse`, whose first call is sent
    #[arg(long, value_name = "NAME", default_value = "long_wait")]
    sse_suite: String,
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
    /// Differences up to this one do not count, for instance 5%
    #[arg(long, value_name = "SHARE", default_value = "5%")]
    tolerance: Threshold,
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

/// Figures of a client, as medians over its turns: rate, p50, p99.
#[derive(Debug, Serialize)]
struct Found {
    comparison: Comparison,
    suite: String,
    client: Client,
    calls_per_s: f64,
    p50_us: f64,
    p99_us: f64,
    /// Each figure beside that of the harness's client, in the same turns.
    beside: [Beside; 3],
}

/// A figure of one client beside that of another.
#[derive(Debug, Serialize)]
struct Beside {
    ratio: Option<Ratio>,
    verdict: Verdict,
}

impl Agree {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Outcome> {
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
            for name in self.suites_of(comparison) {
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
        let mut beside = found.iter().flat_map(|one| &one.beside);
        let agree = beside.all(|one| one.verdict.is_tie());
        Ok(Outcome::of(agree))
    }

    fn suites_of(&self, comparison: Comparison) -> &[String] {
        match comparison {
            Comparison::Closed => &self.suite,
            Comparison::Open => self.suite.get(..1).unwrap_or_default(),
            Comparison::Sse => std::slice::from_ref(&self.sse_suite),
        }
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
        let found = clients.iter().zip(&turns).map(|(client, readings)| {
            let [calls_per_s, p50_us, p99_us] = FIGURES.map(|(_, figure)| median(readings, figure));
            Found {
                comparison,
                suite: suite.to_owned(),
                client: *client,
                calls_per_s,
                p50_us,
                p99_us,
                beside: FIGURES.map(|(better, figure)| {
                    self.beside(better, [readings, &turns[0]].map(|of| samples(of, figure)))
                }),
            }
        });
        Ok(found.collect())
    }

    /// The figures of a client beside those of the harness's client. The three figures of a client
    /// are judged together.
    fn beside(&self, better: Better, [theirs, ours]: [Vec<Sample>; 2]) -> Beside {
        let resampled = Resampled::new(&theirs, &ours, Design::SameRounds);
        let ratio = resampled.map(|found| found.ratio_among(FIGURES.len()));
        Beside {
            verdict: ratio.map_or(Verdict::Unknown, |found| {
                self.tolerance.judge(&found, better)
            }),
            ratio,
        }
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
            "verdicts",
        ];
        let mut table = Table::new(&columns, 3);
        for one in found {
            let off = one.beside.each_ref().map(|beside| {
                let percent = beside
                    .ratio
                    .map_or(f64::NAN, |ratio| (ratio.point - 1.0) * 100.0);
                format!("{percent:+.1}")
            });
            let word = |beside: &Beside| match beside.verdict {
                Verdict::Faster | Verdict::Slower => "differs",
                Verdict::Equal => "agrees",
                Verdict::CannotTell => "cannot tell",
                Verdict::Unknown => "unknown",
            };
            table.row(vec![
                one.comparison.to_string(),
                one.suite.clone(),
                one.client.name().to_owned(),
                format!("{:.0}", one.calls_per_s),
                format!("{:.0}", one.p50_us),
                format!("{:.0}", one.p99_us),
                off.join(" "),
                one.beside.each_ref().map(word).join(", "),
            ]);
        }
        let notes = format!(
            "\nMedians of {} turns of {} s with {} connections (sse: {}), the open loop at {} calls/s; \
             off by, and verdicts within {}: rate, p50, p99 against mcp-harness in the same turns.\n",
            self.trials,
            self.duration_s,
            self.clients,
            self.sse_clients,
            self.rate_per_s,
            self.tolerance,
        );
        with_notes(found, &table, style, &notes)
    }
}

/// A figure of a turn.
type Figure = fn(&Reading) -> f64;

/// Rate, p50 and p99.
const FIGURES: [(Better, Figure); 3] = [
    (Better::More, |one| one.calls_per_s),
    (Better::Less, |one| one.p50_us),
    (Better::Less, |one| one.p99_us),
];

fn median(turns: &[Reading], figure: Figure) -> f64 {
    let mut figures: Vec<f64> = turns.iter().map(figure).collect();
    median_of(&mut figures).unwrap_or(f64::NAN)
}

/// The figure of each turn. Each turn has a server of its own.
fn samples(turns: &[Reading], figure: Figure) -> Vec<Sample> {
    let numbered = (1..).zip(turns);
    let sample = |(turn, reading)| Sample {
        process: turn,
        round: turn,
        value: figure(reading),
    };
    numbered.map(sample).collect()
}
