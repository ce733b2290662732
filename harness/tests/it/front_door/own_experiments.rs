//! The project's own experiments, and the services that experiments may name.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use harness::config::experiment::Experiment;
use harness::config::load::Load;
use harness::config::matrix;
use harness::config::subject::Subjects;
use harness::config::suite::Suite;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::experiments::{EXPERIMENT, experiments, project};
use super::interrupt::{folder_with_rows, wait_for};
use super::support::{Project, ended_by, own};

/// A script in the place of the project's own, which notes how it is called.
const SERVICES: &str = r#"#!/bin/sh
echo "$@" >>"$(dirname "$0")/../called"
case $1 in
up) echo "export MCP_STORE_URL='redis://:secret@127.0.0.1:1'" ;;
esac
"#;

/// A project with an experiment that names Redis, and a script that plays it.
fn with_redis() -> Project {
    let project = project();
    project.write("scripts/services", SERVICES);
    let script = project.path("scripts/services");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let experiment = EXPERIMENT.replace("pool = 10 }", "store-url = \"{redis_url}\" }");
    project.write("experiments/pool.toml", &experiment);
    project
}

/// How the script was called.
fn called(project: &Project) -> Vec<String> {
    let called = project.read("called");
    called.lines().map(ToOwned::to_owned).collect()
}

#[test]
fn ctrl_c_removes_the_services_too() {
    let project = with_redis();
    let folder = project.path("experiments");
    let flags = [
        "--experiments-dir",
        folder.to_str().unwrap(),
        "--trials",
        "100",
    ];
    let child = project.command("experiments", &flags).spawn().unwrap();
    wait_for("first row", || folder_with_rows(&project, 1));
    ended_by(Signal::SIGINT, child).exits(130);
    assert!(called(&project)[1].starts_with("remove --folder "));
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn services_are_started_for_those_who_name_them_and_removed_at_the_end() {
    let project = with_redis();
    experiments(&project, &["--trials", "1"]).exits(0);
    let called = called(&project);
    assert_eq!(called.len(), 2, "{called:?}");
    assert!(called[0].starts_with("up --while ") && called[0].contains(" redis --folder "));
    assert!(!called[0].contains("postgres"), "{called:?}");
    assert!(called[1].starts_with("remove --folder "), "{called:?}");
    let subjects = std::fs::read_to_string(project.results().join("definitions/subjects.toml"));
    let subjects = subjects.unwrap();
    assert!(subjects.contains("redis://:***@127.0.0.1:1") && !subjects.contains("secret"));
    project.write(
        "scripts/services",
        "#!/bin/sh\necho no such package >&2\nexit 1\n",
    );
    let done = experiments(&project, &[]).exits(2);
    done.told("no such package");
    done.told("scripts/services up");
}

#[test]
fn the_projects_own_experiments_are_the_sixteen_and_name_what_there_is() {
    let mut experiments = Experiment::read_folder(&own("experiments")).unwrap();
    experiments.retain(|_, one| !one.on_request);
    let numbers: BTreeMap<u32, &String> = experiments
        .iter()
        .map(|(name, experiment)| (experiment.number, name))
        .collect();
    assert_eq!(
        numbers.keys().copied().collect::<Vec<_>>(),
        (1..=16).collect::<Vec<_>>()
    );
    let subjects = Subjects::read(&own("subjects.toml")).unwrap();
    let suites = Suite::read_folder(&own("suites")).unwrap();
    let made = matrix::experiments(&experiments, &subjects, &suites, &Load::default()).unwrap();
    let services = BTreeMap::from([("upstream_url".to_owned(), Value::from("http://u"))]);
    let mut seconds = 0.0;
    for (name, suite) in &made.suites {
        suite
            .exchanges(&services)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let load = &suite.load;
        // A start, a handshake, an end; and whoever waits for an upstream is waited for.
        let around = if name.starts_with("cache.") { 3.0 } else { 0.6 };
        seconds += f64::from(load.trials()) * (load.warmup_s() + load.duration_s() + around);
    }
    assert!(
        seconds < 13.0 * 60.0,
        "{seconds} s of trials leave nothing for services and seeding"
    );
}
