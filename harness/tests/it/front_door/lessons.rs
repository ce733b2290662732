//! `lesson`: the course, its definitions and pages, and a lesson from the question to its page.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use harness::config::experiment::Experiment;
use harness::config::lesson::{Lesson, Material};
use harness::config::published::Claims;
use harness::config::replay::Replay;
use serde_json::Value;

use super::replay;
use super::support::{Done, Project, own};

/// A lesson on the experiment, the replay and the claims of the tests of `replay`.
const LESSON: &str = r#"
number = 1
title = "pools"
question = "Is a pool worth it?"
claims = ["C2"]
often_said = "Pools are always good."
predict = "How many times as fast is a call with a pool of ten?"

[load]
warmup_s = 0.05
duration_s = 0.3
trials = 3

[[show]]
comparison = "pool.http"

[[show]]
comparison = "mine.clients"
figure = "p99_ms"

[experiment]
number = 201
title = "one client"
teaches = "One asks less."

[experiment.load]
clients = 1
warmup_s = 0.05
duration_s = 0.3
trials = 1

[[experiment.compare]]
name = "alone"
what = "one client beside none"
server = "right"
suite = "echo"
figure = "calls_per_s"
base = "a"
with = "b"
variants = [{ name = "a" }, { name = "b" }]
"#;

const PAGE: &str = "# Pools\n\nBefore.\n\n<!-- measured: tiny -->\n\nNot recorded yet.\n\n\
                    <!-- /measured -->\n\nAfter.\n";

fn project() -> Project {
    let project = replay::project();
    project.write("harness/lessons/tiny.toml", LESSON);
    project.write("docs/lessons/tiny.md", PAGE);
    project
}

fn lesson(project: &Project, flags: &[&str]) -> Done {
    project.run("lesson", flags)
}

/// What the lessons of a folder refer to.
fn material(harness: &Path) -> Material {
    let claims = Claims::read_folder(&harness.join("published")).unwrap();
    let experiments = Experiment::read_folder(&harness.join("experiments")).unwrap();
    let replays = Replay::read_folder(&harness.join("replays"), &claims, &experiments).unwrap();
    Material {
        claims,
        experiments,
        replays,
    }
}

#[test]
fn a_lesson_asks_measures_draws_judges_and_fills_its_page() {
    let project = project();
    let done = lesson(&project, &["tiny", "--seed", "1", "--fill-page"]).exits(0);
    let parts = [
        "Lesson 1: Is a pool worth it?\n====",
        "Published (C2, somebody): 100 ms to 5 ms with a pool.",
        "Often said: Pools are always good.",
        "Predict: How many times as fast",
        "a pool of ten (p50 ms)\n    off  ",
        "\u{2588}",
        "  10 beside off: ",
        " times as good (",
        "two clients against one (p99 ms)\n    one  ",
        "one client beside none (calls/s)\n    a  ",
        "(no interval: fewer than three trials hold): unknown",
        "- C2: reproduced: with a pool it takes ",
        "Why, and what to do: docs/lessons/tiny.md",
    ];
    let mut rest = done.stdout.as_str();
    for part in parts {
        let at = rest.find(part);
        let at = at.unwrap_or_else(|| panic!("no {part:?} in its place in\n{}", done.stdout));
        rest = &rest[at..];
    }
    assert_eq!(project.trials().len(), 2 * 3 + 2 * 3 + 2);
    let page = project.read("docs/lessons/tiny.md");
    assert!(
        page.starts_with("# Pools\n\nBefore.\n\n<!-- measured: tiny -->\n\n`just lesson tiny` on ")
    );
    assert!(page.ends_with("\n<!-- /measured -->\n\nAfter.\n"), "{page}");
    assert!(
        page.contains("14 trials, 0 wrong answers") && page.contains("\n```text\na pool of ten")
    );
    assert!(
        page.contains("\n- C2: reproduced: ") && !page.contains("Not recorded"),
        "{page}"
    );
    assert_eq!(project.survivors(), [""; 0]);

    // The record shows the same, and fills the page in the same way.
    let again = lesson(&project, &["tiny", "--run", "latest", "--fill-page"]).exits(0);
    assert_eq!(again.stdout, done.stdout);
    assert_eq!(project.read("docs/lessons/tiny.md"), page);
    let json = lesson(&project, &["tiny", "--run", "latest", "--format", "json"]).exits(0);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["claims"][0]["verdict"], "reproduced");
    assert_eq!(json["comparisons"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_claim_has_a_verdict_only_where_the_figure_that_decides_is_measured() {
    let project = project();
    let material = material(&project.path("harness"));
    let rows = |kept: &[usize]| {
        let mut lesson: Lesson = toml::from_str(LESSON).unwrap();
        lesson.show = kept.iter().map(|at| lesson.show[*at].clone()).collect();
        let plan = lesson.plan("tiny", &material).unwrap();
        let answers = plan.replayed.replay.values();
        let rows: usize = answers
            .flat_map(|one| &one.claim)
            .map(|one| one.row.len())
            .sum();
        rows
    };
    assert_eq!((rows(&[0, 1]), rows(&[0]), rows(&[1])), (2, 1, 0));
}

#[test]
fn the_prediction_comes_before_anything_is_measured() {
    let project = project();
    project.replace("harness/lessons/tiny.toml", "\"right\"", "\"nowhere\"");
    let done = lesson(&project, &["tiny"]).exits(2);
    done.printed("Predict: How many times as fast");
    done.told("there is no subject \"nowhere\"");
}

#[test]
fn what_makes_no_sense_in_a_lesson_is_rejected() {
    let project = project();
    for (from, to, told) in [
        (
            "pool.http",
            "pool.ftp",
            "there is no comparison \"pool.ftp\"",
        ),
        (
            "figure = \"p99_ms\"",
            "variants = [\"ten\"]",
            "mine.clients: it has no variant \"ten\"",
        ),
        (
            "figure = \"p99_ms\"",
            "with = \"ten\"",
            "with = \"ten\" is no variant",
        ),
        ("mine.clients", "pool.http", "\"pool.http\" is there twice"),
        ("\"C2\"", "\"C9\"", "there is no claim \"C9\""),
        (
            "number = 201",
            "number = 101",
            "number = 101 is that of mine already",
        ),
        ("number = 1\n", "", "missing field `number`"),
    ] {
        project.write("harness/lessons/tiny.toml", &LESSON.replacen(from, to, 1));
        let done = lesson(&project, &[]).exits(2);
        done.told("tiny.toml");
        done.told(told);
    }
    project.write("harness/lessons/tiny.toml", LESSON);
    project.write("harness/lessons/other.toml", &LESSON.replace("201", "202"));
    lesson(&project, &[])
        .exits(2)
        .told("number = 1 is that of other already");
    project.write(
        "harness/lessons/other.toml",
        &LESSON
            .replace("201", "202")
            .replace("number = 1\n", "number = 2\n"),
    );
    lesson(&project, &["small"])
        .exits(2)
        .told("known: other, tiny");
    project.measure(&["--trials", "1"]).exits(0);
    lesson(&project, &["tiny", "--run", "latest"])
        .exits(2)
        .told("holds nothing of the lesson tiny");
}

#[test]
fn every_lesson_has_its_page_and_every_page_its_lesson() {
    let material = material(&own(""));
    let lessons = Lesson::read_folder(&own("lessons"), &material).unwrap();
    let mut in_order: Vec<(&String, &Lesson)> = lessons.iter().collect();
    in_order.sort_by_key(|(_, lesson)| lesson.number);
    let numbers: Vec<u32> = in_order.iter().map(|(_, lesson)| lesson.number).collect();
    assert_eq!(numbers, (1..=14).collect::<Vec<_>>());

    let folder = own("../docs/lessons");
    let pages = std::fs::read_dir(&folder).unwrap();
    let pages: BTreeSet<String> = pages
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .filter(|page| page != "README.md")
        .collect();
    let wanted: BTreeSet<String> = lessons.keys().map(|name| format!("{name}.md")).collect();
    assert_eq!(pages, wanted);

    let course = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let mut rest = course.as_str();
    for (name, lesson) in in_order {
        let link = format!("[{}]({name}.md)", lesson.question);
        let at = rest.find(&link);
        rest = &rest[at.unwrap_or_else(|| panic!("no {link} in its place in the course"))..];
        let page = std::fs::read_to_string(folder.join(format!("{name}.md"))).unwrap();
        for part in [
            format!("# {}. {}\n", lesson.number, lesson.question),
            format!("<!-- measured: {name} -->\n"),
            "<!-- /measured -->\n".to_owned(),
        ] {
            assert_eq!(page.matches(&part).count(), 1, "{part} in {name}.md");
        }
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let page = words(&page);
        for part in [format!("`just lesson {name}`."), words(&lesson.predict)] {
            assert!(page.contains(&part), "{part} in {name}.md");
        }
        for id in &lesson.claims {
            assert!(page.contains(&format!("`claim:{id}`")), "{id} in {name}.md");
        }
        // No claim stands in a lesson that says nothing about it.
        let plan = lesson.plan(name, &material).unwrap();
        let answered: BTreeSet<&str> = (plan.replayed.replay.values())
            .flat_map(Replay::ids)
            .collect();
        for id in lesson.ids(&material.claims).unwrap() {
            assert!(answered.contains(id), "{name} does not answer {id}");
        }
    }
}

#[test]
fn the_course_is_listed_in_its_order_and_each_lesson_takes_less_than_a_minute() {
    let listed = Command::new(env!("CARGO_BIN_EXE_mcp-harness"))
        .arg("--root")
        .arg(own(".."))
        .args(["lesson", "--format", "csv"])
        .output();
    let listed = Done::from(listed.unwrap()).exits(0);
    let rows: Vec<&str> = listed.stdout.lines().skip(1).collect();
    assert_eq!(rows.len(), 14, "{}", listed.stdout);
    for (row, number) in rows.iter().zip(1..) {
        assert!(row.starts_with(&format!("{number},")), "{row}");
        let seconds = row.rsplit(',').next().unwrap();
        let seconds: f64 = seconds.parse().unwrap();
        assert!(seconds > 1.0 && seconds < 55.0, "{row}");
    }
}
