//! Answers what every client sends before its first call, with what rmcp answered at the start.
//!
//! These answers depend on the revision alone. So the server asks rmcp for each answer once, and
//! repeats it with other ids.

use std::future::Future;

use rmcp::model::InitializeRequestParams;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{
    FallbackReason, MessageContext, Revision, arguments,
    message::{Initialize, Message},
    meta::{CLIENT_CAPABILITIES, PROTOCOL_VERSION},
};

/// The results of the handshake's requests. The default knows none and leaves all to the SDK.
#[derive(Clone, Debug, Default)]
pub struct HandshakeResults {
    known: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    revision: Revision,
    method: &'static str,
    result: Box<str>,
}

#[derive(Deserialize)]
struct Answer {
    result: Box<RawValue>,
}

impl HandshakeResults {
    const METHODS: [&'static str; 4] = ["initialize", "ping", "tools/list", "server/discover"];
    /// Those that a client sends in a session too.
    const METHODS_IN_SESSION: [&'static str; 2] = ["ping", "tools/list"];

    /// Asks for every result of every revision: `ask` gets a revision, a method and a request, and
    /// returns the bytes of the reply. A request that is answered with an error stays with the SDK.
    pub async fn learn<A, F>(ask: A) -> Self
    where
        A: Fn(Revision, &'static str, String) -> F,
        F: Future<Output = Option<Vec<u8>>>,
    {
        let mut known = Vec::new();
        for revision in Revision::all() {
            for method in Self::METHODS {
                let request = request(revision, method);
                let Some(reply) = ask(revision, method, request).await else {
                    continue;
                };
                if let Ok(Answer { result }) = serde_json::from_slice(&reply) {
                    let result = Box::<str>::from(result.get());
                    known.push(Known {
                        revision,
                        method,
                        result,
                    });
                }
            }
        }
        Self { known }
    }

    /// Whether it knows any result.
    pub(super) fn is_known(&self) -> bool {
        !self.known.is_empty()
    }

    /// Whether a result declares that the tool list can change.
    pub(super) fn declares_list_changes(&self) -> bool {
        let mut results = self.known.iter().map(|known| &*known.result);
        results.any(|result| {
            serde_json::from_str::<Value>(result)
                .is_ok_and(|result| result["capabilities"]["tools"]["listChanged"] == true)
        })
    }

    /// Forgets the results of `method`, so that the SDK answers it.
    pub(super) fn forget(&mut self, method: &str) {
        self.known.retain(|known| known.method != method);
    }

    /// Returns the result of `message`, whose bytes are `bytes`.
    pub(super) fn answer(
        &self,
        bytes: &[u8],
        message: &Message<'_>,
        context: &MessageContext<'_>,
    ) -> Result<&str, FallbackReason> {
        if message.method == "initialize" {
            let (_, result) = self.opening(bytes, message, context)?;
            return Ok(result);
        }
        if !message.has_only_meta() {
            return Err(FallbackReason::Message);
        }
        self.result(context.revision, message)
    }

    /// Returns the result of `message`, whose bytes are `bytes`, if it is an `initialize`, and the
    /// revision that both sides agree on.
    pub(super) fn opening(
        &self,
        bytes: &[u8],
        message: &Message<'_>,
        context: &MessageContext<'_>,
    ) -> Result<(Revision, &str), FallbackReason> {
        if message.method != "initialize" {
            return Err(FallbackReason::Method);
        }
        let revision = initialized(bytes, message, context)?;
        Ok((revision, self.result(revision, message)?))
    }

    /// Returns the result of `message` in a session of `revision`.
    pub(super) fn in_session(
        &self,
        message: &Message<'_>,
        revision: Revision,
    ) -> Result<&str, FallbackReason> {
        if !Self::METHODS_IN_SESSION.contains(&&*message.method) {
            return Err(FallbackReason::Method);
        }
        if !message.has_only_meta() {
            return Err(FallbackReason::Message);
        }
        self.result(revision, message)
    }

    fn result(&self, revision: Revision, message: &Message<'_>) -> Result<&str, FallbackReason> {
        let mut known = self.known.iter();
        known
            .find(|known| known.revision == revision && known.method == message.method)
            .map(|known| &*known.result)
            .ok_or(FallbackReason::Method)
    }
}

/// An `initialize` that rmcp can read.
#[derive(Deserialize)]
struct Request {
    #[expect(dead_code, reason = "only whether it can be read matters")]
    params: InitializeRequestParams,
}

/// Returns the revision that `initialize` asks for, if rmcp is known to agree.
fn initialized(
    bytes: &[u8],
    message: &Message<'_>,
    context: &MessageContext<'_>,
) -> Result<Revision, FallbackReason> {
    let Initialize {
        protocol_version,
        capabilities,
        client_info,
    } = message.initialize().ok_or(FallbackReason::Message)?;
    let revision = Revision::named(protocol_version.as_bytes()).ok_or(FallbackReason::Message)?;
    let parts = [capabilities, client_info];
    let are_plain = parts
        .iter()
        .all(|raw| arguments::is_plain(raw.get().as_bytes()));
    if revision.is_self_contained() || context.names_another(revision) || !are_plain {
        return Err(FallbackReason::Message);
    }
    serde_json::from_slice::<Request>(bytes).map_err(|_| FallbackReason::Message)?;
    Ok(revision)
}

/// Builds the request of `method` that a client of `revision` sends.
fn request(revision: Revision, method: &str) -> String {
    let mut request = json!({"jsonrpc": "2.0", "id": 0, "method": method});
    if method == "initialize" {
        request["params"] = json!({
            "protocolVersion": revision.name(),
            "capabilities": {},
            "clientInfo": {"name": "handshake", "version": "1"},
        });
    } else if revision.is_self_contained() {
        request["params"]["_meta"] = json!({
            PROTOCOL_VERSION: revision.name(),
            CLIENT_CAPABILITIES: {},
        });
    }
    request.to_string()
}
