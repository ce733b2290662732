//! `report`: the tables of a recorded run again.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::recorded::Recorded;
use super::{Places, Verdict, print, print_json};
use crate::analysis::summary;
use crate::render::table::Style;
use crate::render::text::render;

/// How tables are printed.
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
    /// Prints a finding or a table.
    pub(super) fn show<T: serde::Serialize>(
        self,
        value: &T,
        draw: impl FnOnce(&T, Style) -> String,
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
pub(super) struct Report {
    /// The folder of the run [default: the latest]
    run: Option<PathBuf>,
    #[command(flatten)]
    recorded: Recorded,
}

impl Report {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let folder = self.recorded.folder(places, self.run.as_deref())?;
        self.recorded
            .show(&summary::Report::read(&folder)?, render)?;
        Ok(Verdict::Right)
    }
}
