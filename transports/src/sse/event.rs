//! Event-stream framing (WHATWG HTML, "Server-sent events") and the body that carries it.

use std::{convert::Infallible, pin::pin, task::Poll, time::Duration};

use bytes::Bytes;
use futures::future::{Either, select};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::mpsc;

use super::session::Session;
use crate::{http::Body, runtime::Handle};

/// The `endpoint` event: where the client is to post.
pub(super) fn endpoint(uri: &str) -> Bytes {
    format!("event: endpoint\ndata: {uri}\n\n").into()
}

/// The body of a session's stream: `first`, then whatever comes out of `outgoing`, and a comment
/// whenever nothing did for `keep_alive`. It ends with `outgoing`; dropping it ends `session`.
pub(super) fn stream(
    first: Bytes,
    outgoing: mpsc::Receiver<Bytes>,
    session: Session,
    runtime: Handle,
    keep_alive: Duration,
) -> Body {
    let state = (Some(first), outgoing, session);
    let events = futures::stream::unfold(state, move |(first, mut outgoing, session)| {
        let runtime = runtime.clone();
        async move {
            let event = match first {
                Some(first) => first,
                None => next(&mut outgoing, &runtime, keep_alive).await?,
            };
            let frame = Ok::<_, Infallible>(Frame::data(event));
            Some((frame, (None, outgoing, session)))
        }
    });
    Body::stream(StreamBody::new(events))
}

async fn next(
    outgoing: &mut mpsc::Receiver<Bytes>,
    runtime: &Handle,
    keep_alive: Duration,
) -> Option<Bytes> {
    let mut received = pin!(outgoing.recv());
    // While events keep coming nobody pays for a timer.
    if let Poll::Ready(event) = futures::poll!(received.as_mut()) {
        return event;
    }
    match select(received, pin!(runtime.sleep(keep_alive))).await {
        Either::Left((event, _)) => event,
        Either::Right(_) => Some(Bytes::from_static(b": keep-alive\n\n")),
    }
}
