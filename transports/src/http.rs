//! HTTP/1.1 for every transport that has it: one accept loop over hyper, whatever the runtime,
//! and as many of it as the runtime has shards.
//!
//! [`serve_http`] accepts until the shutdown begins, then lets every exchange in flight finish, then
//! has the service end its standing streams, then waits for the connections to close, all within
//! the drain timeout. What is said over the connections is the [`HttpService`]'s.

mod answering;
mod body;
mod guard;
mod heard;
mod listen;

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    net::TcpListener,
    sync::{Arc, Weak},
    task::Poll,
    time::Duration,
};

use futures::{
    channel::oneshot,
    future::{Either, select, try_join_all},
};
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
    listen::{Listeners, bind},
};
use crate::{fast_path::Counters, runtime::Runtime, shutdown::Shutdown};

/// The default of [`HttpOptions::head_timeout`].
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Waiting time after a failed `accept`, for instance when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Where anybody asks whether a server is up.
pub const HEALTH_PATH: &str = "/healthz";
/// Where a server with a fast path says what it has taken and left.
pub const COUNTERS_PATH: &str = "/fast-path";
/// How long a request head that has begun to arrive when the shutdown begins may take to be whole.
const LATE_HEADS: Duration = Duration::from_millis(50);

/// What a server says over its connections.
pub trait HttpService: Clone + Send + Sync + 'static {
    /// Answers one request.
    fn respond(&self, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send;

    /// Ends the streams that stand open without a request to answer, for instance event streams
    /// opened by GET. Called once, when everything else has been answered.
    fn end_streams(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// What the [fast path](crate::fast_path) has taken and left so far, where there is one.
    fn counters(&self) -> Option<&Counters> {
        None
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

/// Serves `service` on `listeners` until `shutdown` begins and what is in flight then is answered.
/// The listeners are dealt to the runtime's shards in turn; a connection stays on its listener's.
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
    let connections = Arc::new(Connections::default());
    let mut http = http1::Builder::new();
    // The sweep does this for less.
    http.header_read_timeout(None);
    runtime.execute(Box::pin(sweep(
        runtime.clone(),
        Arc::downgrade(&connections),
        options.head_timeout / u32::from(SWEEPS),
    )));
    let shards = runtime.shards();
    let accepting = listeners.into().0.into_iter().zip(shards.iter().cycle());
    let accepting = accepting.map(|(listener, shard)| {
        let accept = Accept {
            runtime: shard.clone(),
            http: http.clone(),
            service: service.clone(),
            connections: connections.clone(),
            nodelay: options.nodelay,
        };
        let (done, ended) = oneshot::channel();
        let accepting = accept.until(shutdown.clone(), listener);
        shard.execute(Box::pin(async move {
            // Nobody waits any more when another listener has failed.
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
        // Those that came out of the backlog: a runtime may see what they sent only a moment later.
        connections.close_when_answered();
        connections.break_unfinished();
        connections.answered().await;
        service.end_streams().await;
        connections.closed().await;
    };
    shutdown.drain(&runtime, drained).await;
    Ok(())
}

/// What accepts connections on one shard.
struct Accept<R, S> {
    runtime: R,
    http: http1::Builder,
    service: S,
    connections: Arc<Connections>,
    nodelay: bool,
}

impl<R: Runtime, S: HttpService> Accept<R, S> {
    async fn until(self, shutdown: Shutdown, listener: TcpListener) -> io::Result<()> {
        let backlog = listener.try_clone()?;
        let listener = self.runtime.listen(listener)?;
        loop {
            let accepted = {
                let begun = std::pin::pin!(shutdown.begun());
                let accept = std::pin::pin!(self.runtime.accept(&listener, self.nodelay));
                match select(accept, begun).await {
                    Either::Left((accepted, _)) => accepted,
                    Either::Right(_) => break,
                }
            };
            match accepted {
                Ok(io) => self.open(io),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    self.runtime.sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        self.connections.close_when_answered();
        // Who was let in before the signal may have asked already, though nobody has read it yet.
        // The kernel is asked itself: what the runtime knows of the listener may be a poll old.
        while let Ok((stream, _)) = backlog.accept() {
            if let Ok(io) = self.runtime.adopt(stream, self.nodelay) {
                self.open(io);
            }
        }
        Ok(())
    }

    fn open(&self, io: R::Io) {
        let connection = self.connections.open();
        let drive = drive::<R, S>(&self.http, io, self.service.clone(), connection);
        self.runtime.execute(Box::pin(drive));
    }
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

/// What is answered at [`COUNTERS_PATH`]: the counters as JSON.
#[must_use]
pub fn counted(counters: Option<&Counters>) -> Response<Body> {
    match counters.map(serde_json::to_vec) {
        Some(Ok(counts)) => json(counts),
        _ => text(
            StatusCode::NOT_FOUND,
            "Not Found: this server has no fast path (--fast-path off)",
        ),
    }
}

/// A message was taken, and there is nothing to say here.
pub(crate) fn accepted() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// A whole response with one JSON value.
pub(crate) fn json(json: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::whole(json));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    response
}

/// A response of events, which nobody on the way is to keep or hold back.
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
