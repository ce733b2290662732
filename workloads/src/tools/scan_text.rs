//! `scan_text`: fetches megabytes of a log, reads its lines into types, filters and adds up.
//!
//! The text is the catalogue API's `GET /payload/text`. Nothing of it is copied: a line's fields
//! are slices of the bytes.

use std::collections::BTreeMap;

use transports::admission::Stop;

use super::{aggregate_json::fetch_payload, arguments::count, prelude::*};
use crate::{
    catalog::{MAX_PAYLOAD_BYTES, MIN_PAYLOAD_BYTES, TEXT_BYTES},
    catalog_client::{CatalogClientError, Payload, PayloadKind},
};

pub(super) const TOOL: Tool = Tool::cached(DemoServer::scan_router, "{}");

/// The level of the lines that count.
const WANTED: &str = "ERROR";

/// The arguments of `scan_text`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ScanArguments {
    /// How many bytes of text to work through.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = MIN_PAYLOAD_BYTES, max = MAX_PAYLOAD_BYTES))]
    bytes: i64,
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
pub(super) struct ScanResult {
    /// How many bytes were worked through.
    bytes: i64,
    /// How many lines there are, without the empty ones.
    lines: i64,
    /// How many of the lines are errors.
    errors: i64,
    /// Milliseconds that the errors took together.
    total_ms: i64,
    /// What they come to for each service that has any, in the order of the services' names.
    by_service: Vec<ServiceErrors>,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
}

/// What the errors of one service come to.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct ServiceErrors {
    /// Which service.
    service: String,
    /// How many lines.
    errors: i64,
    /// Milliseconds that they took together.
    total_ms: i64,
}

impl Cacheable for ScanResult {}

#[tool_router(router = scan_router, vis = "pub(super)")]
impl DemoServer {
    #[tool(
        description = "Fetches a log of so many bytes from the upstream and counts the errors in it by service.",
        annotations(title = "Scan text", read_only_hint = true, open_world_hint = true),
        output_schema = schema_for_output::<ScanResult>()
    )]
    pub(super) async fn scan_text(
        &self,
        Parameters(arguments): Parameters<ScanArguments>,
    ) -> Cached<Result<Json<ScanResult>, ToolError>> {
        self.cached("scan_text", arguments, scan).await
    }
}

async fn scan(server: DemoServer, arguments: ScanArguments) -> Result<Json<ScanResult>, ToolError> {
    let state = server.state();
    let payload = fetch_payload(&server, PayloadKind::Text, arguments.bytes).await?;
    let server_type = state.server_type;
    let work = move |_: &Stop| add_up(&payload, server_type);
    Ok(Json(state.compute(CpuWork::Long, work).await??))
}

/// The fields of a line that are looked at.
struct Line<'a> {
    level: &'a str,
    service: &'a str,
    duration_ms: u32,
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

/// How many errors, and how long they took.
#[derive(Clone, Copy, Default)]
struct Total {
    errors: i64,
    ms: i64,
}

impl Total {
    fn add(&mut self, line: &Line<'_>) {
        self.errors += 1;
        self.ms += i64::from(line.duration_ms);
    }
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
            service: service.to_owned(),
            errors: total.errors,
            total_ms: total.ms,
        })
        .collect();
    Ok(ScanResult {
        bytes: count(payload.body.len()),
        lines,
        errors: total.errors,
        total_ms: total.ms,
        by_service,
        server_type,
    })
}
