//! Protocol revisions, and what each of them requires of a request.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use strum::VariantArray;

use super::{message::Message, plan::Exchange};

/// A revision of the Model Context Protocol, by the date that names it on the wire.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Deserialize,
    strum::Display,
    strum::EnumString,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    VariantArray,
)]
#[strum(parse_err_ty = UnknownRevision, parse_err_fn = unknown)]
pub enum Revision {
    /// `2024-11-05`: the revision that defined the HTTP+SSE transport.
    #[serde(rename = "2024-11-05")]
    #[strum(serialize = "2024-11-05")]
    November2024,
    /// `2025-03-26`: the first one with Streamable HTTP.
    #[serde(rename = "2025-03-26")]
    #[strum(serialize = "2025-03-26")]
    March2025,
    /// `2025-06-18`: requires the `MCP-Protocol-Version` header. The default.
    #[default]
    #[serde(rename = "2025-06-18")]
    #[strum(serialize = "2025-06-18")]
    June2025,
    /// `2025-11-25`.
    #[serde(rename = "2025-11-25")]
    #[strum(serialize = "2025-11-25")]
    November2025,
    /// `2026-07-28`: no handshake and no sessions; each request carries in `_meta` what a handshake
    /// would have agreed on.
    #[serde(rename = "2026-07-28")]
    #[strum(serialize = "2026-07-28")]
    July2026,
}

/// A revision that the load client does not speak.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "protocol revision {0:?} is not spoken by the load client: use one of 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, \
     2026-07-28"
)]
pub struct UnknownRevision(pub String);

impl Revision {
    /// All revisions, oldest first.
    pub const ALL: &[Self] = <Self as VariantArray>::VARIANTS;

    /// Whether requests after the handshake carry `MCP-Protocol-Version` (required since
    /// 2025-06-18, basic/transports).
    pub(super) fn has_version_header(self) -> bool {
        self >= Self::June2025
    }

    /// Whether clients begin with `initialize`. Without it every request carries its revision and
    /// the client's capabilities in `_meta`, and over HTTP the headers `Mcp-Method` and `Mcp-Name`.
    #[must_use]
    pub fn has_handshake(self) -> bool {
        self < Self::July2026
    }
}

fn unknown(text: &str) -> UnknownRevision {
    UnknownRevision(text.to_owned())
}

/// Builds the requests of a load.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    revision: Revision,
    /// Members that are added to the `params` of every call.
    extra_params: Map<String, Value>,
}

impl Requests {
    pub(super) fn new(revision: Revision, extra_params: Map<String, Value>) -> Self {
        Self {
            revision,
            extra_params,
        }
    }

    /// A request with this `params` object.
    pub(super) fn request(&self, method: &str, params: Map<String, Value>) -> Message {
        self.named_request(method, params, "")
    }

    /// The request of an exchange. [`super::Plan`] has checked that its name fits into a header.
    pub(super) fn call(&self, exchange: &Exchange) -> Message {
        let mut params = Map::new();
        if let Some(tool) = &exchange.tool {
            params.insert("name".to_owned(), Value::from(tool.as_str()));
            params.insert("arguments".to_owned(), exchange.arguments.clone());
        }
        if !exchange.meta.is_empty() {
            params.insert("_meta".to_owned(), Value::Object(exchange.meta.clone()));
        }
        params.extend(self.extra_params.clone());
        match &exchange.tool {
            Some(tool) => {
                self.named_request("tools/call", params, &format!("\r\nMcp-Name: {tool}"))
            }
            None => self.request("tools/list", params),
        }
    }

    fn named_request(&self, method: &str, mut params: Map<String, Value>, name: &str) -> Message {
        if self.revision.has_handshake() {
            return Message::request(method, &Value::Object(params), "");
        }
        let own = [
            ("protocolVersion", Value::from(self.revision.to_string())),
            ("clientCapabilities", json!({})),
            ("clientInfo", client_info()),
        ];
        let own = own.map(|(name, value)| (format!("io.modelcontextprotocol/{name}"), value));
        let meta = params.entry("_meta").or_insert_with(|| json!({}));
        if let Value::Object(meta) = meta {
            meta.extend(own);
        }
        let headers = format!("\r\nMcp-Method: {method}{name}");
        Message::request(method, &Value::Object(params), &headers)
    }

    /// The request that opens a session.
    pub(super) fn initialize(&self) -> Message {
        let revision = self.revision.to_string();
        let params =
            json!({ "protocolVersion": revision, "capabilities": {}, "clientInfo": client_info() });
        Message::request("initialize", &params, "")
    }
}

fn client_info() -> Value {
    json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_revision_is_read_back_and_others_are_rejected_by_name() {
        for revision in Revision::ALL {
            assert_eq!(revision.to_string().parse(), Ok(*revision));
        }
        let rejected = "1999-01-01".parse::<Revision>().unwrap_err().to_string();
        assert!(
            rejected.contains("1999-01-01") && rejected.contains("2025-06-18"),
            "{rejected}"
        );
    }
}
