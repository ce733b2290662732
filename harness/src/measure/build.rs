//! Runs the build commands of the definitions, with their output where the user sees it.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::format::secret::hide_passwords;
use crate::interrupt::Interrupt;
use crate::process::{end_group, has_ended};
use anyhow::{Context as _, anyhow, bail};

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
    eprintln!("build {name}: {}", command.join(" "));
    run_command("the build", command, root, interrupt)
        .map_err(|error| anyhow!("{error:#}; mend it, or measure what is there with --no-build"))
}

/// Runs a program to its end in this folder; what it prints goes to stderr. `what` is its name in an
/// error.
///
/// # Errors
/// When it cannot be started, fails, or a signal comes (it is then ended).
pub(super) fn run_command(
    what: &str,
    command: &[String],
    folder: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let shown = hide_passwords(&command.join(" "));
    let (program, arguments) = command
        .split_first()
        .with_context(|| format!("the command of {what} is empty"))?;
    let to_stderr = Stdio::from(
        io::stderr()
            .as_fd()
            .try_clone_to_owned()
            .context("cannot share stderr")?,
    );
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(to_stderr)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {what} \"{shown}\"; is {program} there?"))?;
    let ended = interrupt.wait(LIMIT, || has_ended(child.id()).then_some(()));
    if ended.is_none() {
        end_group(child.id());
        child
            .wait()
            .with_context(|| format!("cannot wait for the end of {what}"))?;
        bail!("interrupted during {what}")
    }
    let status = child
        .wait()
        .with_context(|| format!("cannot wait for {what} \"{shown}\""))?;
    if !status.success() {
        bail!("{what} \"{shown}\" failed ({status})");
    }
    Ok(())
}
