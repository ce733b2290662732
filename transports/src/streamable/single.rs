//! An answer of rmcp's that is one message, out of the event stream that it came as.
//!
//! In a session rmcp answers with event streams only. A server that answers JSON waits for the first
//! message of the stream: when it is the response, it is all there will be.

use std::{convert::Infallible, future::poll_fn, pin::Pin};

use bytes::{Bytes, BytesMut};
use http::{Response, header};
use http_body::{Body as HttpBody, Frame};
use http_body_util::combinators::BoxBody;
use serde::{Deserialize, de::IgnoredAny};

use super::{Answer, answers};
use crate::http::Body;

/// The body of a response of rmcp's.
pub(super) type RmcpBody = BoxBody<Bytes, Infallible>;

/// rmcp's response, as JSON where it is one response message; its stream as it is otherwise.
pub(super) async fn unwrapped(response: Response<RmcpBody>) -> Response<Body> {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    if content_type.is_none_or(|value| value != "text/event-stream") {
        return response.map(Body::Rmcp);
    }
    let (parts, mut body) = response.into_parts();
    let mut read = BytesMut::new();
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.into_data() else {
            continue;
        };
        read.extend_from_slice(&data);
        let Some(message) = first_message(&read) else {
            continue;
        };
        if !is_response(message) {
            break;
        }
        let mut json = answers::whole(Answer::Json, Bytes::copy_from_slice(message));
        for (name, value) in &parts.headers {
            if name.as_str().starts_with("mcp-") {
                json.headers_mut().insert(name.clone(), value.clone());
            }
        }
        return json;
    }
    let body = Resumed {
        read: Some(read.freeze()),
        rest: body,
    };
    Response::from_parts(parts, Body::stream(body))
}

/// The data of the first whole event that has any.
pub(super) fn first_message(stream: &[u8]) -> Option<&[u8]> {
    let (whole, _) = stream.split_at(memchr::memmem::rfind(stream, b"\n\n")? + 1);
    messages(whole).next()
}

/// The data of every event in `stream`, which is one line each: JSON has no line breaks of its own.
pub(super) fn messages(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    stream.split(|byte| *byte == b'\n').filter_map(|line| {
        let data = line.strip_prefix(b"data:")?.trim_ascii();
        (!data.is_empty()).then_some(data)
    })
}

/// Whether `message` answers a request.
pub(super) fn is_response(message: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Shape {
        method: Option<IgnoredAny>,
    }
    serde_json::from_slice::<Shape>(message).is_ok_and(|shape| shape.method.is_none())
}

/// A body whose beginning has been read.
struct Resumed {
    read: Option<Bytes>,
    rest: RmcpBody,
}

impl HttpBody for Resumed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.read.take() {
            Some(read) if !read.is_empty() => std::task::Poll::Ready(Some(Ok(Frame::data(read)))),
            _ => Pin::new(&mut self.rest).poll_frame(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_is_that_of_the_first_event_with_data() {
        let stream =
            b"id: 0\nretry: 3000\ndata: \n\nid: 1\ndata: {\"id\":1}\n\ndata: {\"id\":2}\n\n";
        assert_eq!(first_message(stream), Some(&b"{\"id\":1}"[..]));
        assert_eq!(messages(stream).count(), 2);
        assert_eq!(first_message(b"data: {\"half\":"), None);
    }

    #[test]
    fn a_message_with_a_method_is_no_response() {
        assert!(is_response(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
        assert!(!is_response(
            br#"{"jsonrpc":"2.0","method":"notifications/progress"}"#
        ));
    }
}
