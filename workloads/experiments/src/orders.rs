//! `experiment_orders`: the orders of a customer with their lines and products, queried in two
//! ways, in a transaction or without.
//!
//! Compares one statement for the orders plus one for the lines of each of them (N+1) with a join;
//! and shows what `BEGIN` and `COMMIT` around a read cost, in trips to the database. Both ways read
//! the same rows of the same tables over one connection, and give the same answer.

use rmcp::{
    handler::server::wrapper::{Json, Parameters},
    tool, tool_router,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use workloads::{
    catalog::units,
    database::Query,
    tools::{arguments, check_range},
};

use crate::{ExperimentError, server::Experiments};

/// The customers who have orders, from 1.
const CUSTOMERS: i64 = 100;

/// The ids of a customer's orders.
const ORDERS: &str = "SELECT id FROM experiment_orders WHERE customer = $1 ORDER BY id";

/// The lines of one order.
const LINES: &str = "\
SELECT lines.order_id, lines.product_id, lines.quantity, products.price_cents
  FROM experiment_order_lines AS lines
  JOIN products ON products.id = lines.product_id
 WHERE lines.order_id = $1
 ORDER BY lines.line";

/// The lines of all orders of a customer.
const JOINED: &str = "\
SELECT lines.order_id, lines.product_id, lines.quantity, products.price_cents
  FROM experiment_orders AS orders
  JOIN experiment_order_lines AS lines ON lines.order_id = orders.id
  JOIN products ON products.id = lines.product_id
 WHERE orders.customer = $1
 ORDER BY orders.id, lines.line";

/// How the lines of several orders are queried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OrderQueries {
    /// One query for the orders, and one more for the lines of each of them.
    NPlusOne,
    /// One query for all.
    Join,
}

/// The arguments of `experiment_orders`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OrdersArguments {
    /// Whose orders; each customer has twenty, of five lines each.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = CUSTOMERS))]
    customer: i64,
    /// How the lines are asked for.
    queries: OrderQueries,
    /// Whether everything is read in one transaction.
    transaction: bool,
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

/// The result of `experiment_orders`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OrdersResult {
    /// Whose orders.
    customer: i64,
    /// Lines of all orders.
    lines: i64,
    /// How many orders there are.
    orders: i64,
    /// How the lines were asked for.
    queries: OrderQueries,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
    /// The statements that were sent, `BEGIN` and `COMMIT` among them.
    statements: i64,
    /// What the orders cost together at today's prices.
    total: f64,
    /// Whether everything was read in one transaction.
    transaction: bool,
}

#[tool_router(router = orders_tool, vis = "pub(crate)")]
impl Experiments {
    #[tool(
        description = "Reads a customer's orders with their lines by a query for each order or by one join, in a transaction or without: what trips to the database cost.",
        annotations(
            title = "Experiment: orders",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub(crate) async fn experiment_orders(
        &self,
        Parameters(arguments): Parameters<OrdersArguments>,
    ) -> Result<Json<OrdersResult>, ExperimentError> {
        check_range("customer", arguments.customer, 1, CUSTOMERS)?;
        let app = self.app();
        let Orders { lines, statements } = app.database.run(&arguments).await?;
        // The lines of one order are adjacent.
        let orders = lines.chunk_by(|a, b| a.0 == b.0).count();
        let cents = lines.iter().map(|(.., quantity, price)| quantity * price);
        Ok(Json(OrdersResult {
            customer: arguments.customer,
            lines: arguments::count(lines.len()),
            orders: arguments::count(orders),
            queries: arguments.queries,
            server_type: app.server_type,
            statements,
            total: units(cents.sum()),
            transaction: arguments.transaction,
        }))
    }
}

/// The orders of a customer.
pub(crate) struct Orders {
    /// In the order of orders and lines.
    lines: Vec<Line>,
    /// The statements that read them, `BEGIN` and `COMMIT` among them.
    statements: i64,
}

/// A line of an order: the ids of order and product, the quantity and the price in cents.
type Line = (i64, i64, i64, i64);

impl Query for OrdersArguments {
    type Rows = Orders;

    async fn sqlite(&self, connection: &mut SqliteConnection) -> sqlx::Result<Orders> {
        sqlite::read(self, connection).await
    }

    workloads::with_postgres! {
        async fn postgres(&self, connection: &mut sqlx::PgConnection) -> sqlx::Result<Orders> {
            postgres::read(self, connection).await
        }
    }
}

/// Defines a module that reads orders over a `$connection`. The text is the same for every engine,
/// and sqlx's types are not.
macro_rules! engine {
    ($engine:ident, $connection:ty) => {
        mod $engine {
            use sqlx::Connection;

            use super::{JOINED, LINES, Line, ORDERS, OrderQueries, Orders, OrdersArguments};

            pub(super) async fn read(
                arguments: &OrdersArguments,
                connection: &mut $connection,
            ) -> sqlx::Result<Orders> {
                if !arguments.transaction {
                    return read_lines(arguments, connection).await;
                }
                let mut transaction = connection.begin().await?;
                let mut orders = read_lines(arguments, &mut transaction).await?;
                transaction.commit().await?;
                orders.statements += 2;
                Ok(orders)
            }

            async fn read_lines(
                arguments: &OrdersArguments,
                connection: &mut $connection,
            ) -> sqlx::Result<Orders> {
                let (first, each) = match arguments.queries {
                    OrderQueries::Join => (vec![arguments.customer], JOINED),
                    OrderQueries::NPlusOne => {
                        let orders = sqlx::query_scalar(ORDERS).bind(arguments.customer);
                        (orders.fetch_all(&mut *connection).await?, LINES)
                    }
                };
                let mut orders = Orders {
                    lines: Vec::new(),
                    statements: i64::from(arguments.queries == OrderQueries::NPlusOne),
                };
                for id in first {
                    let lines: Vec<Line> = sqlx::query_as(each)
                        .bind(id)
                        .fetch_all(&mut *connection)
                        .await?;
                    orders.lines.extend(lines);
                    orders.statements += 1;
                }
                Ok(orders)
            }
        }
    };
}

engine!(sqlite, ::sqlx::SqliteConnection);
workloads::with_postgres! { engine!(postgres, ::sqlx::PgConnection); }
