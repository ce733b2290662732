//! The tools and what they stand on, as the flags have it.

use anyhow::Context;
use transports::runtime::{BoxFuture, Handle, PerShard};
use workloads::{
    DemoServer, AppState,
    cache::Cache,
    database::{Database, DatabaseOptions, default_url},
    tuning::Tuning,
    store::{self, Store, StoreError, StoreOptions},
    catalog_client::{CallLimit, CatalogClient, CatalogClientOptions},
};

use crate::flags::{CacheFlags, CachePlace, ServiceFlags, Switch, ToolFlags};

/// How much of a call's time its upstream may take: a little less than all, so that the answer says why.
const UPSTREAM_SHARE: f64 = 0.9;
/// How much of its time a checkout may take: more than its upstream, and less than all, so that its answer says
/// what became of the order.
const CHECKOUT_SHARE: f64 = 0.95;

/// What is the same on every shard.
#[derive(Clone)]
struct Plan {
    tools: ToolFlags,
    services: ServiceFlags,
    tuning: Tuning,
    server_type: &'static str,
    upstream_limit: Option<CallLimit>,
    store_url: String,
    /// The store, where all shards have to share one.
    store: Option<Store>,
}

impl Plan {
    async fn open_store(&self, runtime: Handle, shards: usize) -> Result<Store, StoreError> {
        Store::open(&StoreOptions {
            url: self.store_url.clone(),
            pool: self.services.pool(self.services.store_pool, shards),
            runtime,
        })
        .await
    }
}

/// The cache, if there is to be one.
pub(super) async fn cache(
    flags: &CacheFlags,
    services: &ServiceFlags,
    server_type: &'static str,
) -> anyhow::Result<Option<Cache>> {
    let options = flags.options(server_type);
    match flags.cache {
        CachePlace::Off => Ok(None),
        CachePlace::Memory => Ok(Some(Cache::in_memory(&options))),
        CachePlace::Redis => {
            let url = flags.url(services).context("--cache redis has no URL")?;
            Ok(Some(Cache::in_redis(url, &options).await?))
        }
    }
}

/// The tools over what each shard of the runtime has for itself, because a connection is driven by the shard
/// that opened it (ARCHITECTURE.md, "Runtimes"). What counts or keeps is the same for all of them.
pub(super) async fn lab(
    tools: &ToolFlags,
    services: ServiceFlags,
    cache: Option<Cache>,
    server_type: &'static str,
    runtime: &Handle,
) -> anyhow::Result<DemoServer> {
    let tuning = Tuning {
        cpu_offload: tools.cpu_offload.into(),
        cache,
    };
    let limit = services.upstream_limit;
    let url = services.store_url.clone();
    let mut plan = Plan {
        upstream_limit: limit.map(|calls| CallLimit::new(calls, services.pool_timeout)),
        store_url: url.map_or_else(store::default_url, Ok)?,
        tools: tools.clone(),
        services,
        tuning,
        server_type,
        store: None,
    };
    // Each in memory would be another, and an order would be seen by its own shard alone.
    if plan.store_url.contains(":memory:") {
        plan.store = Some(plan.open_store(runtime.clone(), 1).await?);
    }
    let each = |shard, count| parts(plan.clone(), shard, count);
    let mut lab = DemoServer::sharded(PerShard::make(runtime.clone(), each).await?);
    if tools.lessons == Switch::On {
        lab = lab.with_lessons(plan.services.store_url.as_deref())?;
    }
    lab = lab.with_extra_tools(tools.extra_tools)?;
    if !tools.tools.is_empty() {
        lab = lab.only(&tools.tools);
    }
    Ok(lab)
}

/// What the tools stand on, on one of `shards` shards: of every pool it has its share, and at least one.
///
/// Boxed, because the compiler cannot prove that sqlx's futures are `Send` inside of a generic one.
fn parts(plan: Plan, runtime: Handle, shards: usize) -> BoxFuture<anyhow::Result<AppState>> {
    Box::pin(async move {
        let store = match &plan.store {
            Some(store) => store.clone(),
            None => plan.open_store(runtime.clone(), shards).await?,
        };
        let Plan {
            tools,
            services,
            tuning,
            server_type,
            upstream_limit,
            ..
        } = plan;
        let url = services.database_url.clone();
        let database = Database::open(&DatabaseOptions {
            url: url.map_or_else(default_url, Ok)?,
            pool: services.pool(services.database_pool, shards),
        })
        .await?;
        let upstream = services.upstream_url.as_ref().map(|url| {
            CatalogClient::new(&CatalogClientOptions {
                pool: services.pool(services.upstream_pool, shards).size,
                pool_idle_timeout: services.pool_idle_timeout,
                limit: upstream_limit,
                time_limit: tools.call_timeout.mul_f64(UPSTREAM_SHARE),
                ..CatalogClientOptions::new(url)
            })
        });
        Ok(AppState {
            upstream: upstream.transpose()?,
            store: Some(store),
            tuning,
            checkout_limit: tools.limit_of("checkout").mul_f64(CHECKOUT_SHARE),
            ..AppState::new(server_type, runtime, database)
        })
    })
}
