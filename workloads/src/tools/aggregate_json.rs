//! `aggregate_json`: fetches megabytes of JSON, reads them into types, filters and adds up.
//!
//! The document is the upstream's `GET /payload/json` ([`crate::upstream_api::payload`] has its formula). What
//! the records hold beyond what is added up is skipped, and texts are borrowed from the bytes.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use transports::runtime::Handle;

use super::{ToolError, arguments, payload};
use crate::{
    cache::Keep,
    catalog::units,
    tuning::{CpuOffload, CpuWork},
    catalog_client::{Payload, PayloadKind, CatalogClient, CatalogClientError},
    upstream_api::payload::{JSON_BYTES, MAX_PAYLOAD_BYTES, MIN_PAYLOAD_BYTES},
};

/// The lowest price that counts, in units.
const MIN_PRICE: f64 = 50.0;

/// The arguments of `aggregate_json`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AggregateArguments {
    /// How many bytes of JSON to work through.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = MIN_PAYLOAD_BYTES, max = MAX_PAYLOAD_BYTES))]
    pub bytes: i64,
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
pub struct AggregateResult {
    /// What they come to in each category that has any, in the order of the categories' names.
    pub by_category: Vec<CategoryTotal>,
    /// How many bytes were worked through.
    pub bytes: i64,
    /// How many of the records match.
    pub matched: i64,
    /// How many pieces the matching records are of.
    pub quantity: i64,
    /// How many records there are.
    pub records: i64,
    /// What the pieces cost together, to the cent.
    pub revenue: f64,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
}

/// What the matching records of one category come to.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct CategoryTotal {
    /// Which category.
    pub category: String,
    /// How many records match.
    pub matched: i64,
    /// What their pieces cost together, to the cent.
    pub revenue: f64,
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

impl Keep for AggregateResult {}

/// Fetches the document and adds up, where `cpu` has it.
///
/// # Errors
/// When `bytes` is outside of its limits, there is no upstream, or it does not answer with such a document.
pub async fn aggregate(
    arguments: AggregateArguments,
    server_type: &'static str,
    upstream: Option<&CatalogClient>,
    runtime: &Handle,
    cpu: CpuOffload,
) -> Result<AggregateResult, ToolError> {
    let payload = payload::fetch(PayloadKind::Json, arguments.bytes, upstream).await?;
    let work = move || add_up(&payload, server_type);
    Ok(cpu.run(runtime, CpuWork::Long, work).await?)
}

fn add_up(payload: &Payload, server_type: &'static str) -> Result<AggregateResult, CatalogClientError> {
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
        by_category,
        bytes: payload::count(payload.body.len()),
        matched: total.matched,
        quantity: total.quantity,
        records: payload::count(records.len()),
        revenue: units(total.cents),
        server_type,
    })
}
