//! Completions of the prompts' and the template's arguments.

use rmcp::{
    ErrorData,
    model::{CompleteRequestParams, CompleteResult, CompletionInfo, Reference},
};

/// What an argument of a prompt may be completed to.
const WORDS: [&str; 5] = ["paris", "park", "party", "hello", "world"];
/// What the variable of the template may be completed to.
const IDS: [&str; 3] = ["1", "12", "123"];

/// Completes an argument: the known values that begin with what the client has of it.
pub(crate) fn complete(request: &CompleteRequestParams) -> Result<CompleteResult, ErrorData> {
    let known = match &request.r#ref {
        Reference::Prompt(_) => &WORDS[..],
        Reference::Resource(_) => &IDS,
        // References of revisions to come.
        _ => &[],
    };
    let begun = &request.argument.value;
    let values = known.iter().filter(|value| value.starts_with(begun));
    let values = values.map(|value| (*value).to_owned()).collect();
    let completion = CompletionInfo::with_all_values(values);
    let completion = completion.map_err(|error| ErrorData::internal_error(error, None))?;
    Ok(CompleteResult::new(completion))
}
