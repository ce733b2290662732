//! `recommend`: from recorded runs, what to use for a described kind of work.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::rank::By;
use super::report::Recorded;
use super::{Places, Verdict, check_known};
use crate::analysis::dataset::Dataset;
use crate::analysis::recommend::{Wish, answers, recommend, scenarios};
use crate::config::scenario::{Deployment, Scenario};
use crate::config::suite::Workload;
use crate::render::findings;
use crate::stats::Threshold;

/// Flags of `recommend`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Ranks as `rank` does, over the suites that stand for the work by their key `workload`, the servers
that answered everything right and fit the flags. What was not measured is not recommended, and stdio
never for remote use.

With --scenario the situation says what to look for (harness/scenarios.toml), from the latest run
that has measured it.

Examples:
  mcp-harness recommend --scenario team
  mcp-harness recommend --workload api --deployment remote --clients 100 --max-rss 32M
  mcp-harness recommend --workload db results/RUN"
)]
pub(super) struct Recommend {
    /// The run [default: the latest that answers the question]
    run: Option<PathBuf>,
    /// The kind of work
    #[arg(long, value_enum, required_unless_present = "scenario")]
    workload: Option<Workload>,
    /// The situation, in the place of the kind of work, the clients and their place, and the memory
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["workload", "deployment", "clients", "max_rss"]
    )]
    scenario: Option<String>,
    /// Where the clients are
    #[arg(long, value_enum, default_value_t = Deployment::Remote)]
    deployment: Deployment,
    /// Clients at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    clients: Option<u32>,
    /// The most resident memory: bytes, or with K, M, G (thousands, as in the tables) or Ki, Mi, Gi
    #[arg(long, value_name = "BYTES", value_parser = super::args::bytes)]
    max_rss: Option<u64>,
    /// What decides [default: cpu, or what the scenario says]
    #[arg(long, value_enum)]
    by: Option<By>,
    /// Differences below this are none
    #[arg(long, value_name = "SHARE", default_value = "2%")]
    threshold: Threshold,
    #[command(flatten)]
    recorded: Recorded,
}

impl Recommend {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        if let Some(name) = &self.scenario {
            let (run, mut wish) = self.measured(places, name)?;
            wish.threshold = self.threshold;
            wish.by = self.by.map_or(wish.by, By::metric);
            return self.answer(&run, &wish);
        }
        let wish = Wish {
            workload: self.workload.unwrap_or(Workload::Mixed),
            deployment: self.deployment,
            clients: self
                .clients
                .and_then(|clients| usize::try_from(clients).ok()),
            max_rss_bytes: self.max_rss,
            by: self.by.unwrap_or(By::Cpu).metric(),
            threshold: self.threshold,
            scenario: None,
        };
        let run = match &self.run {
            Some(run) => self.recorded.dataset(places, Some(run))?,
            None => self
                .recorded
                .latest_that(places, |run| answers(run, &wish))?,
        };
        self.answer(&run, &wish)
    }

    fn answer(&self, run: &Dataset, wish: &Wish) -> anyhow::Result<Verdict> {
        self.recorded
            .show(&recommend(run, wish)?, findings::recommendation)?;
        Ok(Verdict::Right)
    }

    /// The run that has measured a scenario, and what that looks for, as the run recorded it.
    fn measured(&self, places: &Places, name: &str) -> anyhow::Result<(Dataset, Wish)> {
        let of = |run: &Dataset| {
            let found = scenarios(run).into_iter().find(|one| one.name == name);
            found.map(Wish::of)
        };
        let run = match &self.run {
            Some(run) => Some(self.recorded.dataset(places, Some(run))?),
            None => self.recorded.youngest(places, |run| of(run).is_some()),
        };
        if let Some((run, wish)) = run.and_then(|run| of(&run).map(|wish| (run, wish))) {
            return Ok((run, wish));
        }
        let defined = Scenario::read_file(&places.scenarios())?;
        check_known("scenario", &[name.to_owned()], defined.keys())?;
        let command = defined.get(name).map(Scenario::command).unwrap_or_default();
        match &self.run {
            Some(run) => bail!(
                "the run {} has not measured the scenario {name}; {command} records it",
                run.display()
            ),
            None => bail!("no recorded run has measured the scenario {name}; {command} records it"),
        }
    }
}
