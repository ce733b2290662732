//! One client of the HTTP+SSE transport: what its two connections bring, and how that makes an answer.

use std::time::Instant;

use super::super::{Answer, Happened, Tell, connection::Connection, protocol};
use crate::load::{
    address::Address,
    events::EventParser,
    head::Form,
    http::MAX_BODY,
    message::{Kind, classify, excerpt},
    outcome::{CallError, ErrorKind},
};

/// One client. Its stream has the token `2 * client`, its POSTs the one after that.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) stream: Option<Connection>,
    pub(super) post: Option<Connection>,
    /// There was a connection for POSTs since the stream was opened.
    pub(super) had_post: bool,
    events: EventParser,
    /// The head of a POST up to the value of `Content-Length`, once the server has told the endpoint.
    pub(super) head: Option<Vec<u8>>,
    pub(super) call: Call,
}

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Call {
    /// The POST is not answered yet.
    posted: bool,
    /// The message has not come yet.
    expected: bool,
    /// When the message came, and what it is, while the POST is not answered.
    early: Option<Instant>,
    message: Vec<u8>,
}

impl Line {
    /// Takes bytes of the answer to a POST.
    pub(super) fn take_post(
        &mut self,
        client: usize,
        bytes: &[u8],
        tell: &mut Tell<'_>,
    ) -> Result<(), CallError> {
        let Some(post) = &mut self.post else {
            return Ok(());
        };
        if !self.call.posted {
            return Err(protocol(format!(
                "bytes that answer no POST: {}",
                excerpt(bytes)
            )));
        }
        let Some(whole) = post.decoder.push(bytes).map_err(protocol)? else {
            return Ok(());
        };
        let (used, closes) = (whole.used, whole.head.closes);
        self.call
            .accepted(client, whole.head.status, whole.body, tell);
        post.decoder.clear();
        if closes || !post.is_sent() {
            self.post = None;
        } else if used < bytes.len() {
            return Err(protocol(format!(
                "bytes that answer no POST: {}",
                excerpt(&bytes[used..])
            )));
        }
        Ok(())
    }

    /// The connection for POSTs has ended, which it may while it is idle.
    pub(super) fn post_ended(
        &mut self,
        client: usize,
        tell: &mut Tell<'_>,
    ) -> Result<(), CallError> {
        let Some(post) = self.post.take() else {
            return Ok(());
        };
        if self.call.posted {
            let whole = post
                .decoder
                .finish()
                .map_err(|text| CallError::new(ErrorKind::Transport, text))?;
            self.call
                .accepted(client, whole.head.status, whole.body, tell);
        }
        Ok(())
    }

    /// Takes bytes of the event stream.
    pub(super) fn take_stream(
        &mut self,
        client: usize,
        bytes: &[u8],
        address: &Address,
        tell: &mut Tell<'_>,
    ) -> Result<(), CallError> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        let at = Instant::now();
        let ended = stream.decoder.push(bytes).map_err(protocol)?.is_some();
        let Some(head) = stream.decoder.head() else {
            return Ok(());
        };
        if head.status != 200 {
            let text = format!("status {} to the GET of the event stream", head.status);
            return Err(CallError::new(ErrorKind::Http, text));
        }
        if head.form != Form::EventStream {
            return Err(protocol("the GET was not answered with text/event-stream"));
        }
        let (call, post_head, mut outcome) = (&mut self.call, &mut self.head, Ok(()));
        self.events.push(stream.decoder.body(), |name, data| {
            if outcome.is_ok() {
                outcome = match name {
                    b"endpoint" if post_head.is_none() => endpoint(data, address).map(|head| {
                        *post_head = Some(head);
                        tell(client, Happened::Opened);
                    }),
                    b"" | b"message" if !data.is_empty() => call.message(client, data, at, tell),
                    _ => Ok(()),
                };
            }
        });
        stream.decoder.clear_body();
        outcome?;
        if ended {
            return Err(CallError::new(
                ErrorKind::Transport,
                "the event stream has ended",
            ));
        }
        if self.events.held() > MAX_BODY {
            return Err(protocol(format!(
                "an event is longer than {MAX_BODY} bytes"
            )));
        }
        Ok(())
    }
}

impl Call {
    /// A POST is sent; `expected` tells whether a message is due as well.
    pub(super) fn begin(&mut self, expected: bool) {
        self.posted = true;
        self.expected = expected;
        self.early = None;
    }

    /// A message came over the stream.
    fn message(
        &mut self,
        client: usize,
        data: &[u8],
        at: Instant,
        tell: &mut Tell<'_>,
    ) -> Result<(), CallError> {
        if classify(data).map_err(protocol)? == Kind::FromServer {
            return Ok(());
        }
        if !std::mem::take(&mut self.expected) {
            return Err(protocol(format!(
                "an answer to no request: {}",
                excerpt(data)
            )));
        }
        if self.posted {
            self.early = Some(at);
            self.message.clear();
            self.message.extend_from_slice(data);
        } else {
            tell(
                client,
                Happened::Answered(Answer {
                    status: 200,
                    form: Form::Json,
                    body: data,
                    session: None,
                    began: None,
                    at,
                }),
            );
        }
        Ok(())
    }

    /// The POST was answered.
    fn accepted(&mut self, client: usize, status: u16, body: &[u8], tell: &mut Tell<'_>) {
        self.posted = false;
        let refused = !(200..300).contains(&status);
        let answer = match self.early.take() {
            Some(at) if !refused => Answer {
                status: 200,
                form: Form::Json,
                body: &self.message,
                session: None,
                began: None,
                at,
            },
            None if self.expected && !refused => return,
            _ => Answer {
                status,
                form: Form::Other,
                body,
                session: None,
                began: None,
                at: Instant::now(),
            },
        };
        self.expected = false;
        tell(client, Happened::Answered(answer));
    }
}

/// The head of a POST to the URI that the server gave: a path, or an absolute URI of the same origin.
fn endpoint(uri: &[u8], address: &Address) -> Result<Vec<u8>, CallError> {
    let refuse = || {
        protocol(format!(
            "endpoint {} is not a path on {address}",
            excerpt(uri)
        ))
    };
    let uri = std::str::from_utf8(uri).map_err(|_| refuse())?;
    let path = match uri.split_once("://") {
        None => uri,
        Some(("http", rest)) => {
            let slash = rest.find('/').ok_or_else(refuse)?;
            let host = &rest[..slash];
            if address.is_called(host) {
                &rest[slash..]
            } else {
                return Err(refuse());
            }
        }
        Some(_) => return Err(refuse()),
    };
    if !path.starts_with('/')
        || path.starts_with("//")
        || path.bytes().any(|byte| byte <= b' ' || byte == 0x7f)
    {
        return Err(refuse());
    }
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nAccept: */*\r\nContent-Length: "
    );
    Ok(head.into_bytes())
}
