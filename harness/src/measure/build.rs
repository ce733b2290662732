//! Runs the build commands of the definitions, with their output where the user sees it.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::interrupt::Interrupt;

/// Longer than any build takes: a limit only so that nothing waits without one.
const LIMIT: Duration = Duration::from_hours(6);

/// Runs one build in the project's root folder; what it prints goes to stderr.
///
/// # Errors
/// When it cannot be started, fails, or a signal comes (the build is then ended).
pub fn build(
    name: &str,
    command: &[String],
    root: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let shown = command.join(" ");
    eprintln!("build {name}: {shown}");
    let (program, arguments) = command
        .split_first()
        .context("the build command is empty")?;
    let to_stderr = Stdio::from(
        io::stderr()
            .as_fd()
            .try_clone_to_owned()
            .context("cannot share stderr")?,
    );
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(to_stderr)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start the build \"{shown}\"; is {program} installed?"))?;
    let ended = interrupt.wait(LIMIT, || child.try_wait().transpose());
    let Some(status) = ended else {
        let group = Pid::from_raw(
            i32::try_from(child.id()).context("the build's process number is too large")?,
        );
        killpg(group, Signal::SIGTERM).context("cannot end the build")?;
        child.wait().context("cannot wait for the build's end")?;
        bail!("interrupted while building")
    };
    let status = status.with_context(|| format!("cannot wait for the build \"{shown}\""))?;
    if !status.success() {
        bail!(
            "the build \"{shown}\" failed ({status}); mend it, or measure what is there with --no-build"
        );
    }
    Ok(())
}
