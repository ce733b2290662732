//! Scenarios: a load that stands for a situation, measured, and answered from what was measured.

use harness::config::scenario::Scenario;
use harness::config::subject::{Role, Subjects};
use harness::config::suite::{Suite, incompatibility};
use harness::results::trial::{TrialWriter, read_trials};

use super::compare::{Recorded, json};
use super::support::{Project, own};

const SCENARIOS: &str = r#"
[team]
number = 2
title = "A team"
description = "Three clients."
deployment = "remote"
suites = ["echo"]
load = { clients = 3 }

[personal]
number = 1
title = "A tool"
description = "One client."
deployment = "local"
suites = ["echo"]
load = { clients = 1 }

[memory]
number = 3
title = "No memory"
description = "A server of 1 kB."
deployment = "local"
max_rss_bytes = 1000
suites = ["echo"]
load = { clients = 1 }
"#;

fn project() -> Project {
    let project = Project::new(&["right", "stdio-right"]);
    project.write("harness/scenarios.toml", SCENARIOS);
    project
}

/// A run that has measured the scenarios, in which stdio is the cheapest.
fn recorded() -> Recorded {
    let recorded = Recorded::new(&["right", "stdio-right"]);
    recorded.project.write("harness/scenarios.toml", SCENARIOS);
    let file = recorded.project.path("harness/scenarios.toml");
    let scenarios = Scenario::read_file(&file).unwrap();
    let suites = ["memory.echo", "personal.echo", "team.echo"];
    let figures = suites.map(|suite| [(suite, "right", 100, 500), (suite, "stdio-right", 50, 500)]);
    let figures = figures.concat();
    let run = recorded.run_with("run", &figures);
    for (name, scenario) in &scenarios {
        let file = run.join(format!("definitions/suites/{name}.echo.toml"));
        let mut suite: Suite = toml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        suite.scenario = Some(scenario.clone());
        suite.load.clients = scenario.load.clients;
        std::fs::write(&file, toml::to_string_pretty(&suite).unwrap()).unwrap();
    }
    let rows = run.join("trials.csv");
    let mut trials = read_trials(&rows).unwrap();
    std::fs::remove_file(&rows).unwrap();
    let mut writer = TrialWriter::create(&rows).unwrap();
    for trial in &mut trials {
        if trial.subject == "stdio-right" {
            "stdio".clone_into(&mut trial.wire);
        }
        writer.append([&*trial]).unwrap();
    }
    recorded
}

#[test]
fn a_scenario_is_measured_at_its_load_and_kept_with_its_run() {
    let project = project();
    let done = project.run("recommend", &["--scenario", "team"]).exits(2);
    done.told("no recorded run has measured the scenario team; `mcp-harness measure --scenario team` records it");
    let done = project.run("recommend", &["--scenario", "teem"]).exits(2);
    done.told("there is no scenario \"teem\"; known: memory, personal, team");

    // What no scenario asks is left out at once, without a word and without a build.
    let of_http = SCENARIOS.replace("suites =", "only.transport = [\"http\"]\nsuites =");
    project.write("harness/scenarios.toml", &of_http);
    let flags = ["--scenario", "team,personal", "--trials", "1"];
    let done = project.measure(&flags).exits(0);
    assert!(!done.stderr.contains("not in suite"), "{}", done.stderr);
    let trials = project.trials();
    let asked: Vec<_> = (trials.iter())
        .map(|trial| (trial.suite.as_str(), trial.clients))
        .collect();
    assert_eq!(asked, [("personal.echo", 1), ("team.echo", 3)]);
    let folder = project.results();
    let kept = folder.join("definitions/suites/team.echo.toml");
    let kept = std::fs::read_to_string(kept).unwrap();
    assert!(kept.contains("name = \"team\""), "{kept}");
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    let again = "--scenario team --subject right";
    for part in ["By situation", ">A tool<", ">A team<", again] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains(">No memory<"), "{page}");
}

#[test]
fn the_situation_says_what_is_looked_for() {
    let recorded = recorded();
    let recommend =
        |name: &str| recorded.verb("recommend", &["--scenario", name, "--format", "json"]);
    let found = json(&recommend("personal").exits(0));
    assert_eq!(found["subject"], "stdio-right");
    // stdio does not reach another machine.
    let found = json(&recommend("team").exits(0));
    assert_eq!(found["subject"], "right");
    assert_eq!(found["suites"], serde_json::json!(["team.echo"]));
    assert_eq!(found["wish"]["scenario"]["name"], "team");
    assert_eq!(found["wish"]["clients"], 3);
    let text = recorded
        .verb("recommend", &["--scenario", "personal"])
        .exits(0);
    text.printed("for the scenario personal (A tool), the client on the same machine");
    recommend("memory")
        .exits(2)
        .told("over the limit of 0.0 MB");
    // Its suites are not those of a kind of work.
    let done = recorded.verb("recommend", &["run", "--workload", "cpu"]);
    done.exits(2).told("no suite of the run");

    let done = recorded
        .verb("report", &["run", "--format", "markdown"])
        .exits(0);
    let places = ["| A tool ", "| A team ", "| No memory "].map(|row| done.stdout.find(row));
    assert!(places.iter().all(Option::is_some), "{}", done.stdout);
    assert!(places.is_sorted(), "{}", done.stdout);
    done.printed("right costs 2.00 times as much (95% interval ");
    done.printed("No answer: no server in run fits");
    assert!(!done.stdout.contains("Not measured"), "{}", done.stdout);
    let done = recorded.verb("report", &["run"]).exits(0);
    done.printed("\nA tool     stdio-right  ");
}

#[test]
fn a_run_of_one_scenario_says_which_command_records_another() {
    let project = project();
    project
        .measure(&[
            "--scenario",
            "personal",
            "--subject",
            "right",
            "--trials",
            "1",
        ])
        .exits(0);
    let run = project.results();
    let run = run.to_str().unwrap();
    let done = project
        .run("recommend", &[run, "--scenario", "team"])
        .exits(2);
    done.told(
        "has not measured the scenario team; `mcp-harness measure --scenario team` records it",
    );
    for flags in [
        ["--scenario", "team", "--suite", "echo"],
        ["--scenario", "team", "--resume", "x"],
    ] {
        project
            .run("measure", &flags)
            .exits(2)
            .told("cannot be used with");
    }
    let both = ["--scenario", "team", "--workload", "cpu"];
    project
        .run("recommend", &both)
        .exits(2)
        .told("cannot be used with");
    project.run("recommend", &[]).exits(2).told("--workload");
    let done = project.run("measure", &["--scenario", "teem"]).exits(2);
    done.told("known: memory, personal, team, all");
}

#[test]
fn the_project_s_own_scenarios_ask_servers_and_suites_that_exist() {
    let scenarios = Scenario::read_file(&own("scenarios.toml")).unwrap();
    let names: Vec<&str> = scenarios.keys().map(String::as_str).collect();
    assert_eq!(names, ["crowd", "memory", "personal", "production", "team"]);
    let suites = Suite::read_folder(&own("suites")).unwrap();
    let subjects = Subjects::read(&own("subjects.toml")).unwrap();
    for scenario in scenarios.values() {
        for (name, suite) in scenario.suites(&suites).unwrap() {
            let takes = |subject: &&_| incompatibility(&suite, subject).is_none();
            let servers = subjects.subject.values().filter(|one| !one.on_request);
            let asked: Vec<_> = servers.filter(takes).collect();
            assert!(asked.len() > 5, "{name}: {}", asked.len());
            assert!(asked.iter().all(|one| one.role == Role::Server), "{name}");
        }
    }
    let choosing = std::fs::read_to_string(own("../docs/choosing.md")).unwrap();
    for name in names {
        assert!(choosing.contains(&format!("| `{name}` |")), "{name}");
    }
}
