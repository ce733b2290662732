//! FORMAT.md has every key, column and field that there is, and none that there is not.

use std::collections::BTreeSet;
use std::fmt::Debug;

use harness::config::chaos::{Bound, Chaos, Fault, Figure};
use harness::config::expect::Expect;
use harness::config::experiment::{Comparison, Experiment, Published, Variant};
use harness::config::lesson::{Lesson, Show};
use harness::config::load::Load;
use harness::config::matrix::{Point, Sweep};
use harness::config::published::{self, Claim, Shape, Source};
use harness::config::replay::{Answer, Replay, Row, Rule};
use harness::config::scenario::Scenario;
use harness::config::step::Step;
use harness::config::subject::{Build, Labels, Service, Store, Subject, Subjects};
use harness::config::suite::{Beside, Suite, Targets};
use harness::results::trial::{Trial, TrialWriter};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::support::{Project, own};

type Names = BTreeSet<String>;

/// The names in the first cells of the tables below a heading, up to the next one.
fn documented(heading: &str) -> Names {
    let text = std::fs::read_to_string(own("FORMAT.md")).unwrap();
    let at = text
        .find(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("no {heading}"));
    let section = &text[at + heading.len() + 2..];
    let section = section.split("\n#").next().unwrap();
    let first_cells = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let names = first_cells.map(|cell| cell.split('`').next().unwrap().to_owned());
    let names: Vec<String> = names.collect();
    let found: Names = names.iter().cloned().collect();
    assert_eq!(found.len(), names.len(), "{heading} says something twice");
    found
}

/// The keys of a definition: its type names them all when it refuses another.
fn keys<T: DeserializeOwned + Debug>() -> Names {
    named(
        &toml::from_str::<T>("no_such_key = 1")
            .unwrap_err()
            .to_string(),
    )
}

/// The values of a key: its type names them all when it refuses another.
fn values<T: DeserializeOwned + Debug>() -> Names {
    let refusal = serde_json::from_str::<T>("\"no_such_value\"");
    named(&refusal.unwrap_err().to_string())
}

fn named(refusal: &str) -> Names {
    let (_, expected) = refusal
        .split_once("expected ")
        .unwrap_or_else(|| panic!("{refusal}"));
    let names = expected.split('`').skip(1).step_by(2);
    names.map(ToOwned::to_owned).collect()
}

fn members(value: &Value) -> Names {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn every_key_of_a_definition_is_documented_and_no_other() {
    for (heading, keys) in [
        ("### `[subject.NAME]`", keys::<Subject>()),
        ("### `[build.NAME]`", keys::<Build>()),
        ("### `[service.NAME]`", keys::<Service>()),
        ("### `[store]`", keys::<Store>()),
        ("## Suites: `suites/NAME.toml`", keys::<Suite>()),
        ("### `[only]`", keys::<Labels>()),
        ("### `[load]`", keys::<Load>()),
        ("### `[targets]`", keys::<Targets>()),
        ("### `[[sweep]]`", keys::<Sweep>()),
        ("### `[[step]]`", keys::<Step>()),
        ("### `[point]`", keys::<Point>()),
        ("### `[expect]`", keys::<Expect>()),
        ("### `[beside]`", keys::<Beside>()),
        (
            "## Experiments: `experiments/NAME.toml`",
            keys::<Experiment>(),
        ),
        ("### `[[published]]`", keys::<Published>()),
        ("## Chaos: `chaos/NAME.toml`", keys::<Chaos>()),
        ("### `[[bound]]`", keys::<Bound>()),
        ("### A fault", values::<Fault>()),
        ("### A figure of chaos", values::<Figure>()),
        ("### `[[compare]]`", keys::<Comparison>()),
        ("### A variant", keys::<Variant>()),
        (
            "## Published claims: `published/SOURCE.toml`",
            keys::<Source>(),
        ),
        ("### `[claim.ID]`", keys::<Claim>()),
        ("### A published figure", keys::<published::Value>()),
        ("### `[shape.ID]`", keys::<Shape>()),
        ("## Replays: `replays/NAME.toml`", keys::<Replay>()),
        ("## Scenarios: `scenarios.toml`", keys::<Scenario>()),
        ("### `[[claim]]` of a replay", keys::<Answer>()),
        ("### `[[claim.row]]`", keys::<Row>()),
        ("### `[[claim.verdict]]`", keys::<Rule>()),
        ("## Lessons: `lessons/NAME.toml`", keys::<Lesson>()),
        ("### `[[show]]`", keys::<Show>()),
    ] {
        assert_eq!(documented(heading), keys, "{heading}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("subjects.toml");
    std::fs::write(&file, "[family.x]\nno_such_key = 1\n").unwrap();
    let refusal = Subjects::read(&file).unwrap_err().to_string();
    assert_eq!(documented("### `[family.NAME]`"), named(&refusal));
}

#[test]
fn every_column_of_a_trial_is_documented_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trials.csv");
    TrialWriter::create(&file)
        .unwrap()
        .append([&Trial::default()])
        .unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let header = text.lines().next().unwrap();
    let columns: Names = header.split(',').map(ToOwned::to_owned).collect();
    assert_eq!(documented("## Columns of `trials.csv`"), columns);
}

#[test]
fn every_field_of_an_environment_is_documented_and_no_other() {
    let project = Project::new(&["right"]);
    project.measure(&["--trials", "1"]).exits(0);
    let text = std::fs::read_to_string(project.results().join("environment.json")).unwrap();
    let written: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        documented("## Fields of `environment.json`"),
        members(&written)
    );
    for part in ["machine", "source"] {
        assert_eq!(
            documented(&format!("### `{part}`")),
            members(&written[part]),
            "{part}"
        );
    }
    let program = &written["programs"]["mcp-harness"];
    assert_eq!(documented("### `programs`"), members(program));
}
