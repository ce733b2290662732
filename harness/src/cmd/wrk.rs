//! Runs `wrk` (Debian package `wrk`), the yardstick of the load client: the same request,
//! connections and core.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::json;

use crate::load::Exchange;
use crate::machine::cores::{Cores, pinned};

/// The request as a script: without a `request` function `wrk` builds it once and sends the same
/// bytes for ever.
fn script(exchange: &Exchange) -> String {
    let body = json!({
        "jsonrpc": "2.0",
        "id": 100_000_000,
        "method": "tools/call",
        "params": { "name": exchange.tool, "arguments": exchange.arguments },
    });
    format!(
        "wrk.method = \"POST\"\n\
         wrk.body = [==[{body}]==]\n\
         wrk.headers[\"Content-Type\"] = \"application/json\"\n\
         wrk.headers[\"Accept\"] = \"application/json, text/event-stream\"\n\
         wrk.headers[\"MCP-Protocol-Version\"] = \"2025-06-18\"\n"
    )
}

/// Where the request goes and how hard.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// URL of the subject.
    pub(super) url: String,
    /// The call.
    pub(super) exchange: &'a Exchange,
    /// Connections.
    pub(super) clients: usize,
    /// Whole seconds.
    pub(super) seconds: u64,
    /// Where `wrk` runs.
    pub(super) cores: &'a Cores,
}

/// Requests a second by one thread of `wrk`; `None` when it is not installed.
///
/// # Errors
/// When it fails or says something that cannot be read.
pub(super) fn rate(asked: &Asked<'_>, folder: &Path) -> anyhow::Result<Option<f64>> {
    let path = folder.join("wrk.lua");
    std::fs::write(&path, script(asked.exchange))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let mut command = Command::new("wrk");
    command
        .args([
            "-t1",
            &format!("-c{}", asked.clients),
            &format!("-d{}s", asked.seconds),
            "-s",
        ])
        .arg(&path)
        .arg(&asked.url)
        .stdin(Stdio::null());
    let output = match pinned(asked.cores, || command.output())? {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.context("cannot run wrk")?,
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "wrk failed ({}): {text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    rate_of(&text).map(Some)
}

/// The figure of `Requests/sec:`, unless there were errors.
fn rate_of(text: &str) -> anyhow::Result<f64> {
    let line = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name));
    for bad in ["Non-2xx or 3xx responses:", "Socket errors:"] {
        if let Some(rest) = line(bad) {
            bail!("wrk saw errors, so its rate cannot be compared: {bad}{rest}");
        }
    }
    line("Requests/sec:")
        .and_then(|rest| rest.trim().parse().ok())
        .with_context(|| format!("wrk printed no rate: {text}"))
}

#[cfg(test)]
mod tests {
    use super::rate_of;

    #[test]
    fn the_rate_is_read_and_errors_are_not_passed_over() {
        let good = "Running 1s test\n  200 requests in 1.00s\nRequests/sec:    198.42\nTransfer/sec:  1MB\n";
        assert!((rate_of(good).unwrap() - 198.42).abs() < 1e-9);
        assert!(rate_of("  Non-2xx or 3xx responses: 5\nRequests/sec: 5.0\n").is_err());
        assert!(rate_of("  Socket errors: connect 0, read 5\nRequests/sec: 5.0\n").is_err());
        assert!(rate_of("nothing").is_err());
    }
}
