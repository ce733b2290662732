//! Both ways, on trees of files that look like control groups, and on this machine as it is.

use std::fs;
use std::path::Path;

use super::{Enclosure, Limits, Way, group, scope_command};

const LIMITS: Limits = Limits {
    cpu_milli: Some(1_500),
    memory_bytes: Some(1 << 30),
};

/// A tree of files that looks like one of groups: this process is in `mount/user/own`, and only `mount/user` hands
/// controllers on.
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

    let enclosure = std::mem::ManuallyDrop::new(Enclosure {
        limits: LIMITS,
        way: Way::Group(made.clone()),
    });
    let command = ["sh", "-c", "echo $$ $1", "sh", "a b"];
    let wrapped = enclosure.wrap(command.map(ToOwned::to_owned).to_vec());
    let child = std::process::Command::new(&wrapped[0])
        .args(&wrapped[1..])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id().to_string();
    let said = child.wait_with_output().unwrap().stdout;
    assert_eq!(String::from_utf8(said).unwrap(), format!("{id} a b\n"));
    assert_eq!(read("cgroup.procs"), format!("{id}\n"), "it went in itself");
    assert!(enclosure.described().by.starts_with("control group"));
}

#[test]
fn what_is_not_asked_for_is_not_limited() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path());
    let only_cpu = Limits {
        memory_bytes: None,
        ..LIMITS
    };
    let made = group(folder.path(), "0::/user/own\n", only_cpu).unwrap();
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

/// This machine has one of the two ways, or says what both lack: each is seen to its end.
#[test]
fn this_machine_limits_a_server_or_says_what_is_missing() {
    match Enclosure::make(LIMITS) {
        Ok(enclosure) => {
            let wrapped = enclosure.wrap(vec!["cat".to_owned(), "/proc/self/cgroup".to_owned()]);
            let output = std::process::Command::new(&wrapped[0])
                .args(&wrapped[1..])
                .output()
                .unwrap();
            let inside = String::from_utf8(output.stdout).unwrap();
            let outside = fs::read_to_string("/proc/self/cgroup").unwrap();
            assert_ne!(inside, outside, "{enclosure:?}");
            let Way::Group(folder) = &enclosure.way else {
                return;
            };
            let limit = fs::read_to_string(folder.join("memory.max")).unwrap();
            assert_eq!(limit.trim(), "1073741824");
            let folder = folder.clone();
            drop(enclosure);
            assert!(!folder.exists(), "the group is removed");
        }
        Err(missing) => {
            let text = missing.to_string();
            for part in [
                "By a control group: ",
                "By systemd-run: ",
                "leave out --server-memory",
            ] {
                assert!(text.contains(part), "{text}");
            }
        }
    }
}
