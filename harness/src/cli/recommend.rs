//! `recommend`: from recorded runs, what to use for a described kind of work.

use std::path::PathBuf;

use clap::Args;

use super::rank::By;
use super::report::Recorded;
use super::{Places, Verdict};
use crate::analysis::recommend::{Deployment, Wish, answers, recommend};
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

Examples:
  mcp-harness recommend --workload api --deployment remote --clients 100 --max-rss 32M
  mcp-harness recommend --workload db results/RUN"
)]
pub(super) struct Recommend {
    /// The run [default: the latest that answers the question]
    run: Option<PathBuf>,
    /// The kind of work
    #[arg(long, value_enum)]
    workload: Workload,
    /// Where the clients are
    #[arg(long, value_enum, default_value_t = Deployment::Remote)]
    deployment: Deployment,
    /// Clients at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    clients: Option<u32>,
    /// The most resident memory: bytes, or with K, M, G (thousands, as in the tables) or Ki, Mi, Gi
    #[arg(long, value_name = "BYTES", value_parser = super::args::bytes)]
    max_rss: Option<u64>,
    /// What decides
    #[arg(long, value_enum, default_value_t = By::Cpu)]
    by: By,
    /// Differences below this are none
    #[arg(long, value_name = "SHARE", default_value = "2%")]
    threshold: Threshold,
    #[command(flatten)]
    recorded: Recorded,
}

impl Recommend {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let wish = Wish {
            workload: self.workload,
            deployment: self.deployment,
            clients: self
                .clients
                .and_then(|clients| usize::try_from(clients).ok()),
            max_rss_bytes: self.max_rss,
            by: self.by.metric(),
            threshold: self.threshold,
        };
        let run = match &self.run {
            Some(run) => self.recorded.dataset(places, Some(run))?,
            None => self
                .recorded
                .latest_that(places, |run| answers(run, &wish))?,
        };
        self.recorded
            .show(&recommend(&run, &wish)?, findings::recommendation)?;
        Ok(Verdict::Right)
    }
}
