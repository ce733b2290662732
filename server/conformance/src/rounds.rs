//! Tools that need several rounds: a call is answered with questions, and made again with the
//! answers (MCP 2026-07-28, "Multi Round-Trip Requests").
//!
//! The server keeps nothing between two rounds. What it has to know is in the state that it seals
//! and the client carries.

#![expect(
    clippy::needless_pass_by_value,
    clippy::unused_self,
    reason = "a tool is a method that gets its context by value, and some of these need no state"
)]
#![expect(
    deprecated,
    reason = "2026-07-28 asks for samples and roots in results, with the types of older revisions"
)]

use rmcp::{
    ErrorData, RoleServer,
    handler::server::tool::{InputResponses as Answers, RequestState},
    model::{
        CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, CreateMessageRequest,
        CreateMessageRequestParams, ElicitRequest, ElicitRequestParams, ElicitationCapability,
        InputRequest, InputRequests, InputRequiredResult, InputResponses, ListRootsRequest,
        RootsCapabilities, SamplingCapability, SamplingMessage, SealOptions,
    },
    service::RequestContext,
    tool, tool_router,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Fixtures;

/// Something to ask a client for.
pub(crate) enum Question {
    Elicitation { message: String, schema: Value },
    Sampling { prompt: String, max_tokens: u32 },
    Roots,
}

/// What the calls of one tool carry from one round to the next.
#[derive(Deserialize, Serialize)]
struct State {
    round: u32,
    name: Option<String>,
}

impl Question {
    pub(crate) fn elicitation(message: &str, schema: Value) -> Self {
        Self::Elicitation {
            message: message.to_owned(),
            schema,
        }
    }

    pub(crate) fn sampling(prompt: &str, max_tokens: u32) -> Self {
        Self::Sampling {
            prompt: prompt.to_owned(),
            max_tokens,
        }
    }

    /// Asks for an object with one member.
    fn member(message: &str, name: &str, kind: &str) -> Self {
        let schema = json!({
            "type": "object",
            "properties": {name: {"type": kind}},
            "required": [name]
        });
        Self::elicitation(message, schema)
    }

    /// Whether `client` can be asked this.
    fn is_supported(&self, client: &ClientCapabilities) -> bool {
        match self {
            Self::Elicitation { .. } => client.elicitation.is_some(),
            Self::Sampling { .. } => client.sampling.is_some(),
            Self::Roots => client.roots.is_some(),
        }
    }

    /// Checks that the client has declared that it can be asked this.
    pub(crate) fn check(&self, context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
        let client = context.client_capabilities().unwrap_or_default();
        if self.is_supported(&client) {
            return Ok(());
        }
        let mut needed = ClientCapabilities::default();
        match self {
            Self::Elicitation { .. } => {
                needed.elicitation = Some(ElicitationCapability::default());
            }
            Self::Sampling { .. } => needed.sampling = Some(SamplingCapability::default()),
            Self::Roots => needed.roots = Some(RootsCapabilities::default()),
        }
        Err(ErrorData::missing_required_client_capability(needed))
    }

    fn into_request(self) -> Result<InputRequest, ErrorData> {
        Ok(match self {
            Self::Elicitation { message, schema } => {
                InputRequest::Elicitation(ElicitRequest::new(form(&message, schema)?))
            }
            Self::Sampling { prompt, max_tokens } => {
                let messages = vec![SamplingMessage::user_text(prompt)];
                let params = CreateMessageRequestParams::new(messages, max_tokens);
                InputRequest::CreateMessage(CreateMessageRequest::new(params))
            }
            Self::Roots => InputRequest::ListRoots(ListRootsRequest::default()),
        })
    }

    /// The result that asks this, under the name `key`.
    pub(crate) fn require(
        self,
        key: &str,
        context: &RequestContext<RoleServer>,
    ) -> Result<InputRequiredResult, ErrorData> {
        require([(key, self)], None, context)
    }

    /// The result of a call that asks this, under the name `key`.
    pub(crate) fn ask(
        self,
        key: &str,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(self.require(key, context)?.into())
    }
}

/// The result that asks `questions`, each under its key, and has the client carry `state`.
fn require<const N: usize>(
    questions: [(&str, Question); N],
    state: Option<String>,
    context: &RequestContext<RoleServer>,
) -> Result<InputRequiredResult, ErrorData> {
    let mut requests = InputRequests::new();
    for (key, question) in questions {
        question.check(context)?;
        requests.insert(key.to_owned(), question.into_request()?);
    }
    Ok(InputRequiredResult::new(Some(requests), state))
}

/// A form for the user.
pub(crate) fn form(message: &str, schema: Value) -> Result<ElicitRequestParams, ErrorData> {
    let requested_schema = serde_json::from_value(schema)
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    Ok(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message.to_owned(),
        requested_schema,
    })
}

/// What the user filled in, if the user accepted the form `key`.
pub(crate) fn accepted<'r>(responses: Option<&'r InputResponses>, key: &str) -> Option<&'r Value> {
    let response = responses?.get(key)?;
    (response["action"] == "accept").then(|| &response["content"])
}

/// The text that the user gave as `member` of the form `key`.
fn text<'r>(responses: Option<&'r InputResponses>, key: &str, member: &str) -> Option<&'r str> {
    accepted(responses, key)?[member].as_str()
}

fn complete(text: impl Into<String>) -> CallToolResponse {
    CallToolResult::success(vec![ContentBlock::text(text)]).into()
}

#[tool_router(router = rounds_router, vis = "pub(crate)")]
impl Fixtures {
    #[tool(description = "Asks for a name and greets")]
    pub(crate) fn test_input_required_result_elicitation(
        &self,
        Answers(answers): Answers,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        match text(answers.as_ref(), "user_name", "name") {
            Some(name) => Ok(complete(format!("Hello, {name}!"))),
            None => {
                Question::member("What is your name?", "name", "string").ask("user_name", &context)
            }
        }
    }

    #[tool(description = "Asks the client's model")]
    pub(crate) fn test_input_required_result_sampling(
        &self,
        Answers(answers): Answers,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let answer = answers.as_ref().and_then(|all| all.get("capital_question"));
        match answer.and_then(|answer| answer["content"]["text"].as_str()) {
            Some(text) => Ok(complete(text)),
            None => Question::sampling("What is the capital of France?", 100)
                .ask("capital_question", &context),
        }
    }

    #[tool(description = "Asks for the client's roots")]
    pub(crate) fn test_input_required_result_list_roots(
        &self,
        Answers(answers): Answers,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let answer = answers.as_ref().and_then(|all| all.get("client_roots"));
        let Some(roots) = answer.and_then(|answer| answer["roots"].as_array()) else {
            return Question::Roots.ask("client_roots", &context);
        };
        let uris: Vec<_> = roots
            .iter()
            .filter_map(|root| root["uri"].as_str())
            .collect();
        Ok(complete(format!("Roots: {}", uris.join(", "))))
    }

    #[tool(description = "Has the client carry a state, and checks it")]
    pub(crate) fn test_input_required_result_request_state(
        &self,
        RequestState(state): RequestState,
        Answers(answers): Answers,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.confirm(
            "test_input_required_result_request_state",
            state,
            answers.as_ref(),
            &context,
        )
    }

    #[tool(description = "Rejects a state that was changed")]
    pub(crate) fn test_input_required_result_tampered_state(
        &self,
        RequestState(state): RequestState,
        Answers(answers): Answers,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.confirm(
            "test_input_required_result_tampered_state",
            state,
            answers.as_ref(),
            &context,
        )
    }

    #[tool(description = "Asks for three things at once")]
    pub(crate) fn test_input_required_result_multiple_inputs(
        &self,
        RequestState(state): RequestState,
        Answers(answers): Answers,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        const TOOL: &str = "test_input_required_result_multiple_inputs";
        let answers = answers.unwrap_or_default();
        let keys = ["user_name", "greeting", "client_roots"];
        if let Some(state) = state
            && keys.iter().all(|key| answers.contains_key(*key))
        {
            self.open(TOOL, &state)?;
            return Ok(complete("All three questions are answered."));
        }
        let questions = [
            (
                "user_name",
                Question::member("What is your name?", "name", "string"),
            ),
            ("greeting", Question::sampling("Generate a greeting", 50)),
            ("client_roots", Question::Roots),
        ];
        let state = self.seal(
            TOOL,
            &State {
                round: 1,
                name: None,
            },
        )?;
        Ok(require(questions, Some(state), &context)?.into())
    }

    #[tool(description = "Asks for a name, then for a colour")]
    pub(crate) fn test_input_required_result_multi_round(
        &self,
        RequestState(state): RequestState,
        Answers(answers): Answers,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        const TOOL: &str = "test_input_required_result_multi_round";
        let state = state.map(|state| self.open(TOOL, &state)).transpose()?;
        let answers = answers.as_ref();
        // What is known by now: from an earlier round, or from the answer that came with this one.
        let name = state.and_then(|state| state.name);
        let name = name.or_else(|| text(answers, "step1", "name").map(ToOwned::to_owned));
        let color = text(answers, "step2", "color");
        let (key, question, state) = match (name, color) {
            (None, _) => {
                let question = Question::member("Step 1: What is your name?", "name", "string");
                (
                    "step1",
                    question,
                    State {
                        round: 1,
                        name: None,
                    },
                )
            }
            (name @ Some(_), None) => {
                let message = "Step 2: What is your favorite color?";
                let question = Question::member(message, "color", "string");
                ("step2", question, State { round: 2, name })
            }
            (Some(name), Some(color)) => {
                return Ok(complete(format!("{name} likes {color}.")));
            }
        };
        let state = self.seal(TOOL, &state)?;
        Ok(require([(key, question)], Some(state), &context)?.into())
    }

    #[tool(description = "Asks for what the client can give")]
    pub(crate) fn test_input_required_result_capabilities(
        &self,
        Answers(answers): Answers,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let client = context.client_capabilities().unwrap_or_default();
        let questions = [
            (
                "user_name",
                Question::member("What is your name?", "name", "string"),
            ),
            ("greeting", Question::sampling("Generate a greeting", 50)),
            ("client_roots", Question::Roots),
        ];
        let mut requests = InputRequests::new();
        for (key, question) in questions {
            if question.is_supported(&client) {
                requests.insert(key.to_owned(), question.into_request()?);
            }
        }
        let answers = answers.unwrap_or_default();
        if requests.keys().all(|key| answers.contains_key(key)) {
            return Ok(complete(format!("{} answers came.", requests.len())));
        }
        Ok(InputRequiredResult::from_input_requests(requests).into())
    }
}

impl Fixtures {
    /// Asks for a confirmation and has the client carry a state of `tool`, then checks both.
    fn confirm(
        &self,
        tool: &str,
        state: Option<String>,
        answers: Option<&InputResponses>,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let state = state.map(|state| self.open(tool, &state)).transpose()?;
        let is_confirmed = accepted(answers, "confirm").is_some();
        if state.is_some() && is_confirmed {
            return Ok(complete("state-ok"));
        }
        let question = Question::member("Please confirm", "ok", "boolean");
        let state = self.seal(
            tool,
            &State {
                round: 1,
                name: None,
            },
        )?;
        Ok(require([("confirm", question)], Some(state), context)?.into())
    }

    /// Seals a state, for `tool` alone.
    fn seal(&self, tool: &str, state: &State) -> Result<String, ErrorData> {
        let options = SealOptions::new().associated_data(tool.as_bytes());
        let sealed = self.states.seal_json_with(state, &options);
        sealed.map_err(|error| ErrorData::internal_error(error.to_string(), None))
    }

    /// Opens a state that this server sealed for `tool`.
    fn open(&self, tool: &str, sealed: &str) -> Result<State, ErrorData> {
        let state = self.states.open_json_with(sealed, tool.as_bytes());
        state.map_err(|error| ErrorData::invalid_params(format!("requestState: {error}"), None))
    }
}
