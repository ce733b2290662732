//! The definitions: whatever the text, it is read or rejected with its place, and what is read can
//! be kept with a run and read again.

#![expect(
    clippy::missing_panics_doc,
    reason = "a property that does not hold panics, and nothing else does"
)]

use std::{collections::BTreeMap, path::Path};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    FormatError,
    chaos::Chaos,
    experiment::Experiment,
    matrix, parse_toml,
    scenario::Scenario,
    suite::Suite,
    template::{Context, escaped, fill},
};
use crate::results::folder::definition_text;

/// The file that errors have to name.
const FILE: &str = "fuzzed.toml";

/// A text as each kind of definition.
pub fn definitions(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Some(suite) = parsed::<Suite>(text) {
        let mut all = BTreeMap::new();
        if matrix::suites("fuzzed", suite, &mut all).is_ok() {
            all.values().for_each(assert_usable);
        }
    }
    if let Some(file) = parsed::<matrix::File>(text)
        && let Ok(subjects) = file.expand()
        && subjects.check().is_ok()
    {
        assert_kept(&subjects);
    }
    if let Some(experiment) = parsed::<Experiment>(text)
        && experiment.check().is_ok()
    {
        assert_kept(&experiment);
    }
    if let Some(chaos) = parsed::<Chaos>(text)
        && chaos.check().is_ok()
    {
        assert_kept(&chaos);
    }
    if let Some(scenarios) = parsed::<BTreeMap<String, Scenario>>(text) {
        assert_kept(&scenarios);
    }
}

/// Reads a text; an error has to name the file, and where the text cannot be parsed, the place.
fn parsed<T: DeserializeOwned>(text: &str) -> Option<T> {
    match parse_toml(Path::new(FILE), text) {
        Ok(read) => Some(read),
        Err(FormatError::Parse {
            path,
            line,
            column,
            message,
        }) => {
            assert_eq!(path, Path::new(FILE));
            assert!((1..=text.split('\n').count()).contains(&line), "{message}");
            assert!((1..=text.len() + 1).contains(&column), "{message}");
            assert!(!message.is_empty());
            None
        }
        Err(other) => {
            assert!(other.to_string().starts_with(FILE), "{other}");
            None
        }
    }
}

/// A definition can be kept with a run, and says the same when it is read again.
fn assert_kept<T: Serialize + DeserializeOwned>(definition: &T) {
    let kept = definition_text(definition).unwrap_or_else(|error| panic!("{error}"));
    let again: T = toml::from_str(&kept).unwrap_or_else(|error| panic!("{error}: {kept}"));
    assert_eq!(definition_text(&again), Ok(kept));
}

/// A suite can be kept, and its calls are made or a sentence says why not.
fn assert_usable(suite: &Suite) {
    assert_kept(suite);
    let few = Suite {
        variants: suite.variants.min(3),
        ..suite.clone()
    };
    if let Err(message) = few.exchanges(&Context::new()) {
        assert!(!message.is_empty());
    }
}

/// Templates: any text is filled or rejected, and an escaped one comes to itself.
pub fn template(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let context = Context::from([("a".to_owned(), "{b}".into()), ("b".to_owned(), 7.into())]);
    if let Err(error) = fill(text, &context) {
        assert!(error.to_string().contains(text));
    }
    assert_eq!(fill(&escaped(text), &context).as_deref(), Ok(text));
}
