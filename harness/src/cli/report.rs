//! `report`: the tables of a recorded run again.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Places, Verdict, print, recorded};
use crate::analysis::summary;
use crate::render::table::Style;
use crate::render::text::render;

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
    pub(super) fn print(self, report: &summary::Report) -> anyhow::Result<()> {
        self.show(report, render)
    }

    /// Prints a finding.
    pub(super) fn show<T>(self, value: &T, draw: fn(&T, Style) -> String) -> anyhow::Result<()> {
        print(&draw(value, self.style()))
    }

    pub(super) const fn style(self) -> Style {
        match self {
            Self::Text => Style::Text,
            Self::Markdown => Style::Markdown,
            Self::Json => Style::Json,
            Self::Csv => Style::Csv,
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
        let folder = recorded::folder(places, self.out.as_deref(), self.run.as_deref())?;
        self.format.print(&summary::Report::read(&folder)?)?;
        Ok(Verdict::Right)
    }
}
