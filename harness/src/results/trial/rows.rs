//! The file `trials.csv` itself: rows are appended one by one, and a last one that was cut off is known as such.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::Trial;
use crate::config::{FormatError, read_text};

/// Appends rows to `trials.csv`; each row is on disk before the next trial begins. The file is locked as long as this lives.
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

    /// Opens the file again, behind its last whole row: one that was cut off in the middle of being written is removed. A
    /// file that is not there is created.
    ///
    /// # Errors
    /// [`FormatError::Write`]; [`FormatError::Invalid`] while somebody else writes it.
    pub fn reopen(path: &Path) -> Result<Self, FormatError> {
        if !path.exists() {
            return Self::create(path);
        }
        let opened = OpenOptions::new().append(true).open(path);
        let file = opened.map_err(|source| failed(path, source))?;
        lock(path, &file)?;
        let whole = whole_rows(&read_text(path)?).len() as u64;
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

    /// Appends one row and brings it to the disk.
    ///
    /// # Errors
    /// [`FormatError::Write`].
    pub fn append(&mut self, trial: &Trial) -> Result<(), FormatError> {
        let write = |writer: &mut csv::Writer<File>| -> std::io::Result<()> {
            writer.serialize(trial).map_err(std::io::Error::other)?;
            writer.flush()?;
            writer.get_ref().sync_data()
        };
        write(&mut self.writer).map_err(|source| failed(&self.path, source))
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
    for row in csv::Reader::from_reader(whole_rows(&text).as_bytes()).deserialize() {
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

/// The text up to the end of its last whole row. A line within quotation marks does not end a row; a quotation mark in a cell
/// is written twice.
fn whole_rows(text: &str) -> &str {
    let (mut end, mut is_quoted) = (0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' if !is_quoted => end = at + 1,
            _ => {}
        }
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::{TrialWriter, read_trials};
    use crate::results::trial::Trial;

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
        writer.append(&trial(1)).unwrap();
        let one = std::fs::read(&path).unwrap().len();
        writer.append(&trial(2)).unwrap();
        drop(writer);
        let whole = std::fs::read(&path).unwrap();
        let edges = [one - 1, one, one + 1, whole.len() - 1, whole.len()];
        for length in (0..whole.len()).step_by(97).chain(edges) {
            std::fs::write(&path, &whole[..length]).unwrap();
            let kept = usize::from(length >= one) + usize::from(length == whole.len());
            assert_eq!(read_trials(&path).unwrap().len(), kept, "{length} bytes");
            TrialWriter::reopen(&path)
                .unwrap()
                .append(&trial(9))
                .unwrap();
            let rows = read_trials(&path).unwrap();
            assert_eq!(rows.len(), kept + 1, "{length} bytes");
            assert_eq!(rows.last(), Some(&trial(9)), "{length} bytes");
        }
        std::fs::remove_file(&path).unwrap();
        TrialWriter::reopen(&path)
            .unwrap()
            .append(&trial(1))
            .unwrap();
        assert_eq!(read_trials(&path).unwrap(), [trial(1)]);
    }

    #[test]
    fn two_cannot_write_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trials.csv");
        let writer = TrialWriter::create(&path).unwrap();
        let error = TrialWriter::reopen(&path).unwrap_err().to_string();
        assert!(error.contains("still under way"), "{error}");
        drop(writer);
        TrialWriter::reopen(&path).unwrap();
    }
}
