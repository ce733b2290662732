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

mod arguments;
pub mod echo;
mod error;
pub mod fetch_external_data;
pub mod fibonacci;
pub mod query_products;

pub use error::ToolError;

#[cfg(test)]
mod tests {
    use rmcp::handler::server::wrapper::Json;
    use serde_json::json;
    use transports::front::{FastResult, Outcome};

    use super::{
        echo::EchoResult, fetch_external_data::FetchResult, fibonacci::FibonacciResult,
        query_products::QueryResult,
    };
    use crate::database::ProductRow;

    fn is_serialised_once(result: impl FastResult) -> bool {
        matches!(result.outcome(), Outcome::Structured(_))
    }

    #[test]
    fn the_members_of_results_stand_in_order() {
        let server_type = "test";
        let product = ProductRow {
            brand: String::new(),
            id: 1,
            name: String::new(),
            price: 0.5,
            rating: 4.9,
            sku: String::new(),
            stock: 0,
        };
        assert!(is_serialised_once(Json(EchoResult {
            message: "\"\\".into(),
            server_type,
        })));
        assert!(is_serialised_once(Json(FibonacciResult {
            input: 1,
            result: 1,
            server_type,
        })));
        assert!(is_serialised_once(Json(QueryResult {
            category: String::new(),
            products: vec![product.clone(), product],
            server_type,
            total_found: 2,
        })));
        assert!(is_serialised_once(Json(FetchResult {
            body: json!({"b": [{"d": 1, "c": 2}], "a": null}),
            response_time_ms: 0.1,
            server_type,
            status_code: 200,
            url: String::new(),
        })));
    }
}
