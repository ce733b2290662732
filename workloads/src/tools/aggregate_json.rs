//! `aggregate_json`: fetches megabytes of JSON, reads them into types, filters and adds up.
//!
//! The document is the catalogue API's `GET /payload/json`. Members of the records that are not
//! added up are skipped, and texts are borrowed from the bytes.

use std::{borrow::Cow, collections::BTreeMap};

use transports::admission::Stop;

use super::{arguments::count, prelude::*};
use crate::{
    catalog::{JSON_BYTES, MAX_PAYLOAD_BYTES, MIN_PAYLOAD_BYTES, units},
    catalog_client::{CatalogClientError, Payload, PayloadKind},
};

pub(super) const TOOL: Tool = Tool::cached(DemoServer::aggregate_router, "{}");

/// The lowest price that counts, in units.
const MIN_PRICE: f64 = 50.0;

/// The arguments of `aggregate_json`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AggregateArguments {
    /// How many bytes of JSON to work through.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = MIN_PAYLOAD_BYTES, max = MAX_PAYLOAD_BYTES))]
    bytes: i64,
}

impl Default for AggregateArguments {
    fn default() -> Self {
        Self {
            bytes: i64::from(JSON_BYTES),
        }
    }
}

/// The result of `aggregate_json`: of the records that are active and cost 50 or more.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct AggregateResult {
    /// How many bytes were worked through.
    bytes: i64,
    /// How many records there are.
    records: i64,
    /// How many of the records match.
    matched: i64,
    /// How many pieces the matching records are of.
    quantity: i64,
    /// What the pieces cost together, to the cent.
    revenue: f64,
    /// What they come to in each category that has any, in the order of the categories' names.
    by_category: Vec<CategoryTotal>,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
}

/// What the matching records of one category come to.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct CategoryTotal {
    /// Which category.
    category: String,
    /// How many records match.
    matched: i64,
    /// What their pieces cost together, to the cent.
    revenue: f64,
}

impl Cacheable for AggregateResult {}

#[tool_router(router = aggregate_router, vis = "pub(super)")]
impl DemoServer {
    #[tool(
        description = "Fetches a JSON document of so many bytes from the upstream, filters its records and adds them up by category.",
        annotations(
            title = "Aggregate JSON",
            read_only_hint = true,
            open_world_hint = true
        ),
        output_schema = schema_for_output::<AggregateResult>()
    )]
    pub(super) async fn aggregate_json(
        &self,
        Parameters(arguments): Parameters<AggregateArguments>,
    ) -> Cached<Result<Json<AggregateResult>, ToolError>> {
        self.cached("aggregate_json", arguments, aggregate).await
    }
}

async fn aggregate(
    server: DemoServer,
    arguments: AggregateArguments,
) -> Result<Json<AggregateResult>, ToolError> {
    let state = server.state();
    let payload = fetch_payload(&server, PayloadKind::Json, arguments.bytes).await?;
    let server_type = state.server_type;
    let work = move |_: &Stop| add_up(&payload, server_type);
    Ok(Json(state.compute(CpuWork::Long, work).await??))
}

/// Fetches a payload of so many bytes, when there is memory for it and for the records that are
/// read from it, which are up to half as large. The payload keeps that memory.
///
/// # Errors
/// When `bytes` is outside of its limits, there is no upstream, or it has no such payload; when
/// there is no memory for it.
pub(super) async fn fetch_payload(
    server: &DemoServer,
    kind: PayloadKind,
    bytes: i64,
) -> Result<Payload, ToolError> {
    let (min, max) = (MIN_PAYLOAD_BYTES.into(), MAX_PAYLOAD_BYTES.into());
    check_range("bytes", bytes, min, max)?;
    let state = server.state();
    let catalogue = state.catalogue()?;
    let needed = usize::try_from(bytes + bytes / 2).unwrap_or(usize::MAX);
    let reserved = state.admission.bytes(needed).await?;
    let mut payload = catalogue.payload(kind, bytes).await?;
    payload.body = reserved.hold(payload.body);
    Ok(payload)
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    records: Vec<Record<'a>>,
}

#[derive(Deserialize)]
struct Record<'a> {
    active: bool,
    #[serde(borrow)]
    category: Cow<'a, str>,
    price: f64,
    quantity: i64,
}

/// Amounts are added in cents: a sum of doubles would depend on its order.
#[derive(Default)]
struct Total {
    matched: i64,
    quantity: i64,
    cents: i64,
}

impl Total {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the conversion saturates, and so does the sum"
    )]
    fn add(&mut self, record: &Record<'_>) {
        let cents = (record.price * 100.0).round() as i64;
        self.matched += 1;
        self.quantity = self.quantity.saturating_add(record.quantity);
        self.cents = self
            .cents
            .saturating_add(cents.saturating_mul(record.quantity));
    }
}

fn add_up(
    payload: &Payload,
    server_type: &'static str,
) -> Result<AggregateResult, CatalogClientError> {
    let Document { records } =
        serde_json::from_slice(&payload.body).map_err(|error| payload.misshapen(&error))?;
    let mut total = Total::default();
    let mut by_category = BTreeMap::<&str, Total>::new();
    for record in &records {
        if record.active && record.price >= MIN_PRICE {
            total.add(record);
            by_category.entry(&record.category).or_default().add(record);
        }
    }
    let by_category = by_category
        .into_iter()
        .map(|(category, total)| CategoryTotal {
            category: category.to_owned(),
            matched: total.matched,
            revenue: units(total.cents),
        })
        .collect();
    Ok(AggregateResult {
        bytes: count(payload.body.len()),
        records: count(records.len()),
        matched: total.matched,
        quantity: total.quantity,
        revenue: units(total.cents),
        by_category,
        server_type,
    })
}
