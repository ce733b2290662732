//! `experiment_json`: a document of megabytes read and written again, by different parsers.
//!
//! Claim G1: 10 MB of JSON take 500 ms, and 50 ms with a faster serializer. The document is made
//! once for each size and cached. A call reads all of it into the data structure of its parser,
//! adds up one field, and writes it again. So every parser does the same work, and the answer can
//! be computed from the catalogue's formula.
//!
//! `typed` and `value` are `serde_json`, into structures and into a tree of values. `simd_json` and
//! `sonic`, each a cargo feature, read into the same structures with SIMD. The benchmark of
//! `server/lab` measures them without a server.

use std::{borrow::Cow, sync::Arc};

use moka::{policy::EvictionPolicy, sync::Cache};
use rmcp::{
    handler::server::wrapper::{Json, Parameters},
    tool, tool_router,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Semaphore;
use transports::admission::Stop;
use workloads::{
    CpuWork,
    catalog::{Product, products, units},
    tools::{ToolError, arguments, check_range},
};

use crate::{ExperimentError, server::Experiments};

const MIN_BYTES: i64 = 1_000;
const MAX_BYTES: i64 = 10_000_000;

/// The documents that are worked on at once; the next call waits. A tree of values takes many times
/// the memory of its text, so this bounds the memory of the server.
const CONCURRENT: usize = 2;
/// The sizes of documents that are cached.
const CACHED: u64 = 4;

/// A parser and serializer of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Parser {
    /// `serde_json`, into structures that borrow from the text.
    Typed,
    /// `serde_json`, into a tree of values.
    Value,
    /// `simd-json`, into the structures of `typed`.
    #[cfg(feature = "simd-json")]
    SimdJson,
    /// `sonic-rs`, into the structures of `typed`.
    #[cfg(feature = "sonic")]
    Sonic,
}

impl Parser {
    /// Every parser that this build has.
    pub const ALL: &[Self] = &[
        Self::Typed,
        Self::Value,
        #[cfg(feature = "simd-json")]
        Self::SimdJson,
        #[cfg(feature = "sonic")]
        Self::Sonic,
    ];
}

/// The arguments of `experiment_json`; the defaults are the published example's size and the usual
/// parser.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct JsonArguments {
    /// How long the document may be, in bytes; it ends with the last record that fits.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = MIN_BYTES, max = MAX_BYTES))]
    bytes: i64,
    /// What reads and writes it.
    parser: Parser,
}

impl Default for JsonArguments {
    fn default() -> Self {
        Self {
            bytes: MAX_BYTES,
            parser: Parser::Typed,
        }
    }
}

/// The result of `experiment_json`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JsonResult {
    /// The document's length, in bytes.
    bytes: i64,
    /// What read and wrote it.
    parser: Parser,
    /// Records in the document.
    records: i64,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
    /// The sum of the field `stock` of all records.
    stock_total: i64,
    /// The length of what was written again, in bytes; the same, unless a parser writes otherwise.
    written_bytes: i64,
}

/// The documents of the most recent calls by their size, and the permits to work on one.
pub(crate) struct Documents {
    cached: Cache<usize, Arc<Document>>,
    permits: Arc<Semaphore>,
}

impl Default for Documents {
    fn default() -> Self {
        let cache = Cache::builder().max_capacity(CACHED);
        Self {
            cached: cache.eviction_policy(EvictionPolicy::lru()).build(),
            permits: Arc::new(Semaphore::new(CONCURRENT)),
        }
    }
}

#[tool_router(router = json_tool, vis = "pub(crate)")]
impl Experiments {
    #[tool(
        description = "Reads a JSON document of products and writes it again with the parser that is named: what a parser costs.",
        annotations(
            title = "Experiment: JSON",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub(crate) async fn experiment_json(
        &self,
        Parameters(arguments): Parameters<JsonArguments>,
    ) -> Result<Json<JsonResult>, ExperimentError> {
        let JsonArguments { bytes, parser } = arguments;
        check_range("bytes", bytes, MIN_BYTES, MAX_BYTES)?;
        let size = usize::try_from(bytes).unwrap_or(0);
        let documents = Arc::clone(&self.state().documents);
        // Only fails once the semaphore is closed, which never happens.
        let permit = Arc::clone(&documents.permits).acquire_owned().await.ok();
        let work = move |_: &Stop| {
            // Held until the work ends, even if the call is cancelled meanwhile.
            let _permit = permit;
            // Making a document that is not cached takes a tenth of a second.
            let document = documents
                .cached
                .get_with(size, || Arc::new(Document::new(size)));
            let reading = document.read(parser)?;
            Ok((document.json().len(), reading))
        };
        let app = self.app();
        let done = app.compute(CpuWork::Long, work).await;
        let done = done.map_err(ToolError::from)?;
        let (length, reading) = done.map_err(ExperimentError::Unreadable)?;
        Ok(Json(JsonResult {
            bytes: arguments::count(length),
            parser,
            records: arguments::count(reading.records),
            server_type: app.server_type,
            stock_total: reading.stock_total,
            written_bytes: arguments::count(reading.written_bytes),
        }))
    }
}

/// A list of products as JSON.
#[derive(Debug)]
pub struct Document {
    json: Vec<u8>,
}

/// What a parser found in a document and wrote again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Records in the document.
    pub records: usize,
    /// The sum of their `stock`.
    pub stock_total: i64,
    /// The length of the document that was written, in bytes.
    pub written_bytes: usize,
}

/// One product. Its members are in alphabetical order, in which a tree of values writes them.
#[derive(Debug, Deserialize, Serialize)]
struct Record<'a> {
    #[serde(borrow)]
    brand: Cow<'a, str>,
    #[serde(borrow)]
    category: Cow<'a, str>,
    #[serde(borrow)]
    description: Cow<'a, str>,
    id: i64,
    #[serde(borrow)]
    name: Cow<'a, str>,
    price: f64,
    rating: f64,
    #[serde(borrow)]
    sku: Cow<'a, str>,
    stock: i64,
    tags: Vec<Cow<'a, str>>,
    weight_grams: i64,
}

impl Document {
    /// The document of as many products, in the order of their ids, as fit into `bytes`.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let mut json = Vec::with_capacity(bytes);
        let mut record = Vec::new();
        for product in products() {
            record.clear();
            record.push(if json.is_empty() { b'[' } else { b',' });
            // Writing strings and finite numbers to memory cannot fail.
            let written = serde_json::to_writer(&mut record, &Record::from(&product));
            if written.is_err() || json.len() + record.len() + b"]".len() > bytes {
                break;
            }
            json.extend_from_slice(&record);
        }
        if json.is_empty() {
            json.push(b'[');
        }
        json.push(b']');
        Self { json }
    }

    /// The text.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// Reads it with `parser`, adds up its stock, and writes it again.
    ///
    /// # Errors
    /// When the parser cannot read it, in the parser's words.
    pub fn read(&self, parser: Parser) -> Result<Reading, String> {
        match parser {
            Parser::Typed => typed(&self.json),
            Parser::Value => value(&self.json),
            #[cfg(feature = "simd-json")]
            Parser::SimdJson => simd_json(&self.json),
            #[cfg(feature = "sonic")]
            Parser::Sonic => sonic(&self.json),
        }
    }
}

impl<'a> From<&'a Product> for Record<'a> {
    fn from(product: &'a Product) -> Self {
        Self {
            brand: product.brand.into(),
            category: product.category.into(),
            description: product.description.as_str().into(),
            id: product.id,
            name: product.name.as_str().into(),
            price: units(product.price_cents),
            rating: units(product.rating_tenths * 10),
            sku: product.sku.as_str().into(),
            stock: product.stock,
            tags: product.tags.iter().map(|tag| (*tag).into()).collect(),
            weight_grams: product.weight_grams,
        }
    }
}

fn typed(json: &[u8]) -> Result<Reading, String> {
    let records: Vec<Record<'_>> = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    let written = serde_json::to_vec(&records).map_err(|e| e.to_string())?;
    Ok(reading(&records, &written))
}

/// The parser writes into its input, so it reads a copy.
#[cfg(feature = "simd-json")]
fn simd_json(json: &[u8]) -> Result<Reading, String> {
    let mut json = json.to_vec();
    let records: Vec<Record<'_>> =
        simd_json::serde::from_slice(&mut json).map_err(|e| e.to_string())?;
    let written = simd_json::serde::to_vec(&records).map_err(|e| e.to_string())?;
    Ok(reading(&records, &written))
}

#[cfg(feature = "sonic")]
fn sonic(json: &[u8]) -> Result<Reading, String> {
    let records: Vec<Record<'_>> = sonic_rs::from_slice(json).map_err(|e| e.to_string())?;
    let written = sonic_rs::to_vec(&records).map_err(|e| e.to_string())?;
    Ok(reading(&records, &written))
}

fn reading(records: &[Record<'_>], written: &[u8]) -> Reading {
    Reading {
        records: records.len(),
        stock_total: records.iter().map(|record| record.stock).sum(),
        written_bytes: written.len(),
    }
}

fn value(json: &[u8]) -> Result<Reading, String> {
    let tree: Value = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    let records = tree.as_array().map_or(&[][..], Vec::as_slice);
    let stock = |record: &Value| record["stock"].as_i64();
    let stock_total = records.iter().filter_map(stock).sum();
    let written = serde_json::to_vec(&tree).map_err(|e| e.to_string())?;
    Ok(Reading {
        records: records.len(),
        stock_total,
        written_bytes: written.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(document: &Document) -> Vec<Value> {
        serde_json::from_slice(document.json()).unwrap()
    }

    #[test]
    fn a_document_begins_with_the_first_product_and_has_no_room_for_another() {
        let document = Document::new(100_000);
        let records = records(&document);
        assert_eq!(records[0]["sku"], "SKU-000001");
        assert_eq!(records[1]["id"], 2);
        let next = serde_json::to_vec(&Record::from(&products().nth(records.len()).unwrap()));
        let length = document.json().len();
        assert!(length <= 100_000);
        assert!(length + b",".len() + next.unwrap().len() > 100_000);
    }

    #[test]
    fn every_parser_reads_the_same_and_writes_as_much() {
        let document = Document::new(100_000);
        let records = records(&document).len();
        assert!(records > 200, "{records}");
        // The catalogue's formula: stock is the index mod 501.
        let stock_total = (0..501).cycle().take(records).sum();
        for parser in Parser::ALL {
            let expected = Reading {
                records,
                stock_total,
                written_bytes: document.json().len(),
            };
            assert_eq!(document.read(*parser).unwrap(), expected, "{parser:?}");
        }
    }

    #[test]
    fn a_document_too_short_for_a_record_is_an_empty_list() {
        assert_eq!(Document::new(10).json(), b"[]");
        for parser in Parser::ALL {
            assert_eq!(Document::new(10).read(*parser).unwrap().records, 0);
        }
    }
}
