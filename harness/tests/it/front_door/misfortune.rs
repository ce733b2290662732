//! Subjects that misbehave: each is reported, none is ranked, and the others go on.

use harness::results::environment::State;
use harness::results::trial::{Status, Trial};

use super::compare::json;
use super::support::Project;

/// The subjects of the latest report with their ranks.
fn ranks(project: &Project) -> Vec<(String, Option<u64>)> {
    let report = json(&project.run("report", &["--format", "json"]).exits(0));
    let rows = report["rows"].as_array().unwrap().iter();
    let rank = |row: &serde_json::Value| {
        let subject = row["subject"].as_str().unwrap().to_owned();
        (subject, row["rank"].as_u64())
    };
    rows.map(rank).collect()
}

#[test]
fn every_misfortune_is_reported_and_the_others_go_on() {
    let project = Project::new(&[
        "right",
        "wrong",
        "tool-error",
        "slow",
        "dies=40",
        "stdio-dies=40",
        "silent",
        "exits",
    ]);
    let done = project
        .measure(&["--trials", "2", "--call-timeout-s", "0.2"])
        .exits(1);
    let each = |subject: &str, count: usize, status: Status| -> Vec<Trial> {
        let trials = project.trials_of(subject);
        assert_eq!(trials.len(), count, "{subject}: {trials:?}");
        assert!(
            trials.iter().all(|trial| trial.status == status),
            "{subject}: {trials:?}"
        );
        trials
    };
    for trial in each("right", 2, Status::Measured) {
        assert!(trial.calls > 0 && trial.errors == 0, "{trial:?}");
    }
    for trial in each("wrong", 2, Status::Measured) {
        assert!(trial.errors_mismatch > 0, "{trial:?}");
        assert_eq!(
            (trial.calls, trial.p50_us, trial.errors),
            (0, None, trial.errors_mismatch),
            "{trial:?}"
        );
        assert!(
            trial.failure.contains("not what you said"),
            "{}",
            trial.failure
        );
    }
    for trial in each("tool-error", 2, Status::Measured) {
        assert!(trial.calls == 0 && trial.errors_tool > 0, "{trial:?}");
    }
    for trial in each("slow", 2, Status::Measured) {
        assert!(trial.calls == 0 && trial.errors_timeout > 0, "{trial:?}");
    }
    for subject in ["dies", "stdio-dies"] {
        for trial in each(subject, 2, Status::Died) {
            assert!(trial.failure.contains("exit code 3"), "{}", trial.failure);
            assert!(trial.failure.contains("out of luck"), "{}", trial.failure);
        }
    }
    for trial in each("silent", 2, Status::NotReady) {
        assert!(trial.failure.contains("thinking"), "{}", trial.failure);
    }
    for trial in each("exits", 2, Status::NotReady) {
        assert!(
            trial.failure.contains("exit code 7") && trial.failure.contains("no such luck"),
            "{}",
            trial.failure
        );
    }
    done.told("exits takes no further part");

    let ranks = ranks(&project);
    let ranked = |name: &str| ranks.iter().find(|(subject, _)| subject == name).unwrap().1;
    assert_eq!(ranked("right"), Some(1));
    for subject in [
        "wrong",
        "tool-error",
        "slow",
        "dies",
        "stdio-dies",
        "silent",
        "exits",
    ] {
        assert_eq!(ranked(subject), None, "{subject}");
        done.printed(&format!("- {subject}, trial 1"));
    }
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn a_run_without_one_right_subject_ends_with_exit_code_1() {
    let project = Project::new(&["exits"]);
    let done = project.measure(&["--trials", "3"]).exits(1);
    let statuses: Vec<Status> = project.trials().iter().map(|trial| trial.status).collect();
    assert_eq!(
        statuses,
        [Status::NotReady, Status::NotReady, Status::Skipped]
    );
    let environment = project.environment();
    assert_eq!(
        (environment.trials_planned, environment.trials_done),
        (3, 2)
    );
    done.printed("none, 2 of 3 trials failed, 1 of 3 trials skipped");
}

#[test]
fn a_floor_that_answers_less_than_it_was_told_is_wrong() {
    let project = Project::new(&["right", "floor-short"]);
    project.measure(&["--trials", "1"]).exits(1);
    let [floor] = &project.trials_of("floor-short")[..] else {
        panic!("one trial");
    };
    assert!(floor.calls == 0 && floor.errors_mismatch > 0, "{floor:?}");
    assert!(
        floor.failure.contains("99 bytes and not the 100"),
        "{}",
        floor.failure
    );
}

#[test]
fn what_goes_wrong_around_the_window_fails_the_run_and_is_not_ranked() {
    let project = Project::new(&["right", "wrong-at-first", "stdio-unclean"]);
    let done = project.measure(&["--trials", "1"]).exits(1);
    let [warm] = &project.trials_of("wrong-at-first")[..] else {
        panic!("one trial");
    };
    assert_eq!((warm.errors, warm.errors_in_warmup), (0, 1), "{warm:?}");
    let [unclean] = &project.trials_of("stdio-unclean")[..] else {
        panic!("one trial");
    };
    assert_eq!(
        (unclean.status, unclean.errors, unclean.exit_unclean),
        (Status::Measured, 0, 1),
        "{unclean:?}"
    );
    assert!(
        unclean.failure.contains("exit code 4"),
        "{}",
        unclean.failure
    );
    let right = &project.trials_of("right")[0];
    assert!(right.is_right(), "{right:?}");
    let mut ranked = ranks(&project);
    ranked.retain(|(_, rank)| rank.is_some());
    assert_eq!(ranked, [("right".to_owned(), Some(1))]);
    done.printed("1 unclean exits");
}

#[test]
fn a_service_that_dies_fails_the_run_and_is_quoted() {
    let project = Project::new(&["right"]);
    let subjects = project.read("subjects.toml");
    let command = subjects
        .lines()
        .find(|line| line.starts_with("command"))
        .unwrap()
        .to_owned();
    let noted = subjects
        .lines()
        .find(|line| line.starts_with("environment"))
        .unwrap()
        .to_owned();
    let service = command.replace("\"right\", \"0\"", "\"mute-service\", \"700\"");
    let subjects = subjects.replace(&command, &command.replace("\"0\"", "\"{backend_url}\""));
    project.write(
        "subjects.toml",
        &format!("{subjects}\n[service.backend]\n{service}\n{noted}\n"),
    );
    let done = project.measure(&["--trials", "20"]).exits(2);
    done.told("the service gives up");
    assert_eq!(project.environment().state, State::Failed);
    let report = std::fs::read_to_string(project.results().join("report.md")).unwrap();
    assert!(
        report.contains("FAILED after") && report.contains("the service gives up"),
        "{report}"
    );
    assert_eq!(project.survivors(), [""; 0]);
}
