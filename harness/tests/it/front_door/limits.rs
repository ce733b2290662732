//! `--server-memory` and `--server-cpus`: servers are held to them, or the run says why not before
//! anything is measured.

use super::support::Project;

#[test]
fn a_limited_server_is_measured_and_the_limits_are_recorded_or_the_error_says_what_is_missing() {
    let project = Project::new(&["right", "stdio-right"]);
    let limits = ["--server-memory", "512Mi", "--server-cpus", "0.9"];
    let done = project.measure(&[&["--trials", "1"], &limits[..]].concat());
    if done.code == Some(0) {
        let recorded = project.environment().server_limits.unwrap();
        assert_eq!(recorded.memory_bytes, Some(512_000_000));
        assert_eq!(recorded.cpu_milli, Some(900));
        done.printed("limits of the server");
    } else {
        let told = done.exits(2).stderr;
        for part in [
            "the server cannot be limited here",
            "By a control group: ",
            "By systemd-run: ",
            "or leave out --server-memory and --server-cpus",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
        assert!(!project.path("results").exists(), "nothing was measured");
    }
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn limits_that_are_none_are_refused() {
    let project = Project::new(&["right"]);
    for (flag, told, amounts) in [
        (
            "--server-memory",
            "like 32M",
            &["lots", "G", "1.5G", "2GB"][..],
        ),
        ("--server-memory", "at least 1M", &["999K"]),
        (
            "--server-cpus",
            "write it like 2 or 0.5",
            &["", "0", "nan", "1025"],
        ),
    ] {
        for amount in amounts {
            let done = project.measure(&[&format!("{flag}={amount}")]).exits(2);
            done.told(told);
        }
    }
}
