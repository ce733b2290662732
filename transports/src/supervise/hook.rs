//! The one place for authorisation, audit and quotas: a hook that sees every tool call before it
//! runs.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderMap, request::Parts};
use rmcp::model::Extensions;
use serde_json::value::RawValue;

use crate::http::{Subject, SubjectId};

/// Decides about every tool call, on the fast path and on the SDK's path, before the tool runs.
///
/// It is called on the runtime's worker threads and must not block.
pub trait CallHook: Send + Sync + 'static {
    /// Checks `call`, once for each call that a client makes.
    ///
    /// # Errors
    /// The reason for a refusal. The client gets it as a tool result with `isError`; the tool does
    /// not run.
    fn check(&self, call: &ToolCall<'_>) -> Result<(), String>;
}

/// What a [`CallHook`] knows about a call.
#[derive(Clone, Copy, Debug)]
pub struct ToolCall<'a> {
    /// The tool's name. On the SDK's path there may be no tool of that name.
    pub tool: &'a str,
    /// The id of the client's session, over Streamable HTTP with sessions and over SSE.
    pub session: Option<&'a str>,
    /// The client's address, over HTTP.
    pub client: Option<SocketAddr>,
    /// The name of the token that the request brought, over HTTP with
    /// [tokens](crate::http::Access).
    pub subject: Option<&'a str>,
    /// The headers of the request, over HTTP.
    pub headers: Option<&'a HeaderMap>,
    /// The arguments as JSON: an object, `{}` when there are none. On the fast path these are the
    /// client's bytes; on the SDK's path the SDK has parsed them and they are serialised again.
    pub arguments: &'a [u8],
}

/// Who sends a message, as far as a transport knows it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller<'a> {
    /// The id of the client's session.
    pub session: Option<&'a str>,
    /// The client's address.
    pub client: Option<SocketAddr>,
    /// The token that the request brought.
    pub subject: Option<Subject<'a>>,
    /// The headers of the request that brought the message.
    pub headers: Option<&'a HeaderMap>,
}

impl<'a> Caller<'a> {
    pub(super) fn call(self, tool: &'a str, arguments: Option<&'a RawValue>) -> ToolCall<'a> {
        let arguments = arguments.map_or("{}", RawValue::get);
        ToolCall {
            tool,
            session: self.session,
            client: self.client,
            subject: self.subject.map(Subject::name),
            headers: self.headers,
            arguments: arguments.as_bytes(),
        }
    }
}

/// A [`Caller`] that travels with a message through the SDK, in the message's extensions.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallOrigin {
    session: Option<Arc<str>>,
    client: Option<SocketAddr>,
    subject: Option<(u32, SubjectId, Arc<str>)>,
    /// Absent where the SDK itself carries the headers.
    headers: Option<HeaderMap>,
    /// Whether the fast path has asked the hook about this message already.
    pub(super) is_checked: bool,
}

impl CallOrigin {
    /// Copies `caller`. `is_checked` says whether the hook has admitted the message already.
    pub(crate) fn new(caller: &Caller<'_>, is_checked: bool) -> Self {
        Self {
            session: caller.session.map(Arc::from),
            client: caller.client,
            subject: caller
                .subject
                .map(|subject| (subject.number(), subject.id(), subject.name().into())),
            headers: caller.headers.cloned(),
            is_checked,
        }
    }

    /// Returns the token that the request brought.
    pub(crate) fn subject(&self) -> Option<Subject<'_>> {
        let (number, id, name) = self.subject.as_ref()?;
        Some(Subject::new(*number, *id, name))
    }

    /// Finds the origin of a request that the SDK handles. The second part is the caller.
    pub(super) fn of(extensions: &Extensions) -> (bool, Caller<'_>) {
        let parts = extensions.get::<Parts>();
        let origin = extensions
            .get::<Self>()
            .or_else(|| parts.and_then(|parts| parts.extensions.get::<Self>()));
        let headers = parts.map(|parts| &parts.headers);
        let caller = Caller {
            session: origin.and_then(|origin| origin.session.as_deref()),
            client: origin.and_then(|origin| origin.client),
            subject: origin.and_then(Self::subject),
            headers: headers.or_else(|| origin.and_then(|origin| origin.headers.as_ref())),
        };
        (origin.is_some_and(|origin| origin.is_checked), caller)
    }
}
