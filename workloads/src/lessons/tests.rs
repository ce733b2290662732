//! What holds for all lessons.

use rmcp::handler::server::wrapper::Json;
use transports::fast_path::{FastResult, Outcome};

use super::{
    json::{JsonResult, Parser},
    listing::ListingResult,
    notify::{NotifyResult, Via},
    orders::OrdersResult,
    token::TokenResult,
    waits::WaitsResult,
};
use crate::database::OrderQueries;

fn is_serialised_once(result: impl FastResult) -> bool {
    matches!(result.outcome(), Outcome::Structured(_))
}

#[test]
fn the_members_of_results_stand_in_order() {
    let server_type = "test";
    assert!(is_serialised_once(Json(WaitsResult {
        count: 1,
        delay_ms: 1,
        server_type,
        together: true,
    })));
    assert!(is_serialised_once(Json(JsonResult {
        bytes: 1,
        parser: Parser::Typed,
        records: 1,
        server_type,
        stock_total: 1,
        written_bytes: 1,
    })));
    assert!(is_serialised_once(Json(OrdersResult {
        customer: 1,
        lines: 1,
        orders: 1,
        queries: OrderQueries::Join,
        server_type,
        statements: 1,
        total: 0.5,
        transaction: false,
    })));
    assert!(is_serialised_once(Json(TokenResult {
        active: true,
        cached: false,
        client_id: Some(String::new()),
        scope: None,
        server_type,
    })));
    assert!(is_serialised_once(Json(NotifyResult {
        messages: 1,
        server_type,
        via: Via::Redis,
    })));
    assert!(is_serialised_once(Json(ListingResult {
        cached: false,
        server_type,
        tools: vec![String::new()],
    })));
}
