//! What a model would read, counted: the bytes and tokens of answers, or of the definitions of
//! tools.
//!
//! The tokenizer is `o200k_base` (of the crate `tiktoken-rs`), that of `OpenAI`'s models since
//! 2024. Others count differently, so ratios travel and absolute numbers hardly do.

use serde_json::Value;

use super::live::Live;
use super::row::{Job, seconds};
use super::target::verification;
use crate::config::suite::Counts;
use crate::interrupt::Interrupt;
use crate::load::{self, Options};
use crate::results::trial::Trial;

/// Most calls that are counted of a suite.
const CALLS: usize = 16;

/// Asks a subject that is ready, and counts what it says, where the suite wants that. What goes
/// wrong with the subject is a sentence.
pub(super) fn count(
    live: &Live<'_>,
    job: &Job<'_>,
    trial: &mut Trial,
    interrupt: &Interrupt,
) -> anyhow::Result<Result<(), String>> {
    let Some(counts) = job.suite.counts else {
        return Ok(Ok(()));
    };
    let Some(target) = live.address() else {
        let text = "the suite counts what a model reads, which needs a wire over HTTP";
        return Ok(Err(text.to_owned()));
    };
    let call_timeout = seconds(job.suite.load.call_timeout_s());
    let options = Options {
        revision: job.suite.revision(live.subject)?,
        ..verification(live.subject, call_timeout, interrupt)?
    };
    let calls = &job.calls.timed[..job.calls.timed.len().min(CALLS)];
    let found = match load::verify(target, calls, options) {
        Ok(found) => found,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let texts: Result<Vec<String>, String> = match counts {
        Counts::Listing => Ok(vec![Value::from(found.definitions).to_string()]),
        Counts::Answers => (found.answers.into_iter())
            .map(|answer| answer.map(|right| text_of(&right.result)))
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string()),
    };
    Ok(texts.map(|texts| {
        trial.text_bytes = mean(texts.iter().map(|text| text.len() as u64));
        let tokens: Option<Vec<u64>> = texts.iter().map(|text| tokens(text)).collect();
        trial.text_tokens = tokens.and_then(|tokens| mean(tokens.into_iter()));
    }))
}

/// The text of a result: what clients hand to a model.
fn text_of(result: &Value) -> String {
    let blocks = result["content"].as_array().into_iter().flatten();
    let texts: Vec<&str> = blocks.filter_map(|block| block["text"].as_str()).collect();
    texts.join("\n")
}

/// How many tokens a text is.
#[cfg(feature = "tokens")]
#[expect(
    clippy::unnecessary_wraps,
    reason = "without the feature tokens are not counted"
)]
fn tokens(text: &str) -> Option<u64> {
    let tokenizer = tiktoken_rs::o200k_base_singleton();
    Some(tokenizer.encode_ordinary(text).len() as u64)
}

/// Tokens are not counted: the tokenizer's tables would be most of what is compiled.
#[cfg(not(feature = "tokens"))]
fn tokens(_: &str) -> Option<u64> {
    None
}

fn mean(values: impl ExactSizeIterator<Item = u64>) -> Option<u64> {
    let count = values.len() as u64;
    (count > 0).then(|| (values.sum::<u64>() + count / 2) / count)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[cfg(feature = "tokens")]
    use super::tokens;
    use super::{mean, text_of};

    #[cfg(feature = "tokens")]
    #[test]
    fn tokens_are_those_of_the_named_tokenizer() {
        // Published examples of o200k_base.
        assert_eq!(tokens("hello world"), Some(2));
        assert_eq!(tokens("antidisestablishmentarianism"), Some(6));
        assert_eq!(tokens(""), Some(0));
    }

    #[test]
    fn all_text_of_a_result_is_counted_and_nothing_else() {
        let result = json!({
            "content": [{ "type": "text", "text": "a" }, { "type": "image", "data": "x" }, { "type": "text", "text": "b" }],
            "structuredContent": { "a": "b" },
        });
        assert_eq!(text_of(&result), "a\nb");
        assert_eq!(mean([1, 2].into_iter()), Some(2));
        assert_eq!(mean([].into_iter()), None);
    }
}
