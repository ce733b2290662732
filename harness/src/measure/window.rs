//! What a trial costs: readings at the two edges of the measured window, memory in between, and the
//! doubts they raise.
//!
//! The observer runs on the load thread, so it only reads a few small files: well under 0.1% of the
//! window.

use std::time::{Instant, SystemTime};

use crate::machine::cgroup;
use crate::machine::cores::Layout;
use crate::machine::proc::{self, CoreTime, Memory, ProcessId, Utilisation};
use crate::process::has_ended;

/// One edge of the window.
#[derive(Debug, Clone)]
struct Edge {
    at: Instant,
    on: SystemTime,
    server_cpu_ns: Option<u64>,
    server_user_system_ms: Option<(u64, u64)>,
    services_cpu_ns: Option<u64>,
    cores: Vec<CoreTime>,
    throttled: Option<u64>,
}

/// Reads what a server (one process or several) and its services cost.
#[derive(Debug)]
pub struct Window {
    servers: Vec<ProcessId>,
    services: Vec<ProcessId>,
    open: Option<Edge>,
    close: Option<Edge>,
    rss_samples: Vec<u64>,
    peak_bytes: Option<u64>,
    server_ended: bool,
}

/// What a server and its services cost in the window. A figure that could not be read is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// CPU time of the server, in nanoseconds.
    pub server_cpu_ns: Option<u64>,
    /// Of which in user mode, in milliseconds (ticks).
    pub server_cpu_user_ms: Option<u64>,
    /// Of which in the kernel, in milliseconds (ticks).
    pub server_cpu_system_ms: Option<u64>,
    /// CPU time of the services as a share of one core, in thousandths.
    pub services_busy_permille: Option<u64>,
    /// CPU time of the server as a share of its cores, in thousandths.
    pub server_share_permille: Option<u64>,
    /// The server's cores.
    pub server_cores: Option<Utilisation>,
    /// The cores of load and services.
    pub load_cores: Option<Utilisation>,
    /// Times that the control group was throttled.
    pub throttled: Option<u64>,
    /// Mean of the resident memory, in bytes.
    pub rss_mean_bytes: Option<u64>,
    /// Peak of the resident memory since the start of the process, in bytes.
    pub rss_peak_bytes: Option<u64>,
    /// Whether the server had ended when the window closed.
    pub server_ended: bool,
}

impl Window {
    /// A window over these processes, not open yet.
    #[must_use]
    pub fn new(servers: Vec<ProcessId>, services: Vec<ProcessId>) -> Self {
        Self {
            servers,
            services,
            open: None,
            close: None,
            rss_samples: Vec::with_capacity(1_024),
            peak_bytes: None,
            server_ended: false,
        }
    }

    fn edge(&self) -> Edge {
        let cpu_ns = |processes: &[ProcessId], time: fn(ProcessId) -> Option<u64>| -> Option<u64> {
            let times = processes.iter().map(|process| time(*process));
            times.sum::<Option<u64>>().filter(|_| !processes.is_empty())
        };
        let ticks = |process: &ProcessId| proc::user_and_system_ms(*process);
        let ticks: Option<Vec<_>> = self.servers.iter().map(ticks).collect();
        Edge {
            at: Instant::now(),
            on: SystemTime::now(),
            server_cpu_ns: cpu_ns(&self.servers, proc::cpu_time_ns),
            server_user_system_ms: ticks.filter(|ticks| !ticks.is_empty()).map(|ticks| {
                let sum = |sum: (u64, u64), one: (u64, u64)| (sum.0 + one.0, sum.1 + one.1);
                ticks.into_iter().fold((0, 0), sum)
            }),
            services_cpu_ns: cpu_ns(&self.services, proc::tree_cpu_time_ns),
            cores: proc::core_times(),
            throttled: cgroup::throttled_count(),
        }
    }

    /// The window opens now.
    pub fn open(&mut self) {
        self.open = Some(self.edge());
    }

    /// When the window opened, by the calendar.
    #[must_use]
    pub fn opened(&self) -> Option<SystemTime> {
        self.open.as_ref().map(|edge| edge.on)
    }

    /// A sample of memory in between; nothing before the window is open.
    pub fn sample(&mut self) {
        if self.open.is_none() || self.servers.is_empty() {
            return;
        }
        let memory = |process: &ProcessId| proc::memory(*process);
        let memories: Option<Vec<Memory>> = self.servers.iter().map(memory).collect();
        if let Some(memories) = memories {
            self.rss_samples
                .push(memories.iter().map(|memory| memory.rss_bytes).sum());
            // The kernel counts both lazily, and not at the same time: the peak may lag behind.
            let peak = |memory: &Memory| memory.peak_bytes.max(memory.rss_bytes);
            self.peak_bytes = self.peak_bytes.max(Some(memories.iter().map(peak).sum()));
        }
    }

    /// The window closes now.
    pub fn close(&mut self) {
        self.close = Some(self.edge());
        self.sample();
        self.server_ended = self.servers.iter().any(|server| has_ended(*server));
    }

    /// What the window cost.
    #[must_use]
    pub fn cost(&self, layout: &Layout) -> Cost {
        let mut cost = Cost {
            rss_mean_bytes: mean(&self.rss_samples),
            rss_peak_bytes: self.peak_bytes,
            server_ended: self.server_ended,
            ..Cost::default()
        };
        let (Some(open), Some(close)) = (&self.open, &self.close) else {
            return cost;
        };
        let length_ns = u64::try_from((close.at - open.at).as_nanos())
            .unwrap_or(u64::MAX)
            .max(1);
        let cores = layout.server.numbers().len() as u64;
        let used = |first: Option<u64>, last: Option<u64>| last?.checked_sub(first?);
        cost.server_cpu_ns = used(open.server_cpu_ns, close.server_cpu_ns);
        cost.server_share_permille = cost
            .server_cpu_ns
            .map(|ns| ns * 1_000 / length_ns / cores.max(1));
        let ticks = |edge: &Edge| edge.server_user_system_ms.unzip();
        cost.server_cpu_user_ms = used(ticks(open).0, ticks(close).0);
        cost.server_cpu_system_ms = used(ticks(open).1, ticks(close).1);
        if !self.services.is_empty() {
            cost.services_busy_permille =
                used(open.services_cpu_ns, close.services_cpu_ns).map(|ns| ns * 1_000 / length_ns);
        }
        cost.server_cores = proc::utilisation(&open.cores, &close.cores, layout.server.numbers());
        cost.load_cores = proc::utilisation(&open.cores, &close.cores, layout.load.numbers());
        cost.throttled = used(open.throttled, close.throttled);
        cost
    }
}

fn mean(samples: &[u64]) -> Option<u64> {
    let count = u64::try_from(samples.len())
        .ok()
        .filter(|count| *count > 0)?;
    Some(samples.iter().sum::<u64>() / count)
}
