//! Parsers of the flags' values. Each error says what was expected.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

/// A year: longer limits are no limits, and overflow what counts them.
const MAX_SECONDS: f64 = 365.0 * 86_400.0;
/// Shorter limits could not be told from none being kept.
const MIN_SECONDS: f64 = 0.001;

/// Reads a number from 1 to 1024.
///
/// # Errors
/// What was expected.
pub fn up_to_1024(text: &str) -> Result<NonZeroU32, String> {
    match text.parse::<NonZeroU32>() {
        Ok(number) if number.get() <= 1024 => Ok(number),
        _ => Err("expected a number from 1 to 1024".into()),
    }
}

/// Reads a number of bytes, at least one.
///
/// # Errors
/// What was expected.
pub fn bytes(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(bytes) if bytes > 0 => Ok(bytes),
        _ => Err("expected a number of bytes greater than 0, for instance 1048576".into()),
    }
}

/// Reads a number of seconds, from a millisecond to a year.
///
/// # Errors
/// What was expected.
pub fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (MIN_SECONDS..=MAX_SECONDS).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err("expected a number of seconds greater than 0 (from 0.001 up to a year), for instance 30 or 0.5".into()),
    }
}

/// Reads a number of things, at least one.
///
/// # Errors
/// What was expected.
pub fn count(text: &str) -> Result<usize, String> {
    match text.parse::<u32>() {
        Ok(count) if count > 0 => Ok(count as usize),
        _ => Err("expected a number greater than 0".into()),
    }
}

pub(super) fn rate(text: &str) -> Result<NonZeroU32, String> {
    let number = text
        .strip_suffix("/s")
        .and_then(|number| number.parse().ok());
    number.ok_or_else(|| "expected a number a second greater than 0, for instance 100/s".into())
}

pub(super) fn time_limit(text: &str) -> Result<(String, Duration), String> {
    let wrong = "expected TOOL=SECONDS, for instance search=2.5";
    let (tool, limit) = text.split_once('=').ok_or(wrong)?;
    match seconds(limit) {
        Ok(limit) if !tool.is_empty() => Ok((tool.to_owned(), limit)),
        Ok(_) => Err(wrong.into()),
        Err(error) => Err(format!("{error}, as in search=2.5")),
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "expected an IP address and a port, for instance 127.0.0.1:8080 or [::1]:0".into()
    })
}
