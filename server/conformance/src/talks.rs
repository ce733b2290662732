//! Tools that talk to their client while they run: progress, log messages, sampling, elicitation.

#![expect(
    deprecated,
    reason = "2026-07-28 has neither sampling requests nor log messages without a level; the suite asks older revisions for them"
)]

use std::time::Duration;

use rmcp::{
    ErrorData, RoleServer,
    handler::server::wrapper::Parameters,
    model::{
        CallToolResponse, CreateMessageRequestParams, LoggingLevel,
        LoggingMessageNotificationParam, ProgressNotificationParam, SamplingMessage,
    },
    service::{RequestContext, ServiceError},
    tool, tool_router,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Fixtures, is_self_contained,
    rounds::{Question, form},
};

/// The time between two messages, as the suite asks for it.
const PAUSE: Duration = Duration::from_millis(50);

/// The arguments of `test_sampling`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SamplingArguments {
    /// What to ask the client's model.
    prompt: String,
}

/// The arguments of `test_elicitation`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ElicitationArguments {
    /// What to show to the user.
    message: String,
}

#[tool_router(router = talks_router, vis = "pub(crate)")]
impl Fixtures {
    #[tool(description = "Sends three progress notifications, if the call has a token")]
    pub(crate) async fn test_tool_with_progress(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        let token = context.meta.get_progress_token();
        for progress in [0.0, 50.0, 100.0] {
            if let Some(token) = token.clone() {
                let progress = ProgressNotificationParam::new(token, progress).with_total(100.0);
                sent(context.peer.notify_progress(progress).await)?;
            }
            // Also after the last one: the TypeScript clients hand notifications on later than
            // results, and lose progress that they read together with the result.
            self.runtime.sleep(PAUSE).await;
        }
        Ok("The work is done.".to_owned())
    }

    #[tool(description = "Sends three log messages")]
    pub(crate) async fn test_tool_with_logging(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        self.log(&context, "Tool execution started").await?;
        self.runtime.sleep(PAUSE).await;
        self.log(&context, "Tool processing data").await?;
        self.runtime.sleep(PAUSE).await;
        self.log(&context, "Tool execution completed").await?;
        Ok("The work is done.".to_owned())
    }

    #[tool(description = "Sends a log message, if the call asks for log messages")]
    pub(crate) async fn test_logging_tool(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        self.log(&context, "Tool executed").await?;
        Ok("The work is done.".to_owned())
    }

    /// Over http-stream rmcp opens the stream of the result with an event id and a time to come
    /// back after, so a client whose connection breaks can have the result of a slow call later.
    #[tool(description = "Takes a while")]
    pub(crate) async fn test_reconnection(&self) -> String {
        self.runtime.sleep(PAUSE).await;
        "The work is done.".to_owned()
    }

    #[tool(description = "Asks the client's model")]
    pub(crate) async fn test_sampling(
        &self,
        Parameters(SamplingArguments { prompt }): Parameters<SamplingArguments>,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        Question::sampling(&prompt, 100).check(&context)?;
        let messages = vec![SamplingMessage::user_text(prompt)];
        let request = CreateMessageRequestParams::new(messages, 100);
        let answer = sent(context.peer.create_message(request).await)?;
        let text = answer.message.content.first();
        let text = text.and_then(|block| block.as_text());
        let text = text.map_or("no text", |text| text.text.as_str());
        Ok(format!("LLM response: {text}"))
    }

    #[tool(description = "Asks the user for a name and an address")]
    pub(crate) async fn test_elicitation(
        &self,
        Parameters(ElicitationArguments { message }): Parameters<ElicitationArguments>,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        let schema = json!({
            "type": "object",
            "properties": {
                "username": {"type": "string", "description": "User's response"},
                "email": {"type": "string", "description": "User's email address"}
            },
            "required": ["username", "email"]
        });
        elicit(&context, "User response", &message, schema).await
    }

    #[tool(description = "Asks the user for values that have defaults")]
    pub(crate) async fn test_elicitation_sep1034_defaults(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        let states = ["active", "inactive", "pending"];
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "default": "John Doe"},
                "age": {"type": "integer", "default": 30},
                "score": {"type": "number", "default": 95.5},
                "status": {"type": "string", "enum": states, "default": "active"},
                "verified": {"type": "boolean", "default": true}
            }
        });
        let message = "Please check these values";
        elicit(&context, "Elicitation completed", message, schema).await
    }

    #[tool(description = "Asks the user to choose, with each kind of choice")]
    pub(crate) async fn test_elicitation_sep1330_enums(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        let message = "Please choose";
        elicit(&context, "Elicitation completed", message, choices()).await
    }

    #[tool(description = "Needs a client that declares sampling")]
    #[expect(
        clippy::needless_pass_by_value,
        clippy::unused_self,
        reason = "a tool is a method that gets its context by value"
    )]
    pub(crate) fn test_missing_capability(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        Question::sampling("", 1).check(&context)?;
        Ok("This client declares sampling.".to_owned())
    }

    #[tool(description = "Tells its progress and then asks for input")]
    pub(crate) async fn test_streaming_elicitation(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if let Some(token) = context.meta.get_progress_token() {
            let progress = ProgressNotificationParam::new(token, 1.0).with_total(2.0);
            sent(context.peer.notify_progress(progress).await)?;
        }
        let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}});
        let question = Question::elicitation("What is your name?", schema);
        question.ask("user_name", &context)
    }
}

impl Fixtures {
    /// Logs at level info, where the client wants to see it: up to 2025-11-25 its session has a
    /// level, from 2026-07-28 on each request names one or none.
    async fn log(&self, context: &RequestContext<RoleServer>, text: &str) -> Result<(), ErrorData> {
        let least = if is_self_contained(context) {
            context.meta.log_level()
        } else {
            Some(self.session.level())
        };
        let level = LoggingLevel::Info;
        if least.is_none_or(|least| (level as u8) < least as u8) {
            return Ok(());
        }
        let message = LoggingMessageNotificationParam::new(level, Value::from(text));
        let message = message.with_logger("mcp-conformance");
        sent(context.peer.notify_logging_message(message).await)
    }
}

/// Asks the user, and reports the answer after `label`.
async fn elicit(
    context: &RequestContext<RoleServer>,
    label: &str,
    message: &str,
    schema: Value,
) -> Result<String, ErrorData> {
    Question::elicitation(message, schema.clone()).check(context)?;
    let answer = context
        .peer
        .create_elicitation(form(message, schema)?)
        .await;
    let answer = sent(answer)?;
    let action = serde_json::to_value(&answer.action).unwrap_or_default();
    let action = action.as_str().unwrap_or_default();
    let form = answer.content.unwrap_or_else(|| json!({}));
    Ok(format!("{label}: action={action}, content={form}"))
}

/// One choice of each kind that a form may have.
fn choices() -> Value {
    let plain = ["option1", "option2", "option3"];
    let titled = |noun: &str| {
        let names = ["First", "Second", "Third"].into_iter().enumerate();
        let choices = names.map(|(index, name)| {
            json!({"const": format!("value{}", index + 1), "title": format!("{name} {noun}")})
        });
        choices.collect::<Value>()
    };
    json!({
        "type": "object",
        "properties": {
            "untitledSingle": {"type": "string", "enum": plain},
            "titledSingle": {"type": "string", "oneOf": titled("Option")},
            "legacyEnum": {
                "type": "string",
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"]
            },
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
            "titledMulti": {"type": "array", "items": {"anyOf": titled("Choice")}}
        }
    })
}

/// The answer of a client, or an error that says why there is none.
fn sent<T>(outcome: Result<T, ServiceError>) -> Result<T, ErrorData> {
    outcome.map_err(|error| {
        ErrorData::internal_error(format!("the client did not answer: {error}"), None)
    })
}
