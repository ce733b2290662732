//! HTTP/1.1 for every transport that has it: one accept loop over hyper, whatever the runtime.
//!
//! [`serve_http`] accepts until the shutdown begins, then lets every exchange in flight finish, then
//! has the service end its standing streams, then waits for the connections to close, all within
//! the drain timeout. What is said over the connections is the [`HttpService`]'s.

mod answering;
mod body;
mod guard;
mod heard;

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Weak},
    task::Poll,
    time::Duration,
};

use futures::future::{Either, select};
use http::{Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};

use self::{
    answering::{Connection, Connections, Order, SWEEPS},
    body::Tracked,
    heard::Heard,
};
pub use self::{
    body::Body,
    guard::{Guard, GuardError},
};
use crate::{runtime::Runtime, shutdown::Shutdown};

/// The default of [`HttpOptions::head_timeout`].
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Waiting time after a failed `accept`, for instance when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Where anybody asks whether a server is up.
pub const HEALTH_PATH: &str = "/healthz";
/// How long a request head that has begun to arrive when the shutdown begins may take to be whole.
const LATE_HEADS: Duration = Duration::from_millis(50);
/// Connections that the kernel completes before they are accepted.
const BACKLOG: i32 = 1024;

/// What a server says over its connections.
pub trait HttpService: Clone + Send + Sync + 'static {
    /// Answers one request.
    fn respond(&self, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send;

    /// Ends the streams that stand open without a request to answer, for instance event streams
    /// opened by GET. Called once, when everything else has been answered.
    fn end_streams(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// What varies about the connections themselves.
#[derive(Clone, Copy, Debug)]
pub struct HttpOptions {
    /// Whether `TCP_NODELAY` is set on accepted connections. Without it an answer written in
    /// several pieces waits for the peer's delayed acknowledgement, about 40 ms on Linux.
    pub nodelay: bool,
    /// How long a client may take to send a request's head, give or take a fifth. The slowloris attack takes
    /// longer. Idle connections are left alone.
    pub head_timeout: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            nodelay: true,
            head_timeout: HEAD_TIMEOUT,
        }
    }
}

/// Binds a non-blocking listener to `address`; port 0 takes a free one.
///
/// # Errors
/// Whatever the operating system says of the address: in use, not ours, not permitted.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Serves `service` on `listener` until `shutdown` begins and what is in flight then is answered.
///
/// # Errors
/// When the runtime cannot adopt the listener. A failed `accept` is logged and tried again.
pub async fn serve_http<R: Runtime, S: HttpService>(
    runtime: R,
    listener: TcpListener,
    service: S,
    options: HttpOptions,
    shutdown: Shutdown,
) -> io::Result<()> {
    let listener = runtime.listen(listener)?;
    let connections = Arc::new(Connections::default());
    let mut http = http1::Builder::new();
    // The sweep does this for less.
    http.header_read_timeout(None);
    runtime.execute(Box::pin(sweep(
        runtime.clone(),
        Arc::downgrade(&connections),
        options.head_timeout / u32::from(SWEEPS),
    )));
    loop {
        let accepted = {
            let begun = std::pin::pin!(shutdown.begun());
            let accept = std::pin::pin!(runtime.accept(&listener, options.nodelay));
            match select(accept, begun).await {
                Either::Left((accepted, _)) => accepted,
                Either::Right(_) => break,
            }
        };
        match accepted {
            Ok(io) => {
                let connection = connections.open();
                let drive = drive::<R, S>(&http, io, service.clone(), connection);
                runtime.execute(Box::pin(drive));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                runtime.sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.close_when_answered();
    // Who was let in before the signal may have asked already, though nobody has read it yet.
    while let Poll::Ready(Ok(io)) =
        futures::poll!(std::pin::pin!(runtime.accept(&listener, options.nodelay)))
    {
        let connection = connections.open();
        let drive = drive::<R, S>(&http, io, service.clone(), connection);
        runtime.execute(Box::pin(drive));
    }
    drop(listener);
    let drained = async {
        runtime.sleep(LATE_HEADS).await;
        connections.break_unfinished();
        connections.answered().await;
        service.end_streams().await;
        connections.closed().await;
    };
    shutdown.drain(&runtime, drained).await;
    Ok(())
}

/// Looks at the connections every `pause`, for as long as they are there.
async fn sweep<R: Runtime>(runtime: R, connections: Weak<Connections>, pause: Duration) {
    loop {
        runtime.sleep(pause).await;
        match connections.upgrade() {
            Some(connections) => connections.sweep(),
            None => return,
        }
    }
}

/// One connection, from its first request to its last answer.
fn drive<R: Runtime, S: HttpService>(
    http: &http1::Builder,
    io: R::Io,
    service: S,
    connection: Connection,
) -> impl Future<Output = ()> + Send + 'static {
    let state = connection.state();
    let io = Heard::new(io, state.clone());
    let respond = service_fn(move |request: Request<Incoming>| {
        let service = service.clone();
        let answering = state.begin(&request);
        async move {
            let response = service.respond(request).await;
            Ok::<_, Infallible>(response.map(|body| Tracked::new(body, answering)))
        }
    });
    let served = http.serve_connection(io, respond);
    async move {
        let mut served = std::pin::pin!(served);
        let mut closing = false;
        let ended = poll_fn(|context| -> Poll<hyper::Result<()>> {
            match connection.order(context) {
                Order::Serve => {}
                Order::Close if closing => {}
                Order::Close => {
                    // What has arrived already is read before the connection refuses more.
                    if let Poll::Ready(ended) = served.as_mut().poll(context) {
                        return Poll::Ready(ended);
                    }
                    closing = true;
                    served.as_mut().graceful_shutdown();
                }
                Order::Break => return Poll::Ready(Ok(())),
            }
            served.as_mut().poll(context)
        })
        .await;
        if let Err(error) = ended {
            // Peers vanish and send nonsense: their affair, unless somebody is looking for it.
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// What is answered at [`HEALTH_PATH`].
#[must_use]
pub fn healthy() -> Response<Body> {
    text(StatusCode::OK, "ok\n")
}

/// A whole response of `status` with a plain text.
#[must_use]
pub fn text(status: StatusCode, text: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::whole(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}
