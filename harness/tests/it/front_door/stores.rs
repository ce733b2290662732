//! Suites that are asked on request only, and stores that are reset after what changes them.

use super::support::Project;

/// The store of the fake subjects is a file of notes.
fn with_store(project: &Project) {
    let subjects = project.read("subjects.toml");
    let subjects = subjects.replace("\"0\"]", "\"0\", \"--store-url\", \"{store_url}\"]");
    let reset = project.path("reset").display().to_string();
    project.write(
        "subjects.toml",
        &format!(
            "[store]\nreset = [\"sh\", \"-c\", \"echo {{store_url}} >>{reset}\"]\n\n{subjects}"
        ),
    );
}

fn resets(project: &Project) -> Vec<String> {
    let noted = std::fs::read_to_string(project.path("reset")).unwrap_or_default();
    noted.lines().map(ToOwned::to_owned).collect()
}

#[test]
fn a_store_is_reset_before_the_run_and_after_each_trial_that_changed_it() {
    let project = Project::new(&["right", "stdio-right"]);
    with_store(&project);
    let suite = project.read("suites/echo.toml");
    let writes = suite.replace("variants = 16", "changes_store = true");
    project.write("suites/writes.toml", &writes);
    let url = "redis://me:secret@127.0.0.1:1/0";
    project
        .measure(&["--trials", "2", "--store-url", url])
        .exits(0);
    // Once before; of the four trials that write, the last one is followed by none.
    assert_eq!(resets(&project), [url; 1 + 3]);
    let environment = project.environment();
    assert_eq!(environment.store_url, "redis://me:***@127.0.0.1:1/0");
    assert!(
        environment.database_url.starts_with("sqlite://"),
        "{environment:?}"
    );
    assert!(
        !environment.command.join(" ").contains("secret"),
        "{environment:?}"
    );
}

#[test]
fn a_reset_that_fails_ends_the_run_and_says_which() {
    let project = Project::new(&["right"]);
    with_store(&project);
    project.replace("subjects.toml", "echo {store_url}", "exit 3; echo");
    let done = project.measure(&["--trials", "1"]).exits(2);
    done.told("the reset of the store");
    done.told("exit code 3");
}

#[test]
fn a_suite_on_request_is_measured_when_it_is_named_and_verified_always() {
    let project = Project::new(&["right"]);
    let suite = project.read("suites/echo.toml");
    project.write(
        "suites/more.toml",
        &suite.replace("variants = 16", "on_request = true"),
    );
    project.measure(&["--trials", "1"]).exits(0);
    assert_eq!(project.trials().len(), 1);
    std::fs::remove_dir_all(project.path("results")).unwrap();
    project
        .measure(&["--trials", "1", "--suite", "more"])
        .exits(0);
    assert_eq!(project.trials()[0].suite, "more");
    let done = project.run("verify", &[]).exits(0);
    done.printed("right    more");
}
