//! What a scrape finds after calls whose number and outcome are known.

use std::net::SocketAddr;

use serde_json::json;
use testkit::http::{Connection, Request, once};

use super::http::opening;
use crate::common::{Client, Gate, Server, Subject, Wire, client};

/// Where the metrics have an address of their own.
pub(crate) const APART: &str = "--metrics-listen=127.0.0.1:0";

/// The address that the log names.
pub(crate) fn address(server: &Server) -> SocketAddr {
    let line = server.log().wait_for(|line| line.contains("metrics at "));
    let line = line.expect("the log names the address");
    let (_, url) = line.split_once("metrics at http://").expect("a URL");
    let address = url.strip_suffix("/metrics").expect("the path");
    address.parse().expect("an address")
}

/// What a scrape of `address` finds.
pub(crate) fn scrape(address: SocketAddr) -> String {
    let page = once(address, &Request::get("/metrics"));
    assert_eq!(page.status, 200, "{}", page.text());
    let expected = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(page.header("content-type"), Some(expected));
    let text = page.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    text
}

/// The value of `series` on a page, if it is there.
fn value(page: &str, series: &str) -> Option<f64> {
    let mut lines = page.lines();
    let found = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.map(|value| value.parse().expect("a number"))
}

fn is(page: &str, series: &str, expected: f64) {
    let found = value(page, series).unwrap_or_else(|| panic!("no {series}: {page}"));
    assert!(
        (found - expected).abs() < 1e-9,
        "{series} is {found}: {page}"
    );
}

fn is_positive(page: &str, series: &str) {
    let found = value(page, series).unwrap_or_else(|| panic!("no {series}: {page}"));
    assert!(found > 0.0, "{series} is {found}: {page}");
}

pub(crate) fn calls_errors_and_pools_are_counted(subject: &Subject) {
    let mut server = Server::start(subject, &[APART, "--cache=memory"]);
    let mut client = Client::ready(&mut server);
    for _ in 0..3 {
        client.right("echo", &json!({"message": "x"}));
    }
    for _ in 0..2 {
        client.right("query_products", &json!({}));
    }
    client.wrong("calculate_fibonacci", &json!({"n": 41}));
    let unknown = client::call("no_such_tool", &json!({}));
    assert_eq!(client.error("tools/call", &unknown), -32602);

    let page = scrape(address(&server));
    for (series, expected) in [
        ("mcp_tool_calls_total{tool=\"echo\"}", 3.0),
        ("mcp_tool_call_duration_seconds_count{tool=\"echo\"}", 3.0),
        (
            "mcp_tool_call_duration_seconds_bucket{le=\"+Inf\",tool=\"echo\"}",
            3.0,
        ),
        ("mcp_tool_errors_total{tool=\"echo\",kind=\"tool\"}", 0.0),
        (
            "mcp_tool_errors_total{tool=\"calculate_fibonacci\",kind=\"tool\"}",
            1.0,
        ),
        ("mcp_tool_calls_total{tool=\"unknown\"}", 1.0),
        (
            "mcp_tool_errors_total{tool=\"unknown\",kind=\"protocol\"}",
            1.0,
        ),
        ("mcp_cache_hits_total{cache=\"results\"}", 1.0),
        ("mcp_cache_misses_total{cache=\"results\"}", 1.0),
        ("mcp_sheds_total{reason=\"connections\"}", 0.0),
    ] {
        is(&page, series, expected);
    }
    assert!(!page.contains("no_such_tool"), "{page}");
    for series in [
        "mcp_tool_call_duration_seconds_sum{tool=\"echo\"}",
        "mcp_received_bytes_total",
        "mcp_sent_bytes_total",
        "mcp_pool_size{pool=\"database\"}",
        "mcp_pool_size{pool=\"store\"}",
    ] {
        is_positive(&page, series);
    }
    let taken = value(&page, "mcp_fast_path_taken_total");
    assert_eq!(
        taken.is_some_and(|taken| taken > 0.0),
        subject.has_fast_path()
    );
    let connections = value(&page, "mcp_connections");
    assert_eq!(connections.is_some(), subject.wire != Wire::Stdio);
    match subject.wire {
        Wire::Sse | Wire::Stateful(_) => is(&page, "mcp_sessions", 1.0),
        Wire::Stdio | Wire::Stateless(_) => assert_eq!(value(&page, "mcp_sessions"), None),
    }
}

pub(crate) fn a_call_that_takes_too_long_is_a_failure(subject: &Subject) {
    let gate = Gate::new();
    let flags = [
        APART,
        "--upstream-url",
        &gate.url(),
        "--time-limit=fetch_external_data=0.2",
    ];
    let mut server = Server::start(subject, &flags);
    let mut client = Client::ready(&mut server);
    client.wrong("fetch_external_data", &json!({"endpoint": "/held"}));
    let page = scrape(address(&server));
    let tool = "tool=\"fetch_external_data\"";
    for (series, expected) in [
        (
            format!("mcp_tool_failures_total{{{tool},reason=\"timeout\"}}"),
            1.0,
        ),
        (
            format!("mcp_tool_failures_total{{{tool},reason=\"panic\"}}"),
            0.0,
        ),
        (
            format!("mcp_tool_errors_total{{{tool},kind=\"tool\"}}"),
            1.0,
        ),
        (
            format!("mcp_tool_call_duration_seconds_bucket{{le=\"0.1\",{tool}}}"),
            0.0,
        ),
        (
            format!("mcp_tool_call_duration_seconds_bucket{{le=\"30.0\",{tool}}}"),
            1.0,
        ),
    ] {
        is(&page, &series, expected);
    }
}

pub(crate) fn metrics_are_served_where_they_are_asked_for(subject: &Subject) {
    let status = |flags: &[&str]| {
        let server = Server::start(subject, flags);
        once(server.address(), &Request::get("/metrics")).status
    };
    assert_eq!(status(&[]), 404);
    assert_eq!(status(&["--metrics=off"]), 404);
    assert_eq!(status(&[APART]), 404);
    let server = Server::start(subject, &["--metrics=on"]);
    let page = scrape(server.address());
    is_positive(&page, "mcp_connections");
    is_positive(&page, "mcp_connections_limit");
}

pub(crate) fn a_session_over_the_limit_is_a_shed(subject: &Subject) {
    let server = Server::start(subject, &["--metrics=on", "--max-sessions=1"]);
    let open = || {
        let mut connection = Connection::open(server.address());
        connection.send(&opening(subject));
        (connection.head().status, connection)
    };
    let (opened, _connection) = open();
    assert_eq!(opened, 200);
    for number in 1..=2 {
        assert_eq!(open().0, 503);
        let page = scrape(server.address());
        let sheds = "mcp_sheds_total{reason=\"sessions\"}";
        is(&page, sheds, f64::from(number));
        is(&page, "mcp_sessions", 1.0);
    }
}
