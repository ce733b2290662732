//! What load costs: readings at the two edges of a window, and samples of usage in between.
//!
//! The edges are read on the load thread: a few small files. A thread of its own on the load cores
//! samples server and client ten times a second and services once a second; what it costs is not in
//! the load thread's time, and where there is more than one load core, not on its core either.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;

use crate::host::cgroup;
use crate::host::cores::{Cores, Layout, pin_this_thread};
use crate::host::proc::{self, CoreTime, ProcessId, Utilisation};
use crate::host::usage::{Tree, Usage};
use crate::results::samples::{Sample, Who};

/// Between two samples.
const EVERY: Duration = Duration::from_millis(100);

/// One of so many samples looks at the services too, and at every thread, however many there are: a
/// hundred processes of a database take 2 ms.
const THOROUGH_EVERY: usize = 10;

/// A window over the processes of a server (with their descendants) and its services.
#[derive(Debug)]
pub(crate) struct UsageWindow(Mutex<Series>);

#[derive(Debug)]
struct Series {
    ids: Vec<ProcessId>,
    servers: Vec<Tree>,
    services: Vec<Tree>,
    taken: usize,
    found: Readings,
}

/// The readings of one window, or of several of the same processes in a row.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    /// The edges, an opening one and a closing one by turns.
    edges: Vec<Edge>,
    /// What was sampled, at the edges too.
    pub(crate) samples: Vec<Sample>,
    /// The most memory that was resident in the servers since they were started. The kernel brings
    /// its own peak up to date lazily: a sample may be higher.
    server_peak_bytes: Option<u64>,
}

/// One edge of a window.
#[derive(Debug)]
struct Edge {
    at: Instant,
    on: SystemTime,
    server: Option<Usage>,
    services: Vec<Option<Usage>>,
    client: Option<Usage>,
    cores: Vec<CoreTime>,
    throttled: Option<u64>,
}

/// What a server and its services cost in the window. A figure that could not be read is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// CPU time of the server and its descendants, in nanoseconds.
    pub(crate) server_cpu_ns: Option<u64>,
    /// Of which in user mode, in milliseconds (ticks).
    pub(crate) server_cpu_user_ms: Option<u64>,
    /// Of which in the kernel, in milliseconds (ticks).
    pub(crate) server_cpu_system_ms: Option<u64>,
    /// CPU time of the services and their children, in nanoseconds; absent without services.
    pub(crate) services_cpu_ns: Option<u64>,
    /// The same as a share of one core, in thousandths.
    pub(crate) services_busy_permille: Option<u64>,
    /// That of the service that used the most, as a share of one core, in thousandths.
    pub(crate) busiest_service_permille: Option<u64>,
    /// CPU time of the whole harness, in nanoseconds.
    pub(crate) client_cpu_ns: Option<u64>,
    /// CPU time of the server as a share of its cores, in thousandths.
    pub(crate) server_share_permille: Option<u64>,
    /// The server's cores.
    pub(crate) server_cores: Option<Utilisation>,
    /// The cores of load and services.
    pub(crate) load_cores: Option<Utilisation>,
    /// Times that the control groups of server and harness were throttled.
    pub(crate) throttled: Option<u64>,
    /// Peak of the server's resident memory since the start of the process, in bytes.
    pub(crate) rss_peak_bytes: Option<u64>,
    /// What the samples of the server come to.
    pub(crate) server: Totals,
    /// What those of the services come to.
    pub(crate) services: Totals,
    /// What those of the harness come to.
    pub(crate) client: Totals,
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

impl UsageWindow {
    /// A window over these processes, not open yet.
    pub(crate) fn new(servers: Vec<ProcessId>, services: Vec<ProcessId>) -> Self {
        Self(Mutex::new(Series {
            servers: servers.iter().copied().map(Tree::new).collect(),
            ids: servers,
            services: services.into_iter().map(Tree::new).collect(),
            taken: 0,
            found: Readings::default(),
        }))
    }

    fn series(&self) -> MutexGuard<'_, Series> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the window, or closes it.
    pub(crate) fn edge(&self) {
        self.series().edge();
    }

    /// Takes samples from a thread of these cores while the window is open and `load` runs.
    pub(crate) fn sampled<T>(&self, cores: &Cores, load: impl FnOnce() -> T) -> anyhow::Result<T> {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let taking = std::thread::Builder::new()
                .name("samples".to_owned())
                .spawn_scoped(scope, || self.keep_taking(cores, &is_over))
                .context("cannot start the thread that takes samples")?;
            let done = load();
            is_over.store(true, Ordering::Relaxed);
            taking.thread().unpark();
            super::live::joined(taking)??;
            Ok(done)
        })
    }

    fn keep_taking(&self, cores: &Cores, is_over: &AtomicBool) -> anyhow::Result<()> {
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
            self.series().sample();
        }
        Ok(())
    }

    /// What was read.
    pub(crate) fn finish(self) -> Readings {
        let series = self.0.into_inner();
        series.unwrap_or_else(PoisonError::into_inner).found
    }
}

impl Series {
    fn edge(&mut self) {
        let (at, on) = (Instant::now(), SystemTime::now());
        let opened = self.found.edges.first().map_or(at, |edge| edge.at);
        let (server, services, client) = self.look(at - opened, true);
        self.found.edges.push(Edge {
            at,
            on,
            server,
            services,
            client,
            cores: proc::core_times(),
            throttled: cgroup::throttled_count(&self.ids),
        });
    }

    /// Takes a sample; nothing outside of the window.
    fn sample(&mut self) {
        if let [opened] = &self.found.edges[..] {
            let is_thorough = self.taken.is_multiple_of(THOROUGH_EVERY);
            self.look(opened.at.elapsed(), is_thorough);
        }
    }

    /// Looks at server, services and client, and keeps a row of each.
    fn look(
        &mut self,
        since_open: Duration,
        is_thorough: bool,
    ) -> (Option<Usage>, Vec<Option<Usage>>, Option<Usage>) {
        self.taken += 1;
        let at_ms = u64::try_from(since_open.as_millis()).unwrap_or(u64::MAX);
        let look = |trees: &mut [Tree]| -> Vec<Option<Usage>> {
            let looks = trees.iter_mut().map(|tree| tree.look(is_thorough));
            looks.collect()
        };
        let server = Usage::sum(&look(&mut self.servers));
        let services = if is_thorough {
            look(&mut self.services)
        } else {
            Vec::new()
        };
        let client = Usage::own();
        let peak = server.map(|usage| usage.peak_bytes.max(usage.rss_bytes));
        let found = &mut self.found;
        found.server_peak_bytes = found.server_peak_bytes.max(peak);
        for (who, usage) in [
            (Who::Server, server),
            (Who::Services, Usage::sum(&services)),
            (Who::Client, client),
        ] {
            found
                .samples
                .extend(usage.and_then(|usage| sample(at_ms, who, &usage)));
        }
        (server, services, client)
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

impl Readings {
    /// Adds those of a later window of the same processes.
    pub(crate) fn join(&mut self, other: Self) {
        self.edges.extend(other.edges);
        self.samples.extend(other.samples);
        self.server_peak_bytes = self.server_peak_bytes.max(other.server_peak_bytes);
    }

    /// When the first window opened, by the calendar.
    pub(crate) fn opened(&self) -> Option<SystemTime> {
        self.edges.first().map(|edge| edge.on)
    }

    /// The windows that were closed.
    fn windows(&self) -> impl Iterator<Item = (&Edge, &Edge)> {
        let pairs = self.edges.chunks_exact(2);
        pairs.filter_map(|pair| Some((pair.first()?, pair.last()?)))
    }

    /// How long the windows were open.
    pub(crate) fn length(&self) -> Duration {
        self.windows().map(|(open, close)| close.at - open.at).sum()
    }

    /// What a counter has gone up by in the windows.
    fn used(&self, counter: impl Fn(&Edge) -> Option<u64>) -> Option<u64> {
        let used = |(open, close)| counter(close)?.checked_sub(counter(open)?);
        self.windows().map(used).sum()
    }

    /// How busy cores were: the mean of the windows.
    fn utilisation(&self, cores: &[usize]) -> Option<Utilisation> {
        let of =
            |(open, close): (&Edge, &Edge)| proc::utilisation(&open.cores, &close.cores, cores);
        let all: Vec<Utilisation> = self.windows().map(of).collect::<Option<_>>()?;
        let mean = |share: fn(&Utilisation) -> u64| {
            all.iter().map(share).sum::<u64>() / all.len().max(1) as u64
        };
        Some(Utilisation {
            busy_permille: mean(|one| one.busy_permille),
            irq_permille: mean(|one| one.irq_permille),
            steal_permille: mean(|one| one.steal_permille),
        })
    }

    /// What the windows cost together.
    pub(crate) fn cost(&self, layout: &Layout) -> Cost {
        let mut cost = Cost {
            rss_peak_bytes: self.server_peak_bytes,
            server: self.totals(Who::Server),
            services: self.totals(Who::Services),
            client: self.totals(Who::Client),
            ..Cost::default()
        };
        if self.windows().next().is_none() {
            return cost;
        }
        let length_ns = self.length().as_nanos().max(1);
        let of_a_core =
            |ns: u64| u64::try_from(u128::from(ns) * 1_000 / length_ns).unwrap_or(u64::MAX);
        let server = |figure: fn(Usage) -> u64| self.used(|edge| edge.server.map(figure));
        let cores = layout.server.numbers().len().max(1) as u64;
        cost.server_cpu_ns = server(|usage| usage.cpu_ns);
        cost.server_share_permille = cost.server_cpu_ns.map(|ns| of_a_core(ns) / cores);
        cost.server_cpu_user_ms = server(|usage| usage.cpu_user_ms);
        cost.server_cpu_system_ms = server(|usage| usage.cpu_system_ms);
        let count = self.edges.first().map_or(0, |edge| edge.services.len());
        let service = |at: usize| self.used(|edge| Some(edge.services.get(at)?.as_ref()?.cpu_ns));
        let services: Option<Vec<u64>> = (0..count).map(service).collect();
        let services = services.filter(|services| !services.is_empty());
        cost.services_cpu_ns = services.as_ref().map(|services| services.iter().sum());
        cost.services_busy_permille = cost.services_cpu_ns.map(of_a_core);
        let busiest = services.and_then(|services| services.into_iter().max());
        cost.busiest_service_permille = busiest.map(of_a_core);
        cost.client_cpu_ns = self.used(|edge| edge.client.map(|usage| usage.cpu_ns));
        cost.server_cores = self.utilisation(layout.server.numbers());
        cost.load_cores = self.utilisation(layout.load.numbers());
        cost.throttled = self.used(|edge| edge.throttled);
        cost
    }

    /// What the samples of one come to.
    fn totals(&self, who: Who) -> Totals {
        let rows = || self.samples.iter().filter(|row| row.who == who);
        let most = |figure: fn(&Sample) -> u64| rows().map(figure).max();
        let between = |figure: fn(&Sample) -> u64| {
            figure(rows().next_back()?).checked_sub(figure(rows().next()?))
        };
        let resident: u64 = rows().map(|row| row.rss_bytes).sum();
        Totals {
            rss_mean_bytes: resident.checked_div(rows().count() as u64),
            rss_max_bytes: most(|row| row.rss_bytes),
            threads_max: most(|row| row.threads),
            open_files_max: most(|row| row.open_files),
            switches_voluntary: between(|row| row.context_switches_voluntary),
            switches_involuntary: between(|row| row.context_switches_involuntary),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Totals, UsageWindow};
    use crate::host::cores::{Cores, Layout};
    use crate::results::samples::Who;

    fn layout() -> Layout {
        Layout {
            server: Cores::usable().unwrap(),
            load: Cores::usable().unwrap(),
            shares_physical_core: false,
        }
    }

    #[test]
    fn samples_are_taken_while_the_window_is_open_and_at_its_edges() {
        let window = UsageWindow::new(vec![std::process::id()], Vec::new());
        let count = || window.series().found.samples.len();
        let taken = window.sampled(&Cores::usable().unwrap(), || {
            assert_eq!(count(), 0, "the window is not open yet");
            window.edge();
            while count() < 2 * 3 {
                std::thread::yield_now();
            }
            window.edge();
            count()
        });
        let readings = window.finish();
        assert_eq!(readings.samples.len(), taken.unwrap(), "it is closed now");
        let rows = &readings.samples;
        assert!(rows.iter().all(|row| row.who != Who::Services), "{rows:?}");
        assert_eq!(rows[0].who, Who::Server);
        assert!(rows.windows(2).all(|pair| pair[0].at_ms <= pair[1].at_ms));
        let cost = readings.cost(&layout());
        assert!(cost.server_cpu_ns > Some(0) && cost.client_cpu_ns > Some(0));
        assert!(cost.server.threads_max >= Some(1) && cost.server.open_files_max >= Some(3));
        assert!(cost.server.rss_mean_bytes <= cost.server.rss_max_bytes);
        assert!(cost.server.rss_max_bytes <= cost.rss_peak_bytes);
        // This thread did nothing but yield; the other one waited.
        assert!(cost.client.switches_voluntary >= Some(1));
        assert_eq!(
            (cost.services, cost.services_cpu_ns),
            (Totals::default(), None)
        );
    }

    #[test]
    fn services_are_sampled_at_the_edges_and_once_a_second() {
        let this = std::process::id();
        let window = UsageWindow::new(vec![this], vec![this]);
        window.edge();
        for _ in 0..15 {
            window.series().sample();
        }
        window.edge();
        let readings = window.finish();
        let count = |who| readings.samples.iter().filter(|row| row.who == who).count();
        assert_eq!(count(Who::Server), 17);
        assert_eq!(count(Who::Services), 3, "one between the edges");
    }

    #[test]
    fn windows_add_up_and_one_over_a_process_that_is_not_there_costs_nothing_known() {
        let spent = || {
            let window = UsageWindow::new(vec![std::process::id()], Vec::new());
            window.edge();
            let begun = std::time::Instant::now();
            while begun.elapsed().as_millis() < 5 {
                std::hint::spin_loop();
            }
            window.edge();
            window.finish()
        };
        let (mut all, second) = (spent(), spent());
        let ns = |of: &super::Readings| of.cost(&layout()).server_cpu_ns.unwrap();
        let wanted = ns(&all) + ns(&second);
        all.join(second);
        assert_eq!(ns(&all), wanted);
        let missing = UsageWindow::new(vec![u32::MAX], Vec::new());
        missing.edge();
        missing.edge();
        let cost = missing.finish().cost(&layout());
        assert_eq!((cost.server_cpu_ns, cost.server), (None, Totals::default()));
    }
}
