//! Where a server spends its time: its stacks, sampled by `perf` while it is under the load of a
//! suite.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::live::{Span, put_load};
use super::row::{Job, examples, seconds};
use super::testbed::Testbed;
use crate::host::cores::pin_this_thread;
use crate::host::proc::{ProcessId, with_descendants};
use crate::interrupt::Interrupt;
use crate::load::Moment;
use crate::results::stacks::Stacks;

/// Samples a second of each thread that runs. Not a round number, so that nothing periodic is
/// always hit or missed.
const FREQUENCY: &str = "999";

/// Longest wait for the handshakes and the warm-up.
const UNTIL_LOADED: Duration = Duration::from_mins(2);

/// Whether `perf` is there.
pub(crate) fn check_perf() -> anyhow::Result<()> {
    perf(&["--version"]).map(|_| ())
}

/// Starts the subject of the job, puts its load on it, and samples its stacks for as long as the
/// window is open. `data` is where `perf` writes; the file is removed when it has been read.
pub(crate) fn record(
    bench: &Testbed,
    job: &Job<'_>,
    data: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<Stacks> {
    let subject = bench.subject(&job.planned.subject)?;
    let mut started = bench.start(&job.planned.subject, job.suite.answer_bytes, interrupt)?;
    let ids = with_descendants(started.running.id().into_iter().collect());
    let target = started.target;
    let span = Span {
        lead_in: seconds(job.suite.load.warmup_s()),
        length: seconds(job.suite.load.duration_s()),
        has_samples: false,
    };
    let is_loaded = AtomicBool::new(false);
    let (outcome, sampled) = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            pin_this_thread(&bench.setup().layout.load)?;
            let mut observer = |moment| {
                if moment == Moment::MeasureStart {
                    is_loaded.store(true, Ordering::Release);
                }
            };
            let targets = vec![target];
            anyhow::Ok(put_load(
                targets,
                job,
                subject,
                span,
                &mut observer,
                interrupt,
            ))
        });
        interrupt.wait(UNTIL_LOADED, || {
            (is_loaded.load(Ordering::Acquire) || load.is_finished()).then_some(())
        });
        let sampled = is_loaded
            .load(Ordering::Acquire)
            .then(|| sample(&ids, span.length, data));
        let outcome = load.join().map_err(|_| {
            anyhow::anyhow!("the load thread panicked: this is a defect of the harness")
        });
        (outcome, sampled)
    });
    let lines = started.running.last_lines();
    started.running.stop();
    let outcome = outcome??.with_context(|| format!("no load; its last lines:\n{lines}"))?;
    if interrupt.is_set() {
        bail!("interrupted");
    }
    if outcome.errors.total() > 0 {
        bail!(
            "answers were wrong, so the profile is of something else:\n{}",
            examples(&outcome)
        );
    }
    sampled.context("the window never opened")??;
    read(data)
}

/// Samples the stacks of these processes.
fn sample(ids: &[ProcessId], length: Duration, data: &Path) -> anyhow::Result<()> {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let length = format!("{:.1}", length.as_secs_f64());
    let data = data.display().to_string();
    perf(&[
        "record",
        // Needs no counter of the processor, which virtual machines often have not.
        "--event=cpu-clock",
        "--freq",
        FREQUENCY,
        "--call-graph=fp",
        "--pid",
        &ids.join(","),
        "--output",
        &data,
        "--",
        "sleep",
        &length,
    ])
    .map(|_| ())
}

/// Reads what was sampled.
fn read(data: &Path) -> anyhow::Result<Stacks> {
    let file = data.display().to_string();
    let fields = "comm,ip,sym,dso";
    let output = perf(&[
        "script",
        "--no-inline",
        "--fields",
        fields,
        "--input",
        &file,
    ])?;
    let stacks = Stacks::read(&String::from_utf8_lossy(&output.stdout));
    if stacks.total() == 0 {
        bail!("perf saw nothing of the server run; its samples are in {file}");
    }
    std::fs::remove_file(data).with_context(|| format!("cannot remove {file}"))?;
    Ok(stacks)
}

fn perf(arguments: &[&str]) -> anyhow::Result<Output> {
    let output = Command::new("perf")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("cannot start perf; install it (Debian: linux-perf, Ubuntu: linux-tools-generic, Fedora: perf)")?;
    if output.status.success() {
        return Ok(output);
    }
    let paranoid = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid");
    let paranoid = paranoid.unwrap_or_else(|_| "unknown".to_owned());
    bail!(
        "perf {} failed ({}):\n{}\nIf it is not permitted: kernel.perf_event_paranoid is {}; allow it with \
         `sysctl kernel.perf_event_paranoid=1` as root, or run as root. In a container it takes --cap-add PERFMON",
        arguments.first().unwrap_or(&""),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim(),
        paranoid.trim()
    )
}
