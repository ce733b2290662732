//! `aa`: the same program beside itself, and slowed by a known share.

use serde_json::Value;

use super::support::Project;

#[test]
fn the_three_are_interleaved_recorded_and_judged() {
    let project = Project::new(&["right"]);
    let flags = [
        "--subject",
        "right",
        "--runs",
        "2",
        "--trials",
        "5",
        "--duration-s",
        "0.1",
        "--warmup-s",
        "0.05",
        "--slowed-by",
        "50%",
        "--base-burn-ns",
        "3000",
        "--seed",
        "1",
        "--format",
        "json",
    ];
    let done = project.run("aa", &flags);
    let found: Value = serde_json::from_str(&done.stdout).unwrap();
    let runs = found["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2, "{found}");
    let count = |side: &str, verdict: &str| {
        runs.iter()
            .filter(|run| run[side]["verdict"] == verdict)
            .count()
    };
    // Whatever this machine makes of it, the exit code follows from the verdicts.
    let holds = count("again", "equal") + count("again", "cannot_tell") >= 1
        && count("slowed", "slower") == 2;
    assert_eq!(
        done.code,
        Some(i32::from(!holds)),
        "{found}\n{}",
        done.stderr
    );
    for run in runs {
        assert!(
            run["slowed"]["ratio"]["interval"]["low"].is_number(),
            "{run}"
        );
    }

    // Half of what a call was found to cost is burned, and no trial was made without it.
    let calibrated = found["calibrated_ns_per_call"].as_f64().unwrap();
    let burned = found["burn_ns"].as_f64().unwrap();
    assert!((burned / calibrated - 0.5).abs() < 1e-3, "{found}");
    let folder = project
        .path("results/aa")
        .join(runs[0]["run"].as_str().unwrap());
    let subjects = std::fs::read_to_string(folder.join("definitions/subjects.toml")).unwrap();
    assert!(
        subjects.contains(&format!("\"--burn-ns\",\n    \"{}\"", burned + 3_000.0)),
        "{subjects}"
    );
    let trials = harness::results::trial::read_trials(&folder.join("trials.csv")).unwrap();
    for name in ["right", "right.again", "right.slowed"] {
        let own = trials
            .iter()
            .filter(|trial| trial.subject == name && trial.is_right());
        assert_eq!(own.count(), 5, "{name}");
    }
    let folders = std::fs::read_dir(project.path("results/aa"))
        .unwrap()
        .count();
    assert_eq!(folders, 3, "two runs, and the calibration before them");
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn what_is_not_there_is_named() {
    let project = Project::new(&["right"]);
    let done = project.run("aa", &["--subject", "nobody"]).exits(2);
    assert!(
        done.stderr.contains("no subject \"nobody\"; known: right"),
        "{}",
        done.stderr
    );
    let done = project
        .run("aa", &["--subject", "right", "--suite", "none"])
        .exits(2);
    assert!(
        done.stderr.contains("no suite \"none\"; known: echo"),
        "{}",
        done.stderr
    );
    let done = project.run("aa", &["--threshold", "5"]).exits(2);
    assert!(
        done.stderr.contains("write it like 5% or 0.05"),
        "{}",
        done.stderr
    );
}
