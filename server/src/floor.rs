//! `floor-http`: the floor under every HTTP transport. It reads the whole body and answers fixed
//! bytes, so what it costs is what hyper, the runtime and the kernel cost. With `--burn-ns` it costs a known amount more,
//! which shows what a harness can tell apart.

use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, Parser};
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use transports::{
    http::{Body, HttpService},
    runtime::Runtime,
};

use crate::{
    burn::Burner,
    flags::{ListenFlags, ProcessFlags},
    run,
    transport::listen,
};

/// What HTTP alone costs: every request is read whole and answered with the same bytes.
#[derive(Parser, Debug)]
#[command(name = "floor-http", version, after_help = run::LIFE)]
struct Flags {
    #[command(flatten)]
    process: ProcessFlags,
    #[command(flatten)]
    floor: FloorFlags,
    /// Processor time that is burned for each request besides
    #[arg(long, env = "MCP_BURN_NS", value_name = "NANOSECONDS", default_value = "0", value_parser = clap::value_parser!(u32).range(..=1_000_000_000))]
    burn_ns: u32,
}

/// Flags of every floor.
#[derive(Args, Debug)]
pub(crate) struct FloorFlags {
    #[command(flatten)]
    pub(crate) listen: ListenFlags,
    /// Length of the fixed answer, to match that of the answers it is compared with
    #[arg(long, env = "MCP_ANSWER_BYTES", value_name = "BYTES", default_value = "192", value_parser = clap::value_parser!(u32).range(2..=64 * 1024 * 1024))]
    answer_bytes: u32,
}

impl FloorFlags {
    /// The body of every answer: a JSON string of the length asked for, quotes included.
    pub(crate) fn answer(&self) -> Vec<u8> {
        let mut answer = vec![b'x'; self.answer_bytes as usize];
        if let [first, .., last] = answer.as_mut_slice() {
            (*first, *last) = (b'"', b'"');
        }
        answer
    }
}

#[derive(Clone)]
struct Floor {
    answer: Bytes,
    burner: Option<Burner>,
}

impl HttpService for Floor {
    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        let mut body = request.into_body();
        // A body that breaks off closes the connection; there is nobody to answer.
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

/// The floor's `main`, on runtime `R`.
#[must_use]
pub fn main<R: Runtime>() -> ExitCode {
    let flags = Flags::parse();
    run::on::<R, _>(&flags.process, |runtime, shutdown| async move {
        let floor = Floor {
            answer: flags.floor.answer().into(),
            burner: Burner::new(flags.burn_ns),
        };
        listen(runtime, floor, &flags.floor.listen, "/mcp", shutdown).await
    })
}
