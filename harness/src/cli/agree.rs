//! `agree`: the load client's figures beside those of others, where the server sets the pace of all of them.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;
use serde_json::Map;

use super::args::{BenchFlags, Format};
use super::peer::{Asked, Brought, Scratch, oha, wrk};
use super::{Places, Verdict, print, print_json};
use crate::config::subject::{Subjects, Wire};
use crate::config::suite::Suite;
use crate::config::template::Context as Values;
use crate::interrupt::Interrupt;
use crate::load::{self, Exchange, Plan, Revision, Shape, Target};
use crate::render::table::{Style, Table};
use crate::run::testbed::Testbed;

/// Load before a turn counts; whole seconds, as the others take them.
const WARMUP_S: u64 = 1;

/// Flags of `agree`.
#[derive(Debug, Args)]
#[command(after_help = "\
Each client asks a fresh server the same request over as many connections from the same core, by turns; medians. What is
compared are rate, p50 and p99. They can agree only where the server is the limit: with a fast server each client measures
itself, and then `doctor` says which of them is the faster one.

Exit code 1 when a figure differs by more than the tolerance from one of the others'.")]
pub(super) struct Agree {
    #[command(flatten)]
    bench: BenchFlags,
    /// A server on Streamable HTTP that keeps no sessions
    #[arg(long, value_name = "NAME", default_value = "http-json-tokio-rmcp")]
    subject: String,
    /// What is asked: the first call of these suites
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
    /// Differences up to this are agreement, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    tolerance: f64,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Client {
    McpHarness,
    Wrk,
    Oha,
}

impl Client {
    const ALL: [Self; 3] = [Self::McpHarness, Self::Wrk, Self::Oha];

    const fn name(self) -> &'static str {
        match self {
            Self::McpHarness => "mcp-harness",
            Self::Wrk => "wrk",
            Self::Oha => "oha",
        }
    }
}

/// What a client found, as medians over its turns.
#[derive(Debug, Serialize)]
struct Found {
    suite: String,
    client: Client,
    calls_per_s: f64,
    p50_us: f64,
    p99_us: f64,
    /// How far each figure is from ours, in percent of it: rate, p50, p99.
    off_percent: [f64; 3],
}

impl Agree {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let subjects = Subjects::read(&places.subjects())?;
        match subjects.subject.get(&self.subject) {
            Some(subject) if subject.wire == Wire::Http => {}
            Some(_) => bail!("{}: wrk and oha speak HTTP only", self.subject),
            None => bail!("there is no subject \"{}\"; see `list`", self.subject),
        }
        let bench = (self.bench).bench(
            places,
            subjects,
            std::slice::from_ref(&self.subject),
            interrupt,
        )?;
        let suites = Suite::read_folder(&places.suites())?;
        let mut found = Vec::new();
        for name in &self.suite {
            let suite = suites
                .get(name)
                .with_context(|| format!("there is no suite \"{name}\"; see `list`"))?;
            let exchange = first(name, suite, &bench.service_urls())?;
            found.extend(self.suite(name, &exchange, &bench, interrupt)?);
        }
        match self.format {
            Format::Json => print_json(&found)?,
            Format::Text => print(&self.text(&found))?,
        }
        let off = found.iter().flat_map(|one| one.off_percent);
        Ok(Verdict::of(
            off.into_iter().all(|off| off.abs() <= self.tolerance),
        ))
    }

    /// All turns of one suite.
    fn suite(
        &self,
        name: &str,
        exchange: &Exchange,
        bench: &Testbed,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Vec<Found>> {
        let folder = Scratch::new()?;
        let mut turns: [Vec<Brought>; 3] = Default::default();
        for turn in 1..=self.trials {
            for place in 0..Client::ALL.len() {
                // Who goes first changes from turn to turn.
                let index = (place + turn as usize) % Client::ALL.len();
                let client = Client::ALL[index];
                anyhow::ensure!(!interrupt.is_set(), "interrupted");
                let brought = self.turn(client, exchange, bench, &folder, interrupt)?;
                eprintln!(
                    "{name}, turn {turn}, {}: {:.0} calls/s, p50 {:.0} us, p99 {:.0} us",
                    client.name(),
                    brought.rate,
                    brought.p50_us,
                    brought.p99_us
                );
                turns[index].push(brought);
            }
        }
        let figures: Vec<[f64; 3]> = turns.iter().map(|turns| medians(turns)).collect();
        let ours = figures[0];
        let found = Client::ALL.into_iter().zip(figures);
        Ok(found
            .map(|(client, figures)| Found {
                suite: name.to_owned(),
                client,
                calls_per_s: figures[0],
                p50_us: figures[1],
                p99_us: figures[2],
                off_percent: [0, 1, 2].map(|one| (figures[one] / ours[one] - 1.0) * 100.0),
            })
            .collect())
    }

    /// One turn of one client, with a fresh server.
    fn turn(
        &self,
        client: Client,
        exchange: &Exchange,
        bench: &Testbed,
        folder: &Scratch,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Brought> {
        let started = bench.start(&self.subject, None, interrupt)?;
        let Target::Http { address, path, .. } = &started.target else {
            bail!("{} does not speak Streamable HTTP", self.subject);
        };
        let mut asked = Asked {
            url: format!("http://{address}{path}"),
            exchange,
            clients: usize::from(self.clients),
            seconds: WARMUP_S,
            cores: &bench.setup().layout.load,
        };
        let ask = |asked: &Asked<'_>| match client {
            Client::McpHarness => Ok(None),
            Client::Wrk => wrk::run(asked, folder.path(), interrupt),
            Client::Oha => oha::run(asked, interrupt),
        };
        if client == Client::McpHarness {
            return self.own_turn(started.target, exchange, interrupt);
        }
        ask(&asked)?;
        asked.seconds = self.duration_s;
        ask(&asked)?.with_context(|| {
            let how = match client {
                Client::Oha => "cargo install --locked oha",
                _ => "apt-get install wrk",
            };
            format!("{} is not installed: {how}", client.name())
        })
    }

    /// A turn of the load engine.
    fn own_turn(
        &self,
        target: Target,
        exchange: &Exchange,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Brought> {
        let plan = Plan {
            target,
            exchanges: std::slice::from_ref(exchange),
            clients: usize::from(self.clients),
            warmup: Duration::from_secs(WARMUP_S),
            duration: Duration::from_secs(self.duration_s),
            call_timeout: load::DEFAULT_CALL_TIMEOUT,
            revision: Revision::default(),
            extra_params: Map::new(),
            shape: Shape::default(),
            stop: interrupt.flag(),
        };
        let outcome = load::run(1, plan, &mut |_| {})?;
        let errors = outcome.errors.total() + outcome.warmup_errors.total();
        anyhow::ensure!(
            errors == 0,
            "the server answered wrong: {:?}",
            outcome.errors
        );
        let us = |quantile| outcome.latency_ns.value_at_quantile(quantile) as f64 / 1e3;
        Ok(Brought {
            rate: outcome.calls_per_s(),
            requests: outcome.calls,
            p50_us: us(0.5),
            p99_us: us(0.99),
            cpu_us: outcome.client_cpu.as_secs_f64() * 1e6,
        })
    }

    fn text(&self, found: &[Found]) -> String {
        let columns = ["suite", "client", "calls/s", "p50 us", "p99 us", "off by %"];
        let mut table = Table::new(&columns, 2);
        for one in found {
            let [rate, p50, p99] = one.off_percent;
            table.row(vec![
                one.suite.clone(),
                one.client.name().to_owned(),
                format!("{:.0}", one.calls_per_s),
                format!("{:.0}", one.p50_us),
                format!("{:.0}", one.p99_us),
                format!("{rate:+.1} {p50:+.1} {p99:+.1}"),
            ]);
        }
        format!(
            "{}\nMedians of {} turns of {} s, {} connections, subject {}; off by: rate, p50, p99 against mcp-harness.\n",
            table.draw(Style::Text),
            self.trials,
            self.duration_s,
            self.clients,
            self.subject
        )
    }
}

/// The first call of a suite.
fn first(name: &str, suite: &Suite, services: &Values) -> anyhow::Result<Exchange> {
    let exchanges = suite
        .exchanges(services)
        .map_err(|message| anyhow::anyhow!("suite {name}: {message}"))?;
    exchanges
        .into_iter()
        .next()
        .with_context(|| format!("suite {name} has no call"))
}

/// The medians of rate, p50 and p99; of an even number the upper one of the two in the middle.
fn medians(turns: &[Brought]) -> [f64; 3] {
    let middle = |figure: fn(&Brought) -> f64| {
        let mut figures: Vec<f64> = turns.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
    };
    [
        middle(|one| one.rate),
        middle(|one| one.p50_us),
        middle(|one| one.p99_us),
    ]
}
