//! `gate`: a run held against a baseline and against the targets of its suites.

use super::compare::{Recorded, json};
use super::support::Project;

#[test]
fn a_regression_beyond_the_limit_fails_and_the_row_is_named() {
    let recorded = Recorded::new(&["right"]);
    recorded.run_with(
        "before",
        &[
            ("echo", "right", 100, 500),
            ("two", "right", 100, 500),
            ("two", "floor", 100, 500),
        ],
    );
    recorded.run_with(
        "little",
        &[
            ("echo", "right", 103, 500),
            ("two", "right", 90, 400),
            ("two", "floor", 101, 900),
        ],
    );
    recorded.run_with(
        "much",
        &[("echo", "right", 120, 500), ("two", "right", 100, 500)],
    );
    let gate = |run: &str, more: &[&str]| {
        let flags = [
            &["--baseline", "before", "--max-regression", "5%", run][..],
            more,
        ]
        .concat();
        recorded.verb("gate", &flags)
    };
    let done = gate("little", &[]).exits(0);
    assert!(done.stdout.contains("little PASSES") && done.stdout.contains("of 8 figures 0 failed"));
    let done = gate("much", &[]).exits(1);
    for part in [
        "much DOES NOT PASS",
        "of 8 figures 2 failed",
        "1.200",
        "slower",
    ] {
        done.printed(part);
    }
    let found = json(&gate("much", &["--format", "json"]).exits(1));
    let rows = found["rows"].as_array().unwrap();
    let failed = rows.iter().filter(|row| row["outcome"] == "failed");
    let failed: Vec<_> = failed.map(|row| (&row["suite"], &row["figure"])).collect();
    assert_eq!(failed.len(), 2);
    assert!(
        failed.iter().all(|(suite, _)| *suite == "echo"),
        "{failed:?}"
    );
    gate("much", &["--by", "p50,p99"]).exits(0);
    gate("much", &["--max-regression", "25%"]).exits(0);
    let csv = gate("much", &["--format", "csv"]).exits(1).stdout;
    assert_eq!(
        csv.lines().filter(|line| line.contains(",failed,")).count(),
        2,
        "{csv}"
    );
}

#[test]
fn a_floor_that_differs_between_two_runs_takes_the_verdicts_back() {
    let recorded = Recorded::new(&["right"]);
    let figures =
        |cpu: u64, floor: u64| [("echo", "right", cpu, 500), ("echo", "floor", floor, 500)];
    recorded.run_with("before", &figures(100, 20));
    // The machine is slower by a fifth, and so is all that runs on it.
    recorded.run_with("after", &figures(120, 24));
    let done = recorded
        .verb("gate", &["after", "--baseline", "before"])
        .exits(1);
    for part in ["floor cost +20.0%", "measure both in one run"] {
        assert!(done.stdout.contains(part), "{part} in {}", done.stdout);
    }
    let found = json(
        &recorded
            .verb("compare", &["before", "after", "--format", "json"])
            .exits(0),
    );
    let rows = found["rows"].as_array().unwrap();
    let of = |subject: &str| rows.iter().find(|row| row["subject"] == subject).unwrap();
    assert_eq!(of("right")["verdict"], "unknown");
    assert_eq!(of("floor")["verdict"], "slower");
}

#[test]
fn base_and_change_of_one_run_are_judged_by_its_rounds() {
    let recorded = Recorded::new(&["right"]);
    let run = recorded.run_with(
        "both",
        &[
            ("echo", "right", 100, 500),
            ("echo", "change", 104, 500),
            ("echo", "floor", 20, 100),
        ],
    );
    let subjects = run.join("definitions/subjects.toml");
    let text = std::fs::read_to_string(&subjects).unwrap();
    let table = &text[text.find("[subject.right]").unwrap()..];
    let other = table.replace("subject.right", "subject.change");
    std::fs::write(&subjects, format!("{text}\n{other}")).unwrap();
    let gate = |limit: &str| {
        let flags = [
            "both",
            "--baseline",
            "right",
            "--max-regression",
            limit,
            "--by",
            "cpu",
        ];
        recorded.verb("gate", &flags)
    };
    gate("5%").exits(0);
    let done = gate("3%").exits(1);
    assert!(
        done.stdout.contains("of 1 figures 1 failed"),
        "{}",
        done.stdout
    );
    assert!(!done.stdout.contains("floor"), "{}", done.stdout);
}

#[test]
fn what_cannot_be_judged_does_not_pass() {
    let project = Project::new(&["right"]);
    project.measure(&["--trials", "1"]).exits(0);
    let done = project.run("gate", &["--baseline", "latest"]).exits(1);
    done.printed("it holds in 1 trials only, a verdict needs 3");
    let done = project.run("gate", &[]).exits(2);
    done.told("nothing to hold");
}

#[test]
fn targets_of_a_suite_are_held_by_measure_and_by_gate() {
    for (most, code, said) in [("60000", 0, "met"), ("0.000001", 1, "MISSED")] {
        let project = Project::new(&["right"]);
        let suite = project.read("suites/echo.toml");
        let targets = format!("{suite}\n[targets]\np99_ms = {most}\nerrors_percent = 0\n");
        project.write("suites/echo.toml", &targets);
        let measured = project.measure(&["--trials", "1"]).exits(code);
        let gated = project.run("gate", &[]).exits(code);
        for done in [measured, gated] {
            let line = done
                .stdout
                .lines()
                .find(|line| line.contains("p99_ms"))
                .unwrap();
            assert!(line.contains(said), "{line}");
            let line = done
                .stdout
                .lines()
                .find(|line| line.contains("errors_percent"))
                .unwrap();
            assert!(line.ends_with("met"), "{line}");
        }
    }
}
