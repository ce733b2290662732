//! Filling a cache before anybody asks.

use futures::future::join_all;
use transports::fast_path::{FastCall, FastTools, RawValue};

use super::key::Cacheable;

/// The calls that a cache is filled with: of each tool the one that public benchmarks and our own suites make.
const CALLS: [(Cacheable, &str); 6] = [
    (Cacheable::AggregateJson, "{}"),
    (
        Cacheable::FetchExternalData,
        r#"{"endpoint":"/products/42"}"#,
    ),
    (Cacheable::GetUserCart, "{}"),
    (Cacheable::QueryProducts, "{}"),
    (Cacheable::ScanText, "{}"),
    (Cacheable::SearchProducts, "{}"),
];

/// Makes these calls of `server`, all at once. One that fails leaves nothing behind but a warning in the log.
pub async fn warm(server: &impl FastTools) {
    join_all(CALLS.map(|(tool, arguments)| fill(server, tool.tool(), arguments))).await;
}

async fn fill(server: &impl FastTools, tool: &'static str, arguments: &'static str) {
    if server.get_tool(tool).is_none() {
        return;
    }
    let arguments: Result<&RawValue, _> = serde_json::from_str(arguments);
    let outcome = match server.fast_call(tool, arguments.ok()) {
        FastCall::Ready(outcome) => outcome,
        FastCall::Running(call) => call.await,
        FastCall::NotMine | FastCall::Misfit => {
            tracing::warn!(tool, "the cache is not warmed with it: it cannot be called");
            return;
        }
    };
    let problem = match outcome.written() {
        Ok(written) if written.is_error() => String::from_utf8_lossy(written.json()).into_owned(),
        Ok(_) => return,
        Err(error) => error.message.into_owned(),
    };
    tracing::warn!(tool, "the cache is not warmed with it: {problem}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_json() {
        for (tool, arguments) in CALLS {
            let read: Result<&RawValue, _> = serde_json::from_str(arguments);
            assert!(read.is_ok(), "{tool:?}: {arguments}");
        }
    }
}
