//! Which tools of a server are fast, and how its own methods are called.
//!
//! [`fast_tools!`](crate::fast_tools) lists methods that carry rmcp's `#[tool]`. The same methods
//! answer on the SDK's path: nothing is written twice.

use std::{future::Future, pin::Pin, sync::Arc};

use rmcp::{
    ServerHandler, handler::server::wrapper::Parameters, model::Tool,
    transport::streamable_http_server::session::SessionStore,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};

use super::{
    call::{FastCall, Running},
    outcome::FastResult,
};
use crate::{admission::Admission, metrics::ToolCalls, supervise::Caller, telemetry::Telemetry};

/// A server some of whose tools can be called from the bytes of a message.
/// [`fast_tools!`](crate::fast_tools) implements it.
pub trait FastTools: ServerHandler + Clone {
    /// Returns the names of these tools. A name without a tool is a mistake, and the log warns of
    /// it.
    fn fast_tools(&self) -> Vec<&'static str>;

    /// Calls tool `name`. The call that is returned owns all that it needs.
    fn fast_call(&self, name: &'static str, arguments: Option<&RawValue>) -> FastCall;

    /// Calls tool `name` for `caller`. A wrapper that asks a
    /// [`CallHook`](crate::supervise::CallHook) implements it; other servers do not care who calls.
    fn fast_call_from(
        &self,
        _caller: &Caller<'_>,
        name: &'static str,
        arguments: Option<&RawValue>,
    ) -> FastCall {
        self.fast_call(name, arguments)
    }

    /// Whether a hook checks the calls, so that transports have to say who calls.
    fn has_hook(&self) -> bool {
        false
    }

    /// What admits large messages and counts large answers, if they are counted.
    fn admission(&self) -> Option<&Admission> {
        None
    }

    /// Where the sessions are kept that all instances of the server share, if they do.
    fn session_store(&self) -> Option<Arc<dyn SessionStore>> {
        None
    }

    /// Returns what observes the calls. Transports add what they know: connections, sessions,
    /// bytes.
    fn telemetry(&self) -> Telemetry {
        Telemetry::default()
    }
}

/// Makes tools of a server fast: `fast_tools!(Server: echo, query)`. Each is a method under
/// `#[tool]` that takes `&self` and perhaps `Parameters<T>`, and its tool has the method's name.
///
/// A tool that takes a `RequestContext`, or speaks to the client while it runs, cannot be listed:
/// the fast path has no client to speak to. A fast tool returns a [`FastResult`]. A tool whose name
/// differs from its method's stays on the SDK's path.
#[macro_export]
macro_rules! fast_tools {
    ($server:ty: $($tool:ident),* $(,)?) => {
        impl $crate::fast_path::FastTools for $server {
            fn fast_tools(&self) -> ::std::vec::Vec<&'static str> {
                ::std::vec![$(stringify!($tool)),*]
            }

            fn fast_call(
                &self,
                name: &'static str,
                arguments: ::core::option::Option<&$crate::fast_path::RawValue>,
            ) -> $crate::fast_path::FastCall {
                match name {
                    $(stringify!($tool) => $crate::fast_path::call(self, Self::$tool, arguments),)*
                    _ => $crate::fast_path::FastCall::UnknownTool,
                }
            }
        }
    };
}

/// A method under `#[tool]`. The compiler infers `Kind` from the method's signature.
pub trait ToolMethod<S, Kind> {
    /// Calls the method on `server`.
    fn start(self, server: &S, arguments: Option<&RawValue>) -> FastCall;
}

/// Calls `method` of `server`.
pub fn call<S, Kind>(
    server: &S,
    method: impl ToolMethod<S, Kind>,
    arguments: Option<&RawValue>,
) -> FastCall {
    method.start(server, arguments)
}

/// The kind of a method that returns its result.
#[doc(hidden)]
pub enum Now<P, R> {
    #[doc(hidden)]
    Never(P, R, std::convert::Infallible),
}

/// The kind of an `async` method. `#[tool]` turns it into one that returns a boxed future.
#[doc(hidden)]
pub enum Later<P, R> {
    #[doc(hidden)]
    Never(P, R, std::convert::Infallible),
}

type Boxed<'s, R> = Pin<Box<dyn Future<Output = R> + Send + 's>>;

impl<S, F, P, R> ToolMethod<S, Now<(P,), R>> for F
where
    F: FnOnce(&S, Parameters<P>) -> R,
    P: DeserializeOwned,
    R: FastResult,
{
    fn start(self, server: &S, arguments: Option<&RawValue>) -> FastCall {
        match read(arguments) {
            Some(arguments) => FastCall::Ready(self(server, Parameters(arguments)).outcome()),
            None => FastCall::InvalidArguments,
        }
    }
}

impl<S, F, R> ToolMethod<S, Now<(), R>> for F
where
    F: FnOnce(&S) -> R,
    R: FastResult,
{
    fn start(self, server: &S, _: Option<&RawValue>) -> FastCall {
        FastCall::Ready(self(server).outcome())
    }
}

impl<S, F, P, R> ToolMethod<S, Later<(P,), R>> for F
where
    S: Clone + Send + Sync + 'static,
    F: for<'s> FnOnce(&'s S, Parameters<P>) -> Boxed<'s, R> + Send + 'static,
    P: DeserializeOwned + Send + 'static,
    R: FastResult + 'static,
{
    fn start(self, server: &S, arguments: Option<&RawValue>) -> FastCall {
        let Some(arguments) = read::<P>(arguments) else {
            return FastCall::InvalidArguments;
        };
        let server = server.clone();
        FastCall::Running(Running::new(Box::pin(async move {
            self(&server, Parameters(arguments)).await.outcome()
        })))
    }
}

impl<S, F, R> ToolMethod<S, Later<(), R>> for F
where
    S: Clone + Send + Sync + 'static,
    F: for<'s> FnOnce(&'s S) -> Boxed<'s, R> + Send + 'static,
    R: FastResult + 'static,
{
    fn start(self, server: &S, _: Option<&RawValue>) -> FastCall {
        let server = server.clone();
        FastCall::Running(Running::new(Box::pin(async move {
            self(&server).await.outcome()
        })))
    }
}

/// Reads arguments. Absent arguments are an empty object, as rmcp reads them.
fn read<P: DeserializeOwned>(arguments: Option<&RawValue>) -> Option<P> {
    serde_json::from_str(arguments.map_or("{}", RawValue::get)).ok()
}

/// The fast tools of one server.
pub(super) struct ToolTable {
    tools: Vec<FastTool>,
    /// Whether the server's list of tools can change, so that each call has to ask for its tool.
    is_dynamic: bool,
}

/// One fast tool.
pub(super) struct FastTool {
    pub(super) name: &'static str,
    /// Whether headers repeat some of its arguments (`x-mcp-header`). rmcp compares them. With a
    /// list that can change, this was so at the start.
    has_header_arguments: bool,
    /// Its calls, if they are counted.
    pub(super) calls: Option<Arc<ToolCalls>>,
}

impl ToolTable {
    /// Lists the fast tools of `server`. With a list that can change, all of them may come later.
    pub(super) fn new<S: FastTools>(server: &S, is_dynamic: bool, telemetry: &Telemetry) -> Self {
        let mut tools = Vec::new();
        for name in server.fast_tools() {
            match server.get_tool(name) {
                Some(tool) => tools.push(FastTool::new(name, Some(&tool), telemetry)),
                None if is_dynamic => tools.push(FastTool::new(name, None, telemetry)),
                None => tracing::warn!(
                    tool = name,
                    "listed as fast, but no tool has this name; its calls take the SDK's path"
                ),
            }
        }
        Self { tools, is_dynamic }
    }

    /// Finds the fast tool `name` that `server` has at this moment. The second part says whether
    /// headers repeat some of its arguments.
    pub(super) fn get<S: FastTools>(&self, server: &S, name: &str) -> Option<(&FastTool, bool)> {
        let tool = self.tools.iter().find(|tool| tool.name == name)?;
        if self.is_dynamic {
            let now = server.get_tool(tool.name)?;
            return Some((tool, has_header_arguments(&now)));
        }
        Some((tool, tool.has_header_arguments))
    }
}

impl FastTool {
    fn new(name: &'static str, tool: Option<&Tool>, telemetry: &Telemetry) -> Self {
        let metrics = telemetry.metrics.as_ref();
        Self {
            name,
            has_header_arguments: tool.is_some_and(has_header_arguments),
            calls: metrics.map(|metrics| metrics.tool(name)),
        }
    }
}

fn has_header_arguments(tool: &Tool) -> bool {
    tool.input_schema.iter().any(names_header)
}

/// Whether a member of a schema, or one within it, names a header.
fn names_header((name, value): (&String, &Value)) -> bool {
    fn within(value: &Value) -> bool {
        match value {
            Value::Object(members) => members.iter().any(names_header),
            Value::Array(values) => values.iter().any(within),
            _ => false,
        }
    }
    name == "x-mcp-header" || within(value)
}
