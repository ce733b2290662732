//! `recommend`: from a run, what to use for a kind of work.

use serde_json::Value;

use super::compare::{Recorded, json};

const RUN: &[super::compare::Figures<'_>] = &[
    ("files", "quick", 100, 500),
    ("files", "near", 103, 500),
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
        one("slow", "http").replace("wire = \"http\"", "wire = \"stdio\""),
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
        if trial.subject == "slow" {
            "stdio".clone_into(&mut trial.wire);
        }
        writer.append([&*trial]).unwrap();
    }
    recorded
}

#[test]
fn the_first_of_the_suites_that_stand_for_the_work_is_recommended() {
    let recorded = recorded();
    let recommend = |flags: &[&str]| {
        let flags = [flags, &["run", "--format", "json"]].concat();
        json(&recorded.verb("recommend", &flags).exits(0))
    };
    let says = |found: &Value, key: &str, part: &str| {
        assert!(found[key].to_string().contains(part), "{part} in {found}");
    };
    let found = recommend(&["--workload", "api", "--clients", "2"]);
    assert_eq!(found["subject"], "quick");
    assert_eq!(found["suites"], serde_json::json!(["files"]));
    assert!(found["command"].as_array().unwrap().len() > 1, "{found}");
    says(&found, "would_change", "slow speaks stdio");
    says(&found, "wins", "Wins over near, which is +3.");
    assert!(
        !found["would_change"].to_string().contains("asked for"),
        "{found}"
    );

    let found = recommend(&["--workload", "api", "--clients", "100", "--max-rss", "32M"]);
    assert_eq!(found["subject"], "near");
    says(
        &found,
        "would_change",
        "quick took 50.0 MB of memory, over the limit of 32.0 MB",
    );
    says(
        &found,
        "would_change",
        "Measured with 2 clients, asked for 100",
    );
    says(&found, "wins", "only candidate");

    // Cheap as it is, stdio does not reach another machine.
    let found = recommend(&["--workload", "db"]);
    assert_eq!(found["subject"], "quick");
    let found = recommend(&["--workload", "db", "--deployment", "local"]);
    assert_eq!(found["subject"], "slow");
    says(&found, "would_change", "stdio beside HTTP");
    says(&found, "wins", "Wins over quick, which is +100.0% worse");
    let found = recommend(&[
        "--workload",
        "mix",
        "--deployment",
        "local",
        "--threshold",
        "9%",
    ]);
    // 1 and 2, 1.03 and 2.06, 2 and 1: the first and the last are alike.
    says(&found, "equals", "equal within 9%");

    // Without a name the latest run that answers the question is taken, and not the latest.
    let text = recorded
        .verb("recommend", &["--workload", "api"])
        .exits(0)
        .stdout;
    assert!(text.starts_with("Use quick for io work"), "{text}");
    assert!(text.contains("of the run run."), "{text}");
    let csv = ["run", "--workload", "api", "--format", "csv"];
    let csv = recorded.verb("recommend", &csv).exits(0).stdout;
    assert!(
        csv.lines().nth(1).unwrap().starts_with("1,quick,1,"),
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
            &["--workload", "api", "--max-rss", "1M"],
            "no server in run fits",
        ),
        (
            &["--workload", "api", "--max-rss", "much"],
            "is not a size; write it like 32M",
        ),
    ] {
        let done = recorded
            .verb("recommend", &[&["run"], flags].concat())
            .exits(2);
        done.told(said);
    }
}
