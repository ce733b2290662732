//! `measure`: makes a run, records it, and shows its tables.

use std::collections::BTreeMap;

use clap::Args;

use super::args::{BenchFlags, Selection, Wanted};
use super::record::{LoadFlags, RecordFlags, Wish};
use super::report::ReportFormat;
use super::server::ServerFlags;
use super::{Places, Verdict};
use crate::interrupt::Interrupt;

/// Flags of `measure`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Each trial starts a fresh server on its own cores, opens real MCP sessions, warms up, and measures. The order of the
subjects is shuffled in every round. Everything is recorded in RESULTS/<date>-<host>-<commit>/, trial by trial; Ctrl-C
ends all children and keeps the trials that were done.

Examples:
  mcp-harness measure --trials 1 --duration-s 2 --warmup-s 0.5        a quick look
  mcp-harness measure --suite echo,query_products --clients 10
  mcp-harness measure --subject http-json-tokio,floor-http --suite echo --seed 7

A server of your own, in any folder and without any definition (docs/bring-your-own-server.md):
  mcp-harness measure --command \"node server.mjs\" --tool add --arguments '{\"a\": 1, \"b\": 2}' --expect text=3
  mcp-harness measure --url http://127.0.0.1:8000/mcp --tool add --arguments '{\"a\": 1, \"b\": 2}' --expect contains=3"
)]
pub(super) struct Measure {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    bench: BenchFlags,
    #[command(flatten)]
    load: LoadFlags,
    #[command(flatten)]
    record: RecordFlags,
    /// How the report is printed at the end
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

impl Measure {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        if self.server.is_given() {
            return self.server_of_ones_own(places, interrupt);
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
        self.make(places, wish, interrupt)
    }

    /// Measures the server that the flags describe.
    fn server_of_ones_own(
        &self,
        places: &Places,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Verdict> {
        self.selection.refuse_beside("--url and --command")?;
        let mut wish = self.server.wish(places, &self.bench, interrupt)?;
        for suite in wish.suites.values_mut() {
            self.load.replace(&mut suite.load)?;
        }
        self.make(places, wish, interrupt)
    }

    fn make(&self, places: &Places, wish: Wish, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let (report, verdict) = self.record.make(places, &self.bench, wish, interrupt)?;
        self.format.print(&report)?;
        Ok(verdict)
    }
}
