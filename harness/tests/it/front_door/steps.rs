//! A suite of several steps: what is recorded of each, and what `list` rejects.

use harness::results::histogram::{read, read_steps};

use super::support::{Project, rejects};

const STEPS: &str = r#"
description = "A message comes back, the tools are listed."

[load]
clients = 2
iteration_pause_ms = 20
duration_s = 1
warmup_s = 0
trials = 1

[[step]]
tool = "echo"
arguments = { message = "hello" }
expect.equals = { "/structuredContent/message" = "hello" }

[[step]]
method = "tools/list"
expect.type = { "/tools/0/name" = "string" }
"#;

fn project() -> Project {
    let project = Project::new(&["right"]);
    project.write("suites/echo.toml", STEPS);
    project
}

#[test]
fn tool_calls_and_the_latencies_of_each_step_are_recorded_apart() {
    let project = project();
    project.run("measure", &[]).exits(0);
    let trials = project.trials();
    assert_eq!(trials.len(), 1);
    let trial = &trials[0];
    assert_eq!(trial.tool, "echo, tools/list");
    let tool_calls = trial.tool_calls.unwrap();
    assert!(tool_calls > 4 && (2 * tool_calls).abs_diff(trial.calls) <= 4);
    assert!(trial.iterations.unwrap().abs_diff(tool_calls) <= 4);
    assert!(trial.paused_permille.unwrap() > 100, "{trial:?}");
    let file = project.results().join(&trial.histogram);
    assert_eq!(read(&file).unwrap().len(), trial.calls);
    let steps = read_steps(&file).unwrap();
    assert_eq!(
        steps.keys().collect::<Vec<_>>(),
        ["echo", "tools/list"],
        "{steps:?}"
    );
    assert_eq!(steps["echo"].len(), tool_calls);
    let kept = project.results().join("definitions/suites/echo.toml");
    let kept = std::fs::read_to_string(kept).unwrap();
    assert_eq!(kept.matches("[[step]]").count(), 2, "{kept}");
}

#[test]
fn a_suite_of_steps_is_verified_listed_and_shown() {
    let project = project();
    project.run("verify", &[]).exits(0).printed("2/2");
    project.run("list", &[]).exits(0).printed("2 steps");
    project
        .run("show", &["echo"])
        .exits(0)
        .printed("tools/list");
}

#[test]
fn steps_that_make_no_sense_are_refused_with_their_file() {
    rejects(
        "suites/echo.toml",
        project,
        r#"
        arguments = { => weight = 1\narguments = { => every [[step]] has a weight
        method = "tools/list" => tool = "echo" => called "echo"
        method = "tools/list" => method = "tools/what" => tools/what
        "/tools/0/name" = "string" => => no rule
        clients = 2 => ramp_s = 9 => ramp_s
        "#,
    );
}
