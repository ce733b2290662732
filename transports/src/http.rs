//! HTTP/1.1 for every transport that has it: one accept loop over hyper for each shard of the
//! runtime.
//!
//! [`serve_http`] accepts until the shutdown begins. Then it lets every exchange in flight finish,
//! has the service end its open streams, and waits for the connections to close, all within the
//! drain timeout. The [`HttpService`] decides what is said over the connections.

mod access;
mod body;
mod connections;
mod guard;
mod listen;
mod metrics_page;
#[cfg(feature = "tls")]
mod tls;

use std::{
    convert::Infallible,
    fmt::Display,
    future::{Future, poll_fn},
    io,
    net::{SocketAddr, TcpListener},
    pin::{Pin, pin},
    sync::{Arc, Weak},
    task::Poll,
    time::Duration,
};

use futures::{
    channel::oneshot,
    future::{Either, select, try_join_all},
};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};

pub(crate) use self::access::SubjectId;
#[cfg(feature = "tls")]
pub use self::tls::{Tls, TlsError};
pub use self::{
    access::{Access, Subject, Tokens, TokensError},
    body::Body,
    guard::{AllowedHost, AllowedOrigin, Guard, GuardError, NameError},
    listen::{Listeners, bind},
    metrics_page::MetricsPage,
};
use self::{
    body::Tracked,
    connections::{Connection, Connections, Order, SWEEPS, Stall, State, TrackedIo},
    metrics_page::own_metrics,
};
use crate::{
    admission::Admission,
    fast_path::Counters,
    limits::Limits,
    metrics::Metrics,
    presence::{self, Presence},
    runtime::Runtime,
    shutdown::Shutdown,
};

/// The bytes of the longest request head. hyper's buffer has this size, too, but it looks at that
/// only while a head is not complete: one of twice the size passed if it came at once.
const MAX_HEAD_BYTES: usize = 408 * 1024;
/// Waiting time after a failed `accept`, for instance when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Connections over the limit that are told so at the same time; the others are closed unheard.
const REJECTIONS: usize = 64;
/// How long a connection over the limit has for its request.
const REJECTION_TIME: Duration = Duration::from_secs(1);
/// How long a stalled client can delay a shutdown.
const STALL_IN_SHUTDOWN: Duration = Duration::from_secs(1);
/// The path that answers whether the server is up.
pub const HEALTH_PATH: &str = "/healthz";
/// The path that answers with the [metrics](crate::metrics).
pub const METRICS_PATH: &str = "/metrics";
/// The path that answers with the counters of the [fast path](crate::fast_path).
pub const COUNTERS_PATH: &str = "/fast-path";
/// How long a request head may take to arrive if the shutdown begins in the middle of it.
const LATE_HEADS: Duration = Duration::from_millis(50);

/// Answers the requests of all connections.
pub trait HttpService: Clone + Send + Sync + 'static {
    /// Answers one request of the client at address `client`.
    fn respond(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> impl Future<Output = Response<Body>> + Send;

    /// Whether a client that leaves ends `request`, so that its leaving has to be noticed while the
    /// answer is not there yet or goes on. Others are answered to clients that have finished
    /// sending: over TCP the two look the same.
    fn ends_with_client(&self, request: &Request<Incoming>) -> bool {
        request.method() == Method::GET
    }

    /// Ends the streams that stay open without a request to answer, for instance event streams
    /// opened by GET. Called once, when everything else has been answered.
    fn end_streams(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Returns the counters of the [fast path](crate::fast_path), if there is one.
    fn counters(&self) -> Option<&Counters> {
        None
    }

    /// Returns what counts large answers until they are written, if they are counted.
    fn admission(&self) -> Option<&Admission> {
        None
    }

    /// Returns what counts the connections and the bytes of this service, if they are counted.
    fn metrics(&self) -> Option<&Metrics> {
        None
    }
}

/// How connections are served.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Whether `TCP_NODELAY` is set on accepted connections. Without it an answer written in
    /// several pieces waits for the peer's delayed acknowledgement, about 40 ms on Linux.
    pub nodelay: bool,
    /// The limits of connections.
    pub limits: Limits,
    /// The certificate that clients are shown. Without one connections are not encrypted.
    #[cfg(feature = "tls")]
    pub tls: Option<Tls>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            nodelay: true,
            limits: Limits::default(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl HttpOptions {
    /// The scheme of the server's URL.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return "https";
        }
        "http"
    }
}

/// Serves `service` on `listeners` until `shutdown` begins and the exchanges in flight are
/// answered. The runtime's shards get the listeners in turn; a connection stays on the shard of its
/// listener.
///
/// # Errors
/// When the runtime cannot adopt a listener. A failed `accept` is logged and tried again.
pub async fn serve_http<R: Runtime, S: HttpService>(
    runtime: R,
    listeners: impl Into<Listeners>,
    service: S,
    options: HttpOptions,
    shutdown: Shutdown,
) -> io::Result<()> {
    let Limits {
        head_timeout,
        write_timeout,
        idle_timeout,
        max_connections,
        ..
    } = options.limits;
    let connections = Connections::new(max_connections, service.metrics().cloned());
    let connections = Arc::new(connections);
    connections.register();
    let mut http = http1::Builder::new();
    // The sweep does this at a lower price.
    http.header_read_timeout(None);
    http.max_header_size(MAX_HEAD_BYTES);
    // A client may finish sending and wait for its answer.
    http.half_close(true);
    for (stall, limit) in [
        (Stall::Head, head_timeout),
        (Stall::Reader, write_timeout),
        (Stall::Idle, idle_timeout),
    ] {
        let connections = Arc::downgrade(&connections);
        let sweeping = sweep(runtime.clone(), connections, stall, limit);
        runtime.execute(Box::pin(sweeping));
    }
    let rejecting = Arc::new(());
    let shards = runtime.shards();
    let accepting = listeners.into().0.into_iter().zip(shards.iter().cycle());
    let accepting = accepting.map(|(listener, shard)| {
        let accept = Accept {
            runtime: shard.clone(),
            http: http.clone(),
            service: service.clone(),
            connections: connections.clone(),
            nodelay: options.nodelay,
            rejecting: rejecting.clone(),
            #[cfg(feature = "tls")]
            tls: options.tls.clone(),
        };
        let (done, ended) = oneshot::channel();
        let accepting = accept.until(shutdown.clone(), listener);
        shard.execute(Box::pin(async move {
            // The receiver is gone when another listener has failed.
            let _ = done.send(accepting.await);
        }));
        async {
            ended
                .await
                .unwrap_or_else(|gone| Err(io::Error::other(gone)))
        }
    });
    try_join_all(accepting).await?;
    let drained = async {
        runtime.sleep(LATE_HEADS).await;
        // For connections out of the backlog: a runtime may see their bytes only a moment later.
        connections.close_when_answered();
        connections.break_unfinished();
        let weak = Arc::downgrade(&connections);
        let sweeping = sweep(runtime.clone(), weak, Stall::Draining, STALL_IN_SHUTDOWN);
        let drained = async {
            connections.answered().await;
            service.end_streams().await;
            connections.closed().await;
        };
        select(pin!(drained), pin!(sweeping)).await;
    };
    shutdown.drain(&runtime, drained).await;
    Ok(())
}

/// Accepts connections on one shard.
struct Accept<R, S> {
    runtime: R,
    http: http1::Builder,
    service: S,
    connections: Arc<Connections>,
    nodelay: bool,
    /// A clone for each connection that is being rejected, on any shard.
    rejecting: Arc<()>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

/// What hyper reads and writes: the connection, or what is in its encryption.
#[cfg(feature = "tls")]
type Plain<Io> = tls::MaybeTls<Io>;
#[cfg(not(feature = "tls"))]
type Plain<Io> = Io;

impl<R: Runtime, S: HttpService> Accept<R, S> {
    async fn until(self, shutdown: Shutdown, listener: TcpListener) -> io::Result<()> {
        let backlog = listener.try_clone()?;
        let listener = self.runtime.listen(listener)?;
        loop {
            let accepted = {
                let begun = pin!(shutdown.begun());
                let accept = pin!(self.runtime.accept(&listener, self.nodelay));
                match select(accept, begun).await {
                    Either::Left((accepted, _)) => accepted,
                    Either::Right(_) => break,
                }
            };
            match accepted {
                Ok((io, client)) => self.open(io, client),
                Err(error) => {
                    if let Some(left_out) = self.connections.failures.admit() {
                        tracing::warn!(%error, left_out, "a connection could not be accepted");
                    }
                    self.runtime.sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        self.connections.begin_draining();
        // A client that connected before the signal may have sent a request already. This asks the
        // kernel itself, because the runtime's view of the listener may be a poll old.
        while let Ok((stream, client)) = backlog.accept() {
            if let Ok(io) = self.runtime.adopt(stream, self.nodelay) {
                self.open(io, client);
            }
        }
        Ok(())
    }

    #[cfg(feature = "tls")]
    fn decrypted(&self, io: R::Io) -> Plain<R::Io> {
        tls::MaybeTls::new(io, self.tls.as_ref())
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_self, reason = "with TLS it is used")]
    fn decrypted(&self, io: R::Io) -> Plain<R::Io> {
        io
    }

    fn open(&self, io: R::Io, client: SocketAddr) {
        let io = self.decrypted(io);
        let Some(connection) = self.connections.open() else {
            if Arc::strong_count(&self.rejecting) <= REJECTIONS {
                self.reject(io);
            }
            return;
        };
        let drive = drive::<R, S>(&self.http, (io, client), self.service.clone(), connection);
        self.runtime.execute(Box::pin(drive));
    }

    /// Answers the first request of a connection that has no place, and closes it.
    fn reject(&self, io: Plain<R::Io>) {
        let (runtime, rejecting) = (self.runtime.clone(), self.rejecting.clone());
        let respond = service_fn(async |_: Request<Incoming>| Ok::<_, Infallible>(no_place()));
        let served = self.http.serve_connection(io, respond);
        self.runtime.execute(Box::pin(async move {
            let late = pin!(runtime.sleep(REJECTION_TIME));
            // Whether the client heard of it or not, it is gone now.
            let _ = select(pin!(served), late).await;
            drop(rejecting);
        }));
    }
}

/// Answers a request on a connection over the limit.
fn no_place() -> Response<Body> {
    let mut response = unavailable("all connections are busy; try again later");
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Answers a request that reaches a limit now and may not reach it later.
pub(crate) fn unavailable(why: impl Display) -> Response<Body> {
    let mut response = text(
        StatusCode::SERVICE_UNAVAILABLE,
        format!("Service Unavailable: {why}"),
    );
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Closes connections that have stalled for `limit`, for as long as their table exists.
async fn sweep<R: Runtime>(
    runtime: R,
    connections: Weak<Connections>,
    stall: Stall,
    limit: Duration,
) {
    loop {
        runtime.sleep(limit / u32::from(SWEEPS)).await;
        match connections.upgrade() {
            Some(connections) => connections.sweep(stall),
            None => return,
        }
    }
}

/// Serves one connection from its first request to its last answer.
fn drive<R: Runtime, S: HttpService>(
    http: &http1::Builder,
    (io, client): (Plain<R::Io>, SocketAddr),
    service: S,
    connection: Connection,
) -> impl Future<Output = ()> + Send + 'static {
    let state = connection.state();
    let io = TrackedIo::new(io, state.clone());
    let respond = service_fn(move |request: Request<Incoming>| {
        let service = service.clone();
        let answering = state.begin(&request);
        let ends_with_client = service.ends_with_client(&request);
        async move {
            let response = pin!(service.respond(request, client));
            let response = if ends_with_client {
                until_client_leaves(response, answering.state()).await
            } else {
                while_client_is_known(response, answering.state()).await
            };
            let admission = service.admission();
            Ok::<_, Infallible>(response.map(|body| Tracked::new(body, answering, admission)))
        }
    });
    let served = http.serve_connection(io, respond);
    async move {
        let mut served = pin!(served);
        let mut closing = false;
        let ended = poll_fn(|context| -> Poll<hyper::Result<()>> {
            match connection.order(context) {
                Order::Serve => {}
                Order::Close if closing => {}
                Order::Close => {
                    // A request that has arrived already is read before the connection refuses
                    // more.
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
            // Clients disconnect and send nonsense; only debugging needs to see it.
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// Responds to a request that ends with its client. What is ready at once is answered all the same.
async fn until_client_leaves(
    mut response: Pin<&mut impl Future<Output = Response<Body>>>,
    state: &State,
) -> Response<Body> {
    let response = match futures::poll!(response.as_mut()) {
        Poll::Ready(response) => response,
        Poll::Pending => {
            state.end_with_client();
            response.await
        }
    };
    if !matches!(response.body(), Body::Whole(_)) {
        state.end_with_client();
    }
    response
}

/// Responds to a request that goes on when its client leaves. What waits in line hears that the
/// client has finished sending.
async fn while_client_is_known(
    mut response: Pin<&mut impl Future<Output = Response<Body>>>,
    state: &State,
) -> Response<Body> {
    poll_fn(|context| {
        let mut poll = || response.as_mut().poll(context);
        let answer = if state.has_finished_sending() {
            presence::with(Presence::FinishedSending, poll)
        } else {
            poll()
        };
        if answer.is_pending() && presence::was_asked() {
            state.look_for_client();
        }
        answer
    })
    .await
}

/// Answers at [`HEALTH_PATH`].
#[must_use]
pub fn healthy() -> Response<Body> {
    text(StatusCode::OK, "ok\n")
}

/// Answers what every MCP server has beside its endpoint: the metrics, and the counters of the fast
/// path.
pub(crate) fn beside_endpoint(
    service: &impl HttpService,
    guard: &Guard,
    request: &Request<Incoming>,
) -> Option<Response<Body>> {
    let path = request.uri().path();
    if path != METRICS_PATH && path != COUNTERS_PATH {
        return None;
    }
    Some(match guard.check(request.uri(), request.headers()) {
        Err(error) => error.into_response(),
        Ok(()) if path == METRICS_PATH => own_metrics(service.metrics()),
        Ok(()) => fast_path_counters(service.counters()),
    })
}

/// Answers with the counters as JSON.
fn fast_path_counters(counters: Option<&Counters>) -> Response<Body> {
    match counters.map(serde_json::to_vec) {
        Some(Ok(counts)) => json(counts),
        _ => text(
            StatusCode::NOT_FOUND,
            "Not Found: this server has no fast path (--fast-path off)",
        ),
    }
}

/// Answers a message that was accepted and has no answer here.
pub(crate) fn accepted() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// Answers with one JSON value.
pub(crate) fn json(json: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::whole(json));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    response
}

/// Answers with a stream of events, which proxies must not store or buffer.
pub(crate) fn event_stream(events: Body) -> Response<Body> {
    let mut response = Response::new(events);
    let headers = response.headers_mut();
    let values = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    for (name, value) in values {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    response
}

/// Answers with `status` and a plain text.
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
