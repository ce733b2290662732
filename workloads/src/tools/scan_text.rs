//! `scan_text`: fetches megabytes of a log, reads its lines into types, filters and adds up.
//!
//! The text is the upstream's `GET /payload/text` ([`crate::upstream_api::payload`] has its formula). Nothing
//! of it is copied: a line's fields are slices of the bytes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use transports::runtime::Handle;

use super::{ToolError, arguments, payload};
use crate::{
    cache::Keep,
    tuning::{CpuOffload, CpuWork},
    catalog_client::{Payload, PayloadKind, CatalogClient, CatalogClientError},
    upstream_api::payload::{MAX_PAYLOAD_BYTES, MIN_PAYLOAD_BYTES, TEXT_BYTES},
};

/// The level of the lines that count.
const WANTED: &str = "ERROR";

/// The arguments of `scan_text`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScanArguments {
    /// How many bytes of text to work through.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = MIN_PAYLOAD_BYTES, max = MAX_PAYLOAD_BYTES))]
    pub bytes: i64,
}

impl Default for ScanArguments {
    fn default() -> Self {
        Self {
            bytes: i64::from(TEXT_BYTES),
        }
    }
}

/// The result of `scan_text`: what the lines of level `ERROR` come to.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct ScanResult {
    /// What they come to for each service that has any, in the order of the services' names.
    pub by_service: Vec<ServiceErrors>,
    /// How many bytes were worked through.
    pub bytes: i64,
    /// How many of the lines are errors.
    pub errors: i64,
    /// How many lines there are; empty ones are none.
    pub lines: i64,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// Milliseconds that the errors took together.
    pub total_ms: i64,
}

/// What the errors of one service come to.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct ServiceErrors {
    /// How many lines.
    pub errors: i64,
    /// Which service.
    pub service: String,
    /// Milliseconds that they took together.
    pub total_ms: i64,
}

/// The fields of a line that are looked at.
#[derive(Debug, PartialEq)]
struct Line<'a> {
    level: &'a str,
    service: &'a str,
    duration_ms: u32,
}

/// How many errors, and how long they took.
#[derive(Clone, Copy, Default)]
struct Total {
    errors: i64,
    ms: i64,
}

impl<'a> Line<'a> {
    /// Reads `NUMBER LEVEL SERVICE DURATION ms WORDS`.
    fn parse(line: &'a str) -> Result<Self, &'static str> {
        let mut fields = line.splitn(6, ' ');
        let mut next = || fields.next().ok_or("it ends too early");
        let number = next()?;
        let (level, service) = (next()?, next()?);
        let duration = next()?;
        if next()? != "ms" || number.parse::<u32>().is_err() {
            return Err("it is not `NUMBER LEVEL SERVICE DURATION ms WORDS`");
        }
        Ok(Self {
            level,
            service,
            duration_ms: duration
                .parse()
                .map_err(|_| "its duration is no whole number")?,
        })
    }
}

impl Total {
    fn add(&mut self, line: &Line<'_>) {
        self.errors += 1;
        self.ms += i64::from(line.duration_ms);
    }
}

impl Keep for ScanResult {}

/// Fetches the text and adds up, where `cpu` has it.
///
/// # Errors
/// When `bytes` is outside of its limits, there is no upstream, or it does not answer with such a text.
pub async fn scan(
    arguments: ScanArguments,
    server_type: &'static str,
    upstream: Option<&CatalogClient>,
    runtime: &Handle,
    cpu: CpuOffload,
) -> Result<ScanResult, ToolError> {
    let payload = payload::fetch(PayloadKind::Text, arguments.bytes, upstream).await?;
    let work = move || add_up(&payload, server_type);
    Ok(cpu.run(runtime, CpuWork::Long, work).await?)
}

fn add_up(payload: &Payload, server_type: &'static str) -> Result<ScanResult, CatalogClientError> {
    let text = std::str::from_utf8(&payload.body).map_err(|error| payload.misshapen(&error))?;
    let mut total = Total::default();
    let mut by_service = BTreeMap::<&str, Total>::new();
    let mut lines = 0;
    for line in text.lines().filter(|line| !line.is_empty()) {
        lines += 1;
        let line = Line::parse(line)
            .map_err(|wrong| payload.misshapen(&format_args!("line {lines}: {wrong}")))?;
        if line.level == WANTED {
            total.add(&line);
            by_service.entry(line.service).or_default().add(&line);
        }
    }
    let by_service = by_service
        .into_iter()
        .map(|(service, total)| ServiceErrors {
            errors: total.errors,
            service: service.to_owned(),
            total_ms: total.ms,
        })
        .collect();
    Ok(ScanResult {
        by_service,
        bytes: payload::count(payload.body.len()),
        errors: total.errors,
        lines,
        server_type,
        total_ms: total.ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_into_its_fields() {
        let line = Line::parse("12 WARN cart 156 ms every piece of it").unwrap();
        let expected = Line {
            level: "WARN",
            service: "cart",
            duration_ms: 156,
        };
        assert_eq!(line, expected);
    }

    #[test]
    fn a_line_of_another_kind_is_refused() {
        for line in [
            "12",
            "12 WARN cart",
            "12 WARN cart 156 s words",
            "twelve WARN cart 156 ms words",
            "12 WARN cart -1 ms words",
            "<html>",
        ] {
            Line::parse(line).unwrap_err();
        }
    }
}
