//! Lines without sockets: who is admitted, who waits, who leaves.

use futures::{FutureExt, future::join_all};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use rmcp::model::{JsonRpcMessage, RequestId, ServerResult};

use super::*;
use crate::{http::Body, in_flight::InFlight, runtime::Tokio};

/// Room for 64 KiB and one job, and a wait of `patience`.
fn admission(patience: Duration) -> Admission {
    Admission::new(AdmissionOptions {
        max_bytes: 64 * 1024,
        cpu_jobs: 1,
        patience,
        ..AdmissionOptions::new(Handle::new(Tokio))
    })
}

const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(50);

fn has_room(admission: &Admission, bytes: usize) -> bool {
    admission.bytes(bytes).now_or_never().is_some()
}

#[tokio::test]
async fn bytes_are_reserved_until_the_last_holder_is_dropped() {
    let admission = admission(SHORT);
    let reserved = admission.bytes(48 * 1024).await.unwrap();
    assert!(has_room(&admission, 16 * 1024));
    let held = reserved.clone().hold(Bytes::from_static(b"a payload"));
    drop(reserved);
    let slice = held.slice(2..);
    drop(held);
    assert_eq!(&slice[..], b"payload");
    let late = admission.bytes(17 * 1024).await.unwrap_err();
    assert!(matches!(late, NotAdmitted::Late(..)), "{late}");
    for part in ["--max-inflight-bytes 65536", "try again later"] {
        assert!(late.to_string().contains(part), "{late}");
    }
    drop(slice);
    assert!(has_room(&admission, 64 * 1024));
}

#[tokio::test]
async fn a_body_that_holds_memory_is_rmcps_and_as_long_as_before() {
    let admission = admission(SHORT);
    let reserved = admission.bytes(64 * 1024).await.unwrap();
    let body = Body::rmcp(Full::from("an answer").boxed()).holding(Some(reserved));
    assert!(matches!(body, Body::Rmcp(..)), "{body:?}");
    assert_eq!(body.size_hint().exact(), Some(9));
    assert!(!has_room(&admission, 1));
    drop(body);
    assert!(has_room(&admission, 1));
}

#[tokio::test]
async fn a_request_to_rmcp_keeps_its_memory_until_its_answer_is_queued() {
    let admission = admission(SHORT);
    let reserved = admission.bytes(64 * 1024).await.unwrap();
    let in_flight = Arc::new(InFlight::new(1));
    let id = RequestId::Number(1);
    in_flight.admit_for_sdk(&id, Some(reserved)).unwrap();
    let answer = JsonRpcMessage::response(ServerResult::empty(()), id);
    let unsent = in_flight.record_sent(&answer);
    assert!(!has_room(&admission, 1));
    drop(unsent);
    assert!(has_room(&admission, 1));
}

#[tokio::test]
async fn who_needs_more_than_there_is_gets_all_of_it() {
    let admission = admission(LONG);
    let reserved = admission.bytes(usize::MAX).await.unwrap();
    assert!(!has_room(&admission, 1));
    drop(reserved);
    assert!(
        Admission::reserve(Some(&admission), usize::MAX)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn calls_are_admitted_in_their_order() {
    let admission = admission(LONG);
    let reserved = admission.bytes(64 * 1024).await.unwrap();
    let mut first = pin!(admission.bytes(64 * 1024));
    assert!(futures::poll!(first.as_mut()).is_pending());
    let mut second = pin!(admission.bytes(1));
    assert!(futures::poll!(second.as_mut()).is_pending());
    drop(reserved);
    // There would be room for the second one.
    assert!(futures::poll!(second.as_mut()).is_pending());
    drop(first.await.unwrap());
    second.await.unwrap();
}

#[tokio::test]
async fn answers_take_more_than_there_is_and_give_it_back() {
    let admission = admission(SHORT);
    let large = Bytes::from(vec![7; 100 * 1024]);
    let answer = admission.answer(large.clone());
    let other = admission.answer(large.clone());
    assert_eq!((&answer, &other), (&large, &large));
    assert!(!has_room(&admission, 1));
    drop(other);
    assert!(!has_room(&admission, 1));
    drop(answer);
    assert!(has_room(&admission, 64 * 1024));
    let small = Bytes::from(vec![7; SMALL_BYTES]);
    let _small = admission.answer(small);
    assert!(has_room(&admission, 64 * 1024));
}

#[tokio::test]
async fn an_answer_without_room_is_made_up_for_before_a_call_that_waits() {
    let admission = admission(LONG);
    let reserved = admission.bytes(64 * 1024).await.unwrap();
    let mut waiting = Box::pin(admission.bytes(40 * 1024));
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    let answer = admission.answer(Bytes::from(vec![7; 40 * 1024]));
    drop(reserved);
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    drop(answer);
    let admitted = waiting.now_or_never().expect("there is room").unwrap();
    assert!(has_room(&admission, 24 * 1024) && !has_room(&admission, 25 * 1024));
    drop(admitted);
    assert!(has_room(&admission, 64 * 1024));
}

#[tokio::test]
async fn a_full_line_rejects_at_once() {
    let admission = admission(LONG);
    let _reserved = admission.bytes(64 * 1024).await.unwrap();
    let mut waiting: Vec<_> = (0..MAX_WAITING)
        .map(|_| Box::pin(admission.bytes(1)))
        .collect();
    for call in &mut waiting {
        assert!(futures::poll!(call.as_mut()).is_pending());
    }
    let rejected = admission.bytes(1).now_or_never().unwrap().unwrap_err();
    assert!(matches!(rejected, NotAdmitted::LineFull(_)), "{rejected}");
    // Who leaves makes a place.
    waiting.pop();
    assert!(!has_room(&admission, 1));
    assert!(admission.bytes(1).now_or_never().is_none());
}

#[tokio::test]
async fn a_call_leaves_its_line_with_its_client() {
    let admission = admission(LONG);
    let _reserved = admission.bytes(64 * 1024).await.unwrap();
    let mut call = Box::pin(admission.bytes(1));
    assert!(futures::poll!(call.as_mut()).is_pending());
    let left = With {
        presence: Presence::Left,
        future: call,
    };
    assert_eq!(left.await.unwrap_err(), NotAdmitted::ClientLeft);
}

#[tokio::test]
async fn a_client_that_has_finished_sending_waits_for_a_moment() {
    let admission = admission(LONG);
    let _reserved = admission.bytes(64 * 1024).await.unwrap();
    let call = With {
        presence: Presence::FinishedSending,
        future: Box::pin(admission.bytes(1)),
    };
    let late = call.await.unwrap_err();
    assert!(matches!(late, NotAdmitted::Late(..)), "{late}");
    // Shared work does not end with the client of one of its calls.
    let mut shared_work = With {
        presence: Presence::Left,
        future: shared(Box::pin(admission.bytes(1))),
    };
    assert!(futures::poll!(&mut shared_work).is_pending());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_run_one_after_the_other() {
    let admission = admission(LONG);
    let running = Arc::new(AtomicUsize::new(0));
    let jobs = (0..20).map(|number| {
        let running = running.clone();
        admission.compute(move |stop| {
            assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
            std::thread::sleep(Duration::from_millis(1));
            running.fetch_sub(1, Ordering::SeqCst);
            (number, stop.is_asked())
        })
    });
    let done = join_all(jobs).await;
    for (number, outcome) in done.into_iter().enumerate() {
        assert_eq!(outcome, Ok((number, false)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_told_that_its_client_left_and_keeps_its_place_until_it_ends() {
    let admission = admission(LONG);
    let (stopped, told) = std::sync::mpsc::channel();
    let work = move |stop: &Stop| {
        while !stop.is_asked() {
            std::thread::yield_now();
        }
        stopped.send(()).unwrap();
    };
    let mut job = Box::pin(admission.compute(work));
    assert!(futures::poll!(job.as_mut()).is_pending());
    let left = With {
        presence: Presence::Left,
        future: job,
    };
    assert_eq!(left.await, Err(NotAdmitted::ClientLeft));
    told.recv_timeout(LONG).unwrap();
    assert_eq!(admission.compute(|_| 7).await, Ok(7));
}

#[tokio::test]
async fn a_job_that_panics_gives_its_place_back() {
    let admission = admission(LONG);
    let job = admission.compute::<u8>(|_| panic!("a job"));
    let panicked = std::panic::AssertUnwindSafe(job).catch_unwind().await;
    assert!(panicked.is_err());
    assert_eq!(admission.compute(|_| 7).await, Ok(7));
}
