//! `measure`: makes a run, records it, and shows its tables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::args::{BenchFlags, Selection, Wanted};
use super::record::{LoadFlags, RecordFlags, Wish};
use super::report::ReportFormat;
use super::{Places, Verdict, resume};
use crate::interrupt::Interrupt;

/// Flags of `measure`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Each trial starts a fresh server on its own cores, opens real MCP sessions, warms up, and measures. The order of the
subjects is shuffled in every round. Everything is recorded in RESULTS/<date>-<host>-<commit>/, trial by trial; Ctrl-C
ends all children and keeps the trials that were done, and --resume makes the others.

Examples:
  mcp-harness measure --trials 1 --duration-s 2 --warmup-s 0.5        a quick look
  mcp-harness measure --suite echo,query_products --clients 10
  mcp-harness measure --subject http-json-tokio,floor-http --suite echo --seed 7
  mcp-harness measure --resume results/20260101T120000Z-host-0123456789ab"
)]
pub(super) struct Measure {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    bench: BenchFlags,
    #[command(flatten)]
    load: LoadFlags,
    #[command(flatten)]
    record: RecordFlags,
    /// Make the trials that a run lacks which was interrupted, killed or failed, with its own definitions, order and cores. What
    /// it was begun with has to be there unchanged; a URL with a password has to be given again
    #[arg(long, value_name = "RUN", conflicts_with_all = RESUME_HAS)]
    resume: Option<PathBuf>,
    /// How the report is printed at the end
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

/// What a run that is continued has settled already: all but where its databases are.
const RESUME_HAS: [&str; 9] = [
    "Selection",
    "LoadFlags",
    "RecordFlags",
    "LimitFlags",
    "no_build",
    "profile",
    "server_cores",
    "server_core_list",
    "load_core_list",
];

impl Measure {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        if let Some(root) = &self.resume {
            let (report, verdict) = resume::make(root, places, &self.bench, interrupt)?;
            self.format.print(&report)?;
            return Ok(verdict);
        }
        let mut suites = self.selection.suites(places, Wanted::NotOnRequest)?;
        for suite in suites.values_mut() {
            self.load.replace(&mut suite.load)?;
        }
        let (subjects, names) = self.selection.subjects(places, Wanted::NotOnRequest)?;
        let wish = Wish {
            subjects,
            names,
            suites,
            marks: None,
            levers: BTreeMap::new(),
            groups: Vec::new(),
        };
        let (report, verdict) = self.record.make(places, &self.bench, wish, interrupt)?;
        self.format.print(&report)?;
        Ok(verdict)
    }
}
