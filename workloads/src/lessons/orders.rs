//! `lesson_orders`: the orders of a customer with their lines and products, asked for in two shapes, in a
//! transaction or without.
//!
//! What is shown: one statement for the orders and one more for the lines of each of them (N+1) against a
//! join; and what `BEGIN` and `COMMIT` around a read cost, in trips to the database. Both shapes read
//! the same rows of the same tables over one connection, and give the same answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    catalog::units,
    database::{Database, OrderFilter, OrderPage, OrderQueries},
    tools::{ToolError, arguments, check_range},
};

/// The highest number of a customer who has orders.
pub const CUSTOMERS: i64 = 100;

/// The arguments of `lesson_orders`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OrdersArguments {
    /// Whose orders; each customer has twenty, of five lines each.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = CUSTOMERS))]
    pub customer: i64,
    /// How the lines are asked for.
    pub queries: OrderQueries,
    /// Whether everything is read in one transaction.
    pub transaction: bool,
}

impl Default for OrdersArguments {
    fn default() -> Self {
        Self {
            customer: 42,
            queries: OrderQueries::NPlusOne,
            transaction: false,
        }
    }
}

/// The result of `lesson_orders`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrdersResult {
    /// Whose orders.
    pub customer: i64,
    /// Lines of all orders.
    pub lines: i64,
    /// How many orders there are.
    pub orders: i64,
    /// How the lines were asked for.
    pub queries: OrderQueries,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// The statements that were sent, `BEGIN` and `COMMIT` among them.
    pub statements: i64,
    /// What the orders cost together at today's prices.
    pub total: f64,
    /// Whether everything was read in one transaction.
    pub transaction: bool,
}

/// Reads the orders.
///
/// # Errors
/// When there is no such customer, or the database cannot answer.
pub async fn read(
    arguments: OrdersArguments,
    server_type: &'static str,
    database: &Database,
) -> Result<OrdersResult, ToolError> {
    let OrdersArguments {
        customer,
        queries,
        transaction,
    } = arguments;
    check_range("customer", customer, 1, CUSTOMERS)?;
    let filter = OrderFilter {
        customer,
        queries,
        in_transaction: transaction,
    };
    let OrderPage { lines, statements } = database.find_orders(&filter).await?;
    // The lines of one order stand together.
    let orders = lines.chunk_by(|a, b| a.order_id == b.order_id).count();
    let cents = lines.iter().map(|line| line.quantity * line.price_cents);
    Ok(OrdersResult {
        customer,
        lines: super::whole(lines.len()),
        orders: super::whole(orders),
        queries,
        server_type,
        statements,
        total: units(cents.sum()),
        transaction,
    })
}
