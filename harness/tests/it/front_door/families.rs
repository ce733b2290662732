//! Families: one table, many subjects; what they refuse; and how subjects are chosen by their
//! labels.

use std::collections::BTreeSet;

use harness::config::subject::{Role, Sessions, Subject, Subjects};

use super::support::{Project, own, rejects, subject};

/// Two axes, a word on each, and a build for each value of one.
const FAMILIES: &str = r#"
[family.builds]
name = "build-{size}"
axes.size = ["small", "large"]
build.command = ["make", "{size}", "{profile}"]

[family.servers]
name = "{size}{suffix}"
axes = { size = ["small", "large"], fast_path = ["on", "off"] }

[family.servers.subject]
transport = "http"
runtime = "{size}"
fast_path = "{fast_path}"
note = "{remark}"
wire = "http"
build = "build-{size}"
command = ["serve", "{size}", "{bin_dir}", "{{fast_path}}"]
environment = { FAST = "{fast_path}" }

[axis.fast_path.off]
suffix = "-plain"
[axis.size.large]
remark = "it is large"
"#;

fn with(text: &str) -> Project {
    let project = Project::new(&[]);
    project.write("subjects.toml", text);
    project
}

#[test]
fn a_family_makes_a_subject_of_every_combination() {
    let project = with(FAMILIES);
    let subjects = Subjects::read(&project.path("subjects.toml")).unwrap();
    let names: Vec<&String> = subjects.subject.keys().collect();
    assert_eq!(names, ["large", "large-plain", "small", "small-plain"]);
    let large = &subjects.subject["large-plain"];
    assert_eq!(large.runtime.as_deref(), Some("large"));
    assert_eq!(large.fast_path.as_deref(), Some("off"));
    assert_eq!(large.note.as_deref(), Some("it is large"));
    assert_eq!(large.environment["FAST"], "off");
    // What is filled at the start, and escaped braces, are left alone.
    assert_eq!(
        large.command,
        ["serve", "large", "{bin_dir}", "{{fast_path}}"]
    );
    assert_eq!(subjects.subject["small"].note, None);
    assert_eq!(
        subjects.build["build-small"].command,
        ["make", "small", "{profile}"]
    );
    let shown = project.run("show", &["large-plain"]).exits(0).stdout;
    for part in [
        "[subject.large-plain]",
        "note = \"it is large\"",
        "\"{fast_path}\"",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(!shown.contains("family"), "{shown}");
}

#[test]
fn families_that_make_no_sense_are_rejected() {
    rejects(
        "subjects.toml",
        || with(FAMILIES),
        r#"
axes.size            => axis.size        => subjects.toml:4:1: unknown field `axis`
wire = "http"        => wires = 1        => unknown field `wires`
{size}{suffix}       => {size}           => makes "small", which is there already
[axis.size.large]    => [axis.size.huge] => no family has the value "huge"
remark =             => size =           => {size} means two things
remark =             => suffix =         => {suffix} means two things
axes.size = ["small", "large"] => axes.size = [] => axes.size has no value
["on", "off"]        => ["off", "maybe"] => "maybe" is neither on nor off
note = "{remark}"    => note = "{remark" => is not a template
build.command        => subject.command  => missing field
build.command = ["make", "{size}", "{profile}"] =>  => needs either a subject or a build
"#,
    );
}

/// Two right servers with labels, one of them measured on request only, and a floor.
fn labelled() -> Project {
    let project = Project::new(&["floor"]);
    let text = project.read("subjects.toml");
    let right = |name: &str, labels: &str| {
        subject("right", &project.path("processes"))
            .replace("[subject.right]", &format!("[subject.{name}]\n{labels}"))
    };
    let fast = right(
        "fast",
        "fast_path = \"on\"\nruntime = \"a\"\nnote = \"it is fast\"",
    );
    let slow = right("slow", "fast_path = \"off\"\nruntime = \"b\"");
    let other = right(
        "other",
        "fast_path = \"on\"\nruntime = \"c\"\non_request = true",
    );
    project.write("subjects.toml", &[text, fast, slow, other].concat());
    project
}

#[test]
fn labels_choose_among_the_servers_and_some_are_measured_on_request_only() {
    for (flags, chosen) in [
        (&[][..], &["fast", "floor", "slow"][..]),
        (&["--fast-path", "on"], &["fast", "floor"]),
        (
            &["--runtime", "a,b", "--fast-path", "off"],
            &["floor", "slow"],
        ),
        (&["--subject", "other"], &["other"]),
    ] {
        let project = labelled();
        project
            .measure(&[&["--trials", "1"], flags].concat())
            .exits(0);
        let measured: BTreeSet<String> = (project.trials().into_iter())
            .map(|trial| trial.subject)
            .collect();
        assert_eq!(
            measured,
            chosen.iter().map(ToString::to_string).collect(),
            "{flags:?}"
        );
    }
    let done = labelled().run("verify", &["--variants", "2"]).exits(0);
    done.printed("other");
    let listed = labelled().run("list", &[]).exits(0).stdout;
    assert_eq!(listed.matches("on request").count(), 1, "{listed}");
}

#[test]
fn the_label_and_the_note_of_a_subject_are_in_the_results_and_the_report() {
    let project = labelled();
    let done = project.measure(&["--trials", "1"]).exits(0);
    let fast = &project.trials_of("fast")[0];
    let floor = &project.trials_of("floor")[0];
    assert_eq!(
        (fast.fast_path.as_str(), floor.fast_path.as_str()),
        ("on", "")
    );
    let row = (done.stdout.lines())
        .find(|line| line.contains("fast [1]"))
        .unwrap();
    assert_eq!(row.split_whitespace().nth(3), Some("on"), "{row}");
    done.printed("\n[1] it is fast.\n");
    let widest = done
        .stdout
        .lines()
        .find(|line| line.starts_with("rank"))
        .unwrap();
    // The column `valid` grows with the warnings of a busy machine.
    assert!(widest.chars().count() < 130, "{widest}");
    // The other figures are for the file.
    let written = std::fs::read_to_string(project.results().join("report.md")).unwrap();
    let head = "iterations/s | RSS peak MB | start ms";
    assert!(
        written.contains(head) && !done.stdout.contains("RSS peak MB"),
        "{written}"
    );
}

#[test]
fn the_projects_subjects_are_every_transport_on_every_runtime() {
    let subjects = Subjects::read(&own("subjects.toml")).unwrap();
    let is_server = |subject: &&Subject| subject.role == Role::Server && !subject.on_request;
    let servers: Vec<(&String, &Subject)> = (subjects.subject.iter())
        .filter(|(_, subject)| is_server(subject))
        .collect();
    assert_eq!(servers.len(), 30);
    let mut programs = BTreeSet::new();
    for (name, server) in servers {
        let runtime = server.runtime.as_deref().unwrap();
        let fast_path = server.fast_path.as_deref().unwrap();
        let suffix = if fast_path == "on" { "" } else { "-rmcp" };
        assert_eq!(*name, format!("{}-{runtime}{suffix}", server.transport));
        let program = format!("{{bin_dir}}/mcp-{}-{runtime}", server.transport);
        assert_eq!(server.command[0], program);
        let flag = server
            .command
            .iter()
            .position(|part| part == "--fast-path")
            .unwrap();
        assert_eq!(server.command[flag + 1], fast_path);
        let build = &subjects.build[server.build.as_ref().unwrap()].command;
        let at = build.iter().position(|part| part == "--runtime").unwrap();
        assert!(
            build[0] == "scripts/build" && build[at + 1] == runtime,
            "{build:?}"
        );
        let noted = server.note.as_deref().unwrap_or_default();
        let has_thread = matches!(runtime, "async-std" | "smol");
        assert_eq!(noted.contains("tokio thread"), has_thread, "{name}");
        programs.insert(program);
    }
    assert_eq!(programs.len(), 15);
    let floors = subjects
        .subject
        .values()
        .filter(|one| one.role == Role::Floor);
    assert_eq!(floors.count(), 2);
    let shared = &subjects.subject["http-json-tokio-shared-rmcp"];
    assert_eq!(
        (shared.sessions, shared.shared_sessions),
        (Sessions::Shared, Some(10))
    );
    assert!(
        shared
            .note
            .as_deref()
            .unwrap_or_default()
            .contains("event stream")
    );
}
