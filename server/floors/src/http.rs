//! `floor-http`: the floor under every HTTP transport. Its cost is that of hyper, the runtime and
//! the kernel. With `--burn-ns` it costs a known amount more, which shows what differences a
//! harness can tell apart.

use std::{net::SocketAddr, process::ExitCode};

use ::http::{HeaderValue, Request, Response, header};
use bytes::Bytes;
use clap::Parser;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use server::{
    Limits,
    flags::ProcessFlags,
    http::{Body, HttpService},
    process::{self, LIFE, LOG},
    runtime::Runtime,
    transport::listen,
};

use crate::{FloorFlags, burn::Burner};

/// What HTTP alone costs: every request is read whole and answered with the same bytes.
#[derive(Parser, Debug)]
#[command(name = "floor-http", version, after_help = LIFE)]
struct Flags {
    #[command(flatten)]
    process: ProcessFlags,
    #[command(flatten)]
    floor: FloorFlags,
    /// Processor time that is burned for each request besides
    #[arg(long, env = "MCP_BURN_NS", value_name = "NANOSECONDS", default_value = "0", value_parser = clap::value_parser!(u32).range(..=1_000_000_000))]
    burn_ns: u32,
}

#[derive(Clone)]
struct Floor {
    answer: Bytes,
    burner: Option<Burner>,
}

impl HttpService for Floor {
    async fn respond(&self, request: Request<Incoming>, _: SocketAddr) -> Response<Body> {
        let mut body = request.into_body();
        // A body that breaks off closes the connection: no client waits for an answer.
        while let Some(Ok(_)) = body.frame().await {}
        if let Some(burner) = self.burner {
            burner.burn();
        }
        let mut response = Response::new(Body::whole(self.answer.clone()));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        response
    }
}

/// The `main` of the floor on runtime `R`.
#[must_use]
pub fn main<R: Runtime>() -> ExitCode {
    let flags = Flags::parse();
    process::run::<R, _>(&flags.process, LOG, |runtime, shutdown| async move {
        let floor = Floor {
            answer: flags.floor.answer().into(),
            burner: Burner::new(flags.burn_ns),
        };
        let listening = flags.floor.listen;
        let options = listening.options(Limits::default());
        listen(runtime, floor, listening.listen, options, "/mcp", shutdown).await
    })
}
