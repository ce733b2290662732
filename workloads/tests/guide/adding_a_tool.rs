//! `docs/adding-a-tool.md`, held against a throw-away tool: the file that the guide shows is built
//! as a module of `tools`, and asked the cases of the suite that the guide shows.

use serde_json::{Value, json};
use transports::{
    fast_path::{FastCall, RawValue, call},
    runtime::{Handle, Tokio},
};

use super::count_words;
use crate::{
    AppState, DemoServer,
    database::{Database, DatabaseOptions},
};

const GUIDE: &str = include_str!("../../../docs/adding-a-tool.md");
const FILE: &str = include_str!("count_words.rs");

/// The code block of the guide that is marked `language`.
#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn block(language: &str) -> &str {
    let (_, block) = GUIDE.split_once(&format!("```{language}\n")).unwrap();
    block.split_once("```").unwrap().0
}

#[test]
fn the_guide_shows_the_file_that_is_built() {
    assert!(
        block("rust") == FILE,
        "docs/adding-a-tool.md and workloads/tests/guide/count_words.rs differ: copy one to the other"
    );
}

#[test]
fn the_guides_line_is_one_of_the_list() {
    let list = include_str!("../../src/tools.rs");
    let like = |tool: &str| block("text").replace("count_words", tool);
    assert!(list.contains(&like("echo")), "{}", block("text"));
    let tools = (count_words::TOOL.router)().list_all();
    assert_eq!(tools.len(), 1);
    assert_eq!(tools[0].name, "count_words");
}

#[tokio::test]
async fn the_guides_suite_is_answered() {
    let options = DatabaseOptions::new("sqlite::memory:");
    let database = Database::open(&options).await.unwrap();
    let state = AppState::new("guide", Handle::new(Tokio), database);
    let server = DemoServer::new(state);
    let suite: Value = toml::from_str(block("toml")).unwrap();
    assert_eq!(suite["tool"], "count_words");
    for case in suite["cases"].as_array().unwrap() {
        let fill =
            |template: &Value| case[template.as_str().unwrap().trim_matches(['{', '}'])].clone();
        let arguments = suite["arguments"].as_object().unwrap().iter();
        let arguments: Value = arguments
            .map(|(name, value)| (name.clone(), fill(value)))
            .collect();
        let arguments = RawValue::from_string(arguments.to_string()).unwrap();
        let outcome = match call(&server, DemoServer::count_words, Some(&arguments)) {
            FastCall::Ready(outcome) => outcome,
            FastCall::Running(call) => call.await,
            FastCall::UnknownTool | FastCall::InvalidArguments => {
                panic!("{arguments} does not fit")
            }
        };
        let result: Value = serde_json::from_slice(outcome.serialized().unwrap().json()).unwrap();
        assert_eq!(result["isError"], json!(false));
        for (place, expected) in suite["expect"]["equals"].as_object().unwrap() {
            assert_eq!(result.pointer(place), Some(&fill(expected)), "{case}");
        }
    }
}
