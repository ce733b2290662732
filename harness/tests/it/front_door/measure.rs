//! `measure` and `report`: what subjects do is what is reported, and nobody's misfortune stops the
//! others.

use harness::results::environment::State;
use harness::results::histogram;
use harness::results::trial::{Status, Trial, TrialWriter, read_trials};
use harness::results::warning::Warning;

use super::support::Project;

#[test]
fn right_subjects_are_ranked_and_the_report_can_be_made_again() {
    let project = Project::new(&["right", "stdio-right", "floor"]);
    let done = project.measure(&["--trials", "2"]).exits(0);
    done.told("[6/6");
    let trials = project.trials();
    assert_eq!(trials.len(), 6);
    for trial in &trials {
        assert_eq!(
            (trial.status, trial.errors),
            (Status::Measured, 0),
            "{trial:?}"
        );
        assert!(
            trial.calls > 0 && trial.server_cpu_ns.is_some() && trial.rss_mean_bytes.is_some(),
            "{trial:?}"
        );
        assert!(
            trial.p50_us <= trial.p99_us && trial.p99_us <= trial.max_us,
            "{trial:?}"
        );
        let recorded = histogram::read(&project.results().join(&trial.histogram)).unwrap();
        assert_eq!(recorded.len(), trial.calls);
    }
    let environment = project.environment();
    assert_eq!(
        (environment.state, environment.trials_done, environment.seed),
        (State::Complete, 6, 1)
    );
    for program in ["right", "mcp-harness"] {
        assert_eq!(environment.programs[program].sha256.len(), 64, "{program}");
    }
    assert!(!environment.built, "there was nothing to build");

    let written = std::fs::read_to_string(project.results().join("report.md")).unwrap();
    assert_eq!(
        project
            .run("report", &["--format", "markdown"])
            .exits(0)
            .stdout,
        written
    );
    let results = project.results();
    let named = project.run("report", &[results.to_str().unwrap()]).exits(0);
    assert_eq!(
        named.stdout, done.stdout,
        "the first report and the one made from the record"
    );
    let report: serde_json::Value =
        serde_json::from_str(&project.run("report", &["--format", "json"]).exits(0).stdout)
            .unwrap();
    assert!(written.contains("stdio beside HTTP"), "{written}");
    assert_eq!(report["suites"][0]["suite"], "echo");
    let rows = report["rows"].as_array().unwrap();
    let (floors, servers): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row["role"] == "floor");
    assert_eq!(floors[0]["subject"], "floor");
    assert_eq!(floors[0]["rank"], serde_json::Value::Null);
    let ranks: Vec<_> = servers.iter().map(|row| &row["rank"]).collect();
    assert_eq!(ranks, [1, 2]);
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn what_is_built_is_built_first_and_a_failed_build_ends_the_run() {
    for (behaviour, code, told) in [
        ("builds", 0, "building"),
        ("exits", 2, "failed (exit status: 7)"),
    ] {
        let project = Project::new(&["right"]);
        let subjects = project.read("subjects.toml");
        let command = subjects.lines().find(|line| line.starts_with("command"));
        let command = command
            .unwrap()
            .replace("\"right\"", &format!("{behaviour:?}"));
        let subjects = subjects.replace("wire =", "build = \"it\"\nwire =");
        project.write(
            "subjects.toml",
            &format!("[build.it]\n{command}\n{subjects}"),
        );
        let done = project.measure(&["--trials", "1"]).exits(code);
        done.told(told);
        assert!(!done.stdout.contains("building"), "stdout is for results");
        assert_eq!(project.path("results").exists(), code == 0);
        if code == 0 {
            assert!(project.environment().built);
            std::fs::remove_dir_all(project.path("results")).unwrap();
        }
        project.measure(&["--trials", "1", "--no-build"]).exits(0);
        assert!(!project.environment().built);
    }
}

#[test]
fn a_shared_core_spoils_the_rate_and_leaves_the_cpu_time() {
    let project = Project::new(&["right"]);
    let cores = ["--server-core-list", "0", "--load-core-list", "0"];
    let done = project
        .measure(&[&["--trials", "1"], &cores[..]].concat())
        .exits(0);
    let trial = &project.trials()[0];
    assert!(
        trial.warnings().contains(&Warning::SharedCores),
        "{trial:?}"
    );
    let held = trial.validity();
    assert!(!held.rate.is_usable() && held.cpu.is_usable(), "{trial:?}");
    done.printed("Ranked by server CPU per call");
    done.printed("CPU only");
    assert!(
        done.stdout
            .contains("Remedy: use a machine with at least two cores")
    );
}

#[test]
fn rows_survive_the_disk_and_a_torn_last_row_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trials.csv");
    let rows = [
        Trial {
            suite: "echo".to_owned(),
            status: Status::Died,
            failure: "line 1, \"quoted\"\nline 2; and, more".to_owned(),
            p99_9_us: Some(u64::MAX),
            ..Trial::default()
        },
        Trial {
            warnings: "client_saturated;steal".to_owned(),
            started_unix_ms: -1,
            ..Trial::default()
        },
    ];
    let mut writer = TrialWriter::create(&path).unwrap();
    for row in &rows {
        writer.append([row]).unwrap();
    }
    assert!(
        TrialWriter::create(&path).is_err(),
        "results are never overwritten"
    );
    assert_eq!(read_trials(&path).unwrap(), rows);
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}echo,half a r")).unwrap();
    assert_eq!(read_trials(&path).unwrap(), rows);
}
