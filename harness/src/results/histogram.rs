//! Histograms on disk: one interval log (the text format of `HdrHistogram`'s own tools) for each
//! process of a subject in a suite, with an interval for each window in order.
//!
//! Values are latencies in nanoseconds. Percentiles over several trials come from merged
//! histograms, never from averages.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag,
};

use super::{whole, write_atomically};
use crate::config::{FormatError, read_text};

/// A histogram, and the step that it is of if it is not of all.
type Tagged = (Option<String>, Histogram<u64>);

/// The latencies of one window, in nanoseconds.
#[derive(Debug, Clone)]
pub struct Interval {
    /// When the window opened.
    pub start: SystemTime,
    /// Length of the window.
    pub length: Duration,
    /// The latencies.
    pub latencies: Histogram<u64>,
    /// Those of each step of an iteration, by its name; empty where there is one step.
    pub steps: Vec<(String, Histogram<u64>)>,
}

/// Writes the histograms of windows, in their order.
///
/// # Errors
/// [`FormatError`] when one cannot be encoded, or the file not be written.
pub fn write(path: &Path, intervals: &[Interval]) -> Result<(), FormatError> {
    let start = intervals
        .first()
        .map_or(SystemTime::UNIX_EPOCH, |one| one.start);
    let encode = || -> std::io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let mut serializer = V2DeflateSerializer::new();
        let mut log = IntervalLogWriterBuilder::new()
            .add_comment("latencies in nanoseconds of right answers, an interval for each window")
            .with_start_time(start)
            .with_max_value_divisor(1_000_000.0)
            .begin_log_with(&mut text, &mut serializer)?;
        for one in intervals {
            let since_epoch = one.start.duration_since(SystemTime::UNIX_EPOCH);
            let since_epoch = since_epoch.unwrap_or_default();
            let steps = one.steps.iter().map(|(name, of)| (of, Tag::new(name)));
            for (histogram, tag) in std::iter::once((&one.latencies, None)).chain(steps) {
                log.write_histogram(histogram, since_epoch, one.length, tag)
                    .map_err(std::io::Error::other)?;
            }
        }
        drop(log);
        Ok(text)
    };
    let text = encode().map_err(|error| {
        FormatError::invalid(path, format!("cannot encode the histogram: {error}"))
    })?;
    write_atomically(path, &text)
}

/// Reads the histograms of a file's windows back, in their order.
///
/// # Errors
/// [`FormatError`] when the file cannot be read or is no interval log.
pub fn read_intervals(path: &Path) -> Result<Vec<Histogram<u64>>, FormatError> {
    let all = read_tagged(path)?.into_iter();
    Ok(all
        .filter_map(|(tag, one)| tag.is_none().then_some(one))
        .collect())
}

/// Reads the histograms of a file's steps back, each merged over all windows, by their names.
///
/// # Errors
/// As [`read_intervals`].
pub fn read_steps(path: &Path) -> Result<BTreeMap<String, Histogram<u64>>, FormatError> {
    let mut steps: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (tag, one) in read_tagged(path)? {
        if let Some(name) = tag {
            steps.entry(name).or_default().push(one);
        }
    }
    let merged = steps
        .into_iter()
        .map(|(name, parts)| Ok((name, merge(&parts)?)));
    (merged.collect::<Result<_, String>>()).map_err(|message| FormatError::invalid(path, message))
}

/// The histograms of a file with their tags: those of steps have the name of the step.
fn read_tagged(path: &Path) -> Result<Vec<Tagged>, FormatError> {
    use base64::Engine as _;
    let text = read_text(path)?;
    let invalid = |message: String| FormatError::invalid(path, message);
    let mut found = Vec::new();
    let mut deserializer = hdrhistogram::serialization::Deserializer::new();
    for entry in IntervalLogIterator::new(text.as_bytes()) {
        let entry = entry.map_err(|error| invalid(format!("not an interval log: {error:?}")))?;
        let LogEntry::Interval(interval) = entry else {
            continue;
        };
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(interval.encoded_histogram())
            .map_err(|error| invalid(format!("not base64: {error}")))?;
        let part = deserializer.deserialize(&mut bytes.as_slice());
        let part = part.map_err(|error| invalid(format!("not an HDR histogram: {error}")))?;
        let tag = interval.tag().map(|tag| tag.as_str().to_owned());
        found.push((tag, part));
    }
    Ok(found)
}

/// Reads a file's histograms back as one.
///
/// # Errors
/// As [`read_intervals`].
pub fn read(path: &Path) -> Result<Histogram<u64>, FormatError> {
    merge(&read_intervals(path)?).map_err(|message| FormatError::invalid(path, message))
}

/// Merges histograms into one.
///
/// # Errors
/// A sentence when the value ranges do not fit together; they do when all come from this harness.
pub fn merge<'h>(
    parts: impl IntoIterator<Item = &'h Histogram<u64>>,
) -> Result<Histogram<u64>, String> {
    let mut merged = Histogram::new(3).map_err(|error| error.to_string())?;
    for part in parts {
        merged.add(part).map_err(|error| error.to_string())?;
    }
    Ok(merged)
}

/// A time to the nearest whole microsecond.
pub(crate) fn whole_us(time: Duration) -> u64 {
    whole(time.as_secs_f64() * 1e6)
}

/// The mean in whole microseconds.
pub(crate) fn mean_us(histogram: &Histogram<u64>) -> u64 {
    whole(histogram.mean() / 1e3)
}

/// A percentile (0 to 100) in whole microseconds; `None` when nothing was recorded.
pub(crate) fn percentile_us(histogram: &Histogram<u64>, percentile: f64) -> Option<u64> {
    let ns = (!histogram.is_empty()).then(|| histogram.value_at_percentile(percentile));
    ns.map(Duration::from_nanos).map(whole_us)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use hdrhistogram::Histogram;

    use super::{Interval, merge, percentile_us, read, read_intervals, read_steps, write};

    fn recorded(values_us: impl Iterator<Item = u64>) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).unwrap();
        for value in values_us {
            histogram.record(value * 1_000).unwrap();
        }
        histogram
    }

    #[test]
    fn a_histogram_survives_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.hlog");
        let slices = [recorded(1..=1_000), recorded(5..=50)];
        let intervals = slices.clone().map(|latencies| Interval {
            start: SystemTime::now(),
            length: Duration::from_secs(1),
            steps: vec![("tools/list".to_owned(), latencies.clone())],
            latencies,
        });
        write(&path, &intervals).unwrap();
        assert_eq!(read_intervals(&path).unwrap(), slices);
        let steps = read_steps(&path).unwrap();
        assert_eq!(steps["tools/list"], merge(&slices).unwrap());
        assert_eq!(read(&path).unwrap(), merge(&slices).unwrap());
    }

    #[test]
    fn percentiles_are_merged_and_not_averaged() {
        // 990 fast calls and 10 slow ones: p99 of all is fast, the mean of the two p99 would be 5
        // ms.
        let fast = recorded(std::iter::repeat_n(100, 990));
        let slow = recorded(std::iter::repeat_n(10_000, 10));
        let merged = merge([&fast, &slow]).unwrap();
        assert_eq!(percentile_us(&merged, 99.0), Some(100));
        // The upper end of its bucket: three significant digits.
        assert!(percentile_us(&merged, 99.5).is_some_and(|us| (10_000..=10_010).contains(&us)));
        assert_eq!(percentile_us(&recorded(std::iter::empty()), 50.0), None);
    }
}
