//! One client's exchange of messages, for the transports that carry single messages over a lasting
//! stream (stdio and legacy SSE).
//!
//! A [`Conversation`] takes the bytes of one message at a time. What the [fast path](crate::fast_path) answers is
//! answered on the spot ([`Conversation::turn`]); the rest is handed to rmcp
//! ([`Conversation::accept`]), whose messages come back as bytes, and what is no message is refused. It knows
//! which requests are in flight, so that a transport can end without owing an answer. It has no
//! socket and no clock: framing and reading are the transport's.

mod batch;
mod wire;

use std::sync::Arc;

pub use self::batch::Part;
use self::wire::Wire;
pub use crate::rejection::{MAX_IN_FLIGHT, Rejection};
use crate::{
    fast_path::{Counters, MessageContext, FastTools, Framing, FastPath, Handshake, RunningReply, Dispatch},
    in_flight::{InFlight, Stage},
    refusal,
    runtime::{Handle, Runtime},
};
use bytes::Bytes;
use futures::future::{AbortHandle, Abortable};
use rmcp::{
    RoleServer, ServerHandler,
    model::{ClientNotification, ClientRequest, JsonRpcMessage, JsonRpcRequest},
    service::{RxJsonRpcMessage, serve_server},
};
use tokio::sync::mpsc;

/// Messages that wait between a transport and rmcp, each way. A full queue stops the reader, so
/// nothing grows without bound.
const QUEUE: usize = 256;

/// What conversations are begun with: a handler, the front before it, and how messages are framed.
#[derive(Clone)]
pub struct Opening<S> {
    service: S,
    front: Option<Arc<FastPath<S>>>,
    framing: Framing,
    runtime: Handle,
    handshake_only: bool,
}

/// The way in: what a client sends.
#[derive(Clone)]
pub struct Conversation {
    to_rmcp: mpsc::WeakSender<RxJsonRpcMessage<RoleServer>>,
    out: mpsc::WeakSender<Bytes>,
    front: Option<Arc<dyn Fast>>,
    framing: Framing,
    runtime: Handle,
    in_flight: Arc<InFlight>,
    handshake_only: bool,
}

/// A [`FastPath`] of whatever server.
trait Fast: Send + Sync {
    fn take(&self, bytes: &[u8], facts: &MessageContext<'_>, framing: Framing, out: &mut Vec<u8>) -> Dispatch;
}

/// Keeps the conversation open; dropping it lets rmcp finish and the outgoing queue end.
pub struct Open(
    #[expect(dead_code, reason = "held for its drop")] mpsc::Sender<RxJsonRpcMessage<RoleServer>>,
);

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It is no message, or not one that may come now.
    #[error(transparent)]
    Refused(#[from] Rejection),
    /// The conversation has ended; nobody takes messages any more.
    #[error("the conversation has ended")]
    Ended,
}

impl<S: FastTools> Fast for FastPath<S> {
    fn take(&self, bytes: &[u8], facts: &MessageContext<'_>, framing: Framing, out: &mut Vec<u8>) -> Dispatch {
        Self::take(self, bytes, facts, framing, out)
    }
}

impl<S: FastTools> Opening<S> {
    /// Conversations with `service`, with the fast path or without.
    pub fn new(runtime: &impl Runtime, service: S, framing: Framing, fast_path: bool) -> Self {
        // A conversation's handshake is rmcp's: it remembers who the client is.
        let front = |service| Arc::new(FastPath::new(service, Handshake::default()));
        Self {
            front: fast_path.then(|| front(service.clone())),
            service,
            framing,
            runtime: Handle::new(runtime.clone()),
            handshake_only: false,
        }
    }

    /// Conversations that `initialize` alone can open: `server/discover` is not found, so that a client
    /// of 2026-07-28 falls back to what the transport is of (MCP 2026-07-28, "Backward Compatibility").
    #[must_use]
    pub fn handshake_only(mut self) -> Self {
        self.handshake_only = true;
        self
    }

    /// What the fast path has done so far, if there is one.
    pub fn counters(&self) -> Option<&Counters> {
        self.front.as_deref().map(FastPath::counters)
    }

    /// Starts rmcp's side of a new conversation. The receiver yields framed messages, and ends after
    /// the last of them once [`Open`] is dropped.
    pub fn start(&self) -> (Conversation, Open, mpsc::Receiver<Bytes>) {
        let (to_rmcp, from_client) = mpsc::channel(QUEUE);
        let (out, outgoing) = mpsc::channel(QUEUE);
        let in_flight = Arc::new(InFlight::default());
        let front = self.front.clone().map(|front| front as Arc<dyn Fast>);
        let conversation = Conversation {
            to_rmcp: to_rmcp.downgrade(),
            // Only rmcp's side, and calls that run, keep the way out open: it ends when they do.
            out: out.downgrade(),
            front,
            framing: self.framing,
            runtime: self.runtime.clone(),
            in_flight: in_flight.clone(),
            handshake_only: self.handshake_only,
        };
        let wire = Wire {
            from_client,
            out,
            framing: self.framing,
            in_flight,
        };
        let open = Open(to_rmcp);
        self.runtime
            .spawn(Box::pin(speak(self.service.clone(), wire)));
        (conversation, open, outgoing)
    }
}

/// rmcp's side of a conversation.
async fn speak<S: ServerHandler>(service: S, wire: Wire) {
    match serve_server(service, wire).await {
        Ok(running) => {
            if let Err(error) = running.waiting().await {
                tracing::error!(%error, "a conversation's task failed");
            }
        }
        // The client left before it said who it is.
        Err(error) => tracing::debug!(%error, "a conversation ended before it began"),
    }
}

impl Conversation {
    /// Takes the bytes of one message, or leaves them for [`accept`](Self::accept) and says so. An answer
    /// that is there at once is appended to `out`, framed; one that takes its time comes on the
    /// outgoing side.
    ///
    /// # Errors
    /// [`NotTaken::Refused`] when its id is not free or too many requests are in flight.
    pub fn turn(&self, bytes: &[u8], out: &mut Vec<u8>) -> Result<bool, NotTaken> {
        let (Some(front), Stage::Open(revision)) = (&self.front, self.in_flight.stage()) else {
            return Ok(false);
        };
        let facts = MessageContext {
            revision,
            is_named: true,
            headers: None,
            stateless: false,
            in_flight: Some(&self.in_flight),
        };
        match front.take(bytes, &facts, self.framing, out) {
            Dispatch::Answered(_) | Dispatch::Accepted => Ok(true),
            Dispatch::Rejected(refusal) => Err(refusal.into()),
            Dispatch::Pending(reply) => self.run(*reply).map(|()| true),
            Dispatch::Fallback(_) => Ok(false),
        }
    }

    /// Runs a call until it is answered, or cancelled.
    fn run(&self, reply: RunningReply) -> Result<(), NotTaken> {
        let queue = self.out.upgrade().ok_or(NotTaken::Ended)?;
        let id = reply.id().clone();
        let (ends, registration) = AbortHandle::new_pair();
        self.in_flight.enter(&id, Some(ends.clone()))?;
        let in_flight = self.in_flight.clone();
        self.runtime.spawn(Box::pin(async move {
            // A cancelled call is not answered; its id was freed when it was cancelled.
            if let Ok((_, bytes)) = Abortable::new(reply, registration).await
                && let Some(leaving) = in_flight.done(&id, &ends)
            {
                if queue.send(bytes.into()).await.is_err() {
                    tracing::debug!("an answer was dropped: the client has gone");
                }
                drop(leaving);
            }
        }));
        Ok(())
    }

    /// Takes the bytes of one message for rmcp. Waits while rmcp's queue is full.
    ///
    /// # Errors
    /// [`NotTaken::Refused`] when the bytes are no message or may not come now;
    /// [`Conversation::answer`] tells the client so. [`NotTaken::Ended`] when nobody is left to
    /// take it.
    pub async fn accept(&self, bytes: &[u8]) -> Result<(), NotTaken> {
        let message = rejection::parse(bytes)?;
        let to_rmcp = self.to_rmcp.upgrade().ok_or(NotTaken::Ended)?;
        // The place first: whoever gives up waiting for it leaves nothing in flight.
        let place = to_rmcp.reserve().await.map_err(|_| NotTaken::Ended)?;
        match &message {
            JsonRpcMessage::Request(JsonRpcRequest {
                id,
                request: ClientRequest::DiscoverRequest(_),
                ..
            }) if self.handshake_only => {
                return Err(Rejection::method_not_found(id.clone(), "server/discover").into());
            }
            JsonRpcMessage::Request(request) => {
                self.in_flight.enter(&request.id, None)?;
                self.in_flight.asked(&request.request);
            }
            _ if self.in_flight.stage() == Stage::Closed => {
                // rmcp ends a conversation at anything but a request before one has opened it.
                tracing::debug!("a message before the conversation was opened was ignored");
                return Ok(());
            }
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) =
                    &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                    && self.in_flight.cancel(id)
                {
                    return Ok(());
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
        }
        place.send(message);
        Ok(())
    }

    /// Appends the JSON-RPC error that answers a message which was not taken to `out`, framed.
    pub fn refuse(&self, refusal: Rejection, out: &mut Vec<u8>) {
        let answer = self.framing.framed(refusal.into_json().as_bytes());
        out.extend_from_slice(&answer);
    }

    /// Answers a message that was not taken with a JSON-RPC error, on the outgoing side.
    ///
    /// # Errors
    /// [`NotTaken::Ended`] when the outgoing side has ended.
    pub async fn answer(&self, refusal: Rejection) -> Result<(), NotTaken> {
        let mut answer = Vec::new();
        self.refuse(refusal, &mut answer);
        self.send(answer.into()).await
    }

    /// Puts framed messages in the outgoing queue, behind what is there.
    ///
    /// # Errors
    /// [`NotTaken::Ended`] when the outgoing side has ended.
    pub async fn send(&self, framed: Bytes) -> Result<(), NotTaken> {
        let out = self.out.upgrade().ok_or(NotTaken::Ended)?;
        out.send(framed).await.map_err(|_| NotTaken::Ended)
    }

    /// Ends the calls that run, for a client that has gone.
    pub fn abandon(&self) {
        self.in_flight.end_all();
    }

    /// Completes when every request taken so far has been answered.
    pub async fn answered(&self) {
        self.in_flight.empty().await;
    }
}
