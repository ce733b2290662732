//! The tools: for each one its arguments, its result and its work.
//!
//! A file here is plain Rust: it knows neither rmcp's routing nor any transport. What the arguments
//! allow is said twice on purpose: in the published schema, for clients that read it, and in the
//! work, for those that do not. Both take their limits from the same constants.
//!
//! Fields that a tool does not know are refused: a misspelt `max_prise` would otherwise be answered
//! with the default, and a wrong answer is worse than none.
//!
//! The members of a result stand in the order of their names, in which rmcp writes them: so the fast
//! path can serialise a result once for both places that it has in a reply.

pub mod aggregate_json;
pub(crate) mod arguments;
pub mod checkout;
pub mod echo;
mod error;
pub mod fetch_external_data;
pub mod fibonacci;
pub mod get_user_cart;
mod payload;
pub mod process_json_data;
mod progress;
pub mod query_products;
pub mod scan_text;
pub mod search_products;
pub mod simulate_database_query;
pub mod stream_report;
mod toon;
mod user_id;

pub use error::ToolError;
pub(crate) use error::check_range;
pub use progress::Progress;
pub use user_id::UserId;

#[cfg(test)]
mod tests {
    use rmcp::handler::server::wrapper::Json;
    use serde_json::json;
    use transports::fast_path::{FastResult, Outcome};

    use super::{
        aggregate_json::{AggregateResult, CategoryTotal},
        echo::EchoResult,
        fetch_external_data::FetchResult,
        fibonacci::FibonacciResult,
        process_json_data::ProcessResult,
        scan_text::{ScanResult, ServiceErrors},
        simulate_database_query::SimulateResult,
        stream_report::ReportResult,
    };

    fn is_serialised_once(result: impl FastResult) -> bool {
        matches!(result.outcome(), Outcome::Structured(_))
    }

    #[test]
    fn the_members_of_results_stand_in_order() {
        let server_type = "test";
        assert!(is_serialised_once(Json(EchoResult {
            message: "\"\\".into(),
            server_type,
        })));
        assert!(is_serialised_once(Json(FibonacciResult {
            input: 1,
            result: 1,
            server_type,
        })));
        assert!(is_serialised_once(Json(FetchResult {
            body: json!({"b": [{"d": 1, "c": 2}], "a": null}),
            response_time_ms: 0.1,
            server_type,
            status_code: 200,
            url: String::new(),
        })));
        assert!(is_serialised_once(Json(SimulateResult {
            delay_ms: 0,
            query: String::new(),
            server_type,
            timestamp: String::new(),
        })));
        assert!(is_serialised_once(Json(ReportResult {
            rows: 1,
            server_type,
            stock: 0,
            stock_value: 0.5,
        })));
    }

    #[test]
    fn the_members_of_results_with_lists_stand_in_order() {
        let server_type = "test";
        let data = json!({"b": [{"d": 1, "c": 2}], "a": null});
        assert!(is_serialised_once(Json(ProcessResult {
            original_keys: vec!["a".into(), "b".into()],
            server_type,
            transformed_data: data.as_object().cloned().unwrap_or_default(),
        })));
        let category = || CategoryTotal {
            category: String::new(),
            matched: 1,
            revenue: 0.5,
        };
        assert!(is_serialised_once(Json(AggregateResult {
            by_category: vec![category(), category()],
            bytes: 1,
            matched: 1,
            quantity: 1,
            records: 1,
            revenue: 0.5,
            server_type,
        })));
        let service = || ServiceErrors {
            errors: 1,
            service: String::new(),
            total_ms: 1,
        };
        assert!(is_serialised_once(Json(ScanResult {
            by_service: vec![service(), service()],
            bytes: 1,
            errors: 1,
            lines: 1,
            server_type,
            total_ms: 1,
        })));
    }
}
