//! Which tools of a server are fast, and how its own methods are called.
//!
//! [`fast_tools!`](crate::fast_tools) lists methods that carry rmcp's `#[tool]`. The same methods
//! answer on rmcp's path: nothing is written twice.

use std::{future::Future, pin::Pin};

use rmcp::{ServerHandler, handler::server::wrapper::Parameters};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{
    call::{FastCall, Running},
    outcome::FastResult,
};

/// A server some of whose tools may be called from a message's bytes. Implemented by
/// [`fast_tools!`](crate::fast_tools).
pub trait FastTools: ServerHandler + Clone {
    /// The names of these tools.
    fn fast_tools(&self) -> Vec<&'static str>;

    /// Calls tool `name`. What it gives back owns all that it needs.
    fn fast_call(&self, name: &'static str, arguments: Option<&RawValue>) -> FastCall;

    /// Whether tool `name` is there, but was not to be served. Otherwise a fast tool that is not served is a mistake,
    /// which the log tells.
    fn withholds(&self, _name: &str) -> bool {
        false
    }
}

/// Makes tools of a server fast: `fast_tools!(Server: echo, query)`, each a method under `#[tool]` that takes
/// `&self` and perhaps `Parameters<T>`, and is called as the method is named.
///
/// A tool that takes a `RequestContext`, or speaks to the client while it runs, cannot be listed: what
/// is fast has no client to speak to. What it returns is a [`FastResult`]. A tool under another name than its method's stays with rmcp.
///
/// A server that may serve fewer of them names its method for [`FastTools::withholds`]:
/// `fast_tools!(Server, unless withholds: echo, query)`.
#[macro_export]
macro_rules! fast_tools {
    ($server:ty $(, unless $withholds:ident)?: $($tool:ident),* $(,)?) => {
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
                    _ => $crate::fast_path::FastCall::NotMine,
                }
            }

            $(fn withholds(&self, name: &str) -> bool {
                Self::$withholds(self, name)
            })?
        }
    };
}

/// A method under `#[tool]`. `Kind` is for the compiler to find.
pub trait ToolMethod<S, Kind> {
    /// Calls it on `server`.
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

/// The kind of a method that is `async`, which `#[tool]` makes one that returns a boxed future.
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
            None => FastCall::Misfit,
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
            return FastCall::Misfit;
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

/// Reads arguments; absent ones are no members at all, as rmcp has it.
fn read<P: DeserializeOwned>(arguments: Option<&RawValue>) -> Option<P> {
    serde_json::from_str(arguments.map_or("{}", RawValue::get)).ok()
}

/// A tool that is fast.
pub(super) struct Known {
    pub(super) name: &'static str,
    /// Whether some of its arguments are repeated in headers (`x-mcp-header`), which rmcp compares.
    pub(super) has_header_arguments: bool,
}

/// The tools that `server` has under the names that it lists as fast.
pub(super) fn known<S: FastTools>(server: &S) -> Vec<Known> {
    let names = server.fast_tools();
    let mut tools = Vec::with_capacity(names.len());
    for name in names {
        let Some(tool) = server.get_tool(name) else {
            if !server.withholds(name) {
                tracing::warn!(
                    tool = name,
                    "listed as fast, but no tool has this name; it is left to rmcp"
                );
            }
            continue;
        };
        let schema = serde_json::to_string(&tool.input_schema);
        tools.push(Known {
            name,
            has_header_arguments: schema.is_ok_and(|schema| schema.contains("x-mcp-header")),
        });
    }
    tools
}
