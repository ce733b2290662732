//! One row of `trials.csv`: everything that one trial found, as whole numbers with the unit in the
//! name.
//!
//! A figure that could not be had is an empty cell, never a zero.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::warning::{Effect, Warning};
use crate::config::{FormatError, read_text};

/// How a trial ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// The whole window was measured. There may have been errors: they are counted.
    #[default]
    Measured,
    /// The server did not get ready. After the second time in a row it is not started again.
    NotReady,
    /// The server was ready but there was no load: not even the handshake worked.
    NoLoad,
    /// The server ended before it was told to.
    Died,
    /// Not made: the server had failed to get ready twice in a row.
    Skipped,
}

/// One trial. Field names are the column names; older runs lack some.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "names of columns carry meaning and unit; the README explains the rest"
)]
pub struct Trial {
    pub suite: String,
    pub tool: String,
    pub subject: String,
    pub role: String,
    pub transport: String,
    pub runtime: String,
    pub fast_path: String,
    pub wire: String,
    pub trial: u32,
    pub process: u32,
    pub slice: u32,
    pub position: u32,
    pub started_unix_ms: i64,
    pub status: Status,
    pub clients: u64,
    pub sessions: String,
    pub revision: String,
    pub connections: Option<u64>,
    pub threads: Option<u64>,
    pub rate_planned_per_s_milli: Option<u64>,
    pub arrivals: String,
    pub think_time_us: Option<u64>,
    pub iteration_pause_us: Option<u64>,
    pub round_trip_us: Option<u64>,
    pub calls_per_session: Option<u64>,
    pub warmup_us: u64,
    pub window_us: Option<u64>,
    pub elapsed_ns: Option<u64>,
    pub calls: u64,
    pub calls_per_s: Option<u64>,
    pub tool_calls: Option<u64>,
    pub tool_calls_per_s: Option<u64>,
    pub json_rpc_requests: Option<u64>,
    pub json_rpc_requests_per_s: Option<u64>,
    pub http_requests: Option<u64>,
    pub iterations: Option<u64>,
    pub iteration_p50_us: Option<u64>,
    pub iteration_p99_us: Option<u64>,
    pub late_p50_us: Option<u64>,
    pub late_p99_us: Option<u64>,
    pub late_max_us: Option<u64>,
    pub calls_unsent: Option<u64>,
    pub in_flight_mean_milli: Option<u64>,
    pub littles_law_in_flight_milli: Option<u64>,
    pub paused_permille: Option<u64>,
    pub min_us: Option<u64>,
    pub mean_us: Option<u64>,
    pub first_p50_us: Option<u64>,
    pub p50_us: Option<u64>,
    pub p90_us: Option<u64>,
    pub p95_us: Option<u64>,
    pub p99_us: Option<u64>,
    pub p99_9_us: Option<u64>,
    pub max_us: Option<u64>,
    pub errors: u64,
    pub errors_connect: u64,
    pub errors_transport: u64,
    pub errors_timeout: u64,
    pub errors_http: u64,
    pub errors_protocol: u64,
    pub errors_json_rpc: u64,
    pub errors_tool: u64,
    pub errors_mismatch: u64,
    pub errors_in_warmup: u64,
    pub errors_in_closing: u64,
    pub exit_unclean: u64,
    pub reconnects: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub text_bytes: Option<u64>,
    pub text_tokens: Option<u64>,
    pub server_cpu_ns: Option<u64>,
    pub server_cpu_user_ms: Option<u64>,
    pub server_cpu_system_ms: Option<u64>,
    pub server_cpu_ns_per_call: Option<u64>,
    pub calls_per_s_per_cpu_percent_milli: Option<u64>,
    pub calls_per_s_per_mb_milli: Option<u64>,
    pub rss_mean_bytes: Option<u64>,
    pub rss_peak_bytes: Option<u64>,
    pub server_threads_max: Option<u64>,
    pub server_open_files_max: Option<u64>,
    pub server_context_switches_voluntary: Option<u64>,
    pub server_context_switches_involuntary: Option<u64>,
    pub services_cpu_ns: Option<u64>,
    pub services_rss_peak_bytes: Option<u64>,
    pub services_open_files_max: Option<u64>,
    pub services_context_switches: Option<u64>,
    pub client_cpu_ns: Option<u64>,
    pub client_rss_peak_bytes: Option<u64>,
    pub client_open_files_max: Option<u64>,
    pub client_context_switches_involuntary: Option<u64>,
    pub startup_us: Option<u64>,
    pub binary_bytes: Option<u64>,
    pub client_busy_permille: Option<u64>,
    pub services_busy_permille: Option<u64>,
    pub server_cores_busy_permille: Option<u64>,
    pub load_cores_busy_permille: Option<u64>,
    pub steal_permille: Option<u64>,
    pub warnings: String,
    pub histogram: String,
    pub samples: String,
    pub failure: String,
}

impl Trial {
    /// The warnings of the row. Names of a newer harness that are not known here are left out.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        self.warnings
            .split(';')
            .filter_map(Warning::from_name)
            .collect()
    }

    /// What its warnings leave of its figures.
    #[must_use]
    pub fn validity(&self) -> Effect {
        Effect::of(&self.warnings())
    }

    /// Errors that no figure of the window holds: of the warm-up, and of the end of the sessions.
    #[must_use]
    pub fn errors_around(&self) -> u64 {
        self.errors_in_warmup + self.errors_in_closing
    }

    /// Whether it was measured and nothing at all went wrong, from the first call of the warm-up to
    /// the end of the server.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.status == Status::Measured
            // No call may end in a slice that is shorter than a call takes.
            && (self.calls > 0 || self.slice > 0)
            && self.errors == 0
            && self.errors_around() == 0
            && self.exit_unclean == 0
    }
}

/// Joins the names of warnings for the cell of the row.
pub(crate) fn join_warnings(warnings: &[Warning]) -> String {
    warnings
        .iter()
        .map(|warning| warning.name())
        .collect::<Vec<_>>()
        .join(";")
}

/// Appends rows to `trials.csv`; each row is on disk before the next trial begins. The file is
/// locked as long as this lives.
#[derive(Debug)]
pub struct TrialWriter {
    path: PathBuf,
    writer: csv::Writer<File>,
}

impl TrialWriter {
    /// Creates the file. The header comes with the first row.
    ///
    /// # Errors
    /// [`FormatError::Write`], also when the file is there already: results are never overwritten.
    pub fn create(path: &Path) -> Result<Self, FormatError> {
        let file = File::create_new(path).map_err(|source| failed(path, source))?;
        lock(path, &file)?;
        Ok(Self {
            path: path.to_owned(),
            writer: csv::Writer::from_writer(file),
        })
    }

    /// Opens the file again behind its first `rows` rows; what comes after them is removed, and so
    /// is a row that was cut off in the middle of being written. A missing file is created.
    pub(crate) fn reopen(path: &Path, rows: usize) -> Result<Self, FormatError> {
        if !path.exists() {
            return Self::create(path);
        }
        let opened = OpenOptions::new().append(true).open(path);
        let file = opened.map_err(|source| failed(path, source))?;
        lock(path, &file)?;
        let text = read_text(path)?;
        let whole = end_of_rows(&text, rows + 1) as u64;
        let cut = file.set_len(whole).and_then(|()| file.sync_all());
        cut.map_err(|source| failed(path, source))?;
        let writer = csv::WriterBuilder::new()
            .has_headers(whole == 0)
            .from_writer(file);
        Ok(Self {
            path: path.to_owned(),
            writer,
        })
    }

    /// Appends rows and brings them to the disk.
    ///
    /// # Errors
    /// [`FormatError::Write`].
    pub fn append<'t>(
        &mut self,
        trials: impl IntoIterator<Item = &'t Trial>,
    ) -> Result<(), FormatError> {
        let write = || -> std::io::Result<()> {
            for trial in trials {
                self.writer
                    .serialize(trial)
                    .map_err(std::io::Error::other)?;
            }
            self.writer.flush()?;
            self.writer.get_ref().sync_data()
        };
        let written = write();
        written.map_err(|source| failed(&self.path, source))
    }
}

impl Drop for TrialWriter {
    /// Unlocks the file. To close it is not enough: a child that another thread has just forked has
    /// a copy of its descriptor until it becomes its program, and with it the lock.
    fn drop(&mut self) {
        // Where the file system knows no locks, there is none.
        let _ = self.writer.get_ref().unlock();
    }
}

fn failed(path: &Path, source: std::io::Error) -> FormatError {
    FormatError::Write {
        path: path.to_owned(),
        source,
    }
}

/// Keeps others from writing the file. Where the file system knows no locks, nobody is kept.
fn lock(path: &Path, file: &File) -> Result<(), FormatError> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(FormatError::invalid(
            path,
            "is being written by another harness: the run is still under way",
        )),
        Err(TryLockError::Error(_)) | Ok(()) => Ok(()),
    }
}

/// Reads all rows. A last row that was cut off in the middle of being written is left out.
///
/// # Errors
/// [`FormatError`] with the line of the first row that is not one of this format.
pub fn read_trials(path: &Path) -> Result<Vec<Trial>, FormatError> {
    let text = read_text(path)?;
    let mut rows = Vec::new();
    let whole = &text[..end_of_rows(&text, usize::MAX)];
    for row in csv::Reader::from_reader(whole.as_bytes()).deserialize() {
        rows.push(row.map_err(|error| {
            FormatError::Parse {
                path: path.to_owned(),
                line: error
                    .position()
                    .and_then(|position| usize::try_from(position.line()).ok())
                    .unwrap_or(0),
                column: 1,
                message: error.to_string(),
            }
        })?);
    }
    Ok(rows)
}

/// Where the first so many whole rows end, that of the header among them. A line within quotation
/// marks does not end a row; a quotation mark in a cell is written twice.
fn end_of_rows(text: &str, rows: usize) -> usize {
    let (mut end, mut seen, mut is_quoted) = (0, 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' if !is_quoted && seen < rows => (end, seen) = (at + 1, seen + 1),
            _ => {}
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::{Trial, TrialWriter, read_trials};

    fn trial(number: u32) -> Trial {
        Trial {
            trial: number,
            failure: "line 1, \"quoted\"\nline 2\nline 3".to_owned(),
            ..Trial::default()
        }
    }

    #[test]
    fn a_row_that_was_cut_off_anywhere_is_removed_before_others_are_appended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trials.csv");
        let mut writer = TrialWriter::create(&path).unwrap();
        writer.append([&trial(1)]).unwrap();
        let one = std::fs::read(&path).unwrap().len();
        writer.append([&trial(2)]).unwrap();
        drop(writer);
        let whole = std::fs::read(&path).unwrap();
        let edges = [one - 1, one, one + 1, whole.len() - 1, whole.len()];
        for length in (0..whole.len()).step_by(97).chain(edges) {
            std::fs::write(&path, &whole[..length]).unwrap();
            let kept = usize::from(length >= one) + usize::from(length == whole.len());
            assert_eq!(read_trials(&path).unwrap().len(), kept, "{length} bytes");
            TrialWriter::reopen(&path, usize::MAX - 1)
                .unwrap()
                .append([&trial(9)])
                .unwrap();
            let rows = read_trials(&path).unwrap();
            assert_eq!(rows.len(), kept + 1, "{length} bytes");
            assert_eq!(rows.last(), Some(&trial(9)), "{length} bytes");
        }
        std::fs::remove_file(&path).unwrap();
        TrialWriter::reopen(&path, usize::MAX - 1)
            .unwrap()
            .append([&trial(1)])
            .unwrap();
        assert_eq!(read_trials(&path).unwrap(), [trial(1)]);
    }

    #[test]
    fn two_cannot_write_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trials.csv");
        let writer = TrialWriter::create(&path).unwrap();
        let error = TrialWriter::reopen(&path, usize::MAX - 1)
            .unwrap_err()
            .to_string();
        assert!(error.contains("still under way"), "{error}");
        drop(writer);
        TrialWriter::reopen(&path, usize::MAX - 1).unwrap();
    }
}
