//! JSON Schemas of what the harness writes, made from the very types that it writes with: `harness/schema/*.json`.
//!
//! A trial is a row of `trials.csv` with its cells as numbers and texts, an empty cell of a number as null.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use crate::format::environment::Environment;
use crate::format::trial::Trial;
use crate::report::compare::Comparison;
use crate::report::gate::Gate;
use crate::report::ranking::Ranking;
use crate::report::recommend::Recommendation;
use crate::report::summary::Report;
use crate::report::trust::Trust;

/// All schemas (draft 2020-12) by name: what is in a folder of results, and what the verbs print with `--format json`.
#[must_use]
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("trial", of::<Trial>()),
        ("environment", of::<Environment>()),
        ("report", of::<Report>()),
        ("comparison", of::<Comparison>()),
        ("ranking", of::<Ranking>()),
        ("gate", of::<Gate>()),
        ("recommendation", of::<Recommendation>()),
        ("aa", of::<Trust>()),
    ]
}

fn of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>()
}

/// A schema as it stands in its file.
///
/// # Errors
/// When it cannot be written as JSON, which is not to be expected.
pub fn text(schema: &Schema) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(schema)? + "\n")
}
