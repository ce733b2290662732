//! Opens what the tools use, as the flags say.

use std::sync::Arc;

use anyhow::Context as _;
use clap::error::ErrorKind;
use rmcp::transport::streamable_http_server::session::SessionStore;
use server::{
    Context,
    metrics::CacheUse,
    runtime::{BoxFuture, Handle, PerShard},
};
use workloads::{
    AppState, DemoServer,
    cache::Cache,
    catalog_client::{CallLimit, CatalogClient, CatalogClientOptions},
    database::{Database, DatabaseOptions},
    session_store,
    storage::Storage,
    store::{Store, StoreOptions},
};

use crate::flags::{CachePlace, LabFlags, ServiceFlags};

/// The share of a call's time that its upstream may take: a little less than all, so that the
/// answer says why it failed.
const UPSTREAM_SHARE: f64 = 0.9;
/// The share of a call's time that a checkout may take: more than its upstream, and less than all,
/// so that its answer says what became of the order.
const CHECKOUT_SHARE: f64 = 0.95;

/// What is the same on every shard.
#[derive(Clone)]
struct Plan {
    flags: Arc<LabFlags>,
    context: Context,
    cache: Option<Cache>,
    session_store: Option<Arc<dyn SessionStore>>,
    upstream_limit: Option<CallLimit>,
    store_url: String,
    /// The store, if all shards share one.
    store: Option<Store>,
}

/// The tools. Each shard of the runtime has a state of its own, because a connection to a service
/// is driven by the shard that opened it (ARCHITECTURE.md, "Runtimes"). Cache and counters are
/// shared.
pub(crate) async fn demo_server(flags: &LabFlags, context: &Context) -> anyhow::Result<DemoServer> {
    let services = &flags.services;
    let store_url = services.store_url.clone();
    let upstream_limit = services
        .upstream_limit
        .map(|calls| CallLimit::new(calls, services.pool_timeout));
    if let (Some(metrics), Some(limit)) = (context.metrics(), &upstream_limit) {
        let limit = limit.clone();
        metrics.pool("upstream", move || limit.usage());
    }
    let mut plan = Plan {
        cache: cache(flags, context).await?,
        session_store: session_store(services, context).await?,
        upstream_limit,
        store_url: store_url.map_or_else(|| Storage::Store.default_url(), Ok)?,
        flags: Arc::new(flags.clone()),
        context: context.clone(),
        store: None,
    };
    // With a store in memory for each shard, an order would be seen by its own shard alone.
    if plan.store_url.contains(":memory:") {
        plan.store = Some(plan.open_store(context.runtime.clone(), 1).await?);
    }
    let each = |shard, count| state(plan.clone(), shard, count);
    let state = PerShard::make(context.runtime.clone(), each).await?;
    Ok(DemoServer::sharded(state))
}

async fn cache(flags: &LabFlags, context: &Context) -> anyhow::Result<Option<Cache>> {
    let options = flags.cache.options(context.server_type);
    let cache = match flags.cache.cache {
        CachePlace::Off => return Ok(None),
        CachePlace::Memory => Cache::in_memory(&options),
        CachePlace::Redis => {
            let url = flags.cache.url(&flags.services);
            let url = url.context("--cache redis has no URL")?;
            Cache::in_redis(url, &options).await?
        }
    };
    if let Some(metrics) = context.metrics() {
        let cache = cache.clone();
        metrics.cache("results", move || {
            let (hits, misses) = cache.hits_and_misses();
            CacheUse { hits, misses }
        });
    }
    Ok(Some(cache))
}

/// Where the sessions are kept that all instances of the server share.
async fn session_store(
    services: &ServiceFlags,
    context: &Context,
) -> anyhow::Result<Option<Arc<dyn SessionStore>>> {
    let Some(url) = &services.session_store_url else {
        return Ok(None);
    };
    let Some(session_ttl) = context.session_ttl else {
        return Err(clap::Error::raw(
            ErrorKind::ArgumentConflict,
            "--session-store-url needs sessions: Streamable HTTP with --sessions stateful\n",
        )
        .into());
    };
    Ok(Some(session_store::open(url, session_ttl).await?))
}

/// The state of one of `shards` shards. Of every pool it has its share.
///
/// Boxed, because the compiler cannot prove that sqlx's futures are `Send` inside of a generic one.
fn state(plan: Plan, runtime: Handle, shards: usize) -> BoxFuture<anyhow::Result<AppState>> {
    Box::pin(async move {
        let store = match &plan.store {
            Some(store) => store.clone(),
            None => plan.open_store(runtime.clone(), shards).await?,
        };
        let Plan {
            flags,
            context,
            cache,
            session_store,
            upstream_limit,
            ..
        } = plan;
        let services = &flags.services;
        let url = services.database_url.clone();
        let database = Database::open(&DatabaseOptions {
            url: url.map_or_else(|| Storage::Database.default_url(), Ok)?,
            pool: services.pool(services.database_pool, shards),
        })
        .await?;
        if let Some(metrics) = context.metrics() {
            let database = database.clone();
            metrics.pool("database", move || database.usage());
        }
        let upstream = services.upstream_url.as_ref().map(|url| {
            CatalogClient::new(&CatalogClientOptions {
                pool: services.pool(services.upstream_pool, shards).size,
                pool_idle_timeout: services.pool_idle_timeout,
                limit: upstream_limit,
                time_limit: context.call_timeout().mul_f64(UPSTREAM_SHARE),
                admission: Some(context.admission.clone()),
                ..CatalogClientOptions::new(url)
            })
        });
        Ok(AppState {
            upstream: upstream.transpose()?,
            store: Some(store),
            admission: context.admission.clone(),
            cpu_offload: flags.tools.cpu_offload.into(),
            cache,
            session_store,
            checkout_limit: context.limit_of("checkout").mul_f64(CHECKOUT_SHARE),
            ..AppState::new(context.server_type, runtime, database)
        })
    })
}

impl Plan {
    async fn open_store(&self, runtime: Handle, shards: usize) -> anyhow::Result<Store> {
        let services = &self.flags.services;
        let options = StoreOptions {
            url: self.store_url.clone(),
            pool: services.pool(services.store_pool, shards),
            runtime,
        };
        let store = Store::open(&options).await?;
        if let Some(metrics) = self.context.metrics() {
            let store = store.clone();
            metrics.pool("store", move || store.usage());
        }
        Ok(store)
    }
}
