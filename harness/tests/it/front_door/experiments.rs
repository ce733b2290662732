//! `experiments`: experiments on fake subjects, and what the project's own experiments are made of.

use serde_json::Value;

use super::support::{Done, Project};

/// A flag off and on; the fake subject takes any.
pub(crate) const EXPERIMENT: &str = r#"
number = 2
title = "a pool"
teaches = "Keep connections."

[[published]]
id = "C2"
says = "100 ms to 5 ms"

[load]
clients = 2
warmup_s = 0.05
duration_s = 0.3
trials = 2

[[compare]]
name = "http"
what = "a pool of ten"
server = "right"
suite = "echo"
figure = "p50_ms"
base = "off"
with = "10"
variants = [
  { name = "off", flags = { pool = "off" } },
  { name = "10", flags = { pool = 10 }, load = { clients = 1 } },
]
"#;

pub(crate) fn project() -> Project {
    Project::new(&["right", "stdio-right", "wrong", "floor"])
}

pub(crate) fn experiments(project: &Project, flags: &[&str]) -> Done {
    let folder = project.path("experiments");
    let always = ["--experiments-dir", folder.to_str().unwrap(), "--seed", "1"];
    project.run("experiments", &[&always, flags].concat())
}

#[test]
fn variants_are_measured_beside_each_other_and_kept_with_the_run() {
    let project = project();
    project.write("experiments/pool.toml", EXPERIMENT);
    let done = experiments(&project, &[]).exits(0);
    let row = done.stdout.lines().last().unwrap();
    for part in [
        "a pool of ten",
        "p50 ms",
        "(off)",
        "(10)",
        "Keep connections.",
        "C2: 100 ms",
    ] {
        assert!(row.contains(part), "{part} in {row}");
    }
    let trials = project.trials();
    let asked: Vec<(&str, u32, u64)> = trials
        .iter()
        .map(|trial| (trial.subject.as_str(), trial.trial, trial.clients))
        .collect();
    assert_eq!(asked.len(), 4, "{asked:?}");
    for (subject, clients) in [("pool.http.off", 2), ("pool.http.10", 1)] {
        for trial in [1, 2] {
            assert!(asked.contains(&(subject, trial, clients)), "{asked:?}");
        }
    }
    assert!(
        asked[..2].iter().all(|(_, trial, _)| *trial == 1),
        "{asked:?}"
    );
    let subjects = std::fs::read_to_string(project.results().join("definitions/subjects.toml"));
    let subjects = subjects.unwrap();
    for flag in ["\"off\"", "\"10\""] {
        assert!(subjects.contains(flag), "{flag} in {subjects}");
    }
    let report = project.run("report", &[]).exits(0).stdout;
    assert!(
        report.contains("\nExperiments\n") && report.contains(row),
        "{report}"
    );
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn only_the_named_experiments_are_made() {
    let project = project();
    project.write("experiments/pool.toml", EXPERIMENT);
    project.write(
        "experiments/other.toml",
        &EXPERIMENT.replace("number = 2", "number = 1"),
    );
    experiments(&project, &["--only", "pool", "--trials", "1"]).exits(0);
    assert_eq!(project.trials().len(), 2);
    let done = experiments(&project, &["--only", "pol"]).exits(2);
    done.told("known: other, pool");
}

#[test]
fn a_wrong_answer_is_no_measurement() {
    let project = project();
    let experiment = EXPERIMENT.replace(
        "name = \"10\", flags",
        "name = \"10\", server = \"wrong\", flags",
    );
    project.write("experiments/pool.toml", &experiment);
    let done = experiments(&project, &["--format", "json"]).exits(1);
    let weighed: Value = serde_json::from_str(&done.stdout).unwrap();
    let experiment = &weighed["experiments"][0];
    assert_eq!(experiment["ratio"], Value::Null);
    assert!(experiment["off"].as_f64().is_some_and(|ms| ms > 0.0));
    let errors = weighed["variants"][1]["errors"].as_u64();
    assert!(errors.is_some_and(|errors| errors > 0));
    done.told("of 1 rows 1 could not");
}

#[test]
fn a_process_may_serve_one_call_one_client_or_all() {
    let project = project();
    let variants = "variants = [\n  { name = \"off\", processes = \"per_call\" },\n  \
                    { name = \"client\", processes = \"per_client\" },\n  { name = \"10\" },\n]";
    let begin = EXPERIMENT.find("variants = [").unwrap();
    let experiment =
        format!("{}{variants}\n", &EXPERIMENT[..begin]).replace("\"right\"", "\"stdio-right\"");
    project.write("experiments/pool.toml", &experiment);
    experiments(&project, &["--trials", "1"]).exits(0);
    let p50 = |variant: &str| {
        let trials = project.trials_of(&format!("pool.http.{variant}"));
        assert!(trials[0].is_right() && trials[0].clients == 2, "{trials:?}");
        trials[0].p50_us.unwrap()
    };
    assert!(p50("off") > p50("10"), "{} {}", p50("off"), p50("10"));
    let noted = project.read("processes");
    let per_call = project.trials_of("pool.http.off")[0].calls;
    assert!(noted.lines().count() as u64 > per_call + 2, "{noted}");
    let memory =
        |variant: &str| project.trials_of(&format!("pool.http.{variant}"))[0].rss_mean_bytes;
    assert!(memory("client").unwrap() > memory("10").unwrap());
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn what_a_model_reads_is_counted_and_others_may_ask_meanwhile() {
    let project = project();
    let suite = project.read("suites/echo.toml");
    let suite = suite.replace("variants = 16", "variants = 16\ncounts = \"answers\"")
        + "\n[beside]\ntool = \"echo\"\narguments = { message = \"x\" }\nclients = 1\n\n[beside.expect.equals]\n\
           \"/structuredContent/message\" = \"x\"\n";
    project.write("suites/busy.toml", &suite);
    project.write(
        "suites/listed.toml",
        &suite.replace("\"answers\"", "\"listing\""),
    );
    let experiment = EXPERIMENT
        .replace("suite = \"echo\"", "suite = \"busy\"")
        .replace("name = \"10\",", "name = \"10\", suite = \"listed\",")
        .replace("p50_ms", "text_bytes");
    project.write("experiments/pool.toml", &experiment);
    experiments(&project, &["--trials", "1"]).exits(0);
    let counted = |variant: &str| {
        let trial = &project.trials_of(&format!("pool.http.{variant}"))[0];
        assert!(trial.is_right(), "{trial:?}");
        (trial.text_bytes.unwrap(), trial.text_tokens.unwrap())
    };
    // {"message":"12345678"} and the definition of the one tool.
    let (bytes, tokens) = counted("off");
    assert_eq!(bytes, 22);
    assert!((5..=15).contains(&tokens), "{tokens}");
    let listing = r#"[{"inputSchema":{"type":"object"},"name":"echo"}]"#;
    assert_eq!(counted("10").0, listing.len() as u64);
    // What is asked beside counts when it is wrong.
    let wrong = suite.replace(
        "\"/structuredContent/message\" = \"x\"",
        "\"/structuredContent/message\" = \"y\"",
    );
    project.write("suites/busy.toml", &wrong);
    std::fs::remove_dir_all(project.path("results")).unwrap();
    experiments(&project, &["--trials", "1"]).exits(1);
    let failure = &project.trials_of("pool.http.off")[0].failure;
    assert!(failure.contains("beside the timed calls"), "{failure}");
}

#[test]
fn experiments_that_make_no_sense_are_refused_before_anything_is_measured() {
    for (from, to, told) in [
        (
            "title =",
            "heading =",
            "experiments/pool.toml:3:1: unknown field `heading`",
        ),
        (
            "with = \"10\"",
            "with = \"ten\"",
            "with = \"ten\" is no variant; there are: off, 10",
        ),
        (
            "name = \"off\", flags",
            "name = \"10\", flags",
            "the variant \"10\" is there twice",
        ),
        (
            "server = \"right\"",
            "server = \"left\"",
            "there is no subject \"left\"",
        ),
        (
            "suite = \"echo\"",
            "suite = \"ohce\"",
            "there is no suite \"ohce\"",
        ),
        (
            "{ pool = \"off\" }",
            "{ pool = [1] }",
            "the flag pool has the value [1]",
        ),
        ("p50_ms", "p51_ms", "unknown variant `p51_ms`"),
        (
            "{ pool = \"off\" } }",
            "{ pool = 1 }, processes = \"per_call\" }",
            "needs wire = \"stdio\"",
        ),
        ("trials = 2", "trials = 0", "trials = 0"),
    ] {
        assert!(EXPERIMENT.contains(from), "{from}");
        let project = project();
        project.write("experiments/pool.toml", &EXPERIMENT.replacen(from, to, 1));
        let done = experiments(&project, &[]).exits(2);
        done.told(told);
        assert!(!project.path("results").exists());
    }
}
