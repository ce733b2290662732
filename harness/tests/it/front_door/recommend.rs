//! `recommend`: from a run, what to use for a kind of work.

use serde_json::Value;

use super::compare::{Recorded, json};

const RUN: &[super::compare::Figures<'_>] = &[
    ("files", "quick", 100, 500),
    ("files", "near", 102, 500),
    ("files", "slow", 200, 500),
    ("sql", "quick", 100, 500),
    ("sql", "near", 103, 500),
    ("sql", "slow", 50, 500),
];

/// A run whose suites stand for work, with three servers of which `quick` takes much memory.
fn recorded() -> Recorded {
    let recorded = Recorded::new(&["right"]);
    let run = recorded.run_with("run", RUN);
    let subjects = run.join("definitions/subjects.toml");
    let text = std::fs::read_to_string(&subjects).unwrap();
    let table = text.replace("[subject.right", "[subject.NAME");
    let table = &table[table.find("[subject.NAME]").unwrap()..];
    let one = |name: &str, transport: &str| {
        let table = table.replace("NAME", name);
        table.replace(
            "transport = \"http\"",
            &format!("transport = \"{transport}\""),
        )
    };
    let all = [
        one("quick", "http"),
        one("near", "http"),
        one("slow", "other"),
    ];
    std::fs::write(&subjects, all.join("\n")).unwrap();
    for (suite, workload) in [("files", "io"), ("sql", "database")] {
        let path = run.join(format!("definitions/suites/{suite}.toml"));
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("workload = \"{workload}\"\n{text}")).unwrap();
    }
    let rows = run.join("trials.csv");
    let mut trials = harness::results::trial::read_trials(&rows).unwrap();
    std::fs::remove_file(&rows).unwrap();
    let mut writer = harness::results::trial::TrialWriter::create(&rows).unwrap();
    for trial in &mut trials {
        if trial.subject == "quick" {
            trial.rss_peak_bytes = Some(50_000_000);
        }
        writer.append(trial).unwrap();
    }
    recorded
}

fn said(found: &Value) -> String {
    found["would_change"].to_string()
}

#[test]
fn the_first_of_the_suites_that_stand_for_the_work_is_chosen_with_its_evidence() {
    let recorded = recorded();
    let recommend = |flags: &[&str]| {
        let flags = [flags, &["run", "--format", "json"]].concat();
        json(&recorded.verb("recommend", &flags).exits(0))
    };
    let found = recommend(&["--workload", "io", "--clients", "2"]);
    assert_eq!(found["subject"], "quick");
    assert_eq!(found["suites"], serde_json::json!(["files"]));
    assert!(found["command"].as_array().unwrap().len() > 1, "{found}");
    assert_eq!(found["evidence"][0]["cpu_us_per_call"], 100.1);
    assert_eq!(found["runners_up"][0]["subject"], "near");
    assert!(
        said(&found).contains("near ties with it (+2.0%)"),
        "{found}"
    );
    assert!(!said(&found).contains("extrapolation"), "{found}");

    let found = recommend(&["--workload", "io", "--clients", "100", "--memory", "32M"]);
    assert_eq!(found["subject"], "near");
    for part in [
        "quick took 50.0 MB of memory, over the limit of 32.0 MB; without that limit it would be before",
        "+2.0% worse",
        "Measured with 2 clients, asked for 100: this is an extrapolation",
    ] {
        assert!(said(&found).contains(part), "{part} in {found}");
    }
    let found = recommend(&["--workload", "mixed"]);
    // 1 and 2, 1.02 and 2.06, 2 and 1: the first and the last are alike, so either may be chosen.
    let is_quick = found["subject"] == "quick";
    let other = if is_quick { "slow" } else { "quick" };
    let tie = format!("{other} ties with it (+0.0%)");
    assert!(said(&found).contains(&tie), "{found}");
    assert!(
        said(&found).contains("near is within 3% of it (+2.5%)"),
        "{found}"
    );
    let found = recommend(&["--workload", "database", "--transport", "other"]);
    assert_eq!(found["subject"], "slow");
    assert!(said(&found).contains("only candidate"), "{found}");

    let text = recorded
        .verb("recommend", &["run", "--workload", "io"])
        .exits(0)
        .stdout;
    assert!(text.starts_with("Use quick for io work"), "{text}");
    let csv = ["run", "--workload", "io", "--format", "csv"];
    let csv = recorded.verb("recommend", &csv).exits(0).stdout;
    assert!(
        csv.lines()
            .nth(1)
            .unwrap()
            .starts_with("files,quick,2,100.1,"),
        "{csv}"
    );
}

#[test]
fn nothing_is_recommended_from_nothing() {
    let recorded = recorded();
    for (flags, said) in [
        (
            &["--workload", "cpu"][..],
            "no suite of the run run stands for cpu work (its suites stand for: database, io)",
        ),
        (
            &["--workload", "io", "--memory", "1M"],
            "nothing in run keeps to the limits",
        ),
        (
            &["--workload", "io", "--transport", "none"],
            "has the transport \"none\"; it has: http, other",
        ),
        (
            &["--workload", "io", "--memory", "much"],
            "is not a size; write it like 32M",
        ),
    ] {
        let done = recorded
            .verb("recommend", &[&["run"], flags].concat())
            .exits(2);
        assert!(done.stderr.contains(said), "{said} in {}", done.stderr);
    }
}
