//! The verbs over recorded runs: what is compared, ranked, gated and recommended, and what is
//! refused.

use harness::results::environment::{Environment, ServerLimits};
use harness::results::histogram;
use harness::results::trial::{Trial, TrialWriter};
use hdrhistogram::Histogram;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::support::{Done, Project};

/// A subject's figures in one suite: CPU time of a call in microseconds, and the median latency.
pub(crate) type Figures<'f> = (&'f str, &'f str, u64, u64);

/// A project whose only run was really made, and copies of it whose figures are written by hand, so
/// that what has to come out is known.
pub(crate) struct Recorded {
    pub(crate) project: Project,
    original: PathBuf,
}

/// Spread of the figures over the rounds, in thousandths: alike for all subjects, as drift is.
const DRIFT: [u64; 6] = [1_000, 1_004, 996, 1_002, 998, 1_006];

impl Recorded {
    pub(crate) fn new(behaviours: &[&str]) -> Self {
        let project = Project::new(behaviours);
        project.measure(&["--trials", "1"]).exits(0);
        let original = project.results();
        Self { project, original }
    }

    /// A run of that name in which each of these subjects has six trials with these figures.
    pub(crate) fn run_with(&self, name: &str, figures: &[Figures<'_>]) -> PathBuf {
        let folder = self.project.path("results").join(name);
        for part in ["definitions/suites", "histograms"] {
            std::fs::create_dir_all(folder.join(part)).unwrap();
        }
        for file in ["environment.json", "definitions/subjects.toml"] {
            std::fs::copy(self.original.join(file), folder.join(file)).unwrap();
        }
        let mut rows = TrialWriter::create(&folder.join("trials.csv")).unwrap();
        let suite = self.original.join("definitions/suites/echo.toml");
        for (suite_name, subject, cpu_us, p50_us) in figures {
            let copy = folder.join(format!("definitions/suites/{suite_name}.toml"));
            std::fs::copy(&suite, copy).unwrap();
            for (trial, drift) in (1..).zip(DRIFT) {
                let row = trial_of(suite_name, subject, trial, cpu_us * drift, *p50_us);
                write_histogram(&folder.join(&row.histogram), *p50_us);
                rows.append([&row]).unwrap();
            }
        }
        folder
    }

    /// The verb on runs of these names.
    pub(crate) fn verb(&self, verb: &str, flags: &[&str]) -> Done {
        self.project.run(verb, flags)
    }
}

fn trial_of(suite: &str, subject: &str, trial: u32, cpu_ns: u64, p50_us: u64) -> Trial {
    Trial {
        suite: suite.to_owned(),
        subject: subject.to_owned(),
        role: if subject == "floor" {
            "floor"
        } else {
            "server"
        }
        .to_owned(),
        trial,
        calls: 100,
        calls_per_s: Some(1_000_000_000 / cpu_ns),
        server_cpu_ns_per_call: Some(cpu_ns),
        p50_us: Some(p50_us),
        p99_us: Some(2 * p50_us),
        rss_peak_bytes: Some(10_000_000),
        histogram: format!("histograms/{suite}+{subject}+{trial}.hlog"),
        ..Trial::default()
    }
}

fn write_histogram(path: &Path, p50_us: u64) {
    let mut latency = Histogram::<u64>::new(3).unwrap();
    latency.record_n(p50_us * 1_000, 98).unwrap();
    latency.record_n(p50_us * 2_000, 2).unwrap();
    let interval = histogram::Interval {
        start: SystemTime::now(),
        length: Duration::from_secs(1),
        latencies: latency,
        steps: Vec::new(),
    };
    histogram::write(path, &[interval]).unwrap();
}

/// Changes the run's environment.
pub(crate) fn change_environment(run: &Path, change: fn(&mut Environment)) {
    let path = run.join("environment.json");
    let mut environment = Environment::read(&path).unwrap();
    change(&mut environment);
    environment.write(&path).unwrap();
}

pub(crate) fn json(done: &Done) -> Value {
    serde_json::from_str(&done.stdout).unwrap()
}

fn verdicts(comparison: &Value) -> Vec<String> {
    let figures = comparison["rows"].as_array().unwrap().iter();
    figures
        .map(|one| one["verdict"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn two_runs_are_compared_subject_by_subject() {
    let recorded = Recorded::new(&["right"]);
    recorded.run_with("before", &[("echo", "right", 100, 500)]);
    recorded.run_with("same", &[("echo", "right", 101, 500)]);
    recorded.run_with(
        "after",
        &[("echo", "right", 110, 400), ("echo", "new", 1, 1)],
    );
    let same = json(
        &recorded
            .verb("compare", &["before", "same", "--format", "json"])
            .exits(0),
    );
    assert_eq!(verdicts(&same), ["equal"; 4]);
    let done = recorded
        .verb("compare", &["before", "after", "--format", "json"])
        .exits(0);
    let after = json(&done);
    assert_eq!(verdicts(&after), ["slower", "slower", "faster", "faster"]);
    let cpu = &after["rows"][0];
    assert!((cpu["ratio"].as_f64().unwrap() - 1.1).abs() < 1e-3, "{cpu}");
    let p99 = &after["rows"][3];
    assert!(
        (p99["b"].as_f64().unwrap() - 0.8).abs() < 1e-3,
        "from the merged histograms: {p99}"
    );
    assert_eq!(after["left_out"][0], "echo: only B has new");

    let text = recorded
        .verb("compare", &["before", "after"])
        .exits(0)
        .stdout;
    assert!(text.contains("slower") && text.contains("1.100"), "{text}");
    let csv = recorded
        .verb("compare", &["before", "after", "--format", "csv"])
        .exits(0)
        .stdout;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 5, "a row for each metric: {csv}");
    assert!(
        lines[0].contains("ratio,ratio_low,ratio_high") && lines[1].contains("cpu_us_per_call"),
        "{csv}"
    );
    assert!(lines[1].contains("slower"), "{csv}");
}

#[test]
fn two_subjects_of_a_run_are_compared_round_by_round() {
    let recorded = Recorded::new(&["right"]);
    recorded.run_with(
        "run",
        &[
            ("echo", "a", 100, 500),
            ("echo", "b", 103, 500),
            ("only", "a", 1, 1),
        ],
    );
    let flags: Vec<&str> = "--run run a b --format json".split(' ').collect();
    let found = json(&recorded.verb("compare", &flags).exits(0));
    let cpu = &found["rows"][0];
    // What drifts falls on both, so the interval has no width.
    let end = |key: &str| cpu[key].as_f64().unwrap();
    assert!(
        (end("ratio_low") - 1.03).abs() < 1e-3 && (end("ratio_high") - 1.03).abs() < 1e-3,
        "{cpu}"
    );
    assert_eq!(cpu["verdict"], "slower");
    assert_eq!(found["left_out"][0], "only: only a was asked");
    let lenient = recorded.verb("compare", &[&flags[..], &["--threshold", "5%"]].concat());
    assert_eq!(verdicts(&json(&lenient.exits(0))), ["equal"; 4]);
    let done = recorded
        .verb("compare", &["--run", "run", "a", "nobody"])
        .exits(2);
    done.told("has no trial of \"nobody\"; it has: a, b");
}

#[test]
fn other_machines_harnesses_and_questions_are_refused_with_what_differs() {
    let recorded = Recorded::new(&["right"]);
    let figures = [("echo", "right", 100, 500)];
    recorded.run_with("here", &figures);
    let there = recorded.run_with("there", &figures);
    change_environment(&there, |environment| {
        environment.machine.cpu_model = "Another 9000".to_owned();
        environment.machine.load_average_milli += 7;
        // The same version, built anew.
        let harness = environment.programs.get_mut("mcp-harness").unwrap();
        harness.sha256 = "ab12".to_owned();
        environment.server_limits = Some(ServerLimits {
            cpu_milli: Some(500),
            memory_bytes: None,
            by: "a control group".to_owned(),
        });
    });
    let done = recorded.verb("compare", &["here", "there"]).exits(2);
    for part in [
        "cannot be compared",
        "\"Another 9000\" in B",
        "\"ab12\" in B",
        "server_limits is null in A",
    ] {
        done.told(part);
    }
    assert!(!done.stderr.contains("load_average"), "{}", done.stderr);

    let other = recorded.run_with("other", &figures);
    for (file, from, to, said) in [
        (
            "suites/echo.toml",
            "clients = 2",
            "clients = 3",
            "load.clients is 2 in A and 3 in B",
        ),
        (
            "subjects.toml",
            "wire = \"http\"",
            "wire = \"sse\"",
            "subject right: wire is",
        ),
    ] {
        let path = other.join("definitions").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let done = recorded.verb("compare", &["here", "other"]).exits(2);
        done.told(said);
    }
}

#[test]
fn few_trials_and_wrong_answers_give_no_verdict_and_say_why() {
    let project = Project::new(&["right", "wrong"]);
    project.measure(&["--trials", "1"]).exits(1);
    let flags = ["--run", "latest", "right", "wrong"];
    let done = project
        .run("compare", &[&flags[..], &["--format", "json"]].concat())
        .exits(0);
    assert_eq!(verdicts(&json(&done)), ["unknown"; 4]);
    let text = project.run("compare", &flags).exits(0).stdout;
    assert!(
        text.contains("A: it holds in 1 trials only, a verdict needs 3"),
        "{text}"
    );
    assert!(text.contains("B: a trial went wrong"), "{text}");
}
