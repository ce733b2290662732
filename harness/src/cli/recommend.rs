//! `recommend`: from a recorded run, what to use for a described kind of work.

use std::path::PathBuf;

use clap::Args;

use super::rank::By;
use super::recorded::evidence;
use super::report::ReportFormat;
use super::{Places, Verdict};
use crate::analysis::recommend::{Wish, recommend};
use crate::config::suite::Workload;
use crate::render;
use crate::stats::Threshold;

/// Flags of `recommend`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
The suites that stand for a kind of work say so by their key `workload`; `mixed` takes all of them. Subjects with an error in one of
these suites, or over the limit of memory, are left out; the others are ranked as by `rank`. What was not measured is not recommended.

Examples:
  mcp-harness recommend --workload io --clients 100 --memory 32M
  mcp-harness recommend --workload database --transport http-json,http-stream results/RUN"
)]
pub(super) struct Recommend {
    /// The run [default: the latest]
    run: Option<PathBuf>,
    /// The kind of work
    #[arg(long, value_enum)]
    workload: Workload,
    /// Clients at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    clients: Option<u32>,
    /// The most resident memory: bytes, or with K, M, G (thousands, as in the tables) or Ki, Mi, Gi
    #[arg(long, value_name = "BYTES", value_parser = super::args::bytes)]
    memory: Option<u64>,
    /// Only servers of these transports (several: separated by commas)
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    transport: Vec<String>,
    /// What decides
    #[arg(long, value_enum, default_value_t = By::Cpu)]
    by: By,
    /// Differences below this are ties
    #[arg(long, value_name = "SHARE", default_value = "2%")]
    threshold: Threshold,
    /// The folder that holds the runs [default: ROOT/results]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the recommendation is printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

impl Recommend {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let run = evidence(places, self.out.as_deref(), self.run.as_deref())?;
        let wish = Wish {
            workload: self.workload,
            clients: self
                .clients
                .and_then(|clients| usize::try_from(clients).ok()),
            memory_bytes: self.memory,
            transports: self.transport.clone(),
            by: self.by.figure(),
            threshold: self.threshold,
        };
        self.format.show(
            &recommend(&run, &wish)?,
            render::recommend::render,
            render::recommend::csv,
        )?;
        Ok(Verdict::Right)
    }
}
