//! One client's exchange of messages with rmcp, for the transports that carry single messages
//! over a lasting stream (stdio and legacy SSE).
//!
//! A [`Conversation`] takes the bytes of one message at a time ([`Conversation::accept`]), refuses what is
//! none, hands the rest to rmcp, and gives back rmcp's messages as bytes. It knows which requests
//! are in flight, so that a transport can end without owing an answer. It has no socket and no
//! clock: framing and reading are the transport's.

mod in_flight;
mod message;
mod wire;

use std::sync::Arc;

pub use self::message::Refusal;
use self::{in_flight::InFlight, wire::Wire};
use crate::runtime::Runtime;
use bytes::Bytes;
use rmcp::{
    RoleServer, ServerHandler,
    model::JsonRpcMessage,
    service::{RxJsonRpcMessage, serve_server},
};
use tokio::sync::mpsc;

/// Messages that wait between a transport and rmcp, each way. A full queue stops the reader, so
/// nothing grows without bound.
const QUEUE: usize = 256;
/// Requests of one conversation that may be in flight at once.
pub const MAX_IN_FLIGHT: usize = 1024;

/// The way in: what a client sends.
#[derive(Clone)]
pub struct Conversation {
    to_rmcp: mpsc::WeakSender<RxJsonRpcMessage<RoleServer>>,
    out: mpsc::WeakSender<Bytes>,
    frame: fn(&[u8]) -> Bytes,
    in_flight: Arc<InFlight>,
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
    Refused(#[from] Refusal),
    /// The conversation has ended; nobody takes messages any more.
    #[error("the conversation has ended")]
    Ended,
}

impl Conversation {
    /// Starts rmcp's side of a new conversation with `service`.
    ///
    /// `frame` turns the JSON of one message into what goes over the wire. The receiver yields
    /// framed messages, and ends after the last of them once [`Open`] is dropped.
    pub fn start<R, S>(
        runtime: &R,
        service: S,
        frame: fn(&[u8]) -> Bytes,
    ) -> (Self, Open, mpsc::Receiver<Bytes>)
    where
        R: Runtime,
        S: ServerHandler,
    {
        let (to_rmcp, from_client) = mpsc::channel(QUEUE);
        let (out, outgoing) = mpsc::channel(QUEUE);
        let in_flight = Arc::new(InFlight::default());
        // Only rmcp's side keeps the way out open: it ends when rmcp does.
        let weak_out = out.downgrade();
        let wire = Wire {
            from_client,
            out,
            frame,
            in_flight: in_flight.clone(),
        };
        let conversation = Self {
            to_rmcp: to_rmcp.downgrade(),
            out: weak_out,
            frame,
            in_flight,
        };
        let open = Open(to_rmcp);
        runtime.execute(Box::pin(async move {
            match serve_server(service, wire).await {
                Ok(running) => {
                    if let Err(error) = running.waiting().await {
                        tracing::error!(%error, "a conversation's task failed");
                    }
                }
                // The client left before it said who it is.
                Err(error) => tracing::debug!(%error, "a conversation ended before it began"),
            }
        }));
        (conversation, open, outgoing)
    }

    /// Takes the bytes of one message. Waits while rmcp's queue is full.
    ///
    /// # Errors
    /// [`NotTaken::Refused`] when the bytes are no message or may not come now;
    /// [`Conversation::answer`] tells the client so. [`NotTaken::Ended`] when nobody is left to
    /// take it.
    pub async fn accept(&self, bytes: &[u8]) -> Result<(), NotTaken> {
        let message = message::parse(bytes)?;
        let is_request = matches!(message, JsonRpcMessage::Request(_));
        let to_rmcp = self.to_rmcp.upgrade().ok_or(NotTaken::Ended)?;
        // The place first: whoever gives up waiting for it leaves nothing in flight.
        let place = to_rmcp.reserve().await.map_err(|_| NotTaken::Ended)?;
        self.in_flight.enter(&message)?;
        if is_request || self.in_flight.opened() {
            place.send(message);
        } else {
            // rmcp ends a conversation at anything but a request before one has opened it.
            tracing::debug!("a message before the conversation was opened was ignored");
        }
        Ok(())
    }

    /// Answers a message that was not taken with a JSON-RPC error, on the outgoing side.
    ///
    /// # Errors
    /// [`NotTaken::Ended`] when the outgoing side has ended.
    pub async fn answer(&self, refusal: Refusal) -> Result<(), NotTaken> {
        let out = self.out.upgrade().ok_or(NotTaken::Ended)?;
        let answer = (self.frame)(refusal.into_json().as_bytes());
        out.send(answer).await.map_err(|_| NotTaken::Ended)
    }

    /// Completes when every request taken so far has been answered.
    pub async fn answered(&self) {
        self.in_flight.empty().await;
    }
}
