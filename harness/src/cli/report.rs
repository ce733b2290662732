//! `report`: the tables of recorded runs again, and the page that people look at; and what all
//! verbs share that read runs: how they are named, and how tables are printed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{Places, Verdict, print};
use crate::analysis::dataset::Dataset;
use crate::analysis::summary;
use crate::config::FormatError;
use crate::render::table::{Style, Table, json};
use crate::report;
use crate::results::folder::RunFolder;

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
    /// Prints the report of a run.
    pub(super) fn print(self, run: &Dataset, found: &summary::Report) -> anyhow::Result<()> {
        print(&report::tables_and_answers(run, found, self.style()))
    }

    /// Prints what was found.
    pub(super) fn show<T: ?Sized>(
        self,
        value: &T,
        draw: impl FnOnce(&T, Style) -> String,
    ) -> anyhow::Result<()> {
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

/// A table with what is to be said below it, for people. JSON is what the table was made from.
pub(super) fn with_notes<T: Serialize + ?Sized>(
    from: &T,
    table: &Table,
    style: Style,
    notes: &str,
) -> String {
    match style {
        Style::Json => json(from),
        Style::Csv => table.draw(style),
        Style::Text | Style::Markdown => table.draw(style) + notes,
    }
}

/// The run of that path, or of that name in the results; the latest one when none is named.
pub(super) fn folder(results: &Path, run: Option<&Path>) -> Result<RunFolder, FormatError> {
    match run.filter(|run| run.as_os_str() != "latest") {
        None => RunFolder::latest(results),
        Some(run) => RunFolder::open(run)
            .or_else(|error| RunFolder::open(&results.join(run)).map_err(|_| error)),
    }
}

/// Flags of all verbs that read runs.
#[derive(Debug, Args)]
pub(super) struct Recorded {
    /// The folder that holds the runs [default: ROOT/results]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

impl Recorded {
    fn results(&self, places: &Places) -> PathBuf {
        places.results(self.out.as_deref())
    }

    /// See [`folder`].
    pub(super) fn folder(
        &self,
        places: &Places,
        run: Option<&Path>,
    ) -> Result<RunFolder, FormatError> {
        folder(&self.results(places), run)
    }

    /// Opens and reads such a run.
    pub(super) fn dataset(
        &self,
        places: &Places,
        run: Option<&Path>,
    ) -> Result<Dataset, FormatError> {
        Dataset::read(self.folder(places, run)?)
    }

    /// The youngest run that is right for a question; the latest one when none is.
    pub(super) fn latest_that(
        &self,
        places: &Places,
        is_right: impl Fn(&Dataset) -> bool,
    ) -> Result<Dataset, FormatError> {
        let folders = RunFolder::all(&self.results(places))?;
        first_that(folders, is_right).map_or_else(|| self.dataset(places, None), Ok)
    }

    /// The youngest run that is right for a question, if one is; also where there is no run yet.
    pub(super) fn youngest(
        &self,
        places: &Places,
        is_right: impl Fn(&Dataset) -> bool,
    ) -> Option<Dataset> {
        let folders = RunFolder::all(&self.results(places)).unwrap_or_default();
        first_that(folders, is_right)
    }

    /// Prints what was found.
    pub(super) fn show<T>(
        &self,
        value: &T,
        draw: impl FnOnce(&T, Style) -> String,
    ) -> anyhow::Result<()> {
        self.format.show(value, draw)
    }
}

/// The first of these runs that is right for a question. A damaged one is skipped: another may
/// answer.
fn first_that(folders: Vec<RunFolder>, is_right: impl Fn(&Dataset) -> bool) -> Option<Dataset> {
    let mut runs = (folders.into_iter()).filter_map(|folder| Dataset::read(folder).ok());
    runs.find(is_right)
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
    /// The runs [default: the latest]
    run: Vec<PathBuf>,
    #[command(flatten)]
    recorded: Recorded,
    /// The folder that report.html and report.md are written to [default: that of the first run]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

impl Report {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let named = self.run.iter().map(|run| Some(run.as_path()));
        let latest = self.run.is_empty().then_some(None);
        let read = |run| self.recorded.dataset(places, run);
        let runs: Vec<Dataset> = named.chain(latest).map(read).collect::<Result<_, _>>()?;
        let found = runs.iter().map(summary::Report::of);
        let found: Vec<summary::Report> = found.collect::<Result<_, _>>()?;
        let pairs: Vec<_> = runs.iter().zip(&found).collect();
        for (run, found) in &pairs {
            self.recorded.format.print(run, found)?;
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
