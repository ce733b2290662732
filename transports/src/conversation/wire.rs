//! A conversation as rmcp sees it: messages come in through one queue and leave through another.

use std::{future::Future, io, sync::Arc};

use bytes::Bytes;
use rmcp::{
    RoleServer,
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::{fast_path::Framing, in_flight::InFlight};

/// rmcp's end of a conversation.
pub(super) struct Wire {
    pub(super) from_client: mpsc::Receiver<RxJsonRpcMessage<RoleServer>>,
    pub(super) out: mpsc::Sender<Bytes>,
    pub(super) framing: Framing,
    pub(super) in_flight: Arc<InFlight>,
}

impl Transport<RoleServer> for Wire {
    type Error = io::Error;

    /// Serialised here, so that the queue holds bytes. While it has room messages leave in the order
    /// they came; behind a full queue each waits on its own, and JSON-RPC promises no order.
    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let leaving = self.in_flight.said(&message);
        let queued = match serde_json::to_vec(&message) {
            Ok(json) => self.out.try_send(self.framing.framed(&json)),
            Err(error) => {
                return futures::future::Either::Left(std::future::ready(Err(error.into())));
            }
        };
        let out = self.out.clone();
        futures::future::Either::Right(async move {
            let sent = match queued {
                Ok(()) => true,
                Err(TrySendError::Full(framed)) => out.send(framed).await.is_ok(),
                Err(TrySendError::Closed(_)) => false,
            };
            drop(leaving);
            if !sent {
                // Clients may leave. As an error rmcp would log it, once for every answer.
                tracing::debug!("an answer was dropped: the client has gone");
            }
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
