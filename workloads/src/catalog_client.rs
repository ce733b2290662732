//! The client of the catalogue API ("the upstream"): JSON from one host, within a time limit.
//!
//! It sends requests to the configured base URL only: `endpoint` checks each path, a redirect is an
//! answer like any other, and the environment's proxies are not used.

mod endpoint;
mod error;

use std::{
    fmt,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
pub use endpoint::{EndpointError, MAX_ENDPOINT_BYTES};
pub use error::{BaseUrlError, CatalogClientError};
use http::StatusCode;
use reqwest::{Client, RequestBuilder, Response, Url, redirect::Policy};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use transports::{
    admission::{Admission, Reserved},
    metrics::PoolUse,
};

use crate::{
    catalog::MAX_PAYLOAD_BYTES,
    pool::{PoolOptions, PoolSize, Waits},
    store::CartItem,
};

/// The largest body that the client reads, except of [payloads](CatalogClient::payload).
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Answers up to this size are not counted.
const SMALL_BYTES: usize = 16 * 1024;
/// How many times the bytes of a JSON text the tree of its values is counted with.
const BYTES_FOR_A_BYTE: usize = 8;

/// How to reach the API.
#[derive(Clone, Debug)]
pub struct CatalogClientOptions {
    /// `http://HOST[:PORT][/PREFIX]`; with the feature `tls` also `https://`.
    pub base_url: String,
    /// The number of idle connections that are kept for the next calls.
    pub pool: PoolSize,
    /// How long an idle connection is kept; without it, until the other side closes it.
    pub pool_idle_timeout: Option<Duration>,
    /// The limit of calls at once, if there is one.
    pub limit: Option<CallLimit>,
    /// How long one call may take, from the look-up of the host to the last byte of the body.
    pub time_limit: Duration,
    /// What reserves memory for large answers; without it they are not counted.
    /// [Payloads](CatalogClient::payload) never are: who asks for one knows its size.
    pub admission: Option<Admission>,
}

impl CatalogClientOptions {
    /// Options for `base_url` with the defaults: 100 idle connections, ten seconds a call, no other
    /// limit.
    #[must_use]
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            pool: PoolOptions::of(100).size,
            pool_idle_timeout: None,
            limit: None,
            time_limit: Duration::from_secs(10),
            admission: None,
        }
    }
}

/// A limit of calls at once. The next call waits: first come, first served. Clones count together.
///
/// Waiting needs a tokio context, as the calls themselves do.
#[derive(Clone, Debug)]
pub struct CallLimit {
    turns: Arc<Semaphore>,
    calls: u32,
    patience: Duration,
    waits: Waits,
}

impl CallLimit {
    /// At most `calls` at once; another one waits for at most `patience`.
    #[must_use]
    pub fn new(calls: NonZeroU32, patience: Duration) -> Self {
        let calls = calls.get();
        Self {
            turns: Arc::new(Semaphore::new(calls as usize)),
            calls,
            patience,
            waits: Waits::default(),
        }
    }

    /// How the turns are used at this moment.
    #[must_use]
    pub fn usage(&self) -> PoolUse {
        let free = self.turns.available_permits() as u64;
        let calls = u64::from(self.calls);
        self.waits.pool_use(calls, calls, free)
    }

    /// Waits for a turn, which ends when the permit is dropped.
    async fn turn(&self, url: &Url) -> Result<SemaphorePermit<'_>, CatalogClientError> {
        let turn = timeout(self.patience, self.turns.acquire());
        match self.waits.take(turn).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => Err(CatalogClientError::Busy {
                url: url.to_string(),
                calls: self.calls,
                waited: self.patience,
            }),
        }
    }
}

/// A client of one catalogue API. Cheap to clone: clones share the connections.
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
    admission: Option<Admission>,
}

/// The answer to a request for any endpoint.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The URL of the request.
    pub url: Url,
    /// The HTTP status, whatever it is.
    pub status: StatusCode,
    /// The time from the request to the last byte of the body.
    pub elapsed: Duration,
    /// The body.
    pub body: Value,
    /// The memory of a large body, until this is dropped.
    pub reserved: Option<Reserved>,
}

/// The products that a search asks for.
#[derive(Clone, Copy, Debug)]
pub struct ProductSearch {
    /// One of [`crate::catalog::CATEGORIES`].
    pub category: &'static str,
    /// The lowest price, inclusive, in units.
    pub min_price: f64,
    /// The highest price, inclusive, in units.
    pub max_price: f64,
    /// The largest number of products.
    pub limit: i64,
}

/// The products that a search found.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct FoundProducts {
    /// How many products match, whatever the limit.
    pub total_found: i64,
    /// The cheapest of them.
    pub products: Vec<FoundProduct>,
}

/// The members of a product that the tools use.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct FoundProduct {
    /// The product's number, from 1.
    pub id: i64,
    /// The stock-keeping unit.
    pub sku: String,
    /// The product's name.
    pub name: String,
    /// Price in units.
    pub price: f64,
    /// 1.0 to 4.9.
    pub rating: f64,
}

/// A kind of document that the API makes to any length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadKind {
    /// A JSON document of records.
    Json,
    /// The lines of a log.
    Text,
}

/// A payload as it came.
#[derive(Clone, Debug)]
pub struct Payload {
    url: Url,
    /// All of it.
    pub body: Bytes,
}

impl Payload {
    /// The error of a payload that is not what it should be, for this `reason`.
    pub fn misshapen(&self, reason: &dyn fmt::Display) -> CatalogClientError {
        CatalogClientError::payload(&self.url, reason)
    }
}

impl CatalogClient {
    /// A client for the API that `options` name. It does not connect yet.
    ///
    /// # Errors
    /// When this build cannot fetch from the base URL.
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
            admission: options.admission.clone(),
        })))
    }

    /// Gets `endpoint`, a path of the API with an optional query, whatever status it answers with.
    ///
    /// # Errors
    /// When the endpoint could lead elsewhere, or the API is down, too slow, or answers with something that
    /// is not JSON of at most [`MAX_BODY_BYTES`].
    pub async fn get(&self, endpoint: &str) -> Result<Fetched, CatalogClientError> {
        let url = self.resolve(endpoint)?;
        let started = Instant::now();
        let request = self.0.client.get(url.clone());
        let Answer {
            status,
            body: bytes,
            reserved,
        } = self.send(request, &url).await?;
        let elapsed = started.elapsed();
        let body = serde_json::from_slice(&bytes)
            .map_err(|source| CatalogClientError::not_json(&url, status, &bytes, &source))?;
        Ok(Fetched {
            url,
            status,
            elapsed,
            body,
            reserved,
        })
    }

    /// Searches the catalogue: `GET /products/search`.
    ///
    /// # Errors
    /// When the API cannot be reached, or does not answer with products.
    pub async fn search(
        &self,
        search: &ProductSearch,
    ) -> Result<FoundProducts, CatalogClientError> {
        let ProductSearch {
            category,
            min_price,
            max_price,
            limit,
        } = search;
        self.get_typed(&format!(
            "/products/search?category={category}&min_price={min_price}&max_price={max_price}&limit={limit}"
        ))
        .await
    }

    /// One product: `GET /products/{id}`.
    ///
    /// # Errors
    /// When the API cannot be reached, has no such product, or answers with something else.
    pub async fn product(&self, id: i64) -> Result<FoundProduct, CatalogClientError> {
        self.get_typed(&format!("/products/{id}")).await
    }

    /// The price of a cart with tax and shipping, in units: `POST /cart/calculate`. It changes
    /// nothing there.
    ///
    /// # Errors
    /// When the API cannot be reached, refuses the cart, or answers with something else.
    pub async fn total(&self, items: &[CartItem]) -> Result<f64, CatalogClientError> {
        #[derive(Serialize)]
        struct Cart<'a> {
            items: &'a [CartItem],
        }
        let url = self.resolve("/cart/calculate")?;
        let request = self.0.client.post(url.clone()).json(&Cart { items });
        let answer = self.send(request, &url).await?;
        read::<Calculation>(&url, &answer).map(|calculation| calculation.total)
    }

    /// Gets a payload of `bytes` bytes, at most [`MAX_PAYLOAD_BYTES`].
    ///
    /// # Errors
    /// When the API cannot be reached, or has no payload of this length.
    pub async fn payload(
        &self,
        kind: PayloadKind,
        bytes: i64,
    ) -> Result<Payload, CatalogClientError> {
        let path = match kind {
            PayloadKind::Json => "/payload/json",
            PayloadKind::Text => "/payload/text",
        };
        let url = self.resolve(&format!("{path}?bytes={bytes}"))?;
        let request = self.0.client.get(url.clone());
        let limit_bytes = MAX_PAYLOAD_BYTES as usize;
        let Answer { status, body, .. } = self.ask(request, &url, limit_bytes, None).await?;
        if status != StatusCode::OK {
            return Err(CatalogClientError::refused(&url, status, &body, None));
        }
        let body = body.freeze();
        Ok(Payload { url, body })
    }

    async fn get_typed<T: DeserializeOwned>(
        &self,
        endpoint: &str,
    ) -> Result<T, CatalogClientError> {
        let url = self.resolve(endpoint)?;
        let request = self.0.client.get(url.clone());
        let answer = self.send(request, &url).await?;
        read(&url, &answer)
    }

    fn resolve(&self, endpoint: &str) -> Result<Url, EndpointError> {
        endpoint::resolve(&self.0.base, endpoint)
    }

    /// Sends `request`, which goes to `url`, and reads the whole answer, of at most
    /// [`MAX_BODY_BYTES`].
    async fn send(&self, request: RequestBuilder, url: &Url) -> Result<Answer, CatalogClientError> {
        let admission = self.0.admission.as_ref();
        self.ask(request, url, MAX_BODY_BYTES, admission).await
    }

    /// The same for an answer of at most `limit_bytes`, for which `admission` reserves memory if it
    /// is large. Every call passes here.
    async fn ask(
        &self,
        request: RequestBuilder,
        url: &Url,
        limit_bytes: usize,
        admission: Option<&Admission>,
    ) -> Result<Answer, CatalogClientError> {
        let _turn = match &self.0.limit {
            Some(limit) => Some(limit.turn(url).await?),
            None => None,
        };
        let failed = |source| CatalogClientError::from_reqwest(source, url, self.0.time_limit);
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        // A body without a length is at most as long as any.
        let length = response.content_length().map(usize::try_from);
        let length = length.map_or(limit_bytes, |length| length.unwrap_or(usize::MAX));
        let reserved = match admission {
            Some(admission) if (SMALL_BYTES + 1..=limit_bytes).contains(&length) => {
                Some(admission.bytes(length * BYTES_FOR_A_BYTE).await?)
            }
            _ => None,
        };
        match read_body(response, limit_bytes).await.map_err(failed)? {
            Some(body) => Ok(Answer {
                status,
                body,
                reserved,
            }),
            None => Err(CatalogClientError::TooLarge(url.to_string(), limit_bytes)),
        }
    }
}

/// The whole answer to a request.
struct Answer {
    status: StatusCode,
    body: BytesMut,
    reserved: Option<Reserved>,
}

/// The whole body; none as soon as it turns out to be longer than `limit_bytes`.
async fn read_body(
    mut response: Response,
    limit_bytes: usize,
) -> Result<Option<BytesMut>, reqwest::Error> {
    let announced = usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(usize::MAX);
    if announced > limit_bytes {
        return Ok(None);
    }
    let mut body = BytesMut::with_capacity(announced);
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit_bytes {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The member of a cart's price that the tools use.
#[derive(Deserialize)]
struct Calculation {
    total: f64,
}

/// The body of an answer with another status than 200.
#[derive(Deserialize)]
struct Problem {
    error: String,
}

/// The `T` in an answer of status 200.
fn read<T: DeserializeOwned>(
    url: &Url,
    Answer { status, body, .. }: &Answer,
) -> Result<T, CatalogClientError> {
    let status = *status;
    if status != StatusCode::OK {
        let said = serde_json::from_slice::<Problem>(body).map(|problem| problem.error);
        return Err(CatalogClientError::refused(url, status, body, said.ok()));
    }
    serde_json::from_slice(body).map_err(|source| {
        if source.is_data() {
            CatalogClientError::misshapen(url, body, &source)
        } else {
            CatalogClientError::not_json(url, status, body, &source)
        }
    })
}
