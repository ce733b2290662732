//! Samples in the window: what server, services and client are like ten times a second.
//!
//! A thread of its own on the load cores takes them: what it costs is not in the load thread's time, and where there is more
//! than one load core, not on its core either. The edges of the window take one each, so that totals are those of the window.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::machine::cores::{Cores, CoresError, pin_this_thread};
use crate::machine::proc::ProcessId;
use crate::machine::proc::vitals::{Vitals, Watched, own};
use crate::results::samples::{Sample, Who};

/// Between two samples.
const EVERY: Duration = Duration::from_millis(100);

/// So many of them, and the next one looks at every thread, however many there are.
const THOROUGH_EVERY: usize = 10;

/// The samples of one window.
#[derive(Debug)]
pub(crate) struct Samples(Mutex<Series>);

#[derive(Debug)]
struct Series {
    server: Watched,
    services: Watched,
    opened: Option<Instant>,
    is_closed: bool,
    taken: usize,
    rows: Vec<Sample>,
    server_peak_bytes: Option<u64>,
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
    /// Of these processes, none yet; of the services also the children count.
    pub(crate) fn new(servers: Vec<ProcessId>, services: Vec<ProcessId>) -> Self {
        Self(Mutex::new(Series {
            server: Watched::only(servers),
            services: Watched::with_children(services),
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
    pub(crate) fn open(&self) {
        let mut series = self.series();
        series.opened = Some(Instant::now());
        series.take(true);
    }

    /// The window has closed: the last sample.
    pub(crate) fn close(&self) {
        let mut series = self.series();
        series.take(true);
        series.is_closed = true;
    }

    /// Takes samples from the calling thread while the window is open, until `is_over` is set and the thread unparked.
    pub(crate) fn keep_taking(
        &self,
        cores: &Cores,
        is_over: &AtomicBool,
    ) -> Result<(), CoresError> {
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
            let mut series = self.series();
            let is_thorough = series.taken.is_multiple_of(THOROUGH_EVERY);
            series.take(is_thorough);
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
    /// A sample of everybody; nothing outside of the window.
    fn take(&mut self, is_thorough: bool) {
        let Some(opened) = self.opened.filter(|_| !self.is_closed) else {
            return;
        };
        self.taken += 1;
        let at_ms = u64::try_from(opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let server = self.server.look(is_thorough);
        if let Some(vitals) = server {
            let peak = vitals.peak_bytes.max(vitals.rss_bytes);
            self.server_peak_bytes = self.server_peak_bytes.max(Some(peak));
        }
        let looked = [
            (Who::Server, server),
            (Who::Services, self.services.look(is_thorough)),
            (Who::Client, own()),
        ];
        let found = looked.into_iter();
        self.rows
            .extend(found.filter_map(|(who, vitals)| Some(sample(at_ms, who, &vitals?))));
    }
}

fn sample(at_ms: u64, who: Who, vitals: &Vitals) -> Sample {
    Sample {
        at_ms,
        who,
        cpu_user_ms: vitals.cpu_user_ms,
        cpu_system_ms: vitals.cpu_system_ms,
        rss_bytes: vitals.rss_bytes,
        threads: vitals.threads,
        open_files: vitals.open_files,
        context_switches_voluntary: vitals.switches_voluntary,
        context_switches_involuntary: vitals.switches_involuntary,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::{Samples, Totals};
    use crate::machine::cores::Cores;
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
}
