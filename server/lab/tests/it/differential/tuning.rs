//! The corpus, to servers whose options change which tools there are, or where an answer comes
//! from.

use transports::streamable::Answer;
use workloads::{
    CpuOffload,
    cache::{Cache, CacheOptions},
};

use super::stateless::corpus_to_tools;
use crate::in_process::{PATIENCE, tools_with};

#[tokio::test]
async fn a_server_of_few_tools_is_one_on_both_paths() {
    let few = ["calculate_fibonacci", "query_products"].map(String::from);
    let tools = tools_with("few", |_, options| options.tools = Some(few.into())).await;
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
    let tools = tools_with("cached", |state, _| {
        state.cpu_offload = CpuOffload::Inline;
        state.cache = Some(cache.clone());
    });
    let tools = tools.await;
    for kind in [Answer::Json, Answer::EventStream] {
        let taken = corpus_to_tools(&tools, kind).await;
        assert!(taken > 1_000, "{taken}");
    }
    let (hits, misses) = cache.hits_and_misses();
    assert!(hits > 100 && misses > 10, "{hits} hits, {misses} misses");
}
