//! What holds for any bytes: one function for each property, which panics where it does not hold.
//!
//! The tests of this module call them with generated input, and so do the programs in `fuzz/`,
//! whose input a coverage-guided fuzzer makes. The module is compiled for these two alone.

#![expect(
    clippy::missing_panics_doc,
    reason = "a property that does not hold panics, and nothing else does"
)]

mod fast_path;

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures::{AsyncRead, FutureExt};
use http::{HeaderMap, HeaderValue, Uri, header};
use url::Url;

pub use self::fast_path::fast_path;
use crate::{
    http::{Guard, GuardError},
    rejection::Batch,
    stdio::lines::{Line, Lines},
};

/// The guard, given lines of `input`: an allowed host, an allowed origin, a `Host`, an `Origin`.
///
/// It accepts a host only if a browser finds an allowed one in it. A name that may be allowed is
/// accepted when a request has it, in any case. Its two short cuts accept nothing that it rejects,
/// and a header that comes twice never passes.
pub fn guard(input: &[u8]) {
    let mut parts = input.splitn(4, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let (allowed_host, allowed_origin, host, origin) = (part(), part(), part(), part());
    let mut guard = Guard::default();
    if let Ok(text) = std::str::from_utf8(allowed_host)
        && let Ok(allowed) = text.parse()
    {
        guard.allowed_hosts.push(allowed);
        // A bare IPv6 address stands in brackets in a header.
        let bracketed = format!("[{text}]");
        let is_bare = text.parse::<std::net::Ipv6Addr>().is_ok();
        assert_accepted(&guard, if is_bare { &bracketed } else { text }, None);
    }
    if let Ok(text) = std::str::from_utf8(allowed_origin)
        && let Ok(allowed) = text.parse()
    {
        guard.allowed_origins.push(allowed);
        assert_accepted(&guard, "localhost", Some(&text.replace(":*", ":8080")));
    }
    check_headers(&guard, host, origin);
}

/// Accepts an allowed name, in capitals too.
fn assert_accepted(guard: &Guard, host: &str, origin: Option<&str>) {
    for (host, origin) in [
        (host.to_owned(), origin.map(str::to_owned)),
        (
            host.to_ascii_uppercase(),
            origin.map(str::to_ascii_uppercase),
        ),
    ] {
        let headers = headers(host.as_bytes(), origin.as_deref().map(str::as_bytes));
        let headers = headers.unwrap_or_else(|| panic!("{host:?} or {origin:?} fits no header"));
        let outcome = guard.check(&Uri::from_static("/mcp"), &headers);
        assert_eq!(outcome, Ok(()), "{host:?} {origin:?}");
    }
}

fn check_headers(guard: &Guard, host: &[u8], origin: &[u8]) {
    let path = Uri::from_static("/mcp");
    let Some(mut headers) = headers(host, None) else {
        return;
    };
    let outcome = guard.check(&path, &headers);
    if guard.plainly_allows_host(host) {
        assert_eq!(guard.check_host(host), Ok(()), "{}", host.escape_ascii());
    }
    if outcome.is_ok() {
        assert_names_nothing_else(&[b"http://", host].concat());
    }
    let Ok(value) = HeaderValue::from_bytes(origin) else {
        return;
    };
    headers.insert(header::ORIGIN, value.clone());
    let with_origin = guard.check(&path, &headers);
    if guard.plainly_allows_origin(origin) {
        let checked = guard.check_origin(origin);
        assert_eq!(checked, Ok(()), "{}", origin.escape_ascii());
    }
    if with_origin.is_ok() {
        assert_names_nothing_else(origin);
    }
    if outcome.is_err() {
        assert_eq!(with_origin, outcome, "an origin makes no host allowed");
    }
    headers.append(header::ORIGIN, value);
    let twice = guard.check(&path, &headers);
    assert_eq!(twice, outcome.and(Err(GuardError::TwoOrigins)));
    if let Some(value) = headers.get(header::HOST).cloned() {
        headers.append(header::HOST, value);
        let twice = guard.check(&path, &headers);
        assert_eq!(twice, Err(GuardError::MalformedHost));
    }
}

/// A browser that goes to this origin reads no user, path, query or fragment in it.
fn assert_names_nothing_else(origin: &[u8]) {
    let text = String::from_utf8_lossy(origin);
    let Ok(url) = Url::parse(&text) else {
        panic!("{text:?} is accepted and is no URL");
    };
    assert_eq!((url.username(), url.password()), ("", None), "{text:?}");
    assert!(matches!(url.path(), "" | "/"), "{text:?}");
    assert_eq!((url.query(), url.fragment()), (None, None), "{text:?}");
}

fn headers(host: &[u8], origin: Option<&[u8]>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_bytes(host).ok()?);
    if let Some(origin) = origin {
        headers.insert(header::ORIGIN, HeaderValue::from_bytes(origin).ok()?);
    }
    Some(headers)
}

/// The lines of standard input, however long they are and in whichever pieces they come.
///
/// The first three bytes of `input` are the limit and the size of a piece. Each further pair is a
/// byte and how often it comes, as an exponent of 2: so a short input makes lines that are longer
/// than the buffers.
pub fn lines(input: &[u8]) {
    let [limit, piece, piece_exponent, text @ ..] = input else {
        return;
    };
    let limit = usize::from(*limit) << 4;
    let piece = (usize::from(*piece) + 1) << (piece_exponent % 12);
    let mut whole = Vec::new();
    for pair in text.chunks(2) {
        let exponent = pair.get(1).map_or(0, |exponent| exponent % 18);
        let length = whole.len() + (1 << exponent);
        whole.resize(length.min(MOST_TEXT), pair[0]);
    }
    let text = whole;
    // A long text does not come byte by byte.
    let piece = piece.max(text.len() / 1_000);
    let mut read = Vec::new();
    let mut lines = Lines::new(Pieces { left: &text, piece }, limit);
    loop {
        while let Some(line) = lines.next() {
            read.push(match line {
                Line::Whole(line) => Some(line.to_vec()),
                Line::TooLong { .. } => None,
            });
        }
        match lines.fill().now_or_never() {
            Some(Ok(true)) => {}
            Some(Ok(false)) => break,
            _ => panic!("pieces are never pending and do not fail"),
        }
    }
    let mut expected: Vec<_> = text.split(|byte| *byte == b'\n').collect();
    // What follows the last line break is a line only if there is something.
    expected.pop_if(|last| last.is_empty());
    let expected = expected
        .into_iter()
        .map(|line| (line.len() <= limit).then(|| line.to_vec()));
    assert!(read.into_iter().eq(expected));
}

/// Most bytes that one input of [`lines`] stands for.
const MOST_TEXT: usize = 1 << 19;

/// A reader that returns a few bytes at a time.
struct Pieces<'t> {
    left: &'t [u8],
    piece: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        let count = self.piece.min(self.left.len()).min(buffer.len());
        let (piece, left) = self.left.split_at(count);
        buffer[..count].copy_from_slice(piece);
        self.left = left;
        Poll::Ready(Ok(count))
    }
}

/// A batch: what is split off it is what a tree of values holds, in this order, and never more
/// messages than are allowed. What is no array is no batch.
pub fn batch(input: &[u8]) {
    const MOST: usize = 8;
    let tree = serde_json::from_slice::<serde_json::Value>(input);
    match Batch::read(input, MOST) {
        Some(Ok(messages)) => {
            assert!((1..=MOST).contains(&messages.len()));
            // A tree is read with a limit on its depth; a message of a batch meets it later.
            if let Ok(tree) = tree {
                let values = messages
                    .iter()
                    .map(|message| serde_json::from_str(message.get()).ok());
                let values: Option<Vec<serde_json::Value>> = values.collect();
                assert_eq!(values.map(serde_json::Value::Array), Some(tree));
            }
            for message in messages {
                // Whatever it says, it says it without a panic.
                let _ = Batch::admits(message);
            }
        }
        Some(Err(rejection)) => {
            let answer: Result<serde_json::Value, _> = serde_json::from_str(&rejection.into_json());
            assert!(answer.is_ok_and(|answer| answer["error"]["code"] == -32600));
        }
        None => assert!(!tree.is_ok_and(|tree| tree.is_array())),
    }
}

#[cfg(test)]
mod tests;
