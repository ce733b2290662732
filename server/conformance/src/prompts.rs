//! The prompts.

use rmcp::{
    ErrorData, RoleServer,
    model::{
        ContentBlock, GetPromptRequestParams, GetPromptResponse, GetPromptResult, Prompt,
        PromptArgument, PromptMessage, ResourceContents, Role,
    },
    service::RequestContext,
};
use serde_json::json;

use crate::{
    contents::PNG,
    rounds::{Question, accepted},
};

/// The prompt that `test_trigger_prompt_change` adds and removes.
pub(crate) const CHANGING: &str = "test_changing_prompt";

/// All prompts, in the order of their names.
pub(crate) fn all() -> Vec<Prompt> {
    let prompt = |name: &str, about: &str, arguments: &[(&str, &str)]| {
        let arguments = arguments.iter().map(|(name, about)| {
            let argument = PromptArgument::new(*name).with_description(*about);
            argument.with_required(true)
        });
        let arguments: Vec<_> = arguments.collect();
        Prompt::new(
            name,
            Some(about),
            (!arguments.is_empty()).then_some(arguments),
        )
    };
    vec![
        prompt(
            CHANGING,
            "Is there after every other call of test_trigger_prompt_change",
            &[],
        ),
        prompt(
            "test_input_required_result_prompt",
            "Asks for its context first",
            &[],
        ),
        prompt(
            "test_prompt_with_arguments",
            "Repeats its arguments",
            &[
                ("arg1", "First test argument"),
                ("arg2", "Second test argument"),
            ],
        ),
        prompt(
            "test_prompt_with_embedded_resource",
            "Holds a resource",
            &[("resourceUri", "URI of the resource to embed")],
        ),
        prompt("test_prompt_with_image", "Holds an image", &[]),
        prompt("test_simple_prompt", "Holds a text", &[]),
    ]
}

/// The error for a prompt that is not there.
pub(crate) fn unknown(name: &str) -> ErrorData {
    ErrorData::invalid_params(format!("there is no prompt {name:?}"), None)
}

/// Makes the prompt that `request` names.
pub(crate) fn get(
    request: &GetPromptRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<GetPromptResponse, ErrorData> {
    let text = |text: &str| PromptMessage::new_text(Role::User, text);
    let messages = match request.name.as_str() {
        CHANGING => vec![text("This prompt comes and goes.")],
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments" => {
            let (first, second) = (argument(request, "arg1")?, argument(request, "arg2")?);
            let words = format!("Prompt with arguments: arg1='{first}', arg2='{second}'");
            vec![text(&words)]
        }
        "test_prompt_with_embedded_resource" => {
            let uri = argument(request, "resourceUri")?;
            let resource = ResourceContents::text("Embedded resource content for testing.", uri);
            let resource = ContentBlock::resource(resource.with_mime_type("text/plain"));
            vec![
                PromptMessage::new(Role::User, resource),
                text("Please process the embedded resource above."),
            ]
        }
        "test_prompt_with_image" => vec![
            PromptMessage::new(Role::User, ContentBlock::image(PNG, "image/png")),
            text("Please analyze the image above."),
        ],
        "test_input_required_result_prompt" => {
            let Some(answer) = accepted(request.input_responses.as_ref(), "user_context") else {
                let schema = json!({
                    "type": "object",
                    "properties": {"context": {"type": "string"}},
                    "required": ["context"]
                });
                let question = Question::elicitation("What context should the prompt use?", schema);
                return Ok(question.require("user_context", context)?.into());
            };
            let words = answer["context"].as_str().unwrap_or_default();
            vec![text(&format!("Use this context: {words}"))]
        }
        name => return Err(unknown(name)),
    };
    Ok(GetPromptResult::new(messages).into())
}

/// The argument `name`, which must be there and a text.
fn argument<'r>(request: &'r GetPromptRequestParams, name: &str) -> Result<&'r str, ErrorData> {
    let arguments = request.arguments.as_ref();
    let value = arguments.and_then(|arguments| arguments.get(name)?.as_str());
    value.ok_or_else(|| {
        let message = format!("{} needs the argument {name:?}", request.name);
        ErrorData::invalid_params(message, None)
    })
}
