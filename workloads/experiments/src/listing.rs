//! `experiment_listing`: the tools of a server behind this one, listed for every call or once a
//! minute.
//!
//! Claim G1: a cached listing saves 200 ms a call. A client or gateway that lists a server's tools
//! before each call waits for that server's answer each time, while the tools hardly ever change.
//! The listing is the upstream's `/experiments/listing`, which delays it for as long as it is asked
//! to.

use std::time::Duration;

use moka::sync::Cache;
use rmcp::{
    handler::server::wrapper::{Json, Parameters},
    tool, tool_router,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use workloads::tools::{arguments, check_range};

use crate::{ExperimentError, server::Experiments};

const TTL: Duration = Duration::from_mins(1);
const MAX_DELAY_MS: i64 = 5_000;

/// The arguments of `experiment_listing`; the delay's default is the published one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ListingArguments {
    /// Whether a listing that is kept will do.
    cached: bool,
    /// How long the upstream holds its listing back, in milliseconds.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_DELAY_MS))]
    delay_ms: i64,
}

impl Default for ListingArguments {
    fn default() -> Self {
        Self {
            cached: false,
            delay_ms: 200,
        }
    }
}

/// The result of `experiment_listing`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ListingResult {
    /// Whether a listing that was kept would have done.
    cached: bool,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
    /// The names of the tools behind the upstream, in its order.
    tools: Vec<String>,
}

/// The part of the upstream's answer that is used here.
#[derive(Deserialize)]
struct Listing {
    tools: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
}

/// The cached listing.
pub(crate) struct Listings(Cache<(), Vec<String>>);

impl Default for Listings {
    fn default() -> Self {
        let cache = Cache::builder().max_capacity(1).time_to_live(TTL);
        Self(cache.build())
    }
}

#[tool_router(router = listing_tool, vis = "pub(crate)")]
impl Experiments {
    #[tool(
        description = "Lists the tools of the server behind this one, at every call or once in a while: what a listing costs.",
        annotations(
            title = "Experiment: listing",
            read_only_hint = true,
            open_world_hint = true
        )
    )]
    pub(crate) async fn experiment_listing(
        &self,
        Parameters(arguments): Parameters<ListingArguments>,
    ) -> Result<Json<ListingResult>, ExperimentError> {
        let ListingArguments { cached, delay_ms } = arguments;
        check_range("delay_ms", delay_ms, 0, MAX_DELAY_MS)?;
        let listings = &self.state().listings.0;
        let kept = cached.then(|| listings.get(&())).flatten();
        let tools = if let Some(kept) = kept {
            kept
        } else {
            let endpoint = format!("/experiments/listing?delay_ms={delay_ms}");
            let listing: Listing = self.ask_upstream(&endpoint, "a listing of tools").await?;
            let names: Vec<_> = listing.tools.into_iter().map(|entry| entry.name).collect();
            if cached {
                listings.insert((), names.clone());
            }
            names
        };
        Ok(Json(ListingResult {
            cached,
            server_type: self.app().server_type,
            tools,
        }))
    }
}
