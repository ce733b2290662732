//! The tools of the lab: one file and one line of the list below for each.
//!
//! A file holds a tool's arguments, its result, its `#[tool]` method and its work. It knows no
//! transport. The limits of arguments are checked twice, from the same constants: the published
//! schema is for clients that read it, the tool itself refuses what it does not allow.
//!
//! Arguments that a tool does not know are refused: a misspelt `max_prise` would otherwise be
//! answered with the default, and a wrong answer is worse than none.
//!
//! `docs/adding-a-tool.md` walks through adding one.

pub mod arguments;
mod error;
mod progress;
mod toon;

use futures::future::join_all;
use rmcp::handler::server::router::tool::ToolRouter;
use transports::fast_path::{FastCall, FastTools, RawValue};

use self::arguments::UserId;
pub use self::{
    arguments::check_range, checkout::CheckoutError, error::ToolError, progress::Progress,
};
use crate::DemoServer;

/// Makes the modules of the tools, [`ALL`], [`NAMES`] and the fast path's list from one list.
///
/// `NAME: fast` is a file `tools/NAME.rs` with a method `NAME`, which both paths call. `NAME: sdk`
/// is one that speaks to the client while it runs (it takes a `RequestContext`), so that only the
/// SDK's path can call it.
macro_rules! tools {
    ($($tool:ident: $path:ident),* $(,)?) => {
        $(mod $tool;)*

        /// The names of all tools.
        pub const NAMES: &[&str] = &[$(stringify!($tool)),*];

        /// What the files say about their tools, in the same order.
        const ALL: &[Tool] = &[$($tool::TOOL),*];

        tools!(@fast [] $($tool: $path,)*);
    };
    (@fast [$($fast:ident)*] $tool:ident: fast, $($rest:tt)*) => {
        tools!(@fast [$($fast)* $tool] $($rest)*);
    };
    (@fast [$($fast:ident)*] $tool:ident: sdk, $($rest:tt)*) => {
        tools!(@fast [$($fast)*] $($rest)*);
    };
    (@fast [$($fast:ident)*]) => {
        transports::fast_tools!(DemoServer: $($fast),*);
    };
}

tools! {
    aggregate_json: fast,
    calculate_fibonacci: fast,
    checkout: fast,
    echo: fast,
    fetch_external_data: fast,
    get_user_cart: fast,
    process_json_data: fast,
    query_products: fast,
    scan_text: fast,
    search_products: fast,
    simulate_database_query: fast,
    stream_report: sdk,
}

/// What the files of the tools import.
mod prelude {
    pub(super) use rmcp::{
        handler::server::{
            tool::schema_for_output,
            wrapper::{Json, Parameters},
        },
        tool, tool_router,
    };
    pub(super) use schemars::JsonSchema;
    pub(super) use serde::{Deserialize, Serialize};

    pub(super) use super::{Tool, ToolError, arguments, check_range};
    pub(super) use crate::{
        CpuWork, DemoServer,
        cache::{Cacheable, Cached},
    };
}

/// What the list needs to know of a tool. Each file has one, named `TOOL`.
struct Tool {
    /// The router that `#[tool_router]` makes of the file's method.
    router: fn() -> ToolRouter<DemoServer>,
    /// The arguments of the call that fills a cache before the first client comes: the one that
    /// public benchmarks and our own suites make. Only tools whose results are cached have one.
    warm_up: Option<&'static str>,
}

impl Tool {
    /// A tool whose results are never cached, because it writes, tells the time, speaks to the
    /// client, or is nothing but the work that is measured.
    const fn new(router: fn() -> ToolRouter<DemoServer>) -> Self {
        Self {
            router,
            warm_up: None,
        }
    }

    /// A tool whose results are cached. `warm_up` is its usual call, as JSON.
    const fn cached(router: fn() -> ToolRouter<DemoServer>, warm_up: &'static str) -> Self {
        Self {
            router,
            warm_up: Some(warm_up),
        }
    }
}

/// The router of all tools.
pub(crate) fn router() -> ToolRouter<DemoServer> {
    let routers = ALL.iter().map(|tool| (tool.router)());
    routers.fold(ToolRouter::new(), |all, one| all + one)
}

/// Fills the cache of `server` by one call of each cached tool that it has, all at once. A call
/// that fails leaves a warning in the log.
pub async fn warm_up(server: &impl FastTools) {
    let calls = std::iter::zip(NAMES, ALL).filter_map(|(name, tool)| Some((*name, tool.warm_up?)));
    join_all(calls.map(|(name, arguments)| warm_up_with(server, name, arguments))).await;
}

async fn warm_up_with(server: &impl FastTools, tool: &'static str, arguments: &'static str) {
    if server.get_tool(tool).is_none() {
        return;
    }
    let arguments: Result<&RawValue, _> = serde_json::from_str(arguments);
    let outcome = match server.fast_call(tool, arguments.ok()) {
        FastCall::Ready(outcome) => outcome,
        FastCall::Running(call) => call.await,
        FastCall::UnknownTool | FastCall::InvalidArguments => {
            tracing::warn!(tool, "its warm-up call is not possible");
            return;
        }
    };
    let problem = match outcome.serialized() {
        Ok(result) if result.is_error() => String::from_utf8_lossy(result.json()).into_owned(),
        Ok(_) => return,
        Err(error) => error.message.into_owned(),
    };
    tracing::warn!(tool, "its warm-up call failed: {problem}");
}

/// The tool that `docs/adding-a-tool.md` adds.
#[cfg(all(test, feature = "tokio"))]
#[path = "../tests/guide/count_words.rs"]
mod count_words;

#[cfg(all(test, feature = "tokio"))]
#[path = "../tests/guide/adding_a_tool.rs"]
mod adding_a_tool;

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Files of `src/tools` that are no tool.
    const HELPERS: [&str; 4] = ["arguments", "error", "progress", "toon"];

    #[test]
    fn every_file_is_a_line_of_the_list() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tools");
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(
                NAMES.contains(&name) || HELPERS.contains(&name),
                "src/tools/{name}.rs is not in the list of tools: add the line `{name}: fast,` to `tools!` in \
                 src/tools.rs (`{name}: sdk,` if its method takes a RequestContext), or add it to HELPERS here"
            );
        }
    }

    #[test]
    fn every_line_of_the_list_is_one_tool_of_that_name() {
        for (name, tool) in std::iter::zip(NAMES, ALL) {
            let tools = (tool.router)().list_all();
            let tools: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
            assert_eq!(tools, [*name], "the tool of src/tools/{name}.rs");
            if let Some(arguments) = tool.warm_up {
                let read: Result<&RawValue, _> = serde_json::from_str(arguments);
                assert!(read.is_ok(), "{name}: {arguments}");
            }
        }
    }
}
