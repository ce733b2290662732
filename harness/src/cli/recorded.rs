//! Runs that are recorded already, as the command line names them.

use std::path::{Path, PathBuf};

use super::Places;
use crate::analysis::dataset::Dataset;
use crate::config::FormatError;
use crate::results::folder::RunFolder;

fn results(places: &Places, out: Option<&Path>) -> PathBuf {
    out.map_or_else(|| places.root().join("results"), PathBuf::from)
}

/// The run of that path, or of that name in the results; the latest one when none is named.
///
/// # Errors
/// [`FormatError`] when there is no such run.
pub(super) fn folder(
    places: &Places,
    out: Option<&Path>,
    run: Option<&Path>,
) -> Result<RunFolder, FormatError> {
    let results = results(places, out);
    match run {
        None => RunFolder::latest(&results),
        Some(run) if run.as_os_str() == "latest" => RunFolder::latest(&results),
        Some(run) => RunFolder::open(run)
            .or_else(|error| RunFolder::open(&results.join(run)).map_err(|_| error)),
    }
}

/// Opens and reads such a run.
///
/// # Errors
/// [`FormatError`] when there is no such run, or a file of it is missing or damaged.
pub(super) fn dataset(
    places: &Places,
    out: Option<&Path>,
    run: Option<&Path>,
) -> Result<Dataset, FormatError> {
    Dataset::read(folder(places, out, run)?)
}

/// The youngest run that is right for a question; the latest one when none is.
///
/// # Errors
/// [`FormatError`] when there is no run.
pub(super) fn latest_that(
    places: &Places,
    out: Option<&Path>,
    is_right: impl Fn(&Dataset) -> bool,
) -> Result<Dataset, FormatError> {
    // A damaged run is skipped: another may answer.
    let folders = RunFolder::all(&results(places, out))?.into_iter();
    let mut runs = folders.filter_map(|folder| Dataset::read(folder).ok());
    runs.find(is_right)
        .map_or_else(|| dataset(places, out, None), Ok)
}
