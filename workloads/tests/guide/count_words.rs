//! `count_words`: counts the words of a text.

use super::prelude::*;

pub(super) const TOOL: Tool = Tool::new(DemoServer::count_router);

/// The highest `min_length`.
const MAX_LENGTH: i64 = 50;

/// The arguments of `count_words`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CountArguments {
    /// The text.
    text: String,
    /// Words with fewer characters do not count.
    #[serde(default, deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_LENGTH))]
    min_length: i64,
}

/// The result of `count_words`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CountResult {
    /// How many words count.
    words: i64,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
}

#[tool_router(router = count_router, vis = "pub(super)")]
impl DemoServer {
    #[tool(
        description = "Counts the words of a text, or those that have at least so many characters.",
        annotations(title = "Count words", read_only_hint = true, open_world_hint = false)
    )]
    pub(super) async fn count_words(
        &self,
        Parameters(arguments): Parameters<CountArguments>,
    ) -> Result<Json<CountResult>, ToolError> {
        check_range("min_length", arguments.min_length, 0, MAX_LENGTH)?;
        Ok(Json(CountResult {
            words: count(&arguments.text, arguments.min_length),
            server_type: self.state().server_type,
        }))
    }
}

fn count(text: &str, min_length: i64) -> i64 {
    let characters = |word: &str| word.chars().map(|_| 1).sum::<i64>();
    let words = text.split_whitespace().map(characters);
    words.map(|length| i64::from(length >= min_length)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_spaces_separate() {
        assert_eq!(count(" to be  or not\nto be ", 0), 6);
        assert_eq!(count("to be or not to be", 3), 1);
    }
}
