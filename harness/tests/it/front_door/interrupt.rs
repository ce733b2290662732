//! Signals: every child ends, and the folder says what happened and holds what was done.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::results::environment::{Environment, State};
use nix::sys::signal::Signal;

use super::support::{Project, ended_by};

/// Far more than a test needs; a hang fails instead of waiting for ever.
const LIMIT: Duration = Duration::from_mins(1);

#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < LIMIT, "no {what} within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The folder of the run, once it holds this many rows.
pub(crate) fn folder_with_rows(project: &Project, rows: usize) -> Option<PathBuf> {
    let run = std::fs::read_dir(project.path("results"))
        .ok()?
        .next()?
        .ok()?
        .path();
    let text = std::fs::read_to_string(run.join("trials.csv")).ok()?;
    (text.lines().count() > rows).then_some(run)
}

fn interrupted_by(signal: Signal) {
    let project = Project::new(&["right", "stdio-right"]);
    let flags: Vec<&str> = "--trials 100 --duration-s 0.2 --warmup-s 0.05"
        .split(' ')
        .collect();
    let child = project.start_measure(&flags);
    let run = wait_for("second row", || folder_with_rows(&project, 2));
    let done = ended_by(signal, child).exits(130);
    assert_eq!(project.survivors(), [""; 0]);

    let environment = Environment::read(&run.join("environment.json")).unwrap();
    assert_eq!(environment.state, State::Interrupted);
    let trials = project.trials();
    assert!(trials.len() >= 2 && trials.len() < 200, "{}", trials.len());
    assert_eq!(environment.trials_done, trials.len() as u64);
    assert!(!environment.ended.is_empty());
    done.printed("INTERRUPTED after");
    assert_eq!(project.run("report", &[]).exits(0).stdout, done.stdout);
}

#[test]
fn ctrl_c_leaves_no_children_and_keeps_the_finished_trials() {
    interrupted_by(Signal::SIGINT);
}

#[test]
fn sigterm_leaves_no_children_and_keeps_the_finished_trials() {
    interrupted_by(Signal::SIGTERM);
}

#[test]
fn an_interrupt_while_a_subject_gets_ready_ends_it_too() {
    let project = Project::new(&["silent"]);
    project.replace(
        "subjects.toml",
        "ready_within_s = 1.0",
        "ready_within_s = 60",
    );
    let child = project.start_measure(&[]);
    wait_for("subject", || {
        (!project.survivors().is_empty()).then_some(())
    });
    ended_by(Signal::SIGINT, child).exits(130);
    assert_eq!(project.survivors(), [""; 0]);
    assert_eq!(project.environment().state, State::Interrupted);
}

#[test]
fn an_interrupt_of_doctor_ends_wrk_and_the_floor() {
    let project = Project::new(&["floor"]);
    let noted = project.path("wrk-process");
    let script = format!("#!/bin/sh\necho $$ > {}\nexec sleep 600\n", noted.display());
    project.write("bin/wrk", &script);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(project.path("bin/wrk"), executable).unwrap();
    let path = std::env::var("PATH").unwrap();
    let child = project
        .command("doctor", &[])
        .env("PATH", format!("{}:{path}", project.path("bin").display()))
        .spawn()
        .unwrap();
    let wrk = wait_for("wrk", || {
        let text = std::fs::read_to_string(&noted).ok()?;
        text.trim().parse::<i32>().ok()
    });
    let done = ended_by(Signal::SIGTERM, child).exits(130);
    done.told("interrupted while wrk was running");
    assert!(!Path::new("/proc").join(wrk.to_string()).exists());
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn a_run_that_was_killed_is_reported_as_not_finished() {
    let project = Project::new(&["right"]);
    project.measure(&["--trials", "1"]).exits(0);
    let path = project.results().join("environment.json");
    let mut environment = project.environment();
    environment.state = State::Running;
    environment.trials_planned = 5;
    environment.write(&path).unwrap();
    let report = project.run("report", &[]).exits(0).stdout;
    assert!(report.contains("NOT FINISHED: 1 of 5 trials"), "{report}");
}
