//! Counts what a server does, and writes the counts as Prometheus reads them (`OpenMetrics` 1.0).
//!
//! A call adds to cells of its thread: no lock, no allocation, no cache line that another core
//! writes. Sums are made when a scrape asks for them. What is a size rather than an event
//! (connections, sessions, pools) is not counted at all: a scrape asks its owner, which has
//! registered a [`gauge`](Metrics::gauge).
//!
//! Left to others: who serves the page ([`crate::http::METRICS_PATH`], or a listener of its own),
//! and what the metrics of an app mean.

mod cells;
mod page;
mod shed;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

pub(crate) use self::cells::{CallEnd, Failure, ToolCalls};
use self::cells::{Sharded, Traffic};
pub use self::{
    page::CONTENT_TYPE,
    shed::{Shed, count_shed},
};

/// The name and the help of the gauge of open sessions.
pub(crate) const SESSIONS: (&str, &str) = ("mcp_sessions", "Open sessions");

/// The label of calls whose tool the server does not have: clients choose those names, and each
/// name would be a series.
const NO_TOOL: &str = "unknown";

/// The metrics of one server. Cheap to clone: clones share everything.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    /// Whether the server's own address serves them, too.
    is_on_main_address: bool,
    /// Threads that have cells of their own.
    threads: usize,
    traffic: Sharded<Traffic>,
    tools: RwLock<Vec<Arc<ToolCalls>>>,
    families: RwLock<BTreeMap<&'static str, Family>>,
}

/// The sources of one metric.
struct Family {
    help: &'static str,
    kind: Kind,
    sources: Vec<Source>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

struct Source {
    labels: Vec<(&'static str, String)>,
    read: Box<dyn Fn() -> f64 + Send + Sync>,
}

/// How a pool of connections is used at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolUse {
    /// Connections that the pool may have.
    pub size: u64,
    /// Connections that calls use.
    pub used: u64,
    /// Connections that are open and idle.
    pub idle: u64,
    /// Calls that had to wait for a connection, since the start.
    pub waits: u64,
    /// How long they waited, all together.
    pub waited: Duration,
}

/// How a cache was used since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// Calls that were answered from it.
    pub hits: u64,
    /// Calls that had to work.
    pub misses: u64,
}

impl Metrics {
    /// Starts counting for a server of `threads` threads. `is_on_main_address` says whether the
    /// server's own address serves the counts.
    #[must_use]
    pub fn new(threads: usize, is_on_main_address: bool) -> Self {
        Self(Arc::new(Inner {
            is_on_main_address,
            threads,
            traffic: Sharded::new(threads),
            tools: RwLock::default(),
            families: RwLock::default(),
        }))
    }

    /// Whether the server's own address serves these metrics.
    pub(crate) fn are_on_main_address(&self) -> bool {
        self.0.is_on_main_address
    }

    /// Adds a gauge: a scrape calls `value`. Gauges with the same name and labels are added up, so
    /// that each shard of a runtime can register its part.
    ///
    /// A name begins with what it belongs to and ends with its unit, for instance
    /// `shop_basket_bytes`. Labels must have few values: each is a series.
    pub fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.register(Kind::Gauge, (name, help), labels, value);
    }

    /// Adds a counter: a scrape calls `value`, which never becomes less. The name has no `_total`
    /// at its end; the page adds it.
    pub fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.register(Kind::Counter, (name, help), labels, value);
    }

    /// Adds a pool of connections: its size, its use and its waits. The dashboard and the alerts in
    /// `operating` know these names.
    pub fn pool(
        &self,
        pool: &'static str,
        usage: impl Fn() -> PoolUse + Clone + Send + Sync + 'static,
    ) {
        for state in ["used", "idle"] {
            let usage = usage.clone();
            self.gauge(
                "mcp_pool_connections",
                "Open connections of a pool",
                &[("pool", pool), ("state", state)],
                move || {
                    let PoolUse { used, idle, .. } = usage();
                    (if state == "used" { used } else { idle }) as f64
                },
            );
        }
        let labels = &[("pool", pool)];
        let (size, waits) = (usage.clone(), usage.clone());
        self.gauge(
            "mcp_pool_size",
            "Connections that a pool may have",
            labels,
            move || size().size as f64,
        );
        self.counter(
            "mcp_pool_waits",
            "Calls that had to wait for a connection of a pool",
            labels,
            move || waits().waits as f64,
        );
        self.counter(
            "mcp_pool_wait_seconds",
            "How long calls waited for a connection of a pool",
            labels,
            move || usage().waited.as_secs_f64(),
        );
    }

    /// Adds a cache: its hits and misses. The dashboard and the alerts in `operating` know these
    /// names.
    pub fn cache(
        &self,
        cache: &'static str,
        usage: impl Fn() -> CacheUse + Clone + Send + Sync + 'static,
    ) {
        let labels = &[("cache", cache)];
        let hits = usage.clone();
        self.counter(
            "mcp_cache_hits",
            "Calls that were answered from a cache",
            labels,
            move || hits().hits as f64,
        );
        self.counter(
            "mcp_cache_misses",
            "Calls that a cache had no answer for",
            labels,
            move || usage().misses as f64,
        );
    }

    fn register(
        &self,
        kind: Kind,
        (name, help): (&'static str, &'static str),
        labels: &[(&'static str, &str)],
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let labels = labels.iter();
        let source = Source {
            labels: labels
                .map(|(key, value)| (*key, (*value).to_owned()))
                .collect(),
            read: Box::new(value),
        };
        let mut families = self
            .0
            .families
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let family = families.entry(name).or_insert_with(|| Family {
            help,
            kind,
            sources: Vec::new(),
        });
        family.sources.push(source);
    }

    /// Counts a message of `bytes` that a client sent.
    pub(crate) fn count_received(&self, bytes: usize) {
        self.0.traffic.here().received.add(bytes as u64);
    }

    /// Counts `bytes` of answers.
    pub(crate) fn count_sent(&self, bytes: usize) {
        self.0.traffic.here().sent.add(bytes as u64);
    }

    /// Returns the calls of `tool`, one of the server's. The first caller adds it to the page.
    pub(crate) fn tool(&self, tool: &str) -> Arc<ToolCalls> {
        if let Some(calls) = find(&self.tools(), tool) {
            return calls;
        }
        let mut tools = self.0.tools.write().unwrap_or_else(PoisonError::into_inner);
        find(&tools, tool).unwrap_or_else(|| {
            let calls = Arc::new(ToolCalls::new(tool, self.0.threads));
            tools.push(calls.clone());
            calls
        })
    }

    /// Returns the calls of `tool` if it is one of the server's; otherwise those of all tools that
    /// the server does not have.
    pub(crate) fn tool_if(&self, tool: &str, is_tool: impl FnOnce() -> bool) -> Arc<ToolCalls> {
        if let Some(calls) = find(&self.tools(), tool) {
            return calls;
        }
        self.tool(if is_tool() { tool } else { NO_TOOL })
    }

    /// Returns the calls of `tool` if it is on the page already; otherwise those of all tools that
    /// the server does not have.
    pub(crate) fn known_tool(&self, tool: &str) -> Arc<ToolCalls> {
        self.tool_if(tool, || false)
    }

    fn tools(&self) -> RwLockReadGuard<'_, Vec<Arc<ToolCalls>>> {
        self.0.tools.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(tools: &[Arc<ToolCalls>], tool: &str) -> Option<Arc<ToolCalls>> {
    tools.iter().find(|calls| &*calls.tool == tool).cloned()
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Metrics")
            .field("is_on_main_address", &self.0.is_on_main_address)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a page that are no comments, without their order.
    fn samples(metrics: &Metrics) -> Vec<String> {
        let page = metrics.page();
        assert!(page.ends_with("# EOF\n"), "{page}");
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    }

    fn has(metrics: &Metrics, sample: &str) -> bool {
        samples(metrics).iter().any(|line| line == sample)
    }

    #[test]
    fn calls_are_counted_by_tool_and_time() {
        let metrics = Metrics::new(2, true);
        let echo = metrics.tool("echo");
        for (time, end) in [
            (Duration::from_micros(10), CallEnd::Succeeded),
            (Duration::from_micros(11), CallEnd::ToolError),
            (Duration::from_millis(100), CallEnd::ProtocolError(-32603)),
            (Duration::from_secs(40), CallEnd::Succeeded),
        ] {
            echo.record(time, end);
        }
        for sample in [
            "mcp_tool_calls_total{tool=\"echo\"} 4",
            "mcp_tool_call_duration_seconds_count{tool=\"echo\"} 4",
            "mcp_tool_call_duration_seconds_sum{tool=\"echo\"} 40.100021",
            "mcp_tool_call_duration_seconds_bucket{le=\"0.00001\",tool=\"echo\"} 1",
            "mcp_tool_call_duration_seconds_bucket{le=\"0.00002\",tool=\"echo\"} 2",
            "mcp_tool_call_duration_seconds_bucket{le=\"0.05\",tool=\"echo\"} 2",
            "mcp_tool_call_duration_seconds_bucket{le=\"0.1\",tool=\"echo\"} 3",
            "mcp_tool_call_duration_seconds_bucket{le=\"30.0\",tool=\"echo\"} 3",
            "mcp_tool_call_duration_seconds_bucket{le=\"+Inf\",tool=\"echo\"} 4",
            "mcp_tool_errors_total{tool=\"echo\",kind=\"tool\"} 1",
            "mcp_tool_errors_total{tool=\"echo\",kind=\"protocol\"} 1",
        ] {
            assert!(has(&metrics, sample), "{sample}: {:#?}", samples(&metrics));
        }
    }

    #[test]
    fn threads_count_apart_and_are_added_up() {
        let metrics = Metrics::new(2, true);
        std::thread::scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        metrics.count_received(3);
                        metrics
                            .tool("echo")
                            .record(Duration::ZERO, CallEnd::Succeeded);
                    }
                });
            }
        });
        assert!(has(&metrics, "mcp_received_bytes_total 15000"));
        assert!(has(&metrics, "mcp_tool_calls_total{tool=\"echo\"} 5000"));
    }

    #[test]
    fn sources_with_the_same_labels_are_added_up() {
        let metrics = Metrics::new(1, true);
        let usage = |used| {
            move || PoolUse {
                size: 4,
                used,
                waited: Duration::from_millis(500),
                ..PoolUse::default()
            }
        };
        metrics.pool("database", usage(1));
        metrics.pool("database", usage(2));
        metrics.cache("results", || CacheUse { hits: 3, misses: 1 });
        for sample in [
            "mcp_pool_size{pool=\"database\"} 8.0",
            "mcp_pool_connections{pool=\"database\",state=\"used\"} 3.0",
            "mcp_pool_connections{pool=\"database\",state=\"idle\"} 0.0",
            "mcp_pool_wait_seconds_total{pool=\"database\"} 1.0",
            "mcp_cache_hits_total{cache=\"results\"} 3.0",
        ] {
            assert!(has(&metrics, sample), "{sample}: {:#?}", samples(&metrics));
        }
    }

    #[test]
    fn labels_are_escaped() {
        let metrics = Metrics::new(1, true);
        metrics.gauge("test_gauge", "A test", &[("name", "a\"b\\c\nd")], || 1.0);
        assert!(has(&metrics, r#"test_gauge{name="a\"b\\c\nd"} 1.0"#));
    }

    #[test]
    fn failures_and_sheds_are_counted_by_reason() {
        let metrics = Metrics::new(1, true);
        metrics.tool("echo").fail(Failure::Panic);
        assert!(has(
            &metrics,
            "mcp_tool_failures_total{tool=\"echo\",reason=\"panic\"} 1"
        ));
        count_shed(Shed::InFlightBytes);
        let samples = samples(&metrics);
        let shed = "mcp_sheds_total{reason=\"in_flight_bytes\"} ";
        let count = samples
            .iter()
            .find_map(|line| line.strip_prefix(shed))
            .unwrap();
        assert!(count.parse::<u64>().unwrap() >= 1);
    }
}
