//! `overhead` and `size`: bounds held against one run, and what programs weigh.

use std::collections::BTreeMap;

use harness::config::experiment::Experiment;
use harness::config::load::Load;
use harness::config::matrix::experiments as experiments_of;
use harness::config::subject::Subjects;
use harness::config::suite::Suite;
use serde_json::Value;

use super::support::{Done, Project};

/// A bound that any machine meets, and one that none does.
const BOUNDS: &str = r#"
number = 1
title = "layers"
teaches = "What a layer costs."
suites = ["echo"]

[load]
clients = 2
warmup_s = 0.05
duration_s = 0.3
trials = 2

[[compare]]
name = "stdio"
what = "stdio against http"
figure = "cpu_us_per_call"
base = "right"
with = "stdio-right"
at_most = 1000.0

[[compare]]
name = "memory"
what = "memory"
figure = "rss_peak_mb"
with = "right"
at_least = 0.1
at_most = 1000
"#;

fn overhead(project: &Project, bounds: &str, flags: &[&str]) -> Done {
    project.write("bounds.toml", bounds);
    let path = project.path("bounds.toml");
    let flags_of_bounds = ["--bounds", path.to_str().unwrap(), "--seed", "1"];
    project.run("overhead", &[&flags_of_bounds, flags].concat())
}

fn project() -> Project {
    Project::new(&["right", "stdio-right", "floor", "wrong"])
}

#[test]
fn bounds_that_are_met_are_printed_and_kept_with_the_run() {
    let project = project();
    let done = overhead(&project, BOUNDS, &[]).exits(0);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{}", done.stdout);
    for (line, parts) in [
        (lines[0], ["compared", "bound", "echo", "verdict"]),
        (
            lines[2],
            [
                "stdio against http",
                "CPU us/call",
                "at most 1000 times",
                "met",
            ],
        ),
        (
            lines[3],
            ["memory", "RSS peak MB", "at least 0.1, at most 1000", "met"],
        ),
    ] {
        assert!(
            parts.iter().all(|part| line.contains(part)),
            "{parts:?} in {line}"
        );
    }
    let subjects: Vec<String> = project
        .trials()
        .into_iter()
        .map(|one| one.subject)
        .collect();
    assert_eq!(subjects.len(), 4, "two subjects, two trials: {subjects:?}");
    assert!(!subjects.contains(&"wrong".to_owned()));
    assert!(project.trials().iter().all(|trial| trial.clients == 2));
    // The table can be made again from what was recorded.
    let report = project.run("report", &[]).exits(0).stdout;
    assert!(
        report.contains("\nBounds\n") && report.contains(lines[2]),
        "{report}"
    );
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn a_mark_that_is_missed_or_cannot_be_measured_ends_with_exit_code_1() {
    for (bounds, verdict, told) in [
        (
            BOUNDS.replace("at_most = 1000.0", "at_most = 0.0001"),
            "missed",
            "of 2 bounds 1 are missed and 0 could",
        ),
        (
            BOUNDS.replace("base = \"right\"", "base = \"wrong\""),
            "not_measured",
            "of 2 bounds 0 are missed and 1 could",
        ),
    ] {
        let done = overhead(&project(), &bounds, &["--format", "json"]).exits(1);
        let judged: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(judged[0]["verdict"], verdict);
        assert_eq!(judged[1]["verdict"], "met");
        done.told(told);
    }
}

#[test]
fn bounds_that_make_no_sense_are_refused_before_anything_is_measured() {
    for (from, to, told) in [
        (
            "at_most = 1000.0",
            "atmost = 1",
            "bounds.toml:19:1: unknown field `atmost`",
        ),
        (
            "base = \"right\"\n",
            "at_leest = 1\n",
            "unknown field `at_leest`",
        ),
        (
            "at_least = 0.1\nat_most = 1000\n",
            "",
            "neither at_most nor at_least",
        ),
        ("suites = [\"echo\"]", "", "give both or neither"),
        ("at_most = 1000.0", "at_most = -1", "the bound -1"),
        ("cpu_us_per_call", "speed", "unknown variant `speed`"),
        (
            "with = \"stdio-right\"",
            "with = \"nobody\"",
            "there is no subject \"nobody\"",
        ),
        ("[\"echo\"]", "[\"ohce\"]", "there is no suite \"ohce\""),
        ("trials = 2", "trials = 0", "trials = 0"),
    ] {
        assert!(BOUNDS.contains(from), "{from}");
        let project = project();
        let done = overhead(&project, &BOUNDS.replacen(from, to, 1), &[]).exits(2);
        done.told(told);
        assert!(!project.path("results").exists());
    }
    let done = project().run("overhead", &[]).exits(2);
    done.told("overhead.toml");
}

#[test]
fn the_last_of_a_repeated_flag_counts() {
    let project = project();
    overhead(&project, BOUNDS, &["--trials", "3", "--trials", "1"]).exits(0);
    assert_eq!(project.trials().len(), 2);
}

#[test]
fn the_projects_own_bounds_are_fourteen_and_name_what_there_is() {
    let own = |path: &str| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let overhead = Experiment::read(&own("experiments/overhead.toml")).unwrap();
    let subjects = Subjects::read(&own("subjects.toml")).unwrap();
    let suites = Suite::read_folder(&own("suites")).unwrap();
    assert_eq!(overhead.compare.len(), 14);
    let experiments = BTreeMap::from([("overhead".to_owned(), overhead)]);
    let made = experiments_of(&experiments, &subjects, &suites, &Load::default()).unwrap();
    let asked: Vec<&String> = made.suites.keys().collect();
    assert_eq!(asked, ["overhead.calculate_fibonacci", "overhead.echo"]);
    let load = &made.suites["overhead.echo"].load;
    assert_eq!((load.clients(), load.trials(), load.slices()), (50, 3, 0));
    assert_eq!(made.subjects.subject.len(), made.groups[0].len());
}

#[test]
fn size_weighs_each_program_once() {
    let project = Project::new(&["right", "stdio-right"]);
    let done = project
        .run("size", &["--starts", "2", "--format", "json"])
        .exits(0);
    let weights: Value = serde_json::from_str(&done.stdout).unwrap();
    // Both are one program.
    assert_eq!(weights.as_array().unwrap().len(), 1, "{weights}");
    for figure in ["binary_bytes", "startup_us", "idle_rss_bytes"] {
        assert!(
            weights[0][figure].as_u64().is_some_and(|value| value > 0),
            "{weights}"
        );
    }
    for name in ["stdio-right", "floor"] {
        let project = Project::new(&["stdio-right", "floor"]);
        let done = project
            .run("size", &["--subject", name, "--starts", "1"])
            .exits(0);
        let row = done
            .stdout
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap();
        assert_eq!(row.split_whitespace().count(), 4, "{row}");
        assert_eq!(project.survivors(), [""; 0]);
    }
    let broken = Project::new(&["exits"]);
    let done = broken.run("size", &["--starts", "3"]).exits(1);
    done.printed("no such luck");
}
