//! Sweeps: one file, many suites, one table.

use super::support::{Project, SUITE, rejects};

const SWEEP: &str = "[[sweep]]\nkey = \"clients\"\nvalues = [1, 3]\n\n[[sweep]]\nkey = \"size\"\nvalues = [8, 64]\n";

fn project() -> Project {
    let project = Project::new(&["right"]);
    let suite = SUITE.replace("string = 8", "string = \"{size}\"");
    project.write(
        "suites/many.toml",
        &suite.replace("[load]", &format!("{SWEEP}\n[load]")),
    );
    project
}

#[test]
fn a_sweep_is_chosen_by_its_name_and_reported_in_one_table() {
    let project = project();
    let done = project
        .measure(&["--trials", "1", "--suite", "many"])
        .exits(0);
    let asked: Vec<(String, u64)> = project
        .trials()
        .into_iter()
        .map(|trial| (trial.suite, trial.clients))
        .collect();
    let wanted = [
        ("many-1-64", 1),
        ("many-1-8", 1),
        ("many-3-64", 3),
        ("many-3-8", 3),
    ];
    assert_eq!(asked.len(), 4);
    for (suite, clients) in wanted {
        assert!(asked.contains(&(suite.to_owned(), clients)), "{asked:?}");
    }
    let table = done.stdout.split("Sweep many\n").nth(1).unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("right"))
        .map(|line| line.split_whitespace().take(3).collect())
        .collect();
    // In the order of the file and not in that of the names.
    let place = |clients, size| vec!["right", clients, size];
    assert_eq!(
        rows,
        [
            place("1", "8"),
            place("1", "64"),
            place("3", "8"),
            place("3", "64")
        ]
    );
    let kept = project.results().join("definitions/suites/many-3-64.toml");
    let kept = std::fs::read_to_string(kept).unwrap();
    assert!(
        kept.contains("sweep = \"many\"") && kept.contains("string = 64"),
        "{kept}"
    );
    let again = project.run("report", &[]).exits(0);
    again.printed("Sweep many");
}

#[test]
fn one_suite_of_a_sweep_can_be_chosen_listed_shown_and_verified() {
    let project = project();
    project
        .measure(&["--trials", "1", "--suite", "many-3-8"])
        .exits(0);
    assert_eq!(project.trials().len(), 1);
    let listed = project.run("list", &[]).exits(0).stdout;
    assert!(
        listed.contains("many (4 suites)") && listed.contains("1 x 8"),
        "{listed}"
    );
    let shown = project.run("show", &["many-1-64"]).exits(0).stdout;
    assert!(shown.contains("string = 64"), "{shown}");
    let shown = project.run("show", &["many"]).exits(0).stdout;
    assert_eq!(shown.matches("\n# 16 prepared calls").count(), 4, "{shown}");
    let verified = project.run("verify", &["--suite", "many"]).exits(0).stdout;
    assert_eq!(verified.matches("16/16").count(), 4, "{verified}");
}

#[test]
fn a_sweep_over_server_cores_has_load_threads_and_cores_to_match() {
    let project = Project::new(&["right"]);
    let sweep = "[[sweep]]\nkey = \"server_cores\"\nvalues = [1, 2, 512]\n\n[load]";
    project.write("suites/cores.toml", &SUITE.replace("[load]", sweep));
    // Named itself a step is measured also where server and load have to share cores.
    let named = ["--trials", "1", "--suite", "cores-1,cores-2"];
    project.measure(&named).exits(0);
    let trials = project.trials();
    let mut threads: Vec<(&str, Option<u64>)> = (trials.iter())
        .map(|trial| (trial.suite.as_str(), trial.threads))
        .collect();
    threads.sort_unstable();
    assert_eq!(threads, [("cores-1", Some(1)), ("cores-2", Some(2))]);
    let text = std::fs::read_to_string(project.results().join("environment.json")).unwrap();
    let environment: serde_json::Value = serde_json::from_str(&text).unwrap();
    for count in [1, 2] {
        let cores = &environment["wider"][count.to_string()]["server_cores"];
        assert_eq!(cores.as_array().map(Vec::len), Some(count), "{text}");
    }
    let other = project.path("other");
    let other = [
        "--trials",
        "1",
        "--suite",
        "cores",
        "--out",
        other.to_str().unwrap(),
    ];
    let done = project.measure(&other).exits(0);
    let left_out = done
        .stderr
        .lines()
        .find(|line| line.starts_with("left out"));
    assert!(left_out.unwrap().ends_with("cores-512"), "{}", done.stderr);
}

#[test]
fn a_sweep_that_makes_no_sense_is_refused_with_its_file() {
    rejects(
        "suites/many.toml",
        project,
        r#"
values = [1, 3]  => values = []      => at least one
key = "clients"  => key = "client"   => nothing mentions {client}
values = [1, 3]  => values = [1, 0]  => clients = 0
values = [8, 64] => value = 8        => unknown field `value`
values = [8, 64] => values = [8, 8]  => "many-1-8", which is there
values = [8, 64] => values = ["a"]   => "a"
values = [1, 3]  => values = ["x"]   => "clients", "x"
key = "size"     => key = "message"  => both the key of a sweep
key = "size"     => key = "clients"  => stands there twice
"#,
    );
    let project = project();
    project.write("suites/many-1-8.toml", SUITE);
    let done = project.run("list", &[]).exits(2);
    done.told("there already");
}
