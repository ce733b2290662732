//! `chaos`: how experiments are judged, with fake subjects; and the project's own in their short
//! form, with its own servers.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;

use super::support::{Done, Project};

/// A fault that every server lives through, and bounds.
const EXPERIMENT: &str = r#"
number = 1
title = "idle connections"
shows = "Others are answered."
fault = "idle-connections"
count = 3
subjects = ["right"]
ask = "echo"
clients = 2
rate_per_s = 100.0
around_s = 0.2
duration_s = 0.5

[quick]
duration_s = 0.3

[[bound]]
figure = "errors_during"
at_most = 0.0

[[bound]]
figure = "p99_during_ms"
at_most = 0.000001
"#;

fn chaos(project: &Project, experiment: &str, flags: &[&str]) -> Done {
    project.write("chaos/idle.toml", experiment);
    let folder = project.path("chaos");
    let (folder, out) = (folder.to_str().unwrap(), project.path("kept"));
    let common = ["--chaos-dir", folder, "--out", out.to_str().unwrap()];
    project.run("chaos", &[&common, flags].concat())
}

/// The only finding that was printed.
fn finding(done: &Done) -> Value {
    let findings: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(findings.as_array().map(Vec::len), Some(1), "{findings}");
    findings[0].clone()
}

fn verdicts(finding: &Value) -> Vec<&str> {
    let bounds = finding["bounds"].as_array().unwrap();
    let verdicts = bounds.iter().map(|bound| bound["verdict"].as_str());
    verdicts.map(Option::unwrap).collect()
}

#[test]
fn a_bound_that_is_missed_fails_and_what_was_found_is_kept() {
    let project = Project::new(&["right"]);
    let done = chaos(&project, EXPERIMENT, &["--format", "json"]).exits(1);
    let found = finding(&done);
    assert_eq!(verdicts(&found), ["met", "missed"], "{found}");
    assert!(
        found["figures"]["goodput_per_s"].as_f64() > Some(10.0),
        "{found}"
    );
    let kept = std::fs::read_dir(project.path("kept")).unwrap();
    let kept: Vec<_> = kept.map(|entry| entry.unwrap().path()).collect();
    let kept: Value = serde_json::from_slice(&std::fs::read(&kept[0]).unwrap()).unwrap();
    assert_eq!(kept["findings"][0]["figures"], found["figures"]);
    assert!(project.survivors().is_empty());
}

#[test]
fn the_short_form_does_not_judge_the_pace_of_the_machine() {
    let project = Project::new(&["right"]);
    let done = chaos(&project, EXPERIMENT, &["--quick", "--format", "json"]).exits(0);
    let found = finding(&done);
    assert_eq!(verdicts(&found), ["met", "not-judged"], "{found}");
}

#[test]
fn wrong_answers_are_errors_of_the_fault() {
    let project = Project::new(&["wrong"]);
    let experiment = EXPERIMENT.replace("\"right\"", "\"wrong\"");
    let done = chaos(&project, &experiment, &["--quick", "--format", "json"]).exits(1);
    let found = finding(&done);
    assert_eq!(verdicts(&found)[0], "missed", "{found}");
    assert!(found["errors"]["mismatch"].is_string(), "{found}");
}

#[test]
fn a_figure_that_a_fault_does_not_have_is_not_measured() {
    let project = Project::new(&["right"]);
    let experiment = EXPERIMENT.replace("p99_during_ms", "lost_calls");
    let done = chaos(&project, &experiment, &["--quick", "--format", "json"]).exits(1);
    assert_eq!(verdicts(&finding(&done)), ["met", "not-measured"]);
}

#[test]
fn definitions_that_make_no_sense_are_rejected_with_their_key() {
    let project = Project::new(&["right", "stdio-right"]);
    for (from, to, says) in [
        ("count = 3", "count = 0", "count = 0"),
        ("count = 3", "times_capacity = 3.0", "times_capacity"),
        ("around_s = 0.2", "around_s = nan", "nan"),
        ("at_most = 0.0\n", "", "errors_during has no number"),
        ("\"right\"", "\"stdio-right\"", "idle-connections"),
        ("\"right\"", "\"other\"", "other"),
        ("fault = \"idle", "fault = \"busy", "busy-connections"),
    ] {
        let done = chaos(&project, &EXPERIMENT.replace(from, to), &[]).exits(2);
        assert!(done.stderr.contains(says), "{says}: {}", done.stderr);
    }
}

/// When the newest file below `folder` was written that programs are made of.
fn newest(folder: &Path) -> SystemTime {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let times = entries.filter_map(|entry| {
        let name = entry.file_name();
        let is_source = Path::new(&name).extension().is_some_and(|one| one == "rs");
        if entry.file_type().unwrap().is_dir() {
            (name != "tests").then(|| newest(&entry.path()))
        } else {
            is_source.then(|| entry.metadata().unwrap().modified().unwrap())
        }
    });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Builds the programs of this repository unless they are there. A test of the whole workspace has
/// built them, with features of its own: built once more, they would take minutes.
fn build_servers(root: &Path) {
    const PROGRAMS: [&str; 6] = [
        "mcp-http-json-tokio",
        "mcp-http-stream-tokio",
        "mcp-sse-tokio",
        "mcp-stdio-tokio",
        "upstream",
        "seed",
    ];
    let folder = Path::new(env!("CARGO_BIN_EXE_mcp-harness"))
        .parent()
        .unwrap();
    let sources = ["server", "transports", "workloads"].map(|name| newest(&root.join(name)));
    let is_new = |program: &&str| {
        let built = folder.join(program).metadata();
        built.is_ok_and(|file| sources.iter().all(|time| file.modified().unwrap() >= *time))
    };
    if !PROGRAMS.iter().all(is_new) {
        let status = Command::new(root.join("scripts/build"))
            .args(["--profile", "dev", "--runtime", "tokio"])
            // One of the experiments keeps its sessions in Redis.
            .args(["--features", "redis"])
            .status();
        assert!(status.unwrap().success());
    }
}

/// Everything that `just chaos` does, in its short form, with the servers of this repository.
#[test]
fn the_projects_servers_withstand_the_short_form() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    build_servers(root);
    let out = tempfile::tempdir().unwrap();
    let state = out.path().join("state");
    let url = |file: &str| format!("sqlite://{}", state.join(file).display());
    let ran = Command::new(env!("CARGO_BIN_EXE_mcp-harness"))
        .arg("--root")
        .arg(root)
        .args(["chaos", "--quick", "--no-build", "--profile", "dev"])
        .args(["--database-url", &url("products.db")])
        .args(["--store-url", &url("store.db")])
        .arg("--out")
        .arg(out.path())
        .output()
        .unwrap();
    let (said, table) = (
        String::from_utf8_lossy(&ran.stderr),
        String::from_utf8_lossy(&ran.stdout),
    );
    assert_eq!(ran.status.code(), Some(0), "{said}\n{table}");
    assert!(
        table.contains("rolling-restart") && table.contains("damaged_files"),
        "{table}"
    );
}
