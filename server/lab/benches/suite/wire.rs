//! A lean client's side of pipes and connections: prepared bytes out, no more than the end of an
//! answer looked for.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex},
    net::TcpStream,
};
use transports::{
    http::{HttpOptions, HttpService, bind, serve_http},
    runtime::Tokio,
    shutdown::Shutdown,
};

use super::CALL_TIMEOUT;

const BUFFER_BYTES: usize = 64 * 1024;

/// A connection to `service` through memory: hyper, and no socket.
pub(crate) fn in_memory(service: impl HttpService) -> DuplexStream {
    let (client, server) = duplex(BUFFER_BYTES);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    tokio::spawn(async move {
        let respond = service_fn(move |request| {
            let service = service.clone();
            async move { Ok::<_, Infallible>(service.respond(request, address).await) }
        });
        let mut http = http1::Builder::new();
        // As the transport has it.
        http.header_read_timeout(None);
        http.serve_connection(TokioIo::new(server), respond).await
    });
    client
}

/// Serves `service` on a free port.
pub(crate) fn serve(service: impl HttpService) -> anyhow::Result<SocketAddr> {
    let listeners = bind((Ipv4Addr::LOCALHOST, 0).into(), 1)?;
    let address = listeners.local_addr()?;
    let shutdown = Shutdown::new(CALL_TIMEOUT);
    tokio::spawn(serve_http(
        Tokio,
        listeners,
        service,
        HttpOptions::default(),
        shutdown,
    ));
    Ok(address)
}

/// Connects to a server on this machine.
pub(crate) async fn connect(server: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads answers whose end is known by its bytes.
pub(crate) struct Reader<R> {
    input: R,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            buffer: Vec::with_capacity(BUFFER_BYTES),
        }
    }

    /// Reads until the bytes that have come end with `end`.
    pub(crate) async fn until(&mut self, end: &[u8]) {
        self.buffer.clear();
        while !self.buffer.ends_with(end) {
            self.more().await;
        }
    }

    /// The bytes that have come.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    async fn more(&mut self) {
        let read = self.input.read_buf(&mut self.buffer).await;
        assert_ne!(read.expect("the server answers"), 0, "the server closed");
    }
}

/// One HTTP request and its response, again and again on one connection.
pub(crate) struct Exchange<S> {
    stream: Reader<S>,
    /// The bytes of the request.
    pub(crate) request: Vec<u8>,
    /// Where the body begins.
    body: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Exchange<S> {
    pub(crate) fn new(stream: S, request: Vec<u8>) -> Self {
        Self {
            stream: Reader::new(stream),
            request,
            body: 0,
        }
    }

    /// Sends the request and reads the whole response.
    pub(crate) async fn run(&mut self) {
        let stream = &mut self.stream;
        let written = stream.input.write_all(&self.request).await;
        written.expect("the server reads");
        stream.buffer.clear();
        loop {
            stream.more().await;
            let mut headers = [httparse::EMPTY_HEADER; 16];
            let mut head = httparse::Response::new(&mut headers);
            let parsed = head.parse(&stream.buffer).expect("HTTP");
            let httparse::Status::Complete(body) = parsed else {
                continue;
            };
            assert!(matches!(head.code, Some(200 | 202)), "{head:?}");
            let length = head.headers.iter().find_map(|header| {
                let is_length = header.name.eq_ignore_ascii_case("content-length");
                let length = is_length.then(|| std::str::from_utf8(header.value).ok())??;
                length.parse::<usize>().ok()
            });
            // Only a 202 has no length, and no body.
            if stream.buffer.len() >= body + length.unwrap_or(0) {
                self.body = body;
                return;
            }
        }
    }

    /// The body of the last response.
    pub(crate) fn body(&self) -> &[u8] {
        &self.stream.buffer[self.body..]
    }
}
