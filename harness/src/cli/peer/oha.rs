//! `oha` (crate `oha`): hyper's own client, on one thread of tokio here.

use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::{Asked, Brought, HEADERS, run as run_peer};
use crate::interrupt::Interrupt;

/// What it calls requests that it gave up when its time was over: no error of anybody.
const ABORTED: &str = "aborted due to deadline";

/// One run; `None` when `oha` is not installed.
///
/// # Errors
/// When it fails or says something that cannot be read, or on a signal.
pub(in crate::cli) fn run(
    asked: &Asked<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<Brought>> {
    let mut command = Command::new("oha");
    command.args(["--no-tui", "--output-format", "json", "-m", "POST"]);
    command.args(["-c", &asked.clients.to_string()]);
    command.args(["-z", &format!("{}s", asked.seconds)]);
    for (name, value) in HEADERS {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    command.args(["-d", &asked.body().to_string()]);
    command.arg(&asked.url);
    let Some((text, cpu_us)) = run_peer("oha", command, asked, interrupt)? else {
        return Ok(None);
    };
    read(&text, cpu_us).map(Some)
}

/// What it printed, unless there were errors.
fn read(text: &str, cpu_us: f64) -> anyhow::Result<Brought> {
    let said: Value = serde_json::from_str(text).context("oha did not print JSON")?;
    let counts = |name: &str| said[name].as_object().into_iter().flatten();
    for (status, count) in counts("statusCodeDistribution") {
        if status != "200" {
            bail!("oha saw status {status} {count} times, so its figures cannot be compared");
        }
    }
    for (error, count) in counts("errorDistribution") {
        if error != ABORTED {
            bail!("oha saw \"{error}\" {count} times, so its figures cannot be compared");
        }
    }
    let us = |pointer: &str| Some(said.pointer(pointer)?.as_f64()? * 1e6);
    let whole = || {
        Some(Brought {
            rate: said.pointer("/summary/requestsPerSec")?.as_f64()?,
            requests: said.pointer("/statusCodeDistribution/200")?.as_u64()?,
            p50_us: us("/latencyPercentiles/p50")?,
            p99_us: us("/latencyPercentiles/p99")?,
            cpu_us,
        })
    };
    whole().with_context(|| format!("oha printed no rate, no count or no latencies: {text}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::read;

    fn said() -> Value {
        json!({
            "summary": { "requestsPerSec": 500.5 },
            "latencyPercentiles": { "p50": 0.0105, "p99": 0.25 },
            "statusCodeDistribution": { "200": 900 },
            "errorDistribution": { "aborted due to deadline": 50 },
        })
    }

    #[test]
    fn figures_are_read_and_errors_are_not_passed_over() {
        let found = read(&said().to_string(), 1.0).unwrap();
        assert_eq!(found.requests, 900);
        assert!((found.rate - 500.5).abs() < 1e-9);
        assert!((found.p50_us - 10_500.0).abs() < 1e-6 && (found.p99_us - 250_000.0).abs() < 1e-6);
        for (name, entry) in [
            ("statusCodeDistribution", "503"),
            ("errorDistribution", "connection closed"),
        ] {
            let mut bad = said();
            bad[name][entry] = json!(1);
            let error = read(&bad.to_string(), 0.0).unwrap_err();
            assert!(error.to_string().contains(entry), "{error}");
        }
        assert!(read("{}", 0.0).is_err());
        assert!(read("nothing", 0.0).is_err());
    }
}
