//! rmcp's own client over each wire. It has no legacy SSE, so [`SseBridge`] carries its messages.

use std::{future::Future, io};

use rmcp::{
    RoleClient, ServiceExt,
    service::{RunningService, RxJsonRpcMessage, TxJsonRpcMessage},
    transport::{StreamableHttpClientTransport, TokioChildProcess, Transport},
};
use testkit::{
    client::Sse,
    http::{Connection, Request, once},
};
use tokio::sync::mpsc;

use super::{PATIENCE, Server, Subject, Wire, server::command};

/// A server and rmcp's client of it, after the handshake. Over stdio the client owns the process.
pub(crate) struct RmcpClient {
    pub(crate) client: RunningService<RoleClient, ()>,
    _server: Option<Server>,
}

/// Starts `subject` and connects rmcp's client to it.
pub(crate) async fn connect(subject: &Subject) -> RmcpClient {
    if subject.wire == Wire::Stdio {
        let command = tokio::process::Command::from(command(subject, &[]));
        let process = TokioChildProcess::new(command).unwrap();
        return RmcpClient {
            client: ().serve(process).await.unwrap(),
            _server: None,
        };
    }
    let server = Server::start(subject, &[]);
    let client = if subject.wire == Wire::Sse {
        ().serve(SseBridge::open(&server)).await.unwrap()
    } else {
        let transport = StreamableHttpClientTransport::from_uri(server.url());
        ().serve(transport).await.unwrap()
    };
    RmcpClient {
        client,
        _server: Some(server),
    }
}

/// Legacy SSE for rmcp: a thread reads the stream, posts are made where blocking is allowed.
struct SseBridge {
    address: std::net::SocketAddr,
    endpoint: String,
    incoming: mpsc::UnboundedReceiver<RxJsonRpcMessage<RoleClient>>,
}

impl SseBridge {
    fn open(server: &Server) -> Self {
        let Sse {
            events, endpoint, ..
        } = Sse::open(server.address());
        let (sender, incoming) = mpsc::unbounded_channel();
        std::thread::spawn(move || forward(events, &sender));
        Self {
            address: server.address(),
            endpoint,
            incoming,
        }
    }
}

fn forward(mut events: Connection, sender: &mpsc::UnboundedSender<RxJsonRpcMessage<RoleClient>>) {
    events.patience(PATIENCE);
    // The stream breaks off when the server is killed at the end of a test.
    while let Ok(Some(message)) = events.message() {
        let message = serde_json::from_value(message).expect("a message that rmcp knows");
        if sender.send(message).is_err() {
            return;
        }
    }
}

impl Transport<RoleClient> for SseBridge {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let (address, endpoint) = (self.address, self.endpoint.clone());
        async move {
            let request = Request::message(&endpoint, serde_json::to_vec(&message)?);
            let posted = tokio::task::spawn_blocking(move || once(address, &request));
            match posted.await?.status {
                202 => Ok(()),
                status => Err(io::Error::other(format!("the post was answered {status}"))),
            }
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        self.incoming.recv().await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.incoming.close();
        Ok(())
    }
}
