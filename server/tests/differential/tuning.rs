//! The corpus, to servers whose tuning change what there is to answer, or where the answer comes from.

use transports::streamable::Answer;
use workloads::{
    DemoServer, AppState,
    cache::{Cache, CacheOptions},
    tuning::{CpuOffload, Tuning},
};

use crate::{
    in_process::{PATIENCE, tools_by},
    stateless::corpus_to_tools,
};

#[tokio::test]
async fn a_server_of_few_tools_is_one_on_both_paths() {
    let few = ["calculate_fibonacci", "query_products"].map(String::from);
    let tools = tools_by("few", |parts| DemoServer::new(parts).only(&few)).await;
    let taken = corpus_to_tools(&tools, Answer::Json).await;
    assert!(taken > 100, "{taken}");
}

/// Both paths share the cache: what one of them kept, the other one answers.
#[tokio::test]
async fn a_kept_result_is_the_same_on_both_paths() {
    let cache = Cache::in_memory(&CacheOptions {
        server_type: "cached",
        ttl: PATIENCE,
        capacity: 10_000,
    });
    let tuning = Tuning {
        cpu_offload: CpuOffload::Inline,
        cache: Some(cache.clone()),
    };
    let tools = tools_by("cached", |parts| DemoServer::new(AppState { tuning, ..parts })).await;
    for kind in [Answer::Json, Answer::EventStream] {
        let taken = corpus_to_tools(&tools, kind).await;
        assert!(taken > 1_000, "{taken}");
    }
    let (hits, misses) = cache.hits_and_misses();
    assert!(hits > 100 && misses > 10, "{hits} hits, {misses} misses");
}
