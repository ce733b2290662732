//! What a trial costs: readings at the two edges of the measured window, and what the samples in between come to.
//!
//! The edges are read on the load thread: a few small files. [`Samples`] has what is between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

use anyhow::Context as _;

use super::samples::{Look, Samples, Totals};
use crate::host::cgroup;
use crate::host::cores::{Cores, Layout};
use crate::host::proc::{self, CoreTime, ProcessId, Utilisation};
use crate::host::usage::Usage;
use crate::results::samples::Who;
use crate::run::process::has_ended;

/// One edge of the window.
#[derive(Debug, Clone)]
struct Edge {
    at: Instant,
    on: SystemTime,
    look: Look,
    cores: Vec<CoreTime>,
    throttled: Option<u64>,
}

/// Reads what a server (one process or several) and its services cost.
#[derive(Debug)]
pub(crate) struct UsageWindow {
    servers: Vec<ProcessId>,
    open: Option<Edge>,
    close: Option<Edge>,
    samples: Arc<Samples>,
    server_ended: bool,
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
    /// Whether the server had ended when the window closed.
    pub(crate) server_ended: bool,
}

impl Cost {
    /// What several windows of one server cost together: sums of times, means of shares, the most of
    /// memory.
    pub(super) fn of_all(costs: &[Self]) -> Self {
        let sum = |figure: fn(&Self) -> Option<u64>| costs.iter().map(figure).sum::<Option<u64>>();
        let most = |figure: fn(&Self) -> Option<u64>| costs.iter().filter_map(figure).max();
        let mean = |figure: &dyn Fn(&Self) -> Option<u64>| {
            let sum = costs.iter().map(figure).sum::<Option<u64>>();
            sum?.checked_div(costs.len() as u64)
        };
        let cores = |cores: fn(&Self) -> Option<Utilisation>| {
            Some(Utilisation {
                busy_permille: mean(&|cost| cores(cost).map(|one| one.busy_permille))?,
                irq_permille: mean(&|cost| cores(cost).map(|one| one.irq_permille))?,
                steal_permille: mean(&|cost| cores(cost).map(|one| one.steal_permille))?,
            })
        };
        let rss = |totals: fn(&Self) -> &Totals| Totals {
            rss_max_bytes: costs
                .iter()
                .filter_map(|cost| totals(cost).rss_max_bytes)
                .max(),
            ..Totals::default()
        };
        Self {
            server_cpu_ns: sum(|cost| cost.server_cpu_ns),
            services_cpu_ns: sum(|cost| cost.services_cpu_ns),
            services_busy_permille: mean(&|cost| cost.services_busy_permille),
            busiest_service_permille: mean(&|cost| cost.busiest_service_permille),
            client_cpu_ns: sum(|cost| cost.client_cpu_ns),
            server_share_permille: mean(&|cost| cost.server_share_permille),
            server_cores: cores(|cost| cost.server_cores),
            load_cores: cores(|cost| cost.load_cores),
            throttled: sum(|cost| cost.throttled),
            rss_peak_bytes: most(|cost| cost.rss_peak_bytes),
            server: rss(|cost| &cost.server),
            services: rss(|cost| &cost.services),
            client: rss(|cost| &cost.client),
            ..Self::default()
        }
    }
}

impl UsageWindow {
    /// A window over these processes, not open yet.
    pub(crate) fn new(servers: Vec<ProcessId>, services: Vec<ProcessId>) -> Self {
        Self {
            samples: Arc::new(Samples::new(servers.clone(), services)),
            servers,
            open: None,
            close: None,
            server_ended: false,
        }
    }

    fn edge(&self, look: impl FnOnce(&Samples) -> Look) -> Edge {
        Edge {
            at: Instant::now(),
            on: SystemTime::now(),
            look: look(&self.samples),
            cores: proc::core_times(),
            throttled: cgroup::throttled_count(&self.servers),
        }
    }

    /// The window opens now.
    pub(crate) fn open(&mut self) {
        self.open = Some(self.edge(Samples::open));
    }

    /// When the window opened, by the calendar.
    pub(crate) fn opened(&self) -> Option<SystemTime> {
        self.open.as_ref().map(|edge| edge.on)
    }

    /// The samples, for the thread that takes them and for the record.
    pub(crate) fn samples(&self) -> Arc<Samples> {
        Arc::clone(&self.samples)
    }

    /// The window closes now.
    pub(crate) fn close(&mut self) {
        self.close = Some(self.edge(Samples::close));
        self.server_ended = self.servers.iter().any(|server| has_ended(*server));
    }

    /// What the window cost.
    pub(crate) fn cost(&self, layout: &Layout) -> Cost {
        let mut cost = Cost {
            rss_peak_bytes: self.samples.server_peak_bytes(),
            server: self.samples.totals(Who::Server),
            services: self.samples.totals(Who::Services),
            client: self.samples.totals(Who::Client),
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
        let of_a_core = |ns: u64| ns * 1_000 / length_ns;
        let cpu_ns = |usage: &Option<Usage>| usage.map(|usage| usage.cpu_ns);
        let server = |figure: fn(Usage) -> u64| {
            let (first, last) = (open.look.server, close.look.server);
            used(first.map(figure), last.map(figure))
        };
        cost.server_cpu_ns = server(|usage| usage.cpu_ns);
        cost.server_share_permille = cost.server_cpu_ns.map(|ns| of_a_core(ns) / cores.max(1));
        cost.server_cpu_user_ms = server(|usage| usage.cpu_user_ms);
        cost.server_cpu_system_ms = server(|usage| usage.cpu_system_ms);
        let services = open.look.services.iter().zip(&close.look.services);
        let services: Option<Vec<u64>> = services
            .map(|(first, last)| used(cpu_ns(first), cpu_ns(last)))
            .collect();
        let services = services.filter(|services| !services.is_empty());
        cost.services_cpu_ns = services.as_ref().map(|services| services.iter().sum());
        cost.services_busy_permille = cost.services_cpu_ns.map(of_a_core);
        cost.busiest_service_permille = services
            .and_then(|services| services.into_iter().max())
            .map(of_a_core);
        cost.client_cpu_ns = used(cpu_ns(&open.look.client), cpu_ns(&close.look.client));
        cost.server_cores = proc::utilisation(&open.cores, &close.cores, layout.server.numbers());
        cost.load_cores = proc::utilisation(&open.cores, &close.cores, layout.load.numbers());
        cost.throttled = used(open.throttled, close.throttled);
        cost
    }
}

/// What a counter has gone up by.
fn used(first: Option<u64>, last: Option<u64>) -> Option<u64> {
    last?.checked_sub(first?)
}

/// Takes the samples of a window on these cores while the load runs.
pub(super) fn sampled<T>(
    samples: &Samples,
    cores: &Cores,
    load: impl FnOnce() -> T,
) -> anyhow::Result<T> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let taking = std::thread::Builder::new()
            .name("samples".to_owned())
            .spawn_scoped(scope, || samples.keep_taking(cores, &is_over))
            .context("cannot start the thread that takes samples")?;
        let done = load();
        is_over.store(true, Ordering::Relaxed);
        taking.thread().unpark();
        let panicked = "the thread that takes samples panicked: this is a defect of the harness";
        taking.join().map_err(|_| anyhow::anyhow!(panicked))??;
        Ok(done)
    })
}
