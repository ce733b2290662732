//! Work that counts how often it is done, and can be held until a test lets it go.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rmcp::handler::server::wrapper::Json;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use workloads::{
    cache::{Cache, CacheOptions, Cacheable, SharedResult},
    tools::ToolError,
};

/// The tool that everything is asked of where it does not matter which.
pub(crate) const TOOL: &str = "get_user_cart";

pub(crate) const OPTIONS: CacheOptions = CacheOptions {
    server_type: "test-tokio",
    ttl: Duration::from_mins(1),
    capacity: 1_000,
};

/// What work makes: how many times work had been done before, and for whom it was done now.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer {
    filling: String,
    for_whom: String,
    times: u32,
    #[serde(skip)]
    is_cacheable: bool,
}

impl Cacheable for Answer {
    fn is_cacheable(&self) -> bool {
        self.is_cacheable
    }
}

/// Work. Clones count together.
#[derive(Clone)]
pub(crate) struct Work {
    times: Arc<AtomicU32>,
    gate: Arc<Semaphore>,
    /// How much it makes.
    pub(crate) bytes: usize,
    pub(crate) fails: bool,
    pub(crate) is_cacheable: bool,
}

impl Work {
    /// Work that is done at once.
    pub(crate) fn new() -> Self {
        let work = Self::held();
        work.let_go();
        work
    }

    /// Work that begins and then waits to be let go.
    pub(crate) fn held() -> Self {
        Self {
            times: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
            bytes: 10,
            fails: false,
            is_cacheable: true,
        }
    }

    pub(crate) fn let_go(&self) {
        self.gate.add_permits(1_000_000);
    }

    /// How often it was begun.
    pub(crate) fn times(&self) -> u32 {
        self.times.load(Ordering::SeqCst)
    }

    /// Asks `cache` for the answer for `whom`, which this work makes unless it is cached.
    pub(crate) fn ask<'c>(
        &'c self,
        cache: &'c Cache,
        whom: &'c str,
    ) -> impl Future<Output = SharedResult> + Send + 'c {
        cache.get(TOOL, whom.to_owned(), |whom| self.clone().answer(whom))
    }

    async fn answer(self, for_whom: String) -> Result<Json<Answer>, ToolError> {
        let times = self.times.fetch_add(1, Ordering::SeqCst);
        let _permit = self.gate.acquire().await.unwrap();
        if self.fails {
            return Err(ToolError::NoUpstream);
        }
        Ok(Json(Answer {
            filling: "x".repeat(self.bytes),
            for_whom,
            times,
            is_cacheable: self.is_cacheable,
        }))
    }
}

/// The structured content of `written`, which is no error.
pub(crate) fn content(written: SharedResult) -> Value {
    let written = written.unwrap();
    assert!(!written.is_error(), "{written:?}");
    let result: Value = serde_json::from_slice(written.json()).unwrap();
    assert_eq!(result["isError"], json!(false));
    result["structuredContent"].clone()
}
