//! What a server uses while something is done to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::host::proc::ProcessId;
use crate::host::usage::{Tree, Usage};

/// How often a server is looked at.
const EVERY: Duration = Duration::from_millis(250);
/// How often it is asked whether that is over.
const LOOK: Duration = Duration::from_millis(20);

/// What a process and its descendants use now.
pub(super) fn look(process: ProcessId) -> Option<Usage> {
    Tree::new(process).look(false)
}

pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Does something and looks at a process meanwhile: at the begin, and again and again.
pub(super) fn watched<T>(process: ProcessId, work: impl FnOnce() -> T) -> (T, Vec<Usage>) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let (mut tree, mut samples) = (Tree::new(process), Vec::new());
            loop {
                samples.extend(tree.look(false));
                let next = Instant::now() + EVERY;
                while Instant::now() < next {
                    if is_over.load(Ordering::Acquire) {
                        return samples;
                    }
                    thread::sleep(LOOK);
                }
            }
        });
        let done = work();
        is_over.store(true, Ordering::Release);
        (done, watching.join().unwrap_or_default())
    })
}

/// By how much the last quarter of a series exceeds the second one: the first is its begin.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Growth {
    pub(super) rss_percent: Option<f64>,
    pub(super) open_files: Option<f64>,
    pub(super) threads: Option<f64>,
}

pub(super) fn growth(samples: &[Usage]) -> Growth {
    let quarter = samples.len() / 4;
    if quarter == 0 {
        return Growth::default();
    }
    let early = &samples[quarter..2 * quarter];
    let late = &samples[samples.len() - quarter..];
    let mean = |part: &[Usage]| {
        part.iter().map(|one| one.rss_bytes as f64).sum::<f64>() / part.len() as f64
    };
    let most = |part: &[Usage], of: fn(&Usage) -> u64| part.iter().map(of).max().unwrap_or(0);
    let grown = |of| Some(most(late, of) as f64 - most(early, of) as f64);
    Growth {
        rss_percent: Some(100.0 * (mean(late) / mean(early) - 1.0)),
        open_files: grown(|one| one.open_files.unwrap_or(0)),
        threads: grown(|one| one.threads),
    }
}

#[cfg(test)]
mod tests {
    use super::{Growth, Usage, growth};

    #[test]
    fn growth_is_from_the_second_quarter_to_the_last() {
        let sample = |(rss_bytes, threads)| Usage {
            rss_bytes,
            threads,
            open_files: Some(7),
            ..Usage::default()
        };
        let samples = [(1, 9), (100, 2), (500, 9), (110, 5)].map(sample);
        let grown = growth(&samples);
        assert!((grown.rss_percent.unwrap() - 10.0).abs() < 1e-9);
        assert_eq!((grown.threads, grown.open_files), (Some(3.0), Some(0.0)));
        assert_eq!(growth(&samples[..3]), Growth::default());
    }
}
