//! The body of a request: read once, within a limit of size and of time.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body as HttpBody, Frame};
use hyper::body::Incoming;

use crate::{
    admission::{Admission, NotAdmitted, Reserved, SMALL_BYTES},
    http::{Body, text, unavailable},
    runtime::{BoxFuture, Handle},
};

/// A body that has to arrive in time. The timer starts when the body is first found incomplete: a
/// body that arrives with its head needs no timer.
pub(crate) struct TimedBody {
    incoming: Incoming,
    runtime: Handle,
    limit: Duration,
    timer: Option<BoxFuture<()>>,
}

/// Why a body did not arrive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the request body did not arrive within {} s", .0.as_secs_f64())]
    Late(Duration),
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

/// The outcome of reading a body.
pub(crate) enum Read {
    /// The whole body, and the memory that is reserved for its call if it is large.
    Whole(Bytes, Option<Reserved>),
    /// There is no memory for it at the moment.
    NotAdmitted(NotAdmitted),
    /// The body is larger than the limit.
    TooLarge,
    /// The body did not arrive.
    Failed(BodyError),
}

impl TimedBody {
    pub(crate) fn new(incoming: Incoming, runtime: Handle, limit: Duration) -> Self {
        Self {
            incoming,
            runtime,
            limit,
            timer: None,
        }
    }

    /// Reads the whole body, up to `max_bytes`. A body whose announced length is above the limit is
    /// not read at all: a client that expects `100 Continue` gets the rejection instead. For a large
    /// body `admission` reserves memory before it is read.
    pub(crate) async fn read(mut self, max_bytes: usize, admission: Option<&Admission>) -> Read {
        let announced = usize::try_from(self.incoming.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > max_bytes {
            return Read::TooLarge;
        }
        let mut reserved = None;
        if announced > SMALL_BYTES {
            match Admission::reserve(admission, announced).await {
                Ok(reservation) => reserved = reservation,
                Err(reason) => return Read::NotAdmitted(reason),
            }
        }
        let mut first = Bytes::new();
        let mut more: Option<BytesMut> = None;
        // Asking for a frame after the last one would cost a wake-up.
        while !self.incoming.is_end_stream() {
            let frame = poll_fn(|context| self.poll_frame(context)).await;
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
                return Read::TooLarge;
            }
            // A body that did not announce its length may be as large as any.
            if length > SMALL_BYTES && reserved.is_none() {
                match Admission::reserve(admission, max_bytes).await {
                    Ok(reservation) => reserved = reservation,
                    Err(reason) => return Read::NotAdmitted(reason),
                }
            }
        }
        Read::Whole(more.map_or(first, BytesMut::freeze), reserved)
    }

    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)));
        }
        let timer = self
            .timer
            .get_or_insert_with(|| self.runtime.sleep(self.limit));
        let timer = timer.as_mut().poll(context);
        timer.map(|()| Some(Err(BodyError::Late(self.limit))))
    }
}

impl BodyError {
    /// Returns the response. After a late body the connection cannot be used again.
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

/// Responds to a message that was not admitted.
pub(crate) fn not_admitted(reason: NotAdmitted) -> Response<Body> {
    unavailable(reason)
}

/// Responds to a body that is larger than `limit_bytes`.
pub(crate) fn too_large(limit_bytes: usize) -> Response<Body> {
    let message = format!("Payload Too Large: a message may have {limit_bytes} bytes (--max-body)");
    text(StatusCode::PAYLOAD_TOO_LARGE, message)
}
