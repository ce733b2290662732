//! Which request gets which answer.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Serialize;
use transports::{
    http::{Body, HttpService},
    runtime::Handle,
};

use super::{
    MAX_DELAY_MS, MAX_SEARCH_LIMIT,
    cart::{self, no_product},
    index::Index,
    lessons,
    parameters::Parameters,
    payload::{self, MAX_PAYLOAD_BYTES, MIN_PAYLOAD_BYTES},
    reply::{Problem, json, streamed, to_bytes},
};
use crate::catalog::{CATEGORIES, MAX_PRICE, PRODUCT_COUNT, PriceRange, category};

/// The longest cart that is read.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// How many products a search returns when nobody says.
const DEFAULT_SEARCH_LIMIT: usize = 10;

const ROUTES: &str = "GET /products/search, GET /products/{id}, POST /cart/calculate, \
                      GET /payload/json, GET /payload/text, GET /introspect, GET /listing, GET /health";

/// The API as an HTTP service.
#[derive(Clone)]
pub(super) struct Routes {
    index: Arc<Index>,
    runtime: Handle,
}

/// A search's answer up to its products, which are copied in as they are.
#[derive(Serialize)]
struct SearchHead<'a> {
    category: Option<&'a str>,
    total_found: usize,
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    products: u32,
}

impl HttpService for Routes {
    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        match self.answer(request).await {
            Ok(response) => response,
            Err(problem) => problem.into_response(),
        }
    }
}

impl Routes {
    pub(super) fn new(index: Arc<Index>, runtime: Handle) -> Self {
        Self { index, runtime }
    }

    /// A 200, or what is wrong. Both come after the delay that was asked for.
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Problem> {
        let (head, body) = request.into_parts();
        let mut parameters = Parameters::parse(head.uri.query().unwrap_or(""))?;
        let delay = delay(&mut parameters)?;
        let answer = match (head.uri.path(), &head.method) {
            ("/products/search", &Method::GET) => self.search(parameters).map(json),
            ("/cart/calculate", &Method::POST) => match parameters.finish() {
                Ok(()) => calculate(body).await.map(json),
                Err(problem) => Err(problem),
            },
            ("/cart/calculate", _) => Err(Problem::method("POST")),
            ("/payload/json", &Method::GET) => payload_bytes(parameters, payload::JSON_BYTES)
                .map(|bytes| streamed("application/json", payload::json(bytes))),
            ("/payload/text", &Method::GET) => payload_bytes(parameters, payload::TEXT_BYTES)
                .map(|bytes| streamed("text/plain; charset=utf-8", payload::text(bytes))),
            ("/introspect", &Method::GET) => lessons::introspect(parameters).map(json),
            ("/listing", &Method::GET) => lessons::listing(parameters).map(json),
            ("/health", &Method::GET) => health(parameters).map(json),
            (
                "/health" | "/products/search" | "/payload/json" | "/payload/text" | "/introspect"
                | "/listing",
                _,
            ) => Err(Problem::method("GET")),
            (path, method) => match path.strip_prefix("/products/") {
                Some(id) if method == Method::GET => self.product(id, parameters).map(json),
                Some(_) => Err(Problem::method("GET")),
                None => Err(Problem::not_found(format!(
                    "there is nothing at {path:?}; the routes are {ROUTES}"
                ))),
            },
        };
        if let Some(delay) = delay {
            self.runtime.sleep(delay).await;
        }
        answer
    }

    fn search(&self, mut parameters: Parameters<'_>) -> Result<Bytes, Problem> {
        let name = parameters.text("category");
        let min_price = price(&mut parameters, "min_price")?.unwrap_or(0.0);
        let max_price = price(&mut parameters, "max_price")?.unwrap_or(MAX_PRICE);
        let limit =
            parameters.number("limit", format_args!("1 to {MAX_SEARCH_LIMIT}"), |limit| {
                (1..=MAX_SEARCH_LIMIT).contains(limit)
            })?;
        parameters.finish()?;
        let category = match &name {
            None => None,
            Some(name) => Some(category(name).ok_or_else(|| {
                let known = CATEGORIES.join(", ");
                Problem::bad(format!("unknown category {name:?}; choose one of {known}"))
            })?),
        };
        let range = PriceRange::new(min_price, max_price)
            .map_err(|error| Problem::bad(error.to_string()))?;
        let found = self.index.search(category, range);
        let head = SearchHead {
            category,
            total_found: found.total(),
        };
        let products = found.first(limit.unwrap_or(DEFAULT_SEARCH_LIMIT));
        Ok(search_json(&head, products))
    }

    fn product(&self, id: &str, parameters: Parameters<'_>) -> Result<Bytes, Problem> {
        parameters.finish()?;
        let number = id.parse().map_err(|_| {
            Problem::bad(format!(
                "a product's id is a whole number from 1 to {PRODUCT_COUNT}, not {id:?}"
            ))
        })?;
        self.index.product(number).ok_or_else(|| no_product(number))
    }
}

fn delay(parameters: &mut Parameters<'_>) -> Result<Option<Duration>, Problem> {
    let wanted = format_args!("0 to {MAX_DELAY_MS}");
    let delay_ms = parameters.number("delay_ms", wanted, |ms| *ms <= MAX_DELAY_MS)?;
    Ok(delay_ms.filter(|ms| *ms > 0).map(Duration::from_millis))
}

fn price(parameters: &mut Parameters<'_>, name: &'static str) -> Result<Option<f64>, Problem> {
    let wanted = format_args!("a number from 0 to {MAX_PRICE}");
    parameters.number(name, wanted, |price| (0.0..=MAX_PRICE).contains(price))
}

/// How many bytes of a payload are wanted.
fn payload_bytes(mut parameters: Parameters<'_>, default: u32) -> Result<u32, Problem> {
    let limits = MIN_PAYLOAD_BYTES..=MAX_PAYLOAD_BYTES;
    let wanted = format_args!("a whole number from {MIN_PAYLOAD_BYTES} to {MAX_PAYLOAD_BYTES}");
    let bytes = parameters.number("bytes", wanted, |bytes| limits.contains(bytes))?;
    parameters.finish()?;
    Ok(bytes.unwrap_or(default))
}

fn health(parameters: Parameters<'_>) -> Result<Bytes, Problem> {
    parameters.finish()?;
    Ok(to_bytes(&Health {
        status: "ok",
        products: PRODUCT_COUNT,
    }))
}

async fn calculate(body: Incoming) -> Result<Bytes, Problem> {
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
    let body = body.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            let error = format!("a cart is at most {MAX_BODY_BYTES} bytes of JSON");
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error);
        }
        Problem::bad(format!("the body could not be read: {error}"))
    })?;
    cart::calculate(&body.to_bytes()).map(|total| to_bytes(&total))
}

/// Puts the products, which are JSON already, behind the head's fields.
fn search_json<'a>(head: &SearchHead<'_>, products: impl Iterator<Item = &'a [u8]>) -> Bytes {
    let head = to_bytes(head);
    let mut json = BytesMut::with_capacity(4 * 1024);
    json.put_slice(&head[..head.len() - b"}".len()]);
    json.put_slice(b",\"products\":[");
    for (at, product) in products.enumerate() {
        if at > 0 {
            json.put_u8(b',');
        }
        json.put_slice(product);
    }
    json.put_slice(b"]}");
    json.freeze()
}
