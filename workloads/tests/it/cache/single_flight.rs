//! Callers that ask the same at the same time.

use std::{pin::pin, sync::Arc};

use futures::{FutureExt, future::join_all, poll};
use workloads::cache::Cache;

use super::work::{OPTIONS, TOOL, Work, content};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_callers_at_once_share_the_work() {
    let cache = Cache::in_memory(&OPTIONS);
    let work = Work::held();
    let mut asking: Vec<_> = (0..50).map(|_| Box::pin(work.ask(&cache, "all"))).collect();
    for ask in &mut asking {
        assert!(poll!(ask).is_pending());
    }
    assert_eq!(work.times(), 1);
    work.let_go();
    for answer in join_all(asking).await {
        assert_eq!(content(answer)["times"], 0);
    }
    assert_eq!(content(work.ask(&cache, "all").await)["times"], 0);
    assert_eq!(work.times(), 1);
    assert_eq!(cache.hits_and_misses(), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_in_tasks_of_their_own_share_work_too() {
    let cache = Cache::in_memory(&OPTIONS);
    let work = Arc::new(Work::new());
    let ask = |whom: usize| {
        let (cache, work) = (cache.clone(), work.clone());
        tokio::spawn(async move {
            let whom = whom.to_string();
            let answer = content(work.ask(&cache, &whom).await);
            assert_eq!(answer["for_whom"], whom);
        })
    };
    for task in join_all((0..1_000).map(|number| ask(number % 20))).await {
        task.unwrap();
    }
    assert_eq!(work.times(), 20);
}

#[tokio::test]
async fn a_cancelled_first_caller_leaves_the_work_to_the_others() {
    let cache = Cache::in_memory(&OPTIONS);
    let work = Work::held();
    let mut first = Box::pin(work.ask(&cache, "all"));
    assert!(poll!(&mut first).is_pending());
    let mut second = pin!(work.ask(&cache, "all"));
    assert!(poll!(&mut second).is_pending());
    drop(first);
    assert!(poll!(&mut second).is_pending());
    work.let_go();
    assert_eq!(content(second.await)["times"], 0);
    assert_eq!(work.times(), 1);
}

#[tokio::test]
async fn work_without_callers_ends_and_the_next_caller_begins_anew() {
    let cache = Cache::in_memory(&OPTIONS);
    let work = Work::held();
    for ask in [work.ask(&cache, "all"), work.ask(&cache, "all")].map(Box::pin) {
        let mut ask = ask;
        assert!(poll!(&mut ask).is_pending());
        drop(ask);
    }
    work.let_go();
    assert_eq!(content(work.ask(&cache, "all").await)["times"], 2);
    assert_eq!(content(work.ask(&cache, "all").await)["times"], 2);
}

#[tokio::test]
async fn an_error_is_given_to_those_who_wait_and_is_not_cached() {
    let cache = Cache::in_memory(&OPTIONS);
    let mut work = Work::held();
    work.fails = true;
    let mut asking: Vec<_> = (0..3).map(|_| Box::pin(work.ask(&cache, "all"))).collect();
    for ask in &mut asking {
        assert!(poll!(ask).is_pending());
    }
    work.let_go();
    for answer in join_all(asking).await {
        assert!(answer.unwrap().is_error());
    }
    assert_eq!(work.times(), 1);
    work.fails = false;
    assert_eq!(content(work.ask(&cache, "all").await)["times"], 1);
}

#[tokio::test]
async fn a_panic_ends_its_work_and_nothing_else() {
    let cache = Cache::in_memory(&OPTIONS);
    let panicking = cache.get(TOOL, "all", |_| async {
        assert!(std::hint::black_box(false), "as it should");
        Ok::<_, workloads::tools::ToolError>(rmcp::model::CallToolResult::success(Vec::new()))
    });
    let panicked = std::panic::AssertUnwindSafe(panicking).catch_unwind().await;
    assert!(panicked.is_err());
    let work = Work::new();
    assert_eq!(content(work.ask(&cache, "all").await)["times"], 0);
}

#[tokio::test]
async fn what_is_forgotten_while_it_is_made_is_not_cached() {
    let cache = Cache::in_memory(&OPTIONS);
    let work = Work::held();
    let mut before = pin!(work.ask(&cache, "somebody"));
    assert!(poll!(&mut before).is_pending());
    cache.forget(TOOL, &"somebody").await;
    // Those who ask from now on have it made anew.
    let mut after = pin!(work.ask(&cache, "somebody"));
    assert!(poll!(&mut after).is_pending());
    assert_eq!(work.times(), 2);
    work.let_go();
    assert_eq!(content(after.await)["times"], 1);
    assert_eq!(content(before.await)["times"], 0);
    assert_eq!(content(work.ask(&cache, "somebody").await)["times"], 1);
}
