//! What is counted of calls that end in every way they can, over every transport, with the fast
//! path and without.

use serde_json::json;
use transports::{metrics::Metrics, telemetry::Telemetry};

use crate::{
    client::{Client, call, cancel},
    each,
    server::{SHORT, Server, Settings, Transport, Way},
};

/// A server whose calls are counted, and its metrics.
async fn counted(way: Way, settings: Settings) -> (Server, Metrics) {
    let metrics = Metrics::new(2, true);
    let telemetry = Telemetry {
        metrics: Some(metrics.clone()),
        ..Telemetry::default()
    };
    let settings = Settings {
        telemetry,
        ..settings
    };
    (Server::with(way, settings).await, metrics)
}

/// The value of `series`, if it is on the page.
fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let page = metrics.page();
    let mut lines = page.lines();
    let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map(|value| value.parse().expect("a number"))
}

#[track_caller]
fn is(metrics: &Metrics, name: &str, labels: &str, expected: u32) {
    let found = value(metrics, &format!("{name}{{{labels}}}"));
    let page = metrics.page();
    assert_eq!(found, Some(f64::from(expected)), "{name} {labels}: {page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_is_counted_once_by_how_it_ends() {
    each(Way::all(), async |way| {
        let (mut server, metrics) = counted(way, Settings::default()).await;
        let mut client = Client::ready(&mut server).await;
        for (id, tool) in (1..).zip(["wait", "panic", "panic_now", "refuse", "refuse_late"]) {
            client.ask(&call(id, tool, json!({"ms": 1}))).await;
        }
        client.ask(&call(9, "no_such_tool", json!({}))).await;
        for (tool, in_band, protocol, panics) in [
            ("wait", 0, 0, 0),
            ("panic", 1, 0, 1),
            ("panic_now", 1, 0, 1),
            ("refuse", 0, 1, 0),
            ("refuse_late", 0, 1, 0),
            ("unknown", 0, 1, 0),
        ] {
            let tool = format!("tool=\"{tool}\"");
            is(&metrics, "mcp_tool_calls_total", &tool, 1);
            let errors = "mcp_tool_errors_total";
            is(&metrics, errors, &format!("{tool},kind=\"tool\""), in_band);
            is(
                &metrics,
                errors,
                &format!("{tool},kind=\"protocol\""),
                protocol,
            );
            let failures = "mcp_tool_failures_total";
            is(
                &metrics,
                failures,
                &format!("{tool},reason=\"panic\""),
                panics,
            );
            is(&metrics, failures, &format!("{tool},reason=\"timeout\""), 0);
        }
        assert!(!metrics.page().contains("no_such_tool"));
        for bytes in ["mcp_received_bytes_total", "mcp_sent_bytes_total"] {
            assert!(value(&metrics, bytes) > Some(100.0), "{bytes}");
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_time_limit_is_a_failure_that_took_as_long() {
    each(Way::all(), async |way| {
        let settings = Settings {
            call_timeout: SHORT,
            ..Settings::default()
        };
        let (mut server, metrics) = counted(way, settings).await;
        let mut client = Client::ready(&mut server).await;
        client.ask(&call(1, "hang", json!({}))).await;
        let tool = "tool=\"hang\"";
        let timeouts = format!("{tool},reason=\"timeout\"");
        is(&metrics, "mcp_tool_failures_total", &timeouts, 1);
        let buckets = "mcp_tool_call_duration_seconds_bucket";
        is(&metrics, buckets, &format!("le=\"0.1\",{tool}"), 0);
        is(&metrics, buckets, &format!("le=\"+Inf\",{tool}"), 1);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_call_is_not_counted() {
    each(Way::with_known_clients(), async |way| {
        let (mut server, metrics) = counted(way, Settings::default()).await;
        let mut client = Client::ready(&mut server).await;
        client.send(&call(1, "hang", json!({}))).await;
        server.calls.begun(1).await;
        client.send(&cancel(1)).await;
        server.calls.dropped(1).await;
        client.is_served().await;
        let calls = value(&metrics, "mcp_tool_calls_total{tool=\"hang\"}");
        assert!(calls.is_none_or(|calls| calls == 0.0), "{calls:?}");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn connections_and_sessions_are_asked_for_when_they_are_needed() {
    each(Way::all(), async |way| {
        let (mut server, metrics) = counted(way, Settings::default()).await;
        let sessions = || value(&metrics, "mcp_sessions");
        let client = Client::ready(&mut server).await;
        match way.transport {
            Transport::Sse | Transport::Session(_) => assert_eq!(sessions(), Some(1.0)),
            Transport::Stdio | Transport::Stateless(_) => assert_eq!(sessions(), None),
        }
        // Over Streamable HTTP this client closes each connection after its answer.
        let opened = value(&metrics, "mcp_connections_opened_total");
        let listens = way.transport != Transport::Stdio;
        assert_eq!(opened.is_some_and(|opened| opened >= 1.0), listens);
        drop(client);
        server.stop().await;
        assert_eq!(value(&metrics, "mcp_connections").is_some(), listens);
    })
    .await;
}
