//! Limits for servers alone: a control group of their own, by `cgroup` version 2 where it can be written, and else by
//! `systemd-run --scope`.
//!
//! Both ways a server's command is wrapped: what is put before it joins the group and then becomes the server (`exec`), so that
//! its number stays the same, and the server has its limits before its first instruction. The time for that is part of its
//! start-up.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::results::environment::ServerLimits;

/// Where control groups are.
const MOUNT: &str = "/sys/fs/cgroup";

/// Length of the kernel's default period, in which a group may use its quota, in microseconds.
const PERIOD_US: u64 = 100_000;

/// What `sh` does to put itself into the group that it is given, and to become the rest of its arguments.
const JOIN: &str = r#"echo $$ >"$0/cgroup.procs" && exec "$@""#;

/// What servers may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Processor time, in thousandths of a core.
    pub cpu_milli: Option<u64>,
    /// Memory, in bytes.
    pub memory_bytes: Option<u64>,
}

/// Why there are no limits to be had.
#[derive(Debug, thiserror::Error)]
#[error(
    "the server cannot be limited here. By a control group: {group}. By systemd-run: {scope}. Run the harness where cgroup \
     version 2 can be written (as root, or in a group that is delegated to you) or systemd runs, or leave out --server-memory and \
     --server-cpus"
)]
pub struct NoLimits {
    group: String,
    scope: String,
}

/// A place for servers with limits.
#[derive(Debug)]
pub struct Enclosure {
    limits: Limits,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// The folder of a group that is removed at the end.
    Group(PathBuf),
    /// The command that makes a scope for each server.
    Scope(Vec<String>),
}

impl Enclosure {
    /// Makes a place with these limits; tries that a program can be run in it.
    ///
    /// # Errors
    /// [`NoLimits`], with what each way lacks.
    pub fn make(limits: Limits) -> Result<Self, NoLimits> {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let way = match group(Path::new(MOUNT), &own, limits) {
            Ok(folder) => Way::Group(folder),
            Err(group) => match scope(limits) {
                Ok(command) => Way::Scope(command),
                Err(scope) => return Err(NoLimits { group, scope }),
            },
        };
        Ok(Self { limits, way })
    }

    /// The command line that runs this one inside.
    #[must_use]
    pub fn wrap(&self, command: Vec<String>) -> Vec<String> {
        let mut wrapped = match &self.way {
            Way::Group(folder) => joining(folder),
            Way::Scope(scope) => scope.clone(),
        };
        wrapped.extend(command);
        wrapped
    }

    /// The variable that a wrapped command needs, and the server does not get.
    #[must_use]
    pub fn variable(&self) -> Option<(String, String)> {
        match &self.way {
            Way::Scope(scope) if scope.iter().any(|part| part == "--user") => {
                let value = std::env::var(USER_MANAGER).ok()?;
                Some((USER_MANAGER.to_owned(), value))
            }
            Way::Scope(_) | Way::Group(_) => None,
        }
    }

    /// For the record.
    #[must_use]
    pub fn described(&self) -> ServerLimits {
        ServerLimits {
            cpu_milli: self.limits.cpu_milli,
            memory_bytes: self.limits.memory_bytes,
            by: match &self.way {
                Way::Group(folder) => format!("control group {}", folder.display()),
                Way::Scope(scope) => scope.join(" "),
            },
        }
    }
}

impl Drop for Enclosure {
    fn drop(&mut self) {
        // Of a folder of the kernel's file system only an empty group can be removed; there is nobody left in it.
        if let Way::Group(folder) = &self.way
            && let Err(error) = fs::remove_dir(folder)
        {
            eprintln!(
                "warning: the control group {} is left: {error}",
                folder.display()
            );
        }
    }
}

fn joining(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    ["sh", "-c", JOIN, &folder].map(ToOwned::to_owned).to_vec()
}

/// Makes a group with these limits in that of this process (`own` is its `/proc/PID/cgroup`), or as near to it as the rules
/// allow: a group with processes in it can have no children with limits, so mostly that is beside it.
fn group(mount: &Path, own: &str, limits: Limits) -> Result<PathBuf, String> {
    if !mount.join("cgroup.controllers").is_file() {
        return Err(format!("{} is not of version 2", mount.display()));
    }
    let own = own
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .ok_or("this process is in no group of version 2")?;
    let own = mount.join(own.trim_start_matches('/'));
    let mut reasons = Vec::new();
    for folder in own.ancestors().take_while(|one| one.starts_with(mount)) {
        match child(folder, limits) {
            Ok(child) => return Ok(child),
            Err(reason) => reasons.push(format!("in {}: {reason}", folder.display())),
        }
    }
    Err(reasons.join("; "))
}

/// Makes a child of a group, with limits, that a program can be run in.
fn child(parent: &Path, limits: Limits) -> Result<PathBuf, String> {
    let words = |file: &str| fs::read_to_string(parent.join(file)).unwrap_or_default();
    let has = |text: &str, name: &str| text.split_ascii_whitespace().any(|word| word == name);
    let quota = limits.cpu_milli.map(|milli| milli * PERIOD_US / 1_000);
    let settings = [
        (
            "cpu",
            "cpu.max",
            quota.map(|quota| format!("{quota} {PERIOD_US}")),
        ),
        (
            "memory",
            "memory.max",
            limits.memory_bytes.map(|bytes| bytes.to_string()),
        ),
    ];
    let settings = settings.into_iter();
    let settings: Vec<_> = settings
        .filter_map(|(controller, file, value)| Some((controller, file, value?)))
        .collect();
    for (controller, _, _) in &settings {
        if !has(&words("cgroup.controllers"), controller) {
            return Err(format!("the controller {controller} is not there"));
        }
        if !has(&words("cgroup.subtree_control"), controller) {
            fs::write(
                parent.join("cgroup.subtree_control"),
                format!("+{controller}"),
            )
            .map_err(|error| format!("cannot hand the controller {controller} on: {error}"))?;
        }
    }
    let folder = parent.join(format!("mcp-harness-{}", std::process::id()));
    fs::create_dir(&folder).map_err(|error| format!("cannot make a group: {error}"))?;
    let set = || -> Result<(), String> {
        for (_, file, value) in &settings {
            fs::write(folder.join(file), value)
                .map_err(|error| format!("cannot write {file}: {error}"))?;
        }
        // What is swapped out would not be resident, and the limit none. Not every kernel has it.
        if limits.memory_bytes.is_some() && folder.join("memory.swap.max").is_file() {
            fs::write(folder.join("memory.swap.max"), "0")
                .map_err(|error| format!("cannot write memory.swap.max: {error}"))?;
        }
        tried(&joining(&folder))
    };
    set().map(|()| folder.clone()).inspect_err(|_| {
        // It is of no use, and empty.
        let _ = fs::remove_dir(&folder);
    })
}

/// Where programs of a user find that user's systemd.
const USER_MANAGER: &str = "XDG_RUNTIME_DIR";

/// The command that makes a scope with these limits.
fn scope(limits: Limits) -> Result<Vec<String>, String> {
    // As sd_booted(3) does.
    if !Path::new("/run/systemd/system").is_dir() {
        return Err("systemd does not run here".to_owned());
    }
    let is_root = fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0);
    let command = scope_command(limits, is_root);
    tried(&command).map(|()| command)
}

fn scope_command(limits: Limits, is_root: bool) -> Vec<String> {
    let mut command: Vec<String> = Vec::new();
    let mut add = |parts: &str| command.extend(parts.split(' ').map(ToOwned::to_owned));
    add("systemd-run");
    if !is_root {
        add("--user");
    }
    add("--scope --quiet --collect");
    if let Some(milli) = limits.cpu_milli {
        add(&format!(
            "--property=CPUQuota={}.{}%",
            milli / 10,
            milli % 10
        ));
    }
    if let Some(bytes) = limits.memory_bytes {
        add(&format!("--property=MemoryMax={bytes}"));
        add("--property=MemorySwapMax=0");
    }
    add("--");
    if !is_root {
        add(&format!("env -u {USER_MANAGER}"));
    }
    command
}

/// Runs `true` inside.
fn tried(wrapping: &[String]) -> Result<(), String> {
    let (program, arguments) = wrapping.split_first().ok_or("there is no command")?;
    let output = Command::new(program)
        .args(arguments)
        .arg("true")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} failed: {}", said.trim()))
}

#[cfg(test)]
mod tests;
