//! Scenarios: a load that stands for a situation, measured, and answered from what was measured.

use harness::config::scenario::Scenario;
use harness::config::subject::{Role, Subjects};
use harness::config::suite::{Suite, incompatibility};

use super::compare::json;
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

#[test]
fn a_scenario_is_measured_at_its_load_and_answered_from_the_run() {
    let project = project();
    let done = project.run("recommend", &["--scenario", "team"]).exits(2);
    done.told("no recorded run has measured the scenario team; `mcp-harness measure --scenario team` records it");
    let done = project.run("recommend", &["--scenario", "teem"]).exits(2);
    done.told("there is no scenario \"teem\"; known: memory, personal, team");

    let measured = project.measure(&["--scenario", "all", "--trials", "3"]).exits(0);
    measured.printed("A tool ");
    let clients = |suite: &str| {
        let trials = project.trials().into_iter();
        let mut of = trials.filter(|trial| trial.suite == suite);
        of.next().map(|trial| trial.clients)
    };
    assert_eq!(clients("team.echo"), Some(3));
    assert_eq!(clients("personal.echo"), Some(1));

    // stdio does not reach another machine; only one candidate is left.
    let found = project.run("recommend", &["--scenario", "team", "--format", "json"]);
    let found = json(&found.exits(0));
    assert_eq!(found["subject"], "right");
    assert_eq!(found["suites"], serde_json::json!(["team.echo"]));
    assert_eq!(found["wish"]["scenario"]["name"], "team");
    assert_eq!(found["wish"]["clients"], 3);
    let text = project.run("recommend", &["--scenario", "personal"]).exits(0);
    text.printed("for the scenario personal (A tool), 1 clients, the client on the same machine");
    let done = project.run("recommend", &["--scenario", "memory"]).exits(2);
    done.told("over the limit of 0.0 MB");
    // Its suites are not those of a kind of work.
    let done = project.run("recommend", &["--workload", "cpu"]).exits(2);
    done.told("no suite of the run");

    let folder = project.results();
    for file in ["report.md", "report.html"] {
        let report = std::fs::read_to_string(folder.join(file)).unwrap();
        let places = ["A tool", "A team", "No memory"].map(|title| report.find(title));
        assert!(places.iter().all(Option::is_some), "{report}");
        assert!(places.is_sorted(), "{report}");
        assert!(report.contains("No answer: no server in"), "{report}");
    }
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("--scenario team --subject right"), "{page}");
}

#[test]
fn a_run_of_one_scenario_says_which_command_records_another() {
    let project = project();
    project
        .measure(&["--scenario", "personal", "--subject", "right", "--trials", "1"])
        .exits(0);
    let run = project.results();
    let run = run.to_str().unwrap();
    let done = project.run("recommend", &[run, "--scenario", "team"]).exits(2);
    done.told("has not measured the scenario team; `mcp-harness measure --scenario team` records it");
    for flags in [
        ["--scenario", "team", "--suite", "echo"],
        ["--scenario", "team", "--resume", "x"],
    ] {
        project.run("measure", &flags).exits(2).told("cannot be used with");
    }
    let both = ["--scenario", "team", "--workload", "cpu"];
    project.run("recommend", &both).exits(2).told("cannot be used with");
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
            let taken: Vec<_> = servers.filter(takes).collect();
            assert!(taken.len() > 5, "{name}: {}", taken.len());
            assert!(taken.iter().all(|one| one.role == Role::Server), "{name}");
        }
    }
    let choosing = std::fs::read_to_string(own("../docs/choosing.md")).unwrap();
    for name in names {
        assert!(choosing.contains(&format!("| `{name}` |")), "{name}");
    }
}
