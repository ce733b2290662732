//! The body of a response: whole, or a stream.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{
    BodyExt,
    combinators::{BoxBody, UnsyncBoxBody},
};

use super::connections::AnswerGuard;
use crate::admission::{Admission, Reserved, SMALL_BYTES};

/// The body of a response.
#[derive(Debug)]
pub enum Body {
    /// All of it, in one piece.
    Whole(Option<Bytes>),
    /// Piece by piece.
    Stream(UnsyncBoxBody<Bytes, Infallible>),
    /// rmcp's body, which is boxed already, with the memory of the message that it answers, if that
    /// is large: it is reserved until the body has ended.
    Rmcp(BoxBody<Bytes, Infallible>, Option<Reserved>),
}

impl Body {
    /// Makes a body of one piece.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()))
    }

    /// Makes an empty body.
    #[must_use]
    pub fn empty() -> Self {
        Self::Whole(None)
    }

    /// Makes a body of rmcp's.
    pub(crate) fn rmcp(body: BoxBody<Bytes, Infallible>) -> Self {
        Self::Rmcp(body, None)
    }

    /// Keeps the memory of a message reserved until the body that answers it has ended. The other
    /// bodies exist when their call is over.
    pub(crate) fn holding(self, reserved: Option<Reserved>) -> Self {
        match self {
            Self::Rmcp(body, _) => Self::Rmcp(body, reserved),
            body => body,
        }
    }

    /// Makes a body that arrives piece by piece.
    pub fn stream<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes, Error = Infallible> + Send + 'static,
    {
        Self::Stream(body.boxed_unsync())
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(body) => Pin::new(body).poll_frame(context),
            Self::Rmcp(body, _) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Stream(body) => body.is_end_stream(),
            Self::Rmcp(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Stream(body) => body.size_hint(),
            Self::Rmcp(body, _) => body.size_hint(),
        }
    }
}

/// The bytes that are given to hyper at once. On runtimes without vectored writes it copies them,
/// and goes on when they are written.
const PIECE_BYTES: usize = 128 * 1024;

/// A body that keeps its connection marked as answering until it is dropped, and is counted until
/// it is written.
pub(super) struct Tracked {
    body: Body,
    /// What counts the answer, if it may be large.
    admission: Option<Admission>,
    /// What is left of the last frame of the body.
    rest: Bytes,
    answering: AnswerGuard,
}

impl Tracked {
    pub(super) fn new(body: Body, answering: AnswerGuard, admission: Option<&Admission>) -> Self {
        let is_counted = match &body {
            Body::Whole(bytes) => bytes.as_ref().is_some_and(|all| all.len() > SMALL_BYTES),
            // The events of a lasting stream are counted where they are queued.
            Body::Stream(_) => false,
            Body::Rmcp(..) => true,
        };
        Self {
            body,
            admission: admission.filter(|_| is_counted).cloned(),
            rest: Bytes::new(),
            answering,
        }
    }

    /// Returns `data`, counted, or its first piece.
    fn first_piece(&mut self, data: Bytes) -> Bytes {
        self.answering.count_sent(data.len());
        if data.len() <= SMALL_BYTES {
            return data;
        }
        self.rest = match &self.admission {
            Some(admission) => admission.answer(data),
            None => data,
        };
        self.next_piece()
    }

    fn next_piece(&mut self) -> Bytes {
        self.rest.split_to(PIECE_BYTES.min(self.rest.len()))
    }
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(self.next_piece()))));
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        frame.map_ok(|frame| frame.map_data(|data| self.first_piece(data)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}
