//! Exports the spans of calls by OTLP (protobuf over plain HTTP). The exporter has a thread of its
//! own: a call waits for no collector, and spans are dropped when it does not keep up.

use std::{collections::HashMap, path::Path};

use anyhow::Context;
use opentelemetry::{propagation::TextMapPropagator, trace::TracerProvider};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    registry::LookupSpan,
};
use transports::spans::{Spans, TARGET, TraceContext};

/// Sends the spans that have ended when it is dropped.
pub(crate) struct Exporter(SdkTracerProvider);

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last traces were not exported");
        }
    }
}

/// Starts the exporter to the collector at `endpoint`. The layer takes the spans of calls alone.
pub(crate) fn start<S>(endpoint: &str) -> anyhow::Result<(Exporter, impl Layer<S> + use<S>)>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()
        .with_context(|| format!("exporting traces to {endpoint} (--otlp-endpoint)"))?;
    // OpenTelemetry's own variable wins: OTEL_SERVICE_NAME.
    let mut resource = Resource::builder();
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        let program = std::env::args_os().next().unwrap_or_default();
        let name = Path::new(&program).file_name().unwrap_or_default();
        resource = resource.with_service_name(name.to_string_lossy().into_owned());
    }
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.build())
        .build();
    let spans = Targets::new().with_target(TARGET, LevelFilter::INFO);
    let layer = tracing_opentelemetry::layer::<S>()
        .with_tracer(provider.tracer("mcp"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(spans);
    Ok((Exporter(provider), layer))
}

/// Starts a span for each call, as a child of the span that its message names.
pub(crate) fn spans() -> Spans {
    Spans::new(adopt)
}

fn adopt(span: &Span, parent: &TraceContext<'_>) {
    let parts = [
        ("traceparent", &parent.traceparent),
        ("tracestate", &parent.tracestate),
    ];
    let parts = parts.into_iter();
    let carrier: HashMap<String, String> = parts
        .filter_map(|(name, value)| Some((name.to_owned(), value.as_deref()?.to_owned())))
        .collect();
    let context = TraceContextPropagator::new().extract(&carrier);
    // It fails only without the layer that exports, and then nothing is exported.
    let _ = span.set_parent(context);
}
