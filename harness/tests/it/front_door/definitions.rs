//! Definitions: what is refused, with its place; and the project's own ones.

use harness::config::subject::Subjects;
use harness::config::suite::Suite;
use harness::config::template::Context;
use serde_json::json;

use super::support::{Project, SUITE, own, rejects};

#[test]
fn what_makes_no_sense_is_rejected_with_its_place_and_what_is_known() {
    let project = || Project::new(&["right"]);
    rejects(
        "suites/echo.toml",
        project,
        r"
clients = 2           => client = 2                      => echo.toml:8:1: unknown field `client`
clients = 2           => client = 2                      => `clients`
variants = 16         => variants = 0                    => variants = 0
clients = 2           => clients = 0                     => clients = 0
clients = 2           => duration_s = -1                 => duration_s = -1
string = 8            => integer = [2, 1]                => [2, 1]
string = 8            => strong = 8                      => unknown variant `strong`
[variables]           => [[cases]]\nunused = 1\n[variables] => nothing mentions {unused}
[load]                => [targets]\nerrors_percent = 101\n[load] => targets.errors_percent = 101
",
    );
    let rules = &SUITE[SUITE.find("[expect.equals]").unwrap()..];
    let suite = project();
    suite.replace("suites/echo.toml", rules, "[expect]\n");
    suite.run("list", &[]).exits(2).told("[expect] has no rule");
    suite.write(
        "suites/echo.toml",
        &SUITE.replace("\"{message}\"", "\"massage\""),
    );
    suite
        .run("list", &[])
        .exits(2)
        .told("nothing mentions {message}");
    rejects(
        "subjects.toml",
        project,
        r#"
wire =               => wires = 1\nwire =                   => subjects.toml:3:1: unknown field `wires`
wire =               => wires = 1\nwire =                   => `transport`
wire = "http"        => wire = "pigeon"                     => unknown variant `pigeon`
wire = "http"        => wire = "stdio"\nsessions = "stateful" => stateful
wire = "http"        => wire = "http"\nbuild = "none"       => "none"
wire = "http"        => wire = "http"\nrevision = "1999-01-01" => 1999-01-01
ready_within_s = 1.0 => ready_within_s = -1                 => ready_within_s = -1
wire = "http"        => wire = "http"\nsessions = "shared"  => needs shared_sessions = 1 to 10000, not nothing
wire = "http"        => wire = "http"\nsessions = "shared"\nshared_sessions = 0 => not 0
wire = "http"        => wire = "http"\nshared_sessions = 3  => needs sessions = "shared"
wire = "http"        => wire = "http"\nrevision = "2026-07-28"\nsessions = "stateful" => has no sessions
wire = "http"        => wire = "http"\nfast_path = "fast"   => neither on nor off
"#,
    );
}

#[test]
fn templates_that_name_nothing_are_refused_before_anything_is_measured() {
    let project = Project::new(&["right"]);
    project.write(
        "suites/echo.toml",
        &SUITE.replacen("= \"{message}\"", "= \"{massage}\"", 1),
    );
    let done = project.measure(&[]).exits(2);
    done.told("nothing is called `massage`");
    assert!(!project.path("results").exists());
}

#[test]
fn unknown_names_and_bad_flags_are_usage_errors() {
    let project = Project::new(&["right"]);
    for (flags, told) in [
        (["--subject", "nobody"], "known: right"),
        (["--suite", "nothing"], "known: echo"),
        (["--server-core-list", "x"], "not a list of cores"),
        (["--server-core-list", "1000"], "core 1000 cannot be used"),
        (["--server-cores", "1000"], "1000 cores cannot be had"),
        (["--server-cores", "0"], "write auto, or a number"),
        (["--fast-path", "on"], "none of the chosen servers has it"),
        (["--trials", "0"], "trials = 0"),
    ] {
        let done = project.run("measure", &flags).exits(2);
        done.told(told);
    }
    let done = project.run("report", &[]).exits(2);
    done.told("results");
}

#[test]
fn list_and_show_speak_json() {
    let project = Project::new(&["right", "floor"]);
    let listed: serde_json::Value =
        serde_json::from_str(&project.run("list", &["--format", "json"]).exits(0).stdout).unwrap();
    assert_eq!(listed["subjects"]["floor"]["role"], "floor");
    assert_eq!(listed["suites"]["echo"]["load"]["clients"], 2);
    let shown: serde_json::Value = serde_json::from_str(
        &project
            .run("show", &["echo", "--format", "json"])
            .exits(0)
            .stdout,
    )
    .unwrap();
    assert_eq!(shown["prepared_calls"], 16);
    let text = project.run("show", &["right"]).exits(0).stdout;
    assert!(
        text.contains("[subject.right]") && text.contains("fake_subject"),
        "{text}"
    );
    project.run("show", &["nobody"]).exits(2);
}

#[test]
fn the_projects_own_definitions_hold_together() {
    let subjects = Subjects::read(&own("subjects.toml")).unwrap();
    assert!(subjects.subject.len() >= 5);
    let services: Context = [("upstream_url".to_owned(), json!("http://127.0.0.1:1"))].into();
    for (name, suite) in Suite::read_folder(&own("suites")).unwrap() {
        let exchanges = suite.exchanges(&services).unwrap();
        assert!(exchanges.len() > 1, "{name}");
        assert!(
            exchanges
                .windows(2)
                .any(|pair| pair[0].arguments != pair[1].arguments),
            "{name}"
        );
        assert_eq!(
            exchanges,
            suite.exchanges(&services).unwrap(),
            "{name} draws the same calls every time"
        );
    }
    let query = Suite::read(&own("suites/query_products.toml")).unwrap();
    let first = &query.exchanges(&services).unwrap()[0];
    assert_eq!(
        first.arguments,
        json!({ "category": "Electronics", "min_price": 50, "max_price": 500, "limit": 10 })
    );
    assert!(format!("{:?}", first.expect).contains("2251"));
}
