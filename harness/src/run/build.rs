//! Runs the build commands of the definitions, with their output where the user sees it.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::interrupt::Interrupt;
use crate::run::process::{end_group, has_ended};
use anyhow::{Context as _, bail};

/// Longer than any build takes: a limit only so that nothing waits without one.
const LIMIT: Duration = Duration::from_hours(6);

/// Runs one build in the project's root folder; what it prints goes to stderr.
pub(crate) fn build(
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
    let ended = interrupt.wait(LIMIT, || has_ended(child.id()).then_some(()));
    if ended.is_none() {
        end_group(child.id());
        child.wait().context("cannot wait for the build's end")?;
        bail!("interrupted while building")
    }
    let status = child
        .wait()
        .with_context(|| format!("cannot wait for the build \"{shown}\""))?;
    if !status.success() {
        bail!(
            "the build \"{shown}\" failed ({status}); mend it, or measure what is there with --no-build"
        );
    }
    Ok(())
}
