//! `lesson_json`: a document of megabytes read and written again, by different parsers.
//!
//! Claim G1: 10 MB of JSON take 500 ms, and 50 ms with a faster serializer. The document is made once for
//! each size and kept; a call reads all of it into what its parser makes of it, adds up one field, and
//! writes it again. So every parser does the same work, and its answer can be computed from the
//! catalogue's formula.
//!
//! `typed` and `value` are `serde_json`, into structures and into a tree of values. `simd_json` and `sonic`, each a cargo
//! feature, read into the same structures with SIMD. `benches/json.rs` measures them without a server.

mod document;

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

pub use document::{Document, Reading};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use transports::runtime::Handle;

use super::LessonError;
use crate::{
    tuning::{CpuOffload, CpuWork},
    tools::{ToolError, arguments, check_range},
};

/// The smallest document, in bytes.
pub const MIN_BYTES: i64 = 1_000;
/// The largest document, in bytes.
pub const MAX_BYTES: i64 = 10_000_000;

/// Documents worked on at once; the next call waits for its turn. A tree of values takes many times the
/// memory of its text, so this is what bounds the server's.
const AT_ONCE: usize = 2;
/// Sizes of documents that are kept.
const KEPT: usize = 4;

/// What reads and writes the document.
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

/// The arguments of `lesson_json`; the defaults are the published example's size and the usual parser.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JsonArguments {
    /// How long the document may be, in bytes; it ends with the last record that fits.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = MIN_BYTES, max = MAX_BYTES))]
    pub bytes: i64,
    /// What reads and writes it.
    pub parser: Parser,
}

impl Default for JsonArguments {
    fn default() -> Self {
        Self {
            bytes: MAX_BYTES,
            parser: Parser::Typed,
        }
    }
}

/// The result of `lesson_json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct JsonResult {
    /// The document's length, in bytes.
    pub bytes: i64,
    /// What read and wrote it.
    pub parser: Parser,
    /// Records in the document.
    pub records: i64,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// The sum of the field `stock` of all records.
    pub stock_total: i64,
    /// The length of what was written again, in bytes; the same, unless a parser writes otherwise.
    pub written_bytes: i64,
}

/// The documents that were asked for most recently, and who may work on one.
#[derive(Debug)]
pub struct Documents {
    kept: Mutex<Vec<Arc<Document>>>,
    turns: Arc<Semaphore>,
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Documents {
    /// The document of at most `bytes`, made if it is not kept. Takes a tenth of a second then.
    fn of(&self, bytes: NonZeroUsize) -> Arc<Document> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|document| document.asked() == bytes);
        let document = match at {
            Some(at) => kept.remove(at),
            None => Arc::new(Document::of(bytes)),
        };
        kept.insert(0, Arc::clone(&document));
        kept.truncate(KEPT);
        document
    }
}

/// Reads the document and writes it again, where `cpu_offload` says.
///
/// # Errors
/// When `bytes` is outside of its limits.
pub async fn read(
    arguments: JsonArguments,
    server_type: &'static str,
    runtime: &Handle,
    cpu_offload: CpuOffload,
    documents: &Arc<Documents>,
) -> Result<JsonResult, ToolError> {
    let JsonArguments { bytes, parser } = arguments;
    check_range("bytes", bytes, MIN_BYTES, MAX_BYTES)?;
    let size = usize::try_from(bytes).ok().and_then(NonZeroUsize::new);
    let size = size.unwrap_or(NonZeroUsize::MIN);
    // Only fails once the semaphore is closed, which nobody does.
    let turn = Arc::clone(&documents.turns).acquire_owned().await.ok();
    let documents = Arc::clone(documents);
    let work = move || {
        // The turn ends with the work, even if the caller has left meanwhile.
        let _turn = turn;
        let document = documents.of(size);
        let reading = document.read(parser)?;
        Ok((document.json().len(), reading))
    };
    let (length, reading) = cpu_offload
        .run(runtime, CpuWork::Long, work)
        .await
        .map_err(LessonError::Unreadable)?;
    Ok(JsonResult {
        bytes: super::whole(length),
        parser,
        records: super::whole(reading.records),
        server_type,
        stock_total: reading.stock_total,
        written_bytes: super::whole(reading.written_bytes),
    })
}
