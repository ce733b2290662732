//! The page of the metrics: at an address of its own, or beside an MCP endpoint.

use std::net::SocketAddr;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;

use super::{Body, HEALTH_PATH, HttpService, METRICS_PATH, healthy, text};
use crate::metrics::{CONTENT_TYPE, Metrics};

/// Serves the page of the metrics, and the health check beside it, at an address of their own.
#[derive(Clone, Debug)]
pub struct MetricsPage(pub Metrics);

impl HttpService for MetricsPage {
    async fn respond(&self, request: Request<Incoming>, _: SocketAddr) -> Response<Body> {
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, METRICS_PATH) => page(&self.0),
            (&Method::GET | &Method::HEAD, HEALTH_PATH) => healthy(),
            _ => text(
                StatusCode::NOT_FOUND,
                "Not Found: the metrics are at GET /metrics",
            ),
        }
    }
}

/// Answers at [`METRICS_PATH`] on the address of an MCP server.
pub(super) fn own_metrics(metrics: Option<&Metrics>) -> Response<Body> {
    match metrics.filter(|metrics| metrics.are_on_main_address()) {
        Some(metrics) => page(metrics),
        None => text(
            StatusCode::NOT_FOUND,
            "Not Found: this address has no metrics (--metrics on)",
        ),
    }
}

fn page(metrics: &Metrics) -> Response<Body> {
    let mut response = Response::new(Body::whole(metrics.page()));
    let content_type = HeaderValue::from_static(CONTENT_TYPE);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    response
}
