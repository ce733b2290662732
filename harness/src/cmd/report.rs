//! `report`: the tables of a recorded run again.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Places, Verdict, print, print_json};
use crate::format::folder::RunFolder;
use crate::report::render::render;
use crate::report::summary;
use crate::report::table::Style;

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// Aligned columns for a terminal.
    Text,
    /// As in report.md.
    Markdown,
    /// For programs.
    Json,
}

impl ReportFormat {
    pub(super) fn print(self, report: &summary::Report) -> anyhow::Result<()> {
        match self {
            Self::Text => print(&render(report, Style::Text)),
            Self::Markdown => print(&render(report, Style::Markdown)),
            Self::Json => print_json(report),
        }
    }
}

/// Flags of `report`.
#[derive(Debug, Args)]
pub(super) struct Report {
    /// The folder of the run [default: the latest]
    run: Option<PathBuf>,
    /// The folder that holds the runs [default: ROOT/results]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the report is printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

impl Report {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let folder = match &self.run {
            Some(run) => RunFolder::open(run)?,
            None => RunFolder::latest(
                &self
                    .out
                    .clone()
                    .unwrap_or_else(|| places.root().join("results")),
            )?,
        };
        self.format.print(&summary::Report::read(&folder)?)?;
        Ok(Verdict::Right)
    }
}
