//! `experiment_result`: a large result, whole or in chunks while the call runs.
//!
//! A result that is sent whole reaches its reader after the server made and serialised all of it.
//! Chunks, as the messages of progress notifications, arrive one by one, and the server never holds
//! more than one. Chunks need a client that asked for progress (`_meta.progressToken`) and a reply
//! that may hold more than one message; without the former the result comes whole.

use rmcp::{
    RoleServer,
    handler::server::wrapper::Parameters,
    model::{CallToolResult, ContentBlock},
    service::RequestContext,
    tool, tool_router,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use workloads::tools::{Progress, arguments, check_range};

use crate::{ExperimentError, server::Experiments};

const MAX_BYTES: i64 = 10_000_000;
/// At most 10,000 notifications a call.
pub(crate) const MIN_CHUNK_BYTES: i64 = 1_000;
pub(crate) const MAX_CHUNK_BYTES: i64 = 1_000_000;

/// The text consists of copies of this line.
const LINE: &str = "All of this text is one line of sixty-four characters, repeated\n";

/// The arguments of `experiment_result`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ResultArguments {
    /// How long the text is, in bytes.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = MAX_BYTES))]
    bytes: i64,
    /// How long a piece is, in bytes, from 1000, for a caller that takes progress notifications; 0
    /// for the text in one piece.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_CHUNK_BYTES))]
    chunk_bytes: i64,
}

impl Default for ResultArguments {
    fn default() -> Self {
        Self {
            bytes: 1_000_000,
            chunk_bytes: 0,
        }
    }
}

/// A text of `bytes`, and the length of its chunks unless it is sent whole.
#[derive(Clone, Copy, Debug)]
struct Text {
    bytes: usize,
    chunk_bytes: Option<usize>,
}

#[tool_router(router = result_tool, vis = "pub(crate)")]
impl Experiments {
    /// The first block of content is a summary; a text that comes whole is the second.
    #[tool(
        description = "Returns a long text, whole or as the messages of progress notifications: what a reader gains who need not wait for all of it.",
        annotations(
            title = "Experiment: result",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub(crate) async fn experiment_result(
        &self,
        Parameters(arguments): Parameters<ResultArguments>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ExperimentError> {
        let text = Text::new(&arguments)?;
        let mut progress = Progress::of(&context, text.bytes as f64);
        let summary = |chunks: i64| {
            let server_type = self.app().server_type;
            let summary =
                json!({"bytes": text.bytes, "chunks": chunks, "server_type": server_type});
            ContentBlock::text(summary.to_string())
        };
        let Some(chunks) = text.chunks().filter(|_| progress.is_heard()) else {
            let content = vec![summary(0), ContentBlock::text(range(0, text.bytes))];
            return Ok(CallToolResult::success(content));
        };
        let mut sent = 0;
        for (end, chunk) in chunks {
            progress.tell(end as f64, chunk).await;
            sent += 1;
        }
        Ok(CallToolResult::success(vec![summary(sent)]))
    }
}

impl Text {
    fn new(arguments: &ResultArguments) -> Result<Self, ExperimentError> {
        let ResultArguments { bytes, chunk_bytes } = *arguments;
        check_range("bytes", bytes, 1, MAX_BYTES)?;
        if chunk_bytes != 0 && !(MIN_CHUNK_BYTES..=MAX_CHUNK_BYTES).contains(&chunk_bytes) {
            return Err(ExperimentError::ChunkBytes(chunk_bytes));
        }
        let size = |bytes: i64| usize::try_from(bytes).unwrap_or(0);
        Ok(Self {
            bytes: size(bytes),
            chunk_bytes: Some(size(chunk_bytes)).filter(|bytes| *bytes > 0),
        })
    }

    /// The chunks in order, each made when the iterator yields it, with the number of bytes up to
    /// its end; `None` if the text is sent whole.
    fn chunks(self) -> Option<impl Iterator<Item = (usize, String)> + Send> {
        let chunk_bytes = self.chunk_bytes?;
        Some((0..self.bytes).step_by(chunk_bytes).map(move |start| {
            let end = self.bytes.min(start + chunk_bytes);
            (end, range(start, end))
        }))
    }
}

/// The text from byte `start` up to byte `end`.
fn range(start: usize, end: usize) -> String {
    let mut text = String::with_capacity(end - start);
    while text.len() < end - start {
        let from = (start + text.len()) % LINE.len();
        let length = (LINE.len() - from).min(end - start - text.len());
        text.push_str(&LINE[from..from + length]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: i64, chunk_bytes: i64) -> Result<Text, ExperimentError> {
        Text::new(&ResultArguments { bytes, chunk_bytes })
    }

    #[test]
    fn the_chunks_make_up_the_text() {
        for (bytes, count) in [(1, 1), (1_000, 1), (1_001, 2), (64_000, 64), (99_999, 100)] {
            let text = text(bytes, 1_000).unwrap();
            let whole = range(0, text.bytes);
            assert_eq!(whole.len(), text.bytes);
            let chunks: Vec<_> = text.chunks().unwrap().collect();
            assert_eq!(chunks.len(), count);
            assert_eq!(chunks.last().unwrap().0, whole.len());
            let joined: String = chunks.into_iter().map(|(_, chunk)| chunk).collect();
            assert_eq!(joined, whole);
        }
        assert!(range(0, 200).starts_with(LINE));
        assert!(text(200, 0).unwrap().chunks().is_none());
    }

    #[test]
    fn sizes_outside_of_their_limits_are_rejected() {
        for (bytes, chunk_bytes, says) in [
            (0, 0, "bytes must be"),
            (10_000_001, 0, "not 10000001"),
            (1, 999, "chunk_bytes must be 0"),
            (1, -1, "not -1"),
            (1, 1_000_001, "to 1000000"),
        ] {
            let message = text(bytes, chunk_bytes).unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
        }
    }
}
