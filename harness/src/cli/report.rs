//! `report`: the tables of recorded runs again, and the page that people look at.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::{Places, Verdict, print, print_json, recorded};
use crate::analysis::dataset::Dataset;
use crate::analysis::summary;
use crate::render::table::Style;
use crate::report;

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// Aligned columns for a terminal.
    Text,
    /// As in report.md.
    Markdown,
    /// For programs.
    Json,
    /// For spreadsheets: a row for each suite and subject.
    Csv,
}

impl ReportFormat {
    /// Prints the report of a run.
    pub(super) fn print(self, run: &Dataset, found: &summary::Report) -> anyhow::Result<()> {
        let style = match self {
            Self::Text => Style::Text,
            Self::Markdown => Style::Markdown,
            Self::Json => return print_json(found),
            Self::Csv => Style::Csv,
        };
        print(&report::tables_and_answers(run, found, style)?)
    }

    /// Prints a finding.
    pub(super) fn show<T: serde::Serialize>(
        self,
        value: &T,
        draw: fn(&T, Style) -> String,
    ) -> anyhow::Result<()> {
        match self {
            Self::Text => print(&draw(value, Style::Text)),
            Self::Markdown => print(&draw(value, Style::Markdown)),
            Self::Json => print_json(value),
            Self::Csv => print(&draw(value, Style::Csv)),
        }
    }
}

/// Flags of `report`.
#[derive(Debug, Args)]
#[command(after_help = "\
Writes report.html and report.md into the folder of the first run: which configuration to use, pictures, and every row
with the command that makes it again. Several runs make one page: one with --find-capacity beside one of all suites, or
runs with 1, 2 and 4 --server-cores. Tables of all of them are printed.

Examples:
  mcp-harness report                                          the latest run
  mcp-harness report results/RUN_A results/RUN_B --into page")]
pub(super) struct Report {
    /// The folders of the runs [default: the latest]
    run: Vec<PathBuf>,
    /// The folder that holds the runs [default: ROOT/results]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The folder that report.html and report.md are written to [default: that of the first run]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// How the report is printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

impl Report {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let named = self.run.iter().map(|run| Some(run.as_path()));
        let latest = self.run.is_empty().then_some(None);
        let read = |run| recorded::dataset(places, self.out.as_deref(), run);
        let runs: Vec<Dataset> = named.chain(latest).map(read).collect::<Result<_, _>>()?;
        let found = runs.iter().map(summary::Report::of);
        let found: Vec<summary::Report> = found.collect::<Result<_, _>>()?;
        let pairs: Vec<_> = runs.iter().zip(&found).collect();
        for (run, found) in &pairs {
            self.format.print(run, found)?;
        }
        if let Some(first) = runs.first() {
            let into = self.into.as_deref().unwrap_or(first.folder.root());
            std::fs::create_dir_all(into)
                .with_context(|| format!("making the folder {}", into.display()))?;
            let page = report::write(&pairs, into)?;
            eprintln!("report: {}", page.display());
        }
        Ok(Verdict::Right)
    }
}
