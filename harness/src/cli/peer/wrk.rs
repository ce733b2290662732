//! `wrk` (Debian package `wrk`): one thread, the yardstick of the load client's speed.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use super::{Asked, Brought, HEADERS, run as run_peer};
use crate::interrupt::Interrupt;

/// The request as a script: without a `request` function `wrk` builds it once and sends the same
/// bytes for ever.
fn script(asked: &Asked<'_>) -> String {
    let headers = HEADERS.map(|(name, value)| format!("wrk.headers[\"{name}\"] = \"{value}\"\n"));
    format!(
        "wrk.method = \"POST\"\nwrk.body = [==[{}]==]\n{}",
        asked.body(),
        headers.concat()
    )
}

/// One run, with its script in this folder; `None` when `wrk` is not installed.
///
/// # Errors
/// When it fails or says something that cannot be read, or on a signal.
pub(in crate::cli) fn run(
    asked: &Asked<'_>,
    folder: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<Brought>> {
    let path = folder.join("wrk.lua");
    std::fs::write(&path, script(asked))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let mut command = Command::new("wrk");
    let (clients, seconds) = (
        format!("-c{}", asked.clients),
        format!("-d{}s", asked.seconds),
    );
    command.args(["-t1", &clients, &seconds, "--latency", "-s"]);
    command.arg(&path).arg(&asked.url);
    let Some((text, cpu_us)) = run_peer("wrk", command, asked, interrupt)? else {
        return Ok(None);
    };
    read(&text, cpu_us).map(Some)
}

/// What it printed, unless there were errors.
fn read(text: &str, cpu_us: f64) -> anyhow::Result<Brought> {
    let line = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name));
    for bad in ["Non-2xx or 3xx responses:", "Socket errors:"] {
        if let Some(rest) = line(bad) {
            bail!("wrk saw errors, so its figures cannot be compared: {bad}{rest}");
        }
    }
    let requests = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in "))
        .and_then(|(count, _)| count.parse().ok());
    let rate = line("Requests/sec:").and_then(|rest| rest.trim().parse().ok());
    let (p50_us, p99_us) = (line("50%").and_then(us), line("99%").and_then(us));
    let whole = || {
        Some(Brought {
            rate: rate?,
            requests: requests?,
            p50_us: p50_us?,
            p99_us: p99_us?,
            cpu_us,
        })
    };
    whole().with_context(|| {
        format!("wrk printed no rate, no number of requests or no latencies: {text}")
    })
}

/// `12.5ms` and its like in microseconds.
fn us(text: &str) -> Option<f64> {
    let text = text.trim();
    let number = text.trim_end_matches(char::is_alphabetic);
    let factor = match &text[number.len()..] {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn figures_are_read_and_errors_are_not_passed_over() {
        let good = "Running 1s test\n  Latency Distribution\n     50%   10.50ms\n     99%  912.00us\n  \
                    200 requests in 1.00s, 1MB read\nRequests/sec:    198.42\nTransfer/sec:  1MB\n";
        let found = read(good, 7.0).unwrap();
        assert!((found.rate - 198.42).abs() < 1e-9 && found.requests == 200);
        assert!((found.p50_us - 10_500.0).abs() < 1e-9 && (found.p99_us - 912.0).abs() < 1e-9);
        for bad in [
            "  Non-2xx or 3xx responses: 5\n",
            "  Socket errors: connect 0, read 5\n",
        ] {
            assert!(read(&format!("{good}{bad}"), 0.0).is_err(), "{bad}");
        }
        assert!(read("nothing", 0.0).is_err());
        assert!(read("Requests/sec: 5.0\n", 0.0).is_err());
    }
}
