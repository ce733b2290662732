//! A request's body on its way in: read once, within a size and a time.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use crate::{
    http::{Body, text},
    runtime::{BoxFuture, Handle},
};

/// How long a body may take by default.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A body that has to arrive within a time. The clock starts when it is first found waiting: one that
/// came with its head pays for none.
pub(crate) struct TimedBody {
    incoming: Incoming,
    runtime: Handle,
    limit: Duration,
    timer: Option<BoxFuture<()>>,
    /// Told when the time is over, if somebody asks.
    late: Option<Arc<AtomicBool>>,
}

/// Why a body did not arrive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the request body did not arrive within {} s", .0.as_secs_f64())]
    Late(Duration),
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

/// What was read of a body.
pub(crate) enum Read {
    /// All of it.
    Whole(Bytes),
    /// More than is taken.
    TooLarge(Bytes),
    /// Not all of it, ever.
    Failed(BodyError),
}

impl TimedBody {
    pub(crate) fn new(incoming: Incoming, runtime: Handle, limit: Duration) -> Self {
        Self {
            incoming,
            runtime,
            limit,
            timer: None,
            late: None,
        }
    }

    /// Whether it turns out to have come too late, for whoever gives the body away.
    pub(crate) fn late(&mut self) -> Arc<AtomicBool> {
        self.late.get_or_insert_default().clone()
    }

    /// Reads it all, up to `max_bytes`.
    pub(crate) async fn read(mut self, max_bytes: usize) -> Read {
        let mut first = Bytes::new();
        let mut more: Option<BytesMut> = None;
        // Asking for a frame after the last one would cost a wake-up.
        while !self.incoming.is_end_stream() {
            let frame = poll_fn(|context| Pin::new(&mut self).poll_frame(context)).await;
            let data = match frame {
                None => break,
                Some(Err(error)) => return Read::Failed(error),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    Err(_trailers) => continue,
                },
            };
            let length = match &mut more {
                None if first.is_empty() => {
                    first = data;
                    first.len()
                }
                None => {
                    let all = more.insert(BytesMut::from(first.as_ref()));
                    all.extend_from_slice(&data);
                    all.len()
                }
                Some(all) => {
                    all.extend_from_slice(&data);
                    all.len()
                }
            };
            if length > max_bytes {
                return Read::TooLarge(more.map_or(first, BytesMut::freeze));
            }
        }
        Read::Whole(more.map_or(first, BytesMut::freeze))
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)));
        }
        let timer = this
            .timer
            .get_or_insert_with(|| this.runtime.sleep(this.limit));
        timer.as_mut().poll(context).map(|()| {
            if let Some(late) = &this.late {
                late.store(true, Ordering::Relaxed);
            }
            Some(Err(BodyError::Late(this.limit)))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl BodyError {
    /// What is answered to it. A body that is late leaves its connection of no more use.
    pub(crate) fn into_response(self) -> Response<Body> {
        match self {
            Self::Late(_) => {
                let mut response = text(StatusCode::REQUEST_TIMEOUT, self.to_string());
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
                response
            }
            Self::Broken(_) => text(StatusCode::BAD_REQUEST, self.to_string()),
        }
    }
}
