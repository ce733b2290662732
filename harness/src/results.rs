//! The folder of a run on disk: what was found (trials, histograms, environment), out and in.
//!
//! Everything here is data in, data out. Nothing in this module starts a process, opens a socket or
//! looks at a clock.

pub(crate) mod capacity;
pub mod environment;
pub mod folder;
pub mod histogram;
pub(crate) mod layers;
pub(crate) mod redact;
pub mod samples;
pub(crate) mod stacks;
mod table_file;
pub mod trial;
pub mod trial_order;
pub mod warmup;
pub mod warning;

use std::path::Path;

use crate::config::FormatError;

/// The nearest whole number; 0 for what is below.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
pub(crate) const fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// Writes a file so that a reader sees the old content or the new one and never half of it.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> Result<(), FormatError> {
    let failed = |source| FormatError::Write {
        path: path.to_owned(),
        source,
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let mut file = std::fs::File::create(&fresh).map_err(failed)?;
    std::io::Write::write_all(&mut file, content).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    std::fs::rename(&fresh, path).map_err(failed)
}
