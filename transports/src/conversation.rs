//! One client's exchange of messages, for the transports that carry single messages over a lasting
//! stream (stdio and legacy SSE).
//!
//! A [`Conversation`] takes the bytes of one message at a time. The [fast path](crate::fast_path)
//! answers what it can on the spot ([`Conversation::dispatch`]); rmcp gets the rest
//! ([`Conversation::forward`]), and its messages come back as bytes. Bytes that are no message are
//! rejected. The conversation knows which requests are in flight, so that a transport can end after
//! the last answer. It has no socket and no clock: framing and reading are the transport's.

use std::{future::Future, io, sync::Arc};

use bytes::Bytes;
use futures::future::Either;
use rmcp::{
    RoleServer, ServerHandler,
    model::{ClientNotification, ClientRequest, GetExtensions, JsonRpcMessage, JsonRpcRequest},
    service::{RxJsonRpcMessage, TxJsonRpcMessage, serve_server},
    transport::Transport,
};
use serde_json::value::RawValue;
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::{
    admission::{Admission, Reserved},
    fast_path::{
        Counters, Dispatch, Fallback, FastPath, FastTools, Framing, HandshakeResults,
        MessageContext, PendingCall, Receipt, Revision,
    },
    handshake::HandshakeState,
    in_flight::InFlight,
    limits::Limits,
    metrics::Metrics,
    outgoing::{self, Ended},
    rejection::{self, Batch},
    runtime::{Handle, Runtime},
    supervise::{CallOrigin, Caller},
};
pub use crate::{outgoing::Outgoing, rejection::Rejection};

/// Starts conversations with a handler, with a fast path in front of it or without.
#[derive(Clone)]
pub struct ConversationFactory<S> {
    service: S,
    fast_path: Option<Arc<FastPath<S>>>,
    framing: Framing,
    runtime: Handle,
    limits: Limits,
    handshake_only: bool,
}

/// The incoming side of a conversation: it takes what the client sends.
#[derive(Clone)]
pub struct Conversation {
    to_sdk: mpsc::WeakSender<RxJsonRpcMessage<RoleServer>>,
    /// Only rmcp's side and running calls keep the outgoing queue open: it ends when they do.
    out: outgoing::WeakSender,
    fast_path: Option<Arc<dyn AnyFastPath>>,
    framing: Framing,
    runtime: Handle,
    in_flight: Arc<InFlight>,
    max_batch_messages: usize,
    max_values: usize,
    has_hook: bool,
    handshake_only: bool,
}

/// A [`FastPath`] in front of any server.
trait AnyFastPath: Send + Sync {
    fn take(
        &self,
        bytes: &[u8],
        context: &MessageContext<'_>,
        framing: Framing,
        out: &mut Vec<u8>,
    ) -> Dispatch;
}

impl<S: FastTools> AnyFastPath for FastPath<S> {
    fn take(
        &self,
        bytes: &[u8],
        context: &MessageContext<'_>,
        framing: Framing,
        out: &mut Vec<u8>,
    ) -> Dispatch {
        Self::take(self, bytes, context, framing, out)
    }
}

/// Keeps a conversation open. Dropping this lets rmcp finish and the outgoing queue end.
pub struct KeepOpen(
    #[expect(dead_code, reason = "held for its drop")] mpsc::Sender<RxJsonRpcMessage<RoleServer>>,
);

/// A message that the fast path leaves to the SDK.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ForSdk {
    /// Whether the [`CallHook`](crate::supervise::CallHook) has admitted it already.
    pub(crate) is_checked: bool,
    /// The memory that is reserved for it, if it is large: until it is answered.
    reserved: Option<Reserved>,
}

impl From<Fallback> for ForSdk {
    fn from(fallback: Fallback) -> Self {
        Self {
            is_checked: fallback.is_checked,
            reserved: None,
        }
    }
}

/// Why a conversation does not accept a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// It is no message, or not one that may come now.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The conversation has ended.
    #[error("the conversation has ended")]
    Ended,
}

impl From<Ended> for MessageError {
    fn from(_: Ended) -> Self {
        Self::Ended
    }
}

/// The bytes of one message of a batch, or its rejection.
pub type BatchPart<'b> = Result<&'b [u8], Rejection>;

impl<S: FastTools> ConversationFactory<S> {
    /// Prepares conversations with `service`, whose messages are framed with `framing`.
    pub fn new(
        runtime: &impl Runtime,
        service: S,
        framing: Framing,
        fast_path: bool,
        limits: Limits,
    ) -> Self {
        // rmcp answers the handshake of a conversation, because it has to remember the client.
        let new_fast_path = |service| Arc::new(FastPath::new(service, HandshakeResults::default()));
        Self {
            fast_path: fast_path.then(|| new_fast_path(service.clone())),
            service,
            framing,
            runtime: Handle::new(runtime.clone()),
            limits,
            handshake_only: false,
        }
    }

    /// Lets only `initialize` open a conversation. `server/discover` is not found, so that a client
    /// of 2026-07-28 falls back to the revision of the transport (MCP 2026-07-28, "Backward
    /// Compatibility").
    #[must_use]
    pub fn handshake_only(mut self) -> Self {
        self.handshake_only = true;
        self
    }

    /// Returns the counters of the fast path, if there is one.
    pub fn counters(&self) -> Option<&Counters> {
        self.fast_path.as_deref().map(FastPath::counters)
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn admission(&self) -> Option<&Admission> {
        self.service.admission()
    }

    pub(crate) fn metrics(&self) -> Option<Metrics> {
        self.service.telemetry().metrics
    }

    /// Starts a new conversation. The receiver yields framed messages, and ends after the last of
    /// them once [`KeepOpen`] is dropped.
    pub fn start(&self) -> (Conversation, KeepOpen, Outgoing) {
        let Limits {
            max_queued_messages,
            max_queued_bytes,
            ..
        } = self.limits;
        let (to_sdk, from_client) = mpsc::channel(max_queued_messages);
        let (out, outgoing) = outgoing::queue(
            max_queued_messages,
            max_queued_bytes,
            self.admission().cloned(),
        );
        let in_flight = Arc::new(InFlight::new(self.limits.max_in_flight));
        let fast_path = self.fast_path.clone();
        let conversation = Conversation {
            to_sdk: to_sdk.downgrade(),
            out: out.downgrade(),
            fast_path: fast_path.map(|fast_path| fast_path as Arc<dyn AnyFastPath>),
            framing: self.framing,
            runtime: self.runtime.clone(),
            in_flight: in_flight.clone(),
            max_batch_messages: self.limits.max_batch_messages,
            max_values: self.limits.max_values,
            has_hook: self.service.has_hook(),
            handshake_only: self.handshake_only,
        };
        let transport = QueueTransport {
            from_client,
            out,
            framing: self.framing,
            in_flight,
        };
        self.runtime
            .spawn(Box::pin(run_sdk(self.service.clone(), transport)));
        (conversation, KeepOpen(to_sdk), outgoing)
    }
}

/// Runs rmcp's side of a conversation.
async fn run_sdk<S: ServerHandler>(service: S, transport: QueueTransport) {
    match serve_server(service, transport).await {
        Ok(running) => {
            if let Err(error) = running.waiting().await {
                tracing::error!(%error, "a conversation's task failed");
            }
        }
        Err(error) => tracing::debug!(%error, "a client left before its handshake was over"),
    }
}

impl Conversation {
    /// Has the fast path answer one message, if it can. An answer that is ready at once is appended
    /// to `out`, framed; a call that waits is answered on the outgoing side. Returns what to
    /// [`forward`](Self::forward) if the SDK has to answer.
    ///
    /// # Errors
    /// [`MessageError::Rejected`] when the id is in flight already or too many requests are; then
    /// nothing has run.
    pub fn dispatch(
        &self,
        bytes: &[u8],
        caller: &Caller<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Option<ForSdk>, MessageError> {
        self.dispatch_received(bytes, caller, Receipt::default(), out)
    }

    /// Does what [`Self::dispatch`] does, with what the transport did for the message.
    pub(crate) fn dispatch_received(
        &self,
        bytes: &[u8],
        caller: &Caller<'_>,
        receipt: Receipt<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Option<ForSdk>, MessageError> {
        let for_sdk = |is_checked| ForSdk {
            is_checked,
            reserved: receipt.reserved.cloned(),
        };
        let (Some(fast_path), HandshakeState::Settled(revision)) =
            (&self.fast_path, self.in_flight.handshake.state())
        else {
            return Ok(Some(for_sdk(false)));
        };
        let context = MessageContext {
            revision,
            is_named: true,
            headers: None,
            stateless: false,
            caller: *caller,
            in_flight: Some(&self.in_flight),
            receipt,
            settled: None,
        };
        match fast_path.take(bytes, &context, self.framing, out) {
            Dispatch::Answered(_) | Dispatch::Accepted | Dispatch::Cancelled => Ok(None),
            Dispatch::Rejected(rejection) => Err(rejection.into()),
            Dispatch::Pending(call) => self.run(call).map(|()| None),
            Dispatch::Fallback(fallback) => Ok(Some(for_sdk(fallback.is_checked))),
        }
    }

    /// Runs a call in the background until it is answered or cancelled.
    fn run(&self, call: Box<PendingCall>) -> Result<(), MessageError> {
        let out = self.out.upgrade()?;
        self.runtime.spawn(Box::pin(async move {
            // A cancelled call has no answer.
            if let Some(finished) = call.await {
                let queued = out.try_send(finished.bytes.into());
                deliver(&out, queued).await;
                drop(finished.unsent);
            }
        }));
        Ok(())
    }

    /// Gives rmcp one message. Waits while rmcp's queue is full.
    ///
    /// # Errors
    /// [`MessageError::Rejected`] when the bytes are no message or may not come now;
    /// [`Conversation::answer`] tells the client. [`MessageError::Ended`] when the conversation has
    /// ended.
    pub async fn forward(
        &self,
        bytes: &[u8],
        caller: &Caller<'_>,
        for_sdk: ForSdk,
    ) -> Result<(), MessageError> {
        let mut message = rejection::parse(bytes)?;
        let to_sdk = self.to_sdk.upgrade().ok_or(MessageError::Ended)?;
        // The queue comes first: a caller that stops waiting for it leaves nothing in flight.
        let place = to_sdk.reserve().await.map_err(|_| MessageError::Ended)?;
        match &mut message {
            JsonRpcMessage::Request(JsonRpcRequest {
                id,
                request: ClientRequest::DiscoverRequest(_),
                ..
            }) if self.handshake_only => {
                return Err(Rejection::method_not_found(id.clone(), "server/discover").into());
            }
            JsonRpcMessage::Request(request) => {
                self.in_flight
                    .admit_for_sdk(&request.id, for_sdk.reserved)?;
                self.in_flight.handshake.record_request(&request.request);
                if self.has_hook {
                    let origin = CallOrigin::new(caller, for_sdk.is_checked);
                    request.request.extensions_mut().insert(origin);
                }
            }
            _ if self.in_flight.handshake.state() == HandshakeState::New => {
                // rmcp ends a conversation that does not begin with a request.
                tracing::debug!("a message before the handshake was ignored");
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

    /// Splits `bytes` into messages, if they are a batch and the client's revision has batches (MCP
    /// 2025-03-26, "Batching"). On a lasting stream each message of a batch is treated as if it had
    /// come alone, and each answer leaves alone: a client has to match them by id anyway.
    ///
    /// # Errors
    /// A rejection when the batch is empty, or holds too many messages, or `bytes` too many values.
    pub fn batch<'b>(&self, bytes: &'b [u8]) -> Result<Option<Vec<BatchPart<'b>>>, Rejection> {
        rejection::count_values(bytes, self.max_values)?;
        if self.in_flight.handshake.state() != HandshakeState::Settled(Revision::V_2025_03_26) {
            return Ok(None);
        }
        let messages = Batch::read(bytes, self.max_batch_messages).transpose()?;
        let parts = |messages: Vec<&'b RawValue>| {
            let parts = messages.into_iter();
            parts
                .map(|message| Batch::admits(message).map(|()| message.get().as_bytes()))
                .collect()
        };
        Ok(messages.map(parts))
    }

    /// Appends the JSON-RPC error of a rejected message to `out`, framed.
    pub fn reject(&self, rejection: Rejection, out: &mut Vec<u8>) {
        let answer = self.framing.framed(rejection.into_json().as_bytes());
        out.extend_from_slice(&answer);
    }

    /// Puts the JSON-RPC error of a rejected message in the outgoing queue.
    ///
    /// # Errors
    /// [`MessageError::Ended`] when the outgoing side has ended.
    pub fn answer(&self, rejection: Rejection) -> Result<(), MessageError> {
        let mut answer = Vec::new();
        self.reject(rejection, &mut answer);
        self.push(answer)
    }

    /// Puts framed messages in the outgoing queue, whether it has room for them or not. Who calls
    /// this asks [`Self::is_full`] before it takes the message that is answered.
    ///
    /// # Errors
    /// [`MessageError::Ended`] when the outgoing side has ended.
    pub fn push(&self, batch: Vec<u8>) -> Result<(), MessageError> {
        if batch.is_empty() {
            return Ok(());
        }
        Ok(self.out.upgrade()?.push(batch.into())?)
    }

    /// Whether the client leaves so much unread that no more messages should be taken.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.out.is_full()
    }

    /// Moves the framed messages in `batch` to the end of the outgoing queue. They stay in `batch`
    /// while this waits for the queue: dropping the future loses none.
    ///
    /// # Errors
    /// [`MessageError::Ended`] when the outgoing side has ended.
    pub async fn send(&self, batch: &mut Vec<u8>) -> Result<(), MessageError> {
        if batch.is_empty() {
            return Ok(());
        }
        Ok(self.out.upgrade()?.send(batch).await?)
    }

    /// Ends the calls that run, for a client that has gone.
    pub fn abandon(&self) {
        self.in_flight.end_all();
    }

    /// Completes when every request so far has been answered.
    pub async fn answered(&self) {
        self.in_flight.empty().await;
    }
}

/// Waits until an answer that found no room is `queued`. It is counted while it waits: one client
/// may have many calls in flight, and read no answer.
async fn deliver(out: &outgoing::Sender, queued: Result<(), TrySendError<Bytes>>) {
    let is_sent = match queued {
        Ok(()) => true,
        Err(TrySendError::Full(answer)) => out.send_counted(answer).await.is_ok(),
        Err(TrySendError::Closed(_)) => false,
    };
    if !is_sent {
        tracing::debug!("an answer was dropped: the client has gone");
    }
}

/// rmcp's side of a conversation: messages come in through one queue and leave through another.
struct QueueTransport {
    from_client: mpsc::Receiver<RxJsonRpcMessage<RoleServer>>,
    out: outgoing::Sender,
    framing: Framing,
    in_flight: Arc<InFlight>,
}

impl Transport<RoleServer> for QueueTransport {
    type Error = io::Error;

    /// Serialises here, so that the queue holds bytes. While the queue has room messages leave in
    /// order; when it is full each waits on its own, and JSON-RPC promises no order.
    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let unsent = self.in_flight.record_sent(&message);
        let queued = match serde_json::to_vec(&message) {
            Ok(json) => {
                let framed = self.framing.framed(&json);
                self.out.try_send(framed)
            }
            Err(error) => return Either::Left(std::future::ready(Err(error.into()))),
        };
        let out = self.out.clone();
        Either::Right(async move {
            deliver(&out, queued).await;
            drop(unsent);
            // Clients may disconnect. rmcp would log an error for every answer.
            Ok(())
        })
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        self.from_client.recv().await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.from_client.close();
        Ok(())
    }
}
