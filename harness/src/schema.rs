//! JSON Schemas (draft 2020-12) of what the harness writes: the files of `harness/schema`, which are part of the program.
//!
//! A test makes them from the types that the harness writes with, and fails when a file is old:
//! `UPDATE_SCHEMAS=1 cargo test -p harness schema` writes them anew. The crate that makes them is
//! needed by that test alone.
//!
//! A trial is a row of `trials.csv` with its cells as numbers and texts; an empty cell of a number is null.

macro_rules! schemas {
    ($($name:literal)*) => {
        /// Each schema by name, as the text of its file.
        pub const ALL: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../schema/", $name, ".json")))),*
        ];
    };
}

schemas!("trial" "environment" "report" "comparison" "ranking" "gate" "recommendation" "aa");

#[cfg(test)]
mod tests {
    use schemars::{JsonSchema, generate::SchemaSettings};

    use super::ALL;
    use crate::analysis::aa::Trust;
    use crate::analysis::compare::Comparison;
    use crate::analysis::gate::Gate;
    use crate::analysis::ranking::Ranking;
    use crate::analysis::recommend::Recommendation;
    use crate::analysis::summary::Report;
    use crate::results::environment::Environment;
    use crate::results::trial::Trial;

    fn of<T: JsonSchema>() -> String {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let schema = settings.into_generator().into_root_schema_for::<T>();
        serde_json::to_string_pretty(&schema).unwrap() + "\n"
    }

    #[test]
    fn the_files_of_the_schemas_are_what_the_types_say() {
        let made = [
            ("trial", of::<Trial>()),
            ("environment", of::<Environment>()),
            ("report", of::<Report>()),
            ("comparison", of::<Comparison>()),
            ("ranking", of::<Ranking>()),
            ("gate", of::<Gate>()),
            ("recommendation", of::<Recommendation>()),
            ("aa", of::<Trust>()),
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
