//! The JSON Schemas: the harness prints them, and what it writes obeys them.

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::compare::Recorded;
use super::support::{Project, own};

fn schema(name: &str) -> Value {
    let text = std::fs::read_to_string(own(&format!("schema/{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[track_caller]
fn obeys(validator: &Validator, value: &Value) {
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\nin {value:#}");
}

fn validator(name: &str) -> Validator {
    jsonschema::validator_for(&schema(name)).unwrap()
}

#[test]
fn an_unknown_schema_is_refused_with_the_known_names() {
    let project = Project::new(&["right"]);
    let done = project.run("schema", &["nothing"]).exits(2);
    done.told("known: trial, environment, report");
    let done = project.run("schema", &["trial"]).exits(0);
    let printed: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(printed, schema("trial"));
}

/// A row of the file by its columns. Whether a cell is a number is what the schema says of its
/// column.
fn row(properties: &Map<String, Value>, header: &[&str], cells: &csv::StringRecord) -> Value {
    let value = |(column, cell): (&&str, &str)| {
        let kind = &properties[*column]["type"];
        let is_number = kind.to_string().contains("integer");
        let value = match (is_number, cell) {
            (false, text) => Value::from(text),
            (true, "") => Value::Null,
            (true, number) => Value::from(number.parse::<i64>().unwrap()),
        };
        ((*column).to_owned(), value)
    };
    Value::Object(header.iter().zip(cells).map(value).collect())
}

#[test]
fn what_a_run_writes_obeys_the_schemas() {
    let project = Project::new(&["right", "wrong", "exits", "floor"]);
    project.measure(&["--trials", "3"]).exits(1);
    let folder = project.results();

    let (of_trial, schema) = (validator("trial"), schema("trial"));
    let properties = schema["properties"].as_object().unwrap();
    let mut reader = csv::Reader::from_path(folder.join("trials.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let header: Vec<&str> = header.iter().collect();
    assert_eq!(
        header.len(),
        properties.len(),
        "each column is in the schema, and none is missing"
    );
    let rows: Vec<Value> = reader
        .records()
        .map(|cells| row(properties, &header, &cells.unwrap()))
        .collect();
    assert_eq!(rows.len(), 12);
    for row in &rows {
        obeys(&of_trial, row);
    }
    for (column, wrong) in [("status", Value::from("fine")), ("calls", Value::from(-1))] {
        let mut row = rows[0].clone();
        row[column] = wrong;
        assert!(!of_trial.is_valid(&row), "{column} can be anything");
    }

    let environment = std::fs::read_to_string(folder.join("environment.json")).unwrap();
    obeys(
        &validator("environment"),
        &serde_json::from_str(&environment).unwrap(),
    );
    let report = project.run("report", &["--format", "json"]).exits(0).stdout;
    obeys(
        &validator("report"),
        &serde_json::from_str(&report).unwrap(),
    );
}

#[test]
fn what_the_verbs_print_obeys_the_schemas() {
    let recorded = Recorded::new(&["right"]);
    recorded.run_with(
        "a",
        &[("echo", "right", 100, 500), ("echo", "other", 50, 500)],
    );
    recorded.run_with("b", &[("echo", "right", 120, 500)]);
    for (name, verb, flags, code) in [
        ("comparison", "compare", &["a", "b"][..], 0),
        (
            "comparison",
            "compare",
            &["--run", "a", "right", "other"],
            0,
        ),
        ("ranking", "rank", &["a"], 0),
        ("gate", "gate", &["b", "--baseline", "a"], 1),
    ] {
        let done = recorded
            .verb(verb, &[flags, &["--format", "json"]].concat())
            .exits(code);
        obeys(
            &validator(name),
            &serde_json::from_str(&done.stdout).unwrap(),
        );
    }
}
