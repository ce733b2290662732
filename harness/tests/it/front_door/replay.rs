//! `replay`: published claims are answered by a run, and its record answers them again.

use std::path::{Path, PathBuf};

use harness::config::experiment::Experiment;
use harness::config::published::Claims;
use serde_json::Value;

use super::experiments::EXPERIMENT;
use super::support::{Done, Project, own};

const CLAIMS: &str = r#"
name = "somebody"

[shape.P3]
says = "twenty clients"
clients = 20

[claim.C2]
says = "100 ms to 5 ms with a pool"
shape = "P3"
kind = ["optimization"]
read = "at_the_source"
values = [{ of = "pool", metric = "p50_ms", value = 5 }]

[claim."S8.sse"]
says = "SSE is worse"
kind = ["rust"]
read = "secondary_transcription"

[claim.T1]
says = "Go makes 1,624 requests/s"
kind = ["reference"]
read = "recomputed"
values = [{ of = "Go", metric = "http_per_s", value = 1624 }]
"#;

const REPLAY: &str = r#"
title = "pools"
experiments = ["pool"]
references = ["T1"]

[quick]
trials = 1

[experiment]
number = 101
title = "one and two clients"
teaches = "Two ask more."

[experiment.load]
warmup_s = 0.05
duration_s = 0.5
trials = 3

[[experiment.compare]]
name = "clients"
what = "two clients against one"
server = "right"
suite = "echo"
figure = "calls_per_s"
base = "one"
with = "two"
variants = [
  { name = "one", load = { clients = 1 } },
  { name = "two", load = { clients = 2 } },
]

[[claim]]
id = "C2"

[[claim.row]]
what = "with a pool of ten"
figure = "p50_ms"
with = "pool.http.10"
published = "pool"

[[claim.row]]
what = "two clients over one"
figure = "calls_per_s"
with = "mine.clients.two"
base = "mine.clients.one"

[[claim.verdict]]
at_most = 10000
is = "reproduced"
says = "with a pool it takes {found} ms"

[[claim.verdict]]
is = "not_reproduced"
says = "even with a pool it takes {found} ms"

[[claim]]
id = "S8.sse"
not_testable = "there is no server of SSE here"
"#;

pub(super) fn project() -> Project {
    let project = Project::new(&["right"]);
    let quoted = EXPERIMENT.replace("says = \"100 ms to 5 ms\"\n", "");
    project.write("harness/experiments/pool.toml", &quoted);
    project.write("harness/published/somebody.toml", CLAIMS);
    project.write("harness/replays/mine.toml", REPLAY);
    project
}

fn replay(project: &Project, flags: &[&str]) -> Done {
    project.run("replay", flags)
}

#[test]
fn each_claim_ends_in_a_line_and_the_record_answers_again() {
    let project = project();
    let done = replay(&project, &["--seed", "1"]).exits(0);
    for part in [
        "- C2: reproduced: with a pool it takes ",
        "Claim: 100 ms to 5 ms with a pool.",
        "differs [1]",
        "[1] clients: 20 there, 1 here",
        "- S8.sse: not testable here: there is no server of SSE here.",
        "1624 HTTP/s",
    ] {
        done.printed(part);
    }
    assert_eq!(project.trials().len(), 2 * 2 + 2 * 3);
    let again = replay(&project, &["--run", "latest"]).exits(0);
    assert_eq!(again.stdout, done.stdout);
    let report = project.run("report", &[]).exits(0);
    report.printed("Published claims");
    report.printed("- C2: reproduced: ");
    let json = replay(&project, &["--run", "latest", "--format", "json"]).exits(0);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json[0]["id"], "C2");
    assert_eq!(json[0]["verdict"], "reproduced");
    assert_eq!(json[0]["rows"][0]["right_percent"], 100.0);
    assert_eq!(json[2]["verdict"], "reference");
    // The definitions are gone; the record stands by itself.
    std::fs::remove_dir_all(project.path("harness")).unwrap();
    let alone = replay(&project, &["--run", "latest"]).exits(0);
    assert_eq!(alone.stdout, done.stdout);
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn ids_and_lengths_choose_what_is_measured() {
    let project = project();
    let done = replay(&project, &["C2", "--quick", "--seed", "1"]).exits(0);
    done.printed("fewer than three trials hold: no interval");
    assert!(!done.stdout.contains("S8"), "{}", done.stdout);
    assert_eq!(project.trials().len(), 4);
    let run = project.run("experiments", &["--trials", "1"]).exits(0);
    run.printed("C2: 100 ms to 5 ms with a pool");
}

#[test]
fn what_cannot_be_measured_says_why() {
    let project = project();
    replay(&project, &["S9"])
        .exits(2)
        .told("there is no claim \"S9\"; known: C2, S8.sse, T1");
    let none = replay(&project, &["S8"]).exits(0);
    none.printed("- S8.sse: not testable here");
    project
        .run("measure", &["--trials", "1", "--duration-s", "0.3"])
        .exits(0);
    let run = replay(&project, &["--run", "latest"]).exits(2);
    run.told("answers no published claim");
    project.replace("harness/experiments/pool.toml", "\"C2\"", "\"C9\"");
    replay(&project, &[])
        .exits(2)
        .told("experiment pool: there is no claim \"C9\"");
    project.replace("harness/experiments/pool.toml", "\"C9\"", "\"C2\"");
    project.replace(
        "harness/published/somebody.toml",
        "read = \"recomputed\"",
        "red = 1",
    );
    replay(&project, &[])
        .exits(2)
        .told("somebody.toml:23:1: claim T1: ");
    assert_eq!(project.survivors(), [""; 0]);
}

/// All files below a folder with one of these endings.
fn files(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && !["target", ".git"].contains(&name.as_str()) {
            files(&path, endings, found);
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}

/// The ids that a text quotes, each written claim, colon, id.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let rest = text.split("claim:").skip(1);
    let id = |rest: &'_ str| {
        let is_of_it = |c: char| c.is_ascii_alphanumeric() || c == '.';
        rest.find(|c| !is_of_it(c)).unwrap_or(rest.len())
    };
    let ids = rest.map(move |rest| rest[..id(rest)].trim_end_matches('.'));
    ids.filter(|id| id.starts_with(|c: char| c.is_ascii_uppercase()))
}

#[test]
fn every_claim_that_is_quoted_anywhere_is_there() {
    let claims = Claims::read_folder(&own("published")).unwrap();
    for (name, experiment) in Experiment::read_folder(&own("experiments")).unwrap() {
        for published in experiment.published {
            assert_eq!(
                published.says, "",
                "{name}: {} is quoted by id alone",
                published.id
            );
            claims.quote(&published.id).unwrap();
        }
    }
    let mut found = Vec::new();
    let root = own("..");
    for folder in [
        "docs",
        "harness/src",
        "harness/suites",
        "harness/replays",
        "harness/experiments",
    ] {
        files(&root.join(folder), &[".md", ".rs", ".toml"], &mut found);
    }
    let pages = [
        "README.md",
        "ARCHITECTURE.md",
        "harness/README.md",
        "harness/BIAS.md",
        "harness/FORMAT.md",
        "harness/MEASURED.md",
        "harness/METHODOLOGY.md",
        "harness/subjects.toml",
    ];
    found.extend(pages.map(|page| root.join(page)));
    let mut count = 0;
    for file in found {
        let text = std::fs::read_to_string(&file).unwrap();
        for id in quoted(&text) {
            count += 1;
            let known = claims.resolve(id);
            assert!(
                known.is_ok(),
                "{} quotes claim:{id}: {known:?}",
                file.display()
            );
        }
    }
    assert!(count > 5, "{count} claims are quoted");
}
