//! The client of the upstream API: JSON, one host, within a time limit.
//!
//! It goes to the configured base URL and nowhere else: endpoints are checked ([`EndpointError`]),
//! redirects are returned as what they are, and the environment's proxies are not used.

mod catalogue;
mod endpoint;
mod error;
mod limit;
mod payload;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
pub use catalogue::{FoundProduct, FoundProducts, ProductSearch};
pub use endpoint::{EndpointError, MAX_ENDPOINT_BYTES};
pub use error::{BaseUrlError, CatalogClientError};
use http::StatusCode;
pub use limit::CallLimit;
pub use payload::{Payload, PayloadKind};
use reqwest::{Client, RequestBuilder, Response, Url, redirect::Policy};
use serde_json::Value;

use crate::pool::{PoolOptions, PoolSize};

/// The largest body that is taken from the upstream.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How the upstream is reached.
#[derive(Clone, Debug)]
pub struct CatalogClientOptions {
    /// `http://HOST[:PORT][/PREFIX]`; with the feature `tls` also `https://`.
    pub base_url: String,
    /// How many idle connections are kept for the next calls.
    pub pool: PoolSize,
    /// How long they are kept; without it, until the upstream closes them.
    pub pool_idle_timeout: Option<Duration>,
    /// How many calls may be under way at once; without it, all of them.
    pub limit: Option<CallLimit>,
    /// How long one call may take, from looking up the host to the last byte of the body.
    pub time_limit: Duration,
}

impl CatalogClientOptions {
    /// Options for `base_url` with the other defaults: 100 idle connections, no other limit than ten seconds a call.
    #[must_use]
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            pool: PoolOptions::of(100).size,
            pool_idle_timeout: None,
            limit: None,
            time_limit: Duration::from_secs(10),
        }
    }
}

/// A client of one upstream. Cheap to clone: clones share the connections.
///
/// Its futures must be polled inside of a tokio runtime, which reqwest needs.
#[derive(Clone, Debug)]
pub struct CatalogClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    base: Url,
    time_limit: Duration,
    limit: Option<CallLimit>,
}

/// What the upstream answered.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Where the answer came from.
    pub url: Url,
    /// The HTTP status, whichever it was.
    pub status: StatusCode,
    /// From the request to the last byte of the body.
    pub elapsed: Duration,
    /// The body.
    pub body: Value,
}

impl CatalogClient {
    /// A client for the upstream that `options` names. Nothing is connected yet.
    ///
    /// # Errors
    /// When the base URL is not one that this build can fetch from.
    pub fn new(options: &CatalogClientOptions) -> Result<Self, BaseUrlError> {
        let base = endpoint::parse_base(&options.base_url)?;
        let idle_connections = match options.pool {
            PoolSize::Off => 0,
            PoolSize::Of(size) => size.get() as usize,
        };
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .pool_max_idle_per_host(idle_connections)
            .pool_idle_timeout(options.pool_idle_timeout)
            .timeout(options.time_limit)
            .user_agent(concat!("mcp-transport-lab/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(BaseUrlError::Client)?;
        Ok(Self(Arc::new(Inner {
            client,
            base,
            time_limit: options.time_limit,
            limit: options.limit.clone(),
        })))
    }

    /// Gets `endpoint`, a path of the upstream with an optional query.
    ///
    /// # Errors
    /// When the endpoint could lead elsewhere, or the upstream is down, too slow, or answers with
    /// something that is not JSON of at most [`MAX_BODY_BYTES`].
    pub async fn get(&self, endpoint: &str) -> Result<Fetched, CatalogClientError> {
        let Inner { client, base, .. } = &*self.0;
        let url = endpoint::resolve(base, endpoint)?;
        let started = Instant::now();
        let request = client.get(url.clone());
        let (status, bytes) = self.ask(request, &url, MAX_BODY_BYTES).await?;
        let elapsed = started.elapsed();
        let body = serde_json::from_slice(&bytes)
            .map_err(|source| CatalogClientError::not_json(&url, status, &bytes, source))?;
        Ok(Fetched {
            url,
            status,
            elapsed,
            body,
        })
    }

    /// Sends `request`, which goes to `url`, and reads the whole answer, given up beyond `limit_bytes`.
    /// Every call passes here.
    async fn ask(
        &self,
        request: RequestBuilder,
        url: &Url,
        limit_bytes: usize,
    ) -> Result<(StatusCode, BytesMut), CatalogClientError> {
        let _turn = match &self.0.limit {
            Some(limit) => Some(limit.turn(url).await?),
            None => None,
        };
        let failed = |source| CatalogClientError::from_reqwest(source, url, self.0.time_limit);
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let bytes = read_body(response, url, limit_bytes, failed).await?;
        Ok((status, bytes))
    }
}

/// The whole body, given up as soon as it is seen to be too long.
async fn read_body(
    mut response: Response,
    url: &Url,
    limit_bytes: usize,
    failed: impl Fn(reqwest::Error) -> CatalogClientError,
) -> Result<BytesMut, CatalogClientError> {
    let too_large = || CatalogClientError::TooLarge {
        url: url.to_string(),
        limit_bytes,
    };
    let announced = usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(usize::MAX);
    if announced > limit_bytes {
        return Err(too_large());
    }
    let mut body = BytesMut::with_capacity(announced);
    while let Some(chunk) = response.chunk().await.map_err(&failed)? {
        if body.len() + chunk.len() > limit_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
