//! Samples in the window: usage of server and client ten times a second, of services once a second.
//!
//! A thread of its own on the load cores takes them: what it costs is not in the load thread's time, and where there is more
//! than one load core, not on its core either. The edges of the window take one each, so that totals are those of the window.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::host::cores::{Cores, pin_this_thread};
use crate::host::proc::ProcessId;
use crate::host::usage::{Tree, Usage};
use crate::results::samples::{Sample, Who};

/// Between two samples.
const EVERY: Duration = Duration::from_millis(100);

/// One of so many samples looks at the services too, and at every thread, however many there are: a
/// hundred processes of a database take 2 ms.
const THOROUGH_EVERY: usize = 10;

/// The samples of one window.
#[derive(Debug)]
pub(crate) struct Samples(Mutex<Series>);

#[derive(Debug)]
struct Series {
    server: Vec<Tree>,
    services: Vec<Tree>,
    opened: Option<Instant>,
    is_closed: bool,
    taken: usize,
    rows: Vec<Sample>,
    server_peak_bytes: Option<u64>,
}

/// What one look found: at an edge of the window, all of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    /// All processes of the server.
    pub(super) server: Option<Usage>,
    /// Each service.
    pub(super) services: Vec<Option<Usage>>,
    /// The harness.
    pub(super) client: Option<Usage>,
}

/// What the samples of a window come to. A figure that could not be read is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Resident memory, the mean of the samples, in bytes.
    pub(crate) rss_mean_bytes: Option<u64>,
    /// Resident memory, the most of the samples, in bytes.
    pub(crate) rss_max_bytes: Option<u64>,
    /// The most threads.
    pub(crate) threads_max: Option<u64>,
    /// The most open file descriptors.
    pub(crate) open_files_max: Option<u64>,
    /// Context switches in the window, given up to wait.
    pub(crate) switches_voluntary: Option<u64>,
    /// Context switches in the window, lost to others.
    pub(crate) switches_involuntary: Option<u64>,
}

impl Samples {
    /// Of these processes with their descendants, none yet.
    pub(crate) fn new(servers: Vec<ProcessId>, services: Vec<ProcessId>) -> Self {
        Self(Mutex::new(Series {
            server: servers.into_iter().map(Tree::new).collect(),
            services: services.into_iter().map(Tree::new).collect(),
            opened: None,
            is_closed: false,
            taken: 0,
            rows: Vec::with_capacity(1_024),
            server_peak_bytes: None,
        }))
    }

    fn series(&self) -> MutexGuard<'_, Series> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The window opens: the first sample.
    pub(super) fn open(&self) -> Look {
        let mut series = self.series();
        series.opened = Some(Instant::now());
        series.take(true)
    }

    /// The window has closed: the last sample.
    pub(super) fn close(&self) -> Look {
        let mut series = self.series();
        let look = series.take(true);
        series.is_closed = true;
        look
    }

    /// Takes samples from the calling thread while the window is open, until `is_over` is set and the thread unparked.
    pub(crate) fn keep_taking(&self, cores: &Cores, is_over: &AtomicBool) -> anyhow::Result<()> {
        pin_this_thread(cores)?;
        let mut due = Instant::now() + EVERY;
        while !is_over.load(Ordering::Relaxed) {
            let now = Instant::now();
            if now < due {
                std::thread::park_timeout(due - now);
                continue;
            }
            // Late once is no reason to hurry afterwards.
            due = (due + EVERY).max(now + EVERY / 2);
            self.series().take(false);
        }
        Ok(())
    }

    /// All samples so far.
    pub(crate) fn rows(&self) -> Vec<Sample> {
        self.series().rows.clone()
    }

    /// The most memory that was resident in the servers since they were started, in bytes. The kernel brings its own peak up
    /// to date lazily: a sample may be higher.
    pub(crate) fn server_peak_bytes(&self) -> Option<u64> {
        self.series().server_peak_bytes
    }

    /// What the samples of one come to.
    pub(crate) fn totals(&self, who: Who) -> Totals {
        let series = self.series();
        let rows: Vec<&Sample> = series.rows.iter().filter(|row| row.who == who).collect();
        let most = |figure: fn(&Sample) -> u64| rows.iter().map(|row| figure(row)).max();
        let between = |figure: fn(&Sample) -> u64| {
            let (first, last) = (rows.first()?, rows.last()?);
            figure(last).checked_sub(figure(first))
        };
        let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let resident: u64 = rows.iter().map(|row| row.rss_bytes).sum();
        Totals {
            rss_mean_bytes: resident.checked_div(count),
            rss_max_bytes: most(|row| row.rss_bytes),
            threads_max: most(|row| row.threads),
            open_files_max: most(|row| row.open_files),
            switches_voluntary: between(|row| row.context_switches_voluntary),
            switches_involuntary: between(|row| row.context_switches_involuntary),
        }
    }
}

impl Series {
    /// Takes a sample; nothing outside of the window.
    fn take(&mut self, is_edge: bool) -> Look {
        let Some(opened) = self.opened.filter(|_| !self.is_closed) else {
            return Look::default();
        };
        let is_thorough = is_edge || self.taken.is_multiple_of(THOROUGH_EVERY);
        self.taken += 1;
        let at_ms = u64::try_from(opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let look = |trees: &mut [Tree]| -> Vec<Option<Usage>> {
            let looks = trees.iter_mut().map(|tree| tree.look(is_thorough));
            looks.collect()
        };
        let server = Usage::sum(&look(&mut self.server));
        let services = if is_thorough {
            look(&mut self.services)
        } else {
            Vec::new()
        };
        let client = Usage::own();
        if let Some(usage) = server {
            let peak = usage.peak_bytes.max(usage.rss_bytes);
            self.server_peak_bytes = self.server_peak_bytes.max(Some(peak));
        }
        let found = [
            (Who::Server, server),
            (Who::Services, Usage::sum(&services)),
            (Who::Client, client),
        ];
        let found = found.into_iter();
        self.rows
            .extend(found.filter_map(|(who, usage)| sample(at_ms, who, &usage?)));
        Look {
            server,
            services,
            client,
        }
    }
}

/// A row; none where the open files cannot be read.
fn sample(at_ms: u64, who: Who, usage: &Usage) -> Option<Sample> {
    Some(Sample {
        at_ms,
        who,
        cpu_user_ms: usage.cpu_user_ms,
        cpu_system_ms: usage.cpu_system_ms,
        rss_bytes: usage.rss_bytes,
        threads: usage.threads,
        open_files: usage.open_files?,
        context_switches_voluntary: usage.switches_voluntary,
        context_switches_involuntary: usage.switches_involuntary,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::{Samples, Totals};
    use crate::host::cores::Cores;
    use crate::results::samples::Who;

    #[test]
    fn samples_are_taken_while_the_window_is_open_and_at_its_edges() {
        let this = std::process::id();
        let samples = Samples::new(vec![this], Vec::new());
        let (is_over, cores) = (AtomicBool::new(false), Cores::usable().unwrap());
        std::thread::scope(|scope| {
            let taking = scope.spawn(|| samples.keep_taking(&cores, &is_over));
            assert!(samples.rows().is_empty(), "the window is not open yet");
            samples.open();
            while samples.rows().len() < 2 * 3 {
                std::thread::yield_now();
            }
            samples.close();
            let count = samples.rows().len();
            is_over.store(true, Ordering::Relaxed);
            taking.thread().unpark();
            taking.join().unwrap().unwrap();
            assert_eq!(samples.rows().len(), count, "and it is closed now");
        });
        let rows = samples.rows();
        assert!(rows.iter().all(|row| row.who != Who::Services), "{rows:?}");
        assert_eq!(rows[0].who, Who::Server);
        assert!(rows.windows(2).all(|pair| pair[0].at_ms <= pair[1].at_ms));
        let server = samples.totals(Who::Server);
        assert!(server.threads_max >= Some(1) && server.open_files_max >= Some(3));
        assert!(server.rss_mean_bytes <= server.rss_max_bytes);
        assert!(server.rss_max_bytes <= samples.server_peak_bytes());
        // This thread did nothing but yield; the other one waited.
        assert!(samples.totals(Who::Client).switches_voluntary >= Some(1));
        assert_eq!(samples.totals(Who::Services), Totals::default());
    }

    #[test]
    fn services_are_sampled_at_the_edges_and_once_a_second() {
        let this = std::process::id();
        let samples = Samples::new(vec![this], vec![this]);
        samples.open();
        for _ in 0..15 {
            samples.series().take(false);
        }
        samples.close();
        let count = |who| samples.rows().iter().filter(|row| row.who == who).count();
        assert_eq!(count(Who::Server), 17);
        assert_eq!(count(Who::Services), 3, "one between the edges");
    }
}
