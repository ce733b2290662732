//! Load clients of others, run as they are on the same core with the same request: what ours is held against.

pub(super) mod oha;
pub(super) mod wrk;

use std::io::ErrorKind;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};
use serde_json::{Value, json};

use crate::host::cores::{Cores, pinned};
use crate::interrupt::Interrupt;
use crate::load::Exchange;
use crate::run::process::{end_group, has_ended};

/// How much longer than asked for a client may take: to start, and to give up on lost answers.
const BEYOND: Duration = Duration::from_secs(10);

/// Headers of the request, which is the one that a server gets after its handshake.
pub(super) const HEADERS: [(&str, &str); 3] = [
    ("Content-Type", "application/json"),
    ("Accept", "application/json, text/event-stream"),
    ("MCP-Protocol-Version", "2025-06-18"),
];

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
    /// Where the client runs.
    pub(super) cores: &'a Cores,
}

impl Asked<'_> {
    /// The body of the request.
    pub(super) fn body(&self) -> Value {
        json!({
            "jsonrpc": "2.0",
            "id": 100_000_000,
            "method": "tools/call",
            "params": { "name": self.exchange.tool, "arguments": self.exchange.arguments },
        })
    }
}

/// What a run of another client brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Brought {
    /// Requests a second.
    pub(super) rate: f64,
    /// All requests.
    pub(super) requests: u64,
    /// Half of the latencies are no longer, in microseconds.
    pub(super) p50_us: f64,
    /// Of a hundred latencies 99 are no longer, in microseconds.
    pub(super) p99_us: f64,
    /// CPU time of the program, in microseconds.
    pub(super) cpu_us: f64,
}

/// Runs a client to its end: what it printed, and its CPU time in microseconds. `None` when it is not installed. Ended
/// when a signal comes.
///
/// # Errors
/// When it fails, or on a signal.
pub(super) fn run(
    name: &str,
    mut command: Command,
    asked: &Asked<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<(String, f64)>> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    // Of the children that have been waited for: within this function that is the client alone.
    let before = children_cpu_us()?;
    let mut child = match pinned(asked.cores, || command.spawn())? {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("cannot run {name}"))?,
    };
    let limit = Duration::from_secs(asked.seconds) + BEYOND;
    // It prints a few lines, which the pipes hold until it has ended.
    let ended = interrupt.wait(limit, || has_ended(child.id()).then_some(()));
    if ended.is_none() {
        end_group(child.id());
        child
            .wait()
            .with_context(|| format!("cannot wait for the end of {name}"))?;
        if interrupt.is_set() {
            bail!("interrupted while {name} was running");
        }
        bail!("{name} did not end within {limit:?}; see whether the subject still answers");
    }
    let output = child
        .wait_with_output()
        .with_context(|| format!("cannot read what {name} said"))?;
    let cpu_us = children_cpu_us()? - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "{name} failed ({}): {text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(Some((text, cpu_us)))
}

/// CPU time of all children that have been waited for, in microseconds.
fn children_cpu_us() -> anyhow::Result<f64> {
    let usage =
        getrusage(UsageWho::RUSAGE_CHILDREN).context("cannot read the CPU time of a client")?;
    let us = |time: TimeVal| time.num_microseconds() as f64;
    Ok(us(usage.user_time()) + us(usage.system_time()))
}

/// A folder for the files of clients, gone when dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes the folder.
    pub(super) fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("mcp-harness-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("warning: cannot remove {}: {error}", self.0.display());
        }
    }
}
