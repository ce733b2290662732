//! `lesson_listing`: the tools of a server behind this one, listed for every call or once in a while.
//!
//! Claim G1: a cached listing saves 200 ms a call. A client or gateway that lists a server's tools before
//! each call pays for that server's answer each time, while the tools hardly ever change. The listing is
//! the upstream's `/listing`, which holds it back for as long as it is asked to.

use std::time::Duration;

use moka::sync::Cache;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::upstream::answer;
use crate::{
    tools::{ToolError, arguments, check_range},
    catalog_client::CatalogClient,
};

/// How long a listing is kept.
pub const TTL: Duration = Duration::from_mins(1);
/// The longest delay that the upstream may be asked for, in milliseconds.
pub const MAX_DELAY_MS: i64 = 5_000;

/// The arguments of `lesson_listing`; the delay's default is the published one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListingArguments {
    /// Whether a listing that is kept will do.
    pub cached: bool,
    /// How long the upstream holds its listing back, in milliseconds.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_DELAY_MS))]
    pub delay_ms: i64,
}

impl Default for ListingArguments {
    fn default() -> Self {
        Self {
            cached: false,
            delay_ms: 200,
        }
    }
}

/// The result of `lesson_listing`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListingResult {
    /// Whether a listing that was kept would have done.
    pub cached: bool,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// The names of the tools behind the upstream, in its order.
    pub tools: Vec<String>,
}

/// The part of a listing that is used here.
#[derive(Deserialize)]
struct Listing {
    tools: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
}

/// The listing that is kept.
#[derive(Debug)]
pub struct Listings(Cache<(), Vec<String>>);

impl Default for Listings {
    fn default() -> Self {
        let one = Cache::builder().max_capacity(1).time_to_live(TTL);
        Self(one.build())
    }
}

/// Lists the upstream's tools.
///
/// # Errors
/// When `delay_ms` is outside of its limits, or the upstream is not there or does not answer in time.
pub async fn list(
    arguments: ListingArguments,
    server_type: &'static str,
    upstream: Option<&CatalogClient>,
    listings: &Listings,
) -> Result<ListingResult, ToolError> {
    let ListingArguments { cached, delay_ms } = arguments;
    check_range("delay_ms", delay_ms, 0, MAX_DELAY_MS)?;
    let kept = cached.then(|| listings.0.get(&())).flatten();
    let tools = if let Some(kept) = kept {
        kept
    } else {
        let tools = names(upstream.ok_or(ToolError::NoUpstream)?, delay_ms).await?;
        if cached {
            listings.0.insert((), tools.clone());
        }
        tools
    };
    Ok(ListingResult {
        cached,
        server_type,
        tools,
    })
}

async fn names(upstream: &CatalogClient, delay_ms: i64) -> Result<Vec<String>, ToolError> {
    let endpoint = format!("/listing?delay_ms={delay_ms}");
    let listing: Listing = answer(upstream, &endpoint, "a listing of tools").await?;
    Ok(listing.tools.into_iter().map(|entry| entry.name).collect())
}
