//! Runs `wrk` (Debian package `wrk`), the yardstick of the load client: the same request,
//! connections and core.

use std::io::ErrorKind;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};
use serde_json::json;

use crate::interrupt::Interrupt;
use crate::load::Exchange;
use crate::machine::cores::{Cores, pinned};
use crate::process::{end_group, has_ended};

/// How much longer than asked for `wrk` may take: to start, and to give up on lost answers.
const BEYOND: Duration = Duration::from_secs(10);

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

/// What a run of `wrk` brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Brought {
    /// Requests a second.
    pub(super) rate: f64,
    /// All requests.
    pub(super) requests: u64,
    /// CPU time of the program, in microseconds.
    pub(super) cpu_us: f64,
}

/// One thread of `wrk`; `None` when it is not installed. Ended when a signal comes.
///
/// # Errors
/// When it fails or says something that cannot be read, or on a signal.
pub(super) fn run(
    asked: &Asked<'_>,
    folder: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<Brought>> {
    let path = folder.join("wrk.lua");
    std::fs::write(&path, script(asked.exchange))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let mut command = command(asked, &path);
    // Of the children that have been waited for: within this function that is wrk alone.
    let before = children_cpu_us()?;
    let mut child = match pinned(asked.cores, || command.spawn())? {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.context("cannot run wrk")?,
    };
    let limit = Duration::from_secs(asked.seconds) + BEYOND;
    // It prints a few lines, which the pipes hold until it has ended.
    let ended = interrupt.wait(limit, || has_ended(child.id()).then_some(()));
    if ended.is_none() {
        end_group(child.id());
        child.wait().context("cannot wait for the end of wrk")?;
        if interrupt.is_set() {
            bail!("interrupted while wrk was running");
        }
        bail!("wrk did not end within {limit:?}; see whether the floor still answers");
    }
    let output = child
        .wait_with_output()
        .context("cannot read what wrk said")?;
    let cpu_us = children_cpu_us()? - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "wrk failed ({}): {text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let (rate, requests) = read(&text)?;
    Ok(Some(Brought {
        rate,
        requests,
        cpu_us,
    }))
}

/// The command line, with the script in this file; in a process group of its own.
fn command(asked: &Asked<'_>, script: &Path) -> Command {
    let mut command = Command::new("wrk");
    command
        .args([
            "-t1",
            &format!("-c{}", asked.clients),
            &format!("-d{}s", asked.seconds),
            "-s",
        ])
        .arg(script)
        .arg(&asked.url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    command
}

/// CPU time of all children that have been waited for, in microseconds.
fn children_cpu_us() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("cannot read the CPU time of wrk")?;
    let us = |time: TimeVal| time.num_microseconds() as f64;
    Ok(us(usage.user_time()) + us(usage.system_time()))
}

/// The rate and the number of requests, unless there were errors.
fn read(text: &str) -> anyhow::Result<(f64, u64)> {
    let line = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name));
    for bad in ["Non-2xx or 3xx responses:", "Socket errors:"] {
        if let Some(rest) = line(bad) {
            bail!("wrk saw errors, so its rate cannot be compared: {bad}{rest}");
        }
    }
    let requests = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in "))
        .and_then(|(count, _)| count.parse().ok());
    line("Requests/sec:")
        .and_then(|rest| rest.trim().parse().ok())
        .zip(requests)
        .with_context(|| format!("wrk printed no rate or no number of requests: {text}"))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn the_rate_is_read_and_errors_are_not_passed_over() {
        let good = "Running 1s test\n  200 requests in 1.00s, 1MB read\nRequests/sec:    198.42\nTransfer/sec:  1MB\n";
        let (rate, requests) = read(good).unwrap();
        assert!((rate - 198.42).abs() < 1e-9 && requests == 200);
        for bad in [
            "  Non-2xx or 3xx responses: 5\n",
            "  Socket errors: connect 0, read 5\n",
        ] {
            assert!(read(&format!("{good}{bad}")).is_err(), "{bad}");
        }
        assert!(read("nothing").is_err());
        assert!(read("Requests/sec: 5.0\n").is_err());
    }
}
