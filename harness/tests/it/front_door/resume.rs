//! `measure --resume`: a run that was cut short gets the trials that it lacks, each once, and
//! nothing else.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use harness::results::environment::{Environment, State};
use harness::results::histogram;
use harness::results::samples::{self, Who};
use harness::results::trial::{Trial, TrialWriter, read_trials};
use harness::results::trial_order;
use nix::sys::signal::Signal;

use super::experiments;
use super::interrupt::{folder_with_rows, wait_for};
use super::support::{Done, Project, ended_by};

const QUICK: [&str; 6] = ["--trials", "6", "--duration-s", "0.3", "--warmup-s", "0.05"];

/// A run of two subjects that was interrupted after its second trial.
fn interrupted(project: &Project, flags: &[&str]) -> PathBuf {
    let child = project.start_measure(&[&QUICK[..], flags].concat());
    let run = wait_for("second row", || folder_with_rows(project, 2));
    ended_by(Signal::SIGINT, child).exits(130);
    assert_eq!(project.environment().state, State::Interrupted);
    assert!(project.trials().len() < 12, "it was interrupted too late");
    run
}

fn resume(project: &Project, run: &Path, flags: &[&str]) -> Done {
    let flags = [&["--resume", run.to_str().unwrap()], flags].concat();
    project.run("measure", &flags)
}

fn change(run: &Path, change: impl FnOnce(&mut Environment)) {
    let path = run.join("environment.json");
    let mut environment = Environment::read(&path).unwrap();
    change(&mut environment);
    environment.write(&path).unwrap();
}

#[test]
fn an_interrupted_run_gets_the_trials_that_it_lacks_each_once_and_in_its_order() {
    let project = Project::new(&["right", "stdio-right"]);
    let run = interrupted(&project, &["--seed", "7"]);
    let before = project.trials();
    // As if the harness had been killed in the middle of a row.
    let mut rows = std::fs::OpenOptions::new()
        .append(true)
        .open(run.join("trials.csv"))
        .unwrap();
    rows.write_all(b"echo,echo,right,\"half\na r").unwrap();
    drop(rows);
    // What it is asked and who is asked is in the folder: the files of the project do not matter
    // any more.
    project.write("suites/echo.toml", "nothing of this is read");
    project.write("subjects.toml", "nor of this");

    let done = resume(&project, &run, &[]).exits(0);
    done.told("of 12 trials are missing");
    let trials = project.trials();
    assert_eq!(
        trials[..before.len()],
        before[..],
        "what was there is as it was"
    );
    let keys: BTreeSet<_> = trials.iter().map(|one| (&one.subject, one.trial)).collect();
    assert_eq!(
        (trials.len(), keys.len()),
        (12, 12),
        "all are there, and none twice"
    );
    let order = trial_order::read(&run.join("order.csv")).unwrap();
    for (at, (trial, slot)) in trials.iter().zip(&order).enumerate() {
        assert_eq!((&trial.subject, trial.trial), (&slot.subject, slot.trial));
        assert_eq!(trial.position as usize, at + 1);
        let recorded = histogram::read(&run.join(&trial.histogram)).unwrap();
        assert_eq!(recorded.len(), trial.calls);
    }
    let environment = project.environment();
    assert_eq!(
        (environment.state, environment.trials_done, environment.seed),
        (State::Complete, 12, 7)
    );
    assert_eq!(environment.resumed.len(), 1);
    done.printed("Complete: 12 of 12 trials");
    done.printed("(continued at ");
    assert_eq!(project.run("report", &[]).exits(0).stdout, done.stdout);
    assert_eq!(project.survivors(), [""; 0]);

    let again = resume(&project, &run, &[]).exits(0);
    again.told("the run is complete");
    assert_eq!(again.stdout, done.stdout);
    assert_eq!(
        (project.trials(), project.environment().resumed.len()),
        (trials, 1)
    );
}

#[test]
fn a_run_that_was_killed_before_its_first_row_is_made_whole() {
    let project = Project::new(&["right"]);
    project.measure(&["--trials", "2"]).exits(0);
    let run = project.results();
    std::fs::remove_file(run.join("trials.csv")).unwrap();
    change(&run, |environment| environment.state = State::Running);
    resume(&project, &run, &[]).exits(0);
    assert_eq!(project.trials().len(), 2);
    assert_eq!(project.environment().state, State::Complete);
}

#[test]
fn other_programs_another_machine_or_another_harness_are_refused_with_what_differs() {
    let project = Project::new(&["right", "stdio-right"]);
    let run = interrupted(&project, &[]);
    let rows = project.trials();
    let path = run.join("environment.json");
    let recorded = std::fs::read(&path).unwrap();
    let refused = |told: &[&str]| {
        let done = resume(&project, &run, &[]).exits(2);
        for part in told {
            done.told(part);
        }
        assert_eq!(project.trials(), rows, "nothing was made");
        std::fs::write(&path, &recorded).unwrap();
    };
    change(&run, |environment| {
        let program = environment.programs.get_mut("stdio-right").unwrap();
        program.sha256 = "0123".to_owned();
    });
    refused(&[
        "cannot be continued",
        "program of stdio-right",
        "\"0123\" then",
    ]);
    change(&run, |environment| {
        environment.machine.cpu_model = "abacus".to_owned();
        environment.harness_version = "0.0.0".to_owned();
    });
    refused(&[
        "processor: \"abacus\" then",
        "harness version: \"0.0.0\" then",
    ]);
    std::fs::remove_file(run.join("order.csv")).unwrap();
    refused(&["kept no order of its trials"]);
    for flags in [
        &["--trials", "9"][..],
        &["--suite", "echo"],
        &["--seed", "1"],
        &["--server-cores", "1"],
        &["--no-build"],
    ] {
        let done = resume(&project, &run, flags).exits(2);
        done.told("cannot be used with");
    }
}

#[test]
fn a_password_has_to_be_given_again() {
    let project = Project::new(&["right", "stdio-right"]);
    project.replace(
        "subjects.toml",
        "\"0\"]",
        "\"0\", \"--store-url\", \"{store_url}\"]",
    );
    let url = ["--store-url", "redis://me:secret@127.0.0.1:1/0"];
    let run = interrupted(&project, &url);
    let told = resume(&project, &run, &[]).exits(2).stderr;
    assert!(
        told.contains("give the URL again with --store-url"),
        "{told}"
    );
    let other = ["--store-url", "redis://me:secret@127.0.0.1:2/0"];
    let told = resume(&project, &run, &other).exits(2).stderr;
    assert!(
        told.contains("begun with redis://me:***@127.0.0.1:1/0"),
        "{told}"
    );
    resume(&project, &run, &url).exits(0);
    assert_eq!(project.trials().len(), 12);
}

/// As if the run had been killed after so many rows.
fn cut_to(run: &Path, rows: usize) {
    let path = run.join("trials.csv");
    let kept = read_trials(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let mut writer = TrialWriter::create(&path).unwrap();
    for row in &kept[..rows] {
        writer.append([row]).unwrap();
    }
    change(run, |environment| environment.state = State::Running);
}

#[test]
fn services_are_started_anew_and_subjects_find_them_where_they_are_now() {
    let project = Project::new(&["right"]);
    let subjects = project.read("subjects.toml");
    let lines = |key| subjects.lines().find(|line| line.starts_with(key)).unwrap();
    let (command, noted) = (lines("command"), lines("environment"));
    let standing = subjects.replace("\"0\"]", "\"0\", \"{backend_url}\"]");
    let service = format!("[service.backend]\n{command}\n{noted}\n");
    project.write("subjects.toml", &format!("{standing}\n{service}"));
    project.measure(&["--trials", "3"]).exits(0);
    let run = project.results();
    cut_to(&run, 1);
    resume(&project, &run, &[]).exits(0);
    let trials = project.trials();
    assert_eq!(trials.len(), 3);
    for trial in &trials {
        assert!(trial.is_right(), "{trial:?}");
        assert!(trial.services_cpu_ns.is_some(), "{trial:?}");
        assert!(trial.services_open_files_max >= Some(3), "{trial:?}");
        let samples = samples::read(&run.join(&trial.samples)).unwrap();
        assert!(samples.iter().any(|row| row.who == Who::Services));
    }
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn a_run_of_experiments_is_continued_with_its_variants() {
    let project = experiments::project();
    project.write("experiments/pool.toml", experiments::EXPERIMENT);
    experiments::experiments(&project, &[]).exits(0);
    let run = project.results();
    let before = project.trials();
    cut_to(&run, 1);
    let done = resume(&project, &run, &[]).exits(0);
    let after = project.trials();
    let of = |trials: &[Trial]| -> Vec<(String, u32, u64)> {
        let trials = trials.iter();
        trials
            .map(|one| (one.subject.clone(), one.trial, one.clients))
            .collect()
    };
    assert_eq!(of(&after), of(&before));
    done.printed("a pool of ten");
}
