//! Writes the page that a scrape reads.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet, text},
    metrics::MetricType,
    registry::Registry,
};

use super::{
    Kind, Metrics, Source,
    cells::{BOUNDS_NS, Sharded, ToolCalls},
    shed::sheds,
};

/// The media type of the page.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Metrics {
    /// Writes all metrics, as of now.
    #[must_use]
    pub fn page(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut page = String::with_capacity(16 * 1024);
        // Writing to a string does not fail.
        let _ = text::encode(&mut page, &registry);
        page
    }

    fn encode_tools(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let tools = self.tools();
        let mut durations = encoder.encode_descriptor(
            "mcp_tool_call_duration_seconds",
            "How long answered calls took",
            None,
            MetricType::Histogram,
        )?;
        for calls in tools.iter() {
            calls.encode_durations(&mut durations)?;
        }
        let mut counts = encoder.encode_descriptor(
            "mcp_tool_calls",
            "Calls that were answered",
            None,
            MetricType::Counter,
        )?;
        for calls in tools.iter() {
            count(&mut counts, &[("tool", &*calls.tool)], calls.count())?;
        }
        let mut errors = encoder.encode_descriptor(
            "mcp_tool_errors",
            "Calls that were answered with an error: of the tool (isError) or of the protocol (JSON-RPC)",
            None,
            MetricType::Counter,
        )?;
        for ToolCalls { tool, calls, .. } in tools.iter().map(AsRef::as_ref) {
            for (kind, errors_of_kind) in [
                ("tool", calls.sum(|calls| &calls.tool_errors)),
                ("protocol", calls.sum(|calls| &calls.protocol_errors)),
            ] {
                count(
                    &mut errors,
                    &[("tool", &**tool), ("kind", kind)],
                    errors_of_kind,
                )?;
            }
        }
        let mut failures = encoder.encode_descriptor(
            "mcp_tool_failures",
            "Calls that failed because the tool panicked or took too long; they are errors, too",
            None,
            MetricType::Counter,
        )?;
        for calls in tools.iter() {
            for (reason, cell) in [("panic", &calls.panics), ("timeout", &calls.timeouts)] {
                let labels = [("tool", &*calls.tool), ("reason", reason)];
                count(&mut failures, &labels, cell.get())?;
            }
        }
        Ok(())
    }

    fn encode_totals(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let traffic = &self.0.traffic;
        for (name, help, bytes) in [
            (
                "mcp_received_bytes",
                "Bytes of messages that clients sent",
                traffic.sum(|traffic| &traffic.received),
            ),
            (
                "mcp_sent_bytes",
                "Bytes of answers and notifications",
                traffic.sum(|traffic| &traffic.sent),
            ),
        ] {
            let mut total = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            total.encode_counter::<NoLabelSet, _, u64>(&bytes, None)?;
        }
        let mut all = encoder.encode_descriptor(
            "mcp_sheds",
            "Work that was turned away because a limit was reached",
            None,
            MetricType::Counter,
        )?;
        for (reason, number) in sheds() {
            count(&mut all, &[("reason", reason)], number)?;
        }
        Ok(())
    }

    fn encode_sources(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let families = self.0.families.read();
        let families = families.unwrap_or_else(std::sync::PoisonError::into_inner);
        for (name, family) in families.iter() {
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let mut metric = encoder.encode_descriptor(name, family.help, None, kind)?;
            for (labels, value) in added_up(&family.sources) {
                if labels.is_empty() {
                    family.kind.encode(&mut metric, value)?;
                } else {
                    family
                        .kind
                        .encode(&mut metric.encode_family(&labels)?, value)?;
                }
            }
        }
        Ok(())
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_tools(&mut encoder)?;
        self.encode_totals(&mut encoder)?;
        self.encode_sources(&mut encoder)
    }
}

impl Kind {
    fn encode(self, encoder: &mut MetricEncoder<'_>, value: f64) -> fmt::Result {
        match self {
            Self::Counter => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
            Self::Gauge => encoder.encode_gauge(&value),
        }
    }
}

impl ToolCalls {
    /// The number of calls so far.
    fn count(&self) -> u64 {
        self.buckets().iter().sum()
    }

    fn buckets(&self) -> [u64; BOUNDS_NS.len() + 1] {
        std::array::from_fn(|bucket| self.calls.sum(|calls| &calls.buckets[bucket]))
    }

    fn encode_durations(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        let counts = self.buckets();
        let bounds = BOUNDS_NS.iter().map(|bound| *bound as f64 / 1e9);
        let buckets: Vec<(f64, u64)> = bounds.chain([f64::INFINITY]).zip(counts).collect();
        let sum = Sharded::sum(&self.calls, |calls| &calls.nanoseconds) as f64 / 1e9;
        let labels = [("tool", &*self.tool)];
        let mut sample = encoder.encode_family(&labels)?;
        // The count is of the same buckets, so that a scrape in the middle of a call is consistent.
        sample.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
    }
}

fn count(
    encoder: &mut MetricEncoder<'_>,
    labels: &impl EncodeLabelSet,
    number: u64,
) -> fmt::Result {
    let mut sample = encoder.encode_family(labels)?;
    sample.encode_counter::<NoLabelSet, _, u64>(&number, None)
}

/// The labels and value of each series: sources with equal labels are one.
fn added_up(sources: &[Source]) -> Vec<(Vec<(&'static str, &str)>, f64)> {
    let mut series: Vec<(Vec<(&'static str, &str)>, f64)> = Vec::new();
    for Source { labels, read } in sources {
        let labels: Vec<_> = labels
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        match series.iter_mut().find(|(known, _)| *known == labels) {
            Some((_, value)) => *value += read(),
            None => series.push((labels, read())),
        }
    }
    series
}
