//! Limits for servers alone: a control group of their own (version 2) where it can be written, and
//! else `systemd-run --scope`.
//!
//! Both wrap the server's command. The wrapper joins the group and then becomes the server
//! (`exec`): the process number stays the same, and the server has its limits before its first
//! instruction. The time for that is part of its start-up.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::bail;

use crate::results::environment::ServerLimits;

/// Where control groups are.
const MOUNT: &str = "/sys/fs/cgroup";

/// Length of the kernel's default period, in which a group may use its quota, in microseconds.
const PERIOD_US: u64 = 100_000;

/// `sh` joins the group that is its first argument, and becomes the rest of its arguments.
const JOIN: &str = r#"echo $$ >"$0/cgroup.procs" && exec "$@""#;

/// What servers may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Processor time, in thousandths of a core.
    pub cpu_milli: Option<u64>,
    /// Memory, in bytes.
    pub memory_bytes: Option<u64>,
}

/// Runs servers under limits.
#[derive(Debug)]
pub(crate) struct Limiter {
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

impl Limiter {
    /// Makes a control group or a scope with these limits, and tries it with a program.
    pub(crate) fn new(limits: Limits) -> anyhow::Result<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let way = group(Path::new(MOUNT), &own, limits).map(Way::Group);
        let way = way.or_else(|group| match scope(limits) {
            Ok(command) => Ok(Way::Scope(command)),
            Err(scope) => bail!(
                "the server cannot be limited here. By a control group: {group}. By systemd-run: {scope}. Run the \
                 harness where cgroup version 2 can be written (as root, or in a group that is delegated to you) or \
                 systemd runs, or leave out --server-memory and --server-cpus"
            ),
        })?;
        Ok(Self { limits, way })
    }

    /// The command line that runs this one inside.
    pub(crate) fn wrap(&self, command: Vec<String>) -> Vec<String> {
        let mut wrapped = match &self.way {
            Way::Group(folder) => joining(folder),
            Way::Scope(scope) => scope.clone(),
        };
        wrapped.extend(command);
        wrapped
    }

    /// The variable that a wrapped command needs, and the server does not get.
    pub(crate) fn variable(&self) -> Option<(String, String)> {
        match &self.way {
            Way::Scope(scope) if scope.iter().any(|part| part == "--user") => {
                let value = std::env::var(USER_MANAGER).ok()?;
                Some((USER_MANAGER.to_owned(), value))
            }
            Way::Scope(_) | Way::Group(_) => None,
        }
    }

    /// For the record.
    pub(crate) fn described(&self) -> ServerLimits {
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

impl Drop for Limiter {
    fn drop(&mut self) {
        // The kernel removes the folder of a group that has no processes any more.
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

/// Makes a group with these limits in that of this process (`own` is its `/proc/PID/cgroup`), or in
/// the nearest ancestor that can have one: a group with processes in it cannot.
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
    let has = |file: &str, name: &str| {
        let text = fs::read_to_string(parent.join(file)).unwrap_or_default();
        text.split_ascii_whitespace().any(|word| word == name)
    };
    let quota = |milli| format!("{} {PERIOD_US}", milli * PERIOD_US / 1_000);
    let quota = limits.cpu_milli.map(quota);
    let memory = limits.memory_bytes.map(|bytes| bytes.to_string());
    let settings = [
        quota.map(|quota| ("cpu", "cpu.max", quota)),
        memory.map(|memory| ("memory", "memory.max", memory)),
    ];
    let settings: Vec<_> = settings.into_iter().flatten().collect();
    for (controller, _, _) in &settings {
        if !has("cgroup.controllers", controller) {
            return Err(format!("the controller {controller} is not there"));
        }
        let control = "cgroup.subtree_control";
        if !has(control, controller) {
            fs::write(parent.join(control), format!("+{controller}"))
                .map_err(|error| format!("cannot hand the controller {controller} on: {error}"))?;
        }
    }
    let folder = parent.join(format!("mcp-harness-{}", std::process::id()));
    fs::create_dir(&folder).map_err(|error| format!("cannot make a group: {error}"))?;
    let write = |file: &str, value: &str| {
        fs::write(folder.join(file), value).map_err(|error| format!("cannot write {file}: {error}"))
    };
    let set = || -> Result<(), String> {
        for (_, file, value) in &settings {
            write(file, value)?;
        }
        // Memory that is swapped out would escape the limit. Not every kernel has swap.
        if limits.memory_bytes.is_some() && folder.join("memory.swap.max").is_file() {
            write("memory.swap.max", "0")?;
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
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Limiter, Limits, Way, group, scope_command};

    const LIMITS: Limits = Limits {
        cpu_milli: Some(1_500),
        memory_bytes: Some(1 << 30),
    };

    /// Files like those of control groups: this process is in `mount/user/own`, and only
    /// `mount/user` hands controllers on.
    fn tree(mount: &Path) {
        let own = mount.join("user/own");
        fs::create_dir_all(&own).unwrap();
        for folder in [mount, &mount.join("user"), &own] {
            fs::write(folder.join("cgroup.controllers"), "cpuset cpu memory\n").unwrap();
        }
        fs::write(mount.join("user/cgroup.subtree_control"), "cpu memory\n").unwrap();
        // As a kernel refuses where there are processes: it cannot be written.
        fs::create_dir(own.join("cgroup.subtree_control")).unwrap();
    }

    #[test]
    fn the_group_is_made_as_near_as_the_rules_allow_and_servers_run_in_it() {
        let folder = tempfile::tempdir().unwrap();
        tree(folder.path());
        let made = group(folder.path(), "1:cpu:/x\n0::/user/own\n", LIMITS).unwrap();
        assert_eq!(made.parent(), Some(folder.path().join("user").as_path()));
        let read = |file: &str| fs::read_to_string(made.join(file)).unwrap();
        assert_eq!(read("cpu.max"), "150000 100000");
        assert_eq!(read("memory.max"), (1_u64 << 30).to_string());

        let limiter = std::mem::ManuallyDrop::new(Limiter {
            limits: LIMITS,
            way: Way::Group(made.clone()),
        });
        let command = ["sh", "-c", "echo $$ $1", "sh", "a b"];
        let wrapped = limiter.wrap(command.map(ToOwned::to_owned).to_vec());
        let child = std::process::Command::new(&wrapped[0])
            .args(&wrapped[1..])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let id = child.id().to_string();
        let said = child.wait_with_output().unwrap().stdout;
        assert_eq!(String::from_utf8(said).unwrap(), format!("{id} a b\n"));
        assert_eq!(read("cgroup.procs"), format!("{id}\n"), "it went in itself");
        assert!(limiter.described().by.starts_with("control group"));

        fs::remove_dir_all(&made).unwrap();
        let only_cpu = Limits {
            memory_bytes: None,
            ..LIMITS
        };
        group(folder.path(), "0::/user/own\n", only_cpu).unwrap();
        assert!(made.join("cpu.max").exists() && !made.join("memory.max").exists());
    }

    #[test]
    fn where_no_group_can_be_made_each_reason_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let told = group(folder.path(), "0::/\n", LIMITS).unwrap_err();
        assert!(told.contains("is not of version 2"), "{told}");
        tree(folder.path());
        let told = group(folder.path(), "1:cpu:/\n", LIMITS).unwrap_err();
        assert!(told.contains("in no group of version 2"), "{told}");
        fs::write(folder.path().join("user/cgroup.controllers"), "cpu\n").unwrap();
        fs::write(folder.path().join("cgroup.controllers"), "").unwrap();
        let told = group(folder.path(), "0::/user/own\n", LIMITS).unwrap_err();
        for part in [
            "user/own: cannot hand the controller cpu on",
            "user: the controller memory is not there",
            "the controller cpu is not there",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
    }

    #[test]
    fn a_scope_has_the_limits_and_a_user_s_server_does_not_see_the_variable_for_it() {
        let root = scope_command(LIMITS, true).join(" ");
        assert_eq!(
            root,
            "systemd-run --scope --quiet --collect --property=CPUQuota=150.0% \
             --property=MemoryMax=1073741824 --property=MemorySwapMax=0 --"
        );
        let user = scope_command(Limits::default(), false).join(" ");
        assert_eq!(
            user,
            "systemd-run --user --scope --quiet --collect -- env -u XDG_RUNTIME_DIR"
        );
    }
}
