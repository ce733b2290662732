//! Runs that are recorded already, as the command line names them, and how what is said about them is printed.

use std::path::{Path, PathBuf};

use super::{Places, print, print_json};
use crate::analysis::dataset::Dataset;
use crate::cli::report::ReportFormat;
use crate::config::FormatError;
use crate::render::table::Style;
use crate::results::folder::RunFolder;

/// The run of that path, or of that name in the results; the latest one when none is named.
///
/// # Errors
/// [`FormatError`] when there is no such run.
pub(super) fn folder(
    places: &Places,
    out: Option<&Path>,
    run: Option<&Path>,
) -> Result<RunFolder, FormatError> {
    let results = out.map_or_else(|| places.root().join("results"), PathBuf::from);
    let Some(run) = run else {
        return RunFolder::latest(&results);
    };
    if run.as_os_str() == "latest" {
        return RunFolder::latest(&results);
    }
    RunFolder::open(run).or_else(|error| RunFolder::open(&results.join(run)).map_err(|_| error))
}

/// Opens and reads such a run.
///
/// # Errors
/// [`FormatError`] when there is no such run, or a file of it is missing or damaged.
pub(super) fn evidence(
    places: &Places,
    out: Option<&Path>,
    run: Option<&Path>,
) -> Result<Dataset, FormatError> {
    Dataset::read(folder(places, out, run)?)
}

impl ReportFormat {
    /// Prints a finding in one of its four forms.
    pub(super) fn show<T: serde::Serialize>(
        self,
        value: &T,
        text: fn(&T, Style) -> String,
        csv: fn(&T) -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Text => print(&text(value, Style::Text)),
            Self::Markdown => print(&text(value, Style::Markdown)),
            Self::Json => print_json(value),
            Self::Csv => print(&csv(value)?),
        }
    }
}
