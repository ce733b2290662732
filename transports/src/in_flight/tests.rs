//! Who is in flight, and when an id is free.

use rmcp::model::JsonRpcResponse;

use super::*;

fn id(number: i64) -> RequestId {
    RequestId::Number(number)
}

fn handle() -> AbortHandle {
    AbortHandle::new_pair().0
}

/// What rmcp says when it has answered request `number`.
fn answer(number: i64) -> TxJsonRpcMessage<RoleServer> {
    JsonRpcMessage::Response(JsonRpcResponse {
        jsonrpc: rmcp::model::JsonRpcVersion2_0,
        id: id(number),
        result: ServerResult::empty(()),
    })
}

#[test]
fn a_call_is_answered_or_cancelled_and_never_both() {
    let in_flight = Arc::new(InFlight::default());
    let (cancelled, answered) = (handle(), handle());
    in_flight.enter(&id(1), Some(cancelled.clone())).unwrap();
    in_flight.enter(&id(2), Some(answered.clone())).unwrap();
    assert!(in_flight.cancel(&id(1)));
    let next = handle();
    in_flight.enter(&id(1), Some(next.clone())).unwrap();
    // What was cancelled comes to its end all the same: neither an answer nor the end of the next.
    assert!(in_flight.done(&id(1), &cancelled).is_none());
    assert!(in_flight.has(|| id(1)) && !next.is_aborted());
    let leaving = in_flight.done(&id(2), &answered);
    assert!(leaving.is_some());
    assert!(!in_flight.cancel(&id(2)));
    assert!(!answered.is_aborted());
}

#[test]
fn an_id_is_free_when_its_answer_is_on_its_way_and_nobody_is_done_before_it_has_left() {
    let in_flight = Arc::new(InFlight::default());
    in_flight.enter(&id(1), None).unwrap();
    assert!(in_flight.enter(&id(1), None).is_err());
    let leaving = in_flight.said(&answer(1));
    assert!(!in_flight.has(|| id(1)) && !in_flight.is_empty());
    drop(leaving);
    assert!(in_flight.is_empty());
}

#[test]
fn a_late_answer_of_rmcps_does_not_free_the_id_of_a_call_of_ours() {
    let in_flight = Arc::new(InFlight::default());
    in_flight.enter(&id(1), None).unwrap();
    assert!(!in_flight.cancel(&id(1)));
    in_flight.enter(&id(1), Some(handle())).unwrap();
    drop(in_flight.said(&answer(1)));
    assert!(in_flight.has(|| id(1)));
}

#[test]
fn what_is_begun_for_a_client_that_has_gone_is_ended_at_once() {
    let in_flight = Arc::new(InFlight::default());
    let (before, after) = (handle(), handle());
    in_flight.enter(&id(1), Some(before.clone())).unwrap();
    in_flight.enter(&id(2), None).unwrap();
    in_flight.end_all();
    in_flight.enter(&id(3), Some(after.clone())).unwrap();
    assert!(before.is_aborted() && after.is_aborted());
    assert!(in_flight.is_empty());
}

#[test]
fn there_is_an_end_to_what_may_be_in_flight() {
    let in_flight = Arc::new(InFlight::default());
    for number in 0..MAX_IN_FLIGHT {
        let number = i64::try_from(number).unwrap();
        in_flight.enter(&id(number), None).unwrap();
    }
    // An answer that is not taken counts too.
    let leaving = in_flight.said(&answer(0));
    assert!(in_flight.enter(&id(-1), None).is_err());
    drop(leaving);
    assert!(in_flight.enter(&id(-1), None).is_ok());
}

#[test]
fn a_call_cancelled_between_its_first_step_and_its_entry_is_ended() {
    let in_flight = Arc::new(InFlight::default());
    let (taking, other) = (in_flight.taking(), in_flight.taking());
    assert!(!in_flight.cancel(&id(1)));
    drop(other);
    let (cancelled, next) = (handle(), handle());
    in_flight.enter(&id(1), Some(cancelled.clone())).unwrap();
    assert!(cancelled.is_aborted() && in_flight.is_empty());
    assert!(in_flight.done(&id(1), &cancelled).is_none());
    // The cancellation was for one call.
    in_flight.enter(&id(1), Some(next.clone())).unwrap();
    drop(taking);
    assert!(!next.is_aborted());
}

#[test]
fn a_cancellation_that_came_too_late_ends_no_later_call_of_that_id() {
    let in_flight = Arc::new(InFlight::default());
    assert!(!in_flight.cancel(&id(1)));
    let taking = in_flight.taking();
    assert!(!in_flight.cancel(&id(2)));
    drop(taking);
    for number in [1, 2] {
        let call = handle();
        in_flight.enter(&id(number), Some(call.clone())).unwrap();
        assert!(!call.is_aborted());
    }
}
