//! JSON Schemas (draft 2020-12) of what the harness writes: the files of `harness/schema`, which
//! are part of the program.
//!
//! Those of files come from the types that the harness writes with, those of what verbs print from
//! the golden files, whose rows have every column. A test fails when a schema is old:
//! `UPDATE_SCHEMAS=1 cargo test -p harness schema` writes them anew. The crate that makes them is
//! needed by that test alone.
//!
//! A trial is a row of `trials.csv` with its cells as numbers and texts; an empty cell of a number
//! is null.

macro_rules! schemas {
    ($($name:literal)*) => {
        /// Each schema by name, as the text of its file.
        pub const ALL: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../schema/", $name, ".json")))),*
        ];
    };
}

schemas!("trial" "environment" "report" "comparison" "ranking" "gate" "recommendation");

#[cfg(test)]
mod tests {
    use schemars::{JsonSchema, generate::SchemaSettings};

    use serde_json::{Value, json};

    use super::ALL;
    use crate::results::environment::Environment;
    use crate::results::trial::Trial;

    fn of<T: JsonSchema>() -> String {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let schema = settings.into_generator().into_root_schema_for::<T>();
        serde_json::to_string_pretty(&schema).unwrap() + "\n"
    }

    /// What values like these are: rows have the columns of the first one. A cell may be missing.
    fn like(value: &Value, columns_of: &[Value]) -> Value {
        match value {
            Value::Null => json!({ "type": ["number", "string", "null"] }),
            Value::Bool(_) => json!({ "type": "boolean" }),
            Value::Number(_) => json!({ "type": ["number", "null"] }),
            Value::String(_) => json!({ "type": ["string", "null"] }),
            Value::Array(items) => match items.first() {
                Some(Value::Object(row)) => {
                    // A ranking has a column for each suite.
                    let fixed = row
                        .iter()
                        .filter(|(key, _)| !columns_of.contains(&json!(key)));
                    let columns = fixed.map(|(key, _)| {
                        let found = items.iter().map(|row| &row[key]);
                        let found = found
                            .clone()
                            .find(|cell| !cell.is_null())
                            .unwrap_or(&Value::Null);
                        (key.clone(), like(found, &[]))
                    });
                    let columns: serde_json::Map<String, Value> = columns.collect();
                    let names: Vec<&String> = columns.keys().collect();
                    let row = json!({ "type": "object", "required": names, "properties": columns });
                    json!({ "type": "array", "items": row })
                }
                Some(item) => json!({ "type": "array", "items": like(item, &[]) }),
                None => json!({ "type": "array" }),
            },
            Value::Object(_) => json!({ "type": "object" }),
        }
    }

    /// The schema of what a verb printed.
    fn of_golden(name: &str) -> String {
        let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let printed: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let suites = printed["suites"].as_array().cloned().unwrap_or_default();
        let parts = printed.as_object().unwrap().iter();
        let parts = parts.map(|(key, value)| (key.clone(), like(value, &suites)));
        let parts: serde_json::Map<String, Value> = parts.collect();
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "required": parts.keys().collect::<Vec<_>>(),
            "properties": parts,
            "additionalProperties": false,
        });
        serde_json::to_string_pretty(&schema).unwrap() + "\n"
    }

    #[test]
    fn the_files_of_the_schemas_are_what_the_harness_writes() {
        let made = [
            ("trial", of::<Trial>()),
            ("environment", of::<Environment>()),
            ("report", of_golden("report")),
            ("comparison", of_golden("compare")),
            ("ranking", of_golden("rank")),
            ("gate", of_golden("gate")),
            ("recommendation", of_golden("recommend")),
        ];
        assert_eq!(made.len(), ALL.len());
        for ((name, made), (file, text)) in made.iter().zip(ALL) {
            assert_eq!(name, file);
            if std::env::var_os("UPDATE_SCHEMAS").is_some() {
                let path = format!("{}/schema/{name}.json", env!("CARGO_MANIFEST_DIR"));
                std::fs::write(path, made).unwrap();
            } else {
                assert_eq!(
                    made, text,
                    "harness/schema/{name}.json is old: run UPDATE_SCHEMAS=1 cargo test -p harness schema"
                );
            }
        }
    }
}
