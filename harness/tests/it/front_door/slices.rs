//! Windows of load on servers: slices over live servers, calls beside the timed ones, and processes
//! for each call.

use harness::results::trial::{Status, Trial, TrialWriter};
use harness::results::{histogram, warmup};

use super::support::{Done, Project, SUITE};

/// Calls that are made beside the timed ones.
const BESIDE: &str = r#"
[beside]
tool = "echo"
arguments = { message = "x" }
clients = 1

[beside.expect.equals]
"/structuredContent/message" = "x"
"#;

#[test]
fn cpu_per_call_is_not_known_while_other_calls_are_made_beside() {
    let project = Project::new(&["right"]);
    project.write("suites/echo.toml", &format!("{SUITE}{BESIDE}"));
    project.measure(&["--trials", "1"]).exits(0);
    let trial = &project.trials()[0];
    assert!(trial.server_cpu_ns > Some(0), "{trial:?}");
    assert_eq!(trial.server_cpu_ns_per_call, None, "{trial:?}");
    assert_eq!(trial.calls_per_s_per_cpu_percent_milli, None, "{trial:?}");
}

#[test]
fn a_process_for_each_call_has_all_readings() {
    let project = Project::new(&["stdio-right"]);
    let subjects = std::fs::read_to_string(project.path("subjects.toml")).unwrap();
    let per_call = subjects.replace("wire =", "processes = \"per_call\"\nwire =");
    project.write("subjects.toml", &per_call);
    project.measure(&["--trials", "1"]).exits(0);
    let trial = &project.trials()[0];
    assert!(trial.is_right(), "{trial:?}");
    assert!(trial.server_cpu_ns > Some(0), "{trial:?}");
    assert!(trial.client_busy_permille > Some(0), "{trial:?}");
    assert!(trial.load_cores_busy_permille.is_some(), "{trial:?}");
    assert!(trial.steal_permille.is_some(), "{trial:?}");
}

/// Two processes of three short slices each.
const SLICES: [&str; 14] = [
    "--processes",
    "2",
    "--slices",
    "3",
    "--slice-s",
    "0.1",
    "--lead-in-s",
    "0.02",
    "--warmup-s",
    "0.05",
    "--seed",
    "1",
    "--call-timeout-s",
    "0.5",
];

fn slices(project: &Project, flags: &[&str]) -> Done {
    project.run("measure", &[&SLICES, flags].concat())
}

#[test]
fn subjects_live_side_by_side_and_are_measured_by_turns() {
    let project = Project::new(&["right", "stdio-right", "floor"]);
    slices(&project, &[]).exits(0);
    let trials = project.trials();
    let numbers: Vec<(u32, u32, u32)> = trials
        .iter()
        .map(|one| (one.trial, one.process, one.slice))
        .collect();
    let wanted = [
        (1, 1, 1),
        (2, 1, 2),
        (3, 1, 3),
        (4, 2, 1),
        (5, 2, 2),
        (6, 2, 3),
    ];
    let wanted: Vec<_> = wanted.iter().flat_map(|one| [*one; 3]).collect();
    assert_eq!(numbers, wanted);
    for trial in &trials {
        assert!(
            trial.is_right() && trial.elapsed_ns >= Some(100_000_000),
            "{trial:?}"
        );
        assert!(trial.server_cpu_ns_per_call > Some(0), "{trial:?}");
        assert!(
            trial.rss_peak_bytes > Some(0) && trial.samples.is_empty(),
            "{trial:?}"
        );
        let file = format!("histograms/echo+{}+{}.hlog", trial.subject, trial.process);
        assert_eq!(trial.histogram, file);
        let slices = histogram::read_intervals(&project.results().join(file)).unwrap();
        assert_eq!(slices.len(), 3);
        assert_eq!(slices[trial.slice as usize - 1].len(), trial.calls);
    }
    // One process for all slices: each start is noted.
    let started = std::fs::read_to_string(project.path("processes")).unwrap();
    assert_eq!(started.lines().count(), 3 * 2, "{started}");
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn what_goes_wrong_in_a_slice_is_recorded_and_the_others_go_on() {
    let project = Project::new(&["right", "wrong", "dies=40", "stdio-dies=40", "silent"]);
    let done = slices(&project, &[]).exits(1);
    assert!(project.trials_of("right").iter().all(Trial::is_right));
    assert!(
        project
            .trials_of("wrong")
            .iter()
            .all(|one| one.errors_mismatch > 0)
    );
    for subject in ["dies", "stdio-dies"] {
        let trials = project.trials_of(subject);
        assert_eq!(trials.len(), 6);
        let died: Vec<_> = trials
            .iter()
            .filter(|one| one.status == Status::Died)
            .collect();
        assert_eq!(died.len(), 2, "once in each process: {trials:?}");
        assert!(
            died[0].failure.contains("out of luck"),
            "{}",
            died[0].failure
        );
        assert!(trials.iter().all(|one| !one.is_right()), "{trials:?}");
    }
    let silent = project.trials_of("silent");
    assert!(
        silent.iter().all(|one| one.status == Status::NotReady),
        "{silent:?}"
    );
    assert!(
        done.stderr.contains("silent takes no further part"),
        "{}",
        done.stderr
    );
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn a_run_of_slices_is_continued_with_its_next_whole_process_round() {
    let project = Project::new(&["right", "stdio-right"]);
    slices(&project, &[]).exits(0);
    let (run, before) = (project.results(), project.trials());
    std::fs::remove_file(run.join("trials.csv")).unwrap();
    let mut writer = TrialWriter::create(&run.join("trials.csv")).unwrap();
    // One round, and the first window of the next.
    writer.append(&before[..7]).unwrap();
    drop(writer);
    let resumed = ["--resume", run.to_str().unwrap()];
    let done = project.run("measure", &resumed).exits(0);
    assert!(
        done.stderr.contains("6 of 12 trials are missing"),
        "{}",
        done.stderr
    );
    let after = project.trials();
    assert_eq!(after.len(), 12);
    assert_eq!(after[..6], before[..6]);
    assert_ne!(after[6], before[6], "a round is made as a whole");
    assert!(after.iter().all(Trial::is_right), "{after:?}");
}

#[test]
fn a_rate_that_all_keep_up_with_is_found_and_measured_beside_the_closed_loop() {
    let project = Project::new(&["right", "stdio-right"]);
    slices(&project, &["--at-rate", "auto"]).exits(0);
    let trials = project.trials();
    let at_rate: Vec<&Trial> = trials
        .iter()
        .filter(|one| one.suite == "echo@rate")
        .collect();
    assert_eq!((trials.len(), at_rate.len()), (24, 12));
    let rate = at_rate[0].rate_planned_per_s_milli;
    assert!(rate > Some(0), "{:?}", at_rate[0]);
    for trial in &at_rate {
        assert!(trial.is_right(), "{trial:?}");
        assert_eq!(trial.rate_planned_per_s_milli, rate);
        assert!(trial.server_cpu_ns_per_call > Some(0), "{trial:?}");
    }
    let kept = project.results().join("definitions/suites/echo@rate.toml");
    let kept = std::fs::read_to_string(kept).unwrap();
    assert!(kept.contains("rate_per_s = "), "{kept}");
}

#[test]
fn a_warm_up_goes_on_until_the_rate_has_settled_and_keeps_it() {
    let project = Project::new(&["slow-at-first=1500"]);
    let auto = ["--warmup", "auto", "--trials", "1", "--duration-s", "1"];
    project.measure(&auto).exits(0);
    let trial = &project.trials()[0];
    let steps = project.results().join("warmups/echo+slow-at-first+1.csv");
    let steps = warmup::read(&steps).unwrap();
    let (first, last) = (steps[0].calls_per_s, steps[steps.len() - 1].calls_per_s);
    assert!(first <= 200, "two clients that wait 10 ms each: {steps:?}");
    assert!(last > 5 * first, "{steps:?}");
    // The rate of the whole window is the settled one, and the trial says how long that took.
    assert!(trial.calls_per_s > Some(5 * first), "{trial:?}");
    let warmed_us = steps[steps.len() - 1].at_ms * 1_000;
    assert!(
        warmed_us > 1_500_000 && trial.warmup_us >= warmed_us,
        "{trial:?}"
    );
}

#[test]
fn a_warm_up_that_does_not_settle_ends_at_its_bound() {
    let project = Project::new(&["right"]);
    let done = slices(&project, &["--warmup", "auto", "--warmup-max-s", "0.5"]).exits(0);
    done.told("has not settled after 500ms");
    for process in [1, 2] {
        let steps = format!("warmups/echo+right+{process}.csv");
        let steps = warmup::read(&project.results().join(steps)).unwrap();
        assert_eq!(
            steps.iter().map(|step| step.at_ms).collect::<Vec<_>>(),
            [250, 500]
        );
    }
    assert_eq!(project.trials().len(), 6);
}

#[test]
fn a_process_for_each_client_is_one_load_of_all_of_them() {
    let project = Project::new(&["stdio-right"]);
    let subjects = std::fs::read_to_string(project.path("subjects.toml")).unwrap();
    let per_client = subjects.replace("wire =", "processes = \"per_client\"\nwire =");
    project.write("subjects.toml", &per_client);
    let flags = ["--rate-per-s", "200", "--trials", "1", "--clients", "4"];
    project.measure(&flags).exits(0);
    let trial = &project.trials()[0];
    assert!(
        trial.is_right() && trial.samples.contains("samples/"),
        "{trial:?}"
    );
    // Each client has its share of the instants: with all of them each, the calls were four times as
    // many. Some may be late ones of the warm-up.
    let most = 2 * trial.elapsed_ns.unwrap() / 5_000_000;
    assert!((1..=most).contains(&trial.calls), "{trial:?}");
    let started = std::fs::read_to_string(project.path("processes")).unwrap();
    assert_eq!(started.lines().count(), 4, "{started}");
}
