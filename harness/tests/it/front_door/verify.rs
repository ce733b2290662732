//! `verify` and `doctor`: exit codes, and what differed.

use super::support::Project;

#[test]
fn right_subjects_pass() {
    let project = Project::new(&["right", "stdio-right", "floor"]);
    let done = project
        .run("verify", &["--variants", "5", "--format", "json"])
        .exits(0);
    let checked: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let subjects: Vec<&str> = checked
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["subject"].as_str())
        .collect();
    assert_eq!(subjects, ["floor", "right", "stdio-right"]);
    assert!(
        checked
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["right"] == 5 && one["calls"] == 5)
    );
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn each_wrong_subject_fails_with_what_differed() {
    for (behaviour, told) in [
        ("wrong", "not what you said"),
        ("tool-error", "tool-error echo: tool: "),
        ("slow", "timeout"),
        ("unlisted", "tools/list does not hold it"),
        ("exits", "no such luck"),
        ("silent", "did not print a line `ready URL`"),
        ("dies=3", "transport"),
    ] {
        let project = Project::new(&["right", behaviour]);
        let done = project
            .run("verify", &["--variants", "6", "--call-timeout-s", "0.5"])
            .exits(1);
        done.printed(told);
        let right = done
            .stdout
            .lines()
            .find(|line| line.starts_with("right "))
            .unwrap();
        assert!(
            right.contains("6/6") && right.ends_with("right"),
            "{behaviour}: {right}"
        );
        assert_eq!(project.survivors(), [""; 0], "{behaviour}");
    }
}

#[test]
fn doctor_looks_at_the_machine() {
    let project = Project::new(&["right"]);
    let done = project.run("doctor", &["--machine-only", "--format", "json"]);
    let checks: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let checks = checks.as_array().unwrap();
    for what in [
        "cores",
        "governor",
        "boost",
        "clock source",
        "run queue",
        "open files",
        "memory",
        "control group",
        "steal",
    ] {
        assert!(
            checks.iter().any(|check| check["what"] == what),
            "{what} in {checks:?}"
        );
    }
    let is_bad = checks.iter().any(|check| check["grade"] == "bad");
    assert_eq!(
        done.code,
        Some(i32::from(is_bad)),
        "the exit code follows the grades"
    );
    let build = checks
        .iter()
        .find(|check| check["what"] == "harness build")
        .unwrap();
    assert_eq!(build["grade"] == "bad", cfg!(debug_assertions));
}
