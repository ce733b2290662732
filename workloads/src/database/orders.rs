//! The orders that `lesson_orders` reads: the same rows in two shapes of queries, on either engine.
//!
//! Here are the statements and how they follow one another; which connection they go over, and what
//! becomes of one that died, is each engine's affair.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The ids of a customer's orders.
pub(super) const ORDERS: &str = "SELECT id FROM lesson_orders WHERE customer = $1 ORDER BY id";

/// The lines of one order.
pub(super) const LINES: &str = "\
SELECT lines.order_id, lines.product_id, lines.quantity, products.price_cents
  FROM lesson_order_lines AS lines
  JOIN products ON products.id = lines.product_id
 WHERE lines.order_id = $1
 ORDER BY lines.line";

/// The lines of all orders of a customer.
pub(super) const JOINED: &str = "\
SELECT lines.order_id, lines.product_id, lines.quantity, products.price_cents
  FROM lesson_orders AS orders
  JOIN lesson_order_lines AS lines ON lines.order_id = orders.id
  JOIN products ON products.id = lines.product_id
 WHERE orders.customer = $1
 ORDER BY orders.id, lines.line";

/// How the lines of several orders are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderQueries {
    /// One query for the orders, and one more for the lines of each of them.
    NPlusOne,
    /// One query for all.
    Join,
}

/// Which orders are wanted, and how they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct OrderFilter {
    /// Whose orders: 1 to 100.
    pub customer: i64,
    /// The shape of the queries.
    pub queries: OrderQueries,
    /// Whether they are asked in one transaction.
    pub in_transaction: bool,
}

/// A line of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct OrderLine {
    /// The order.
    pub order_id: i64,
    /// What was ordered.
    pub product_id: i64,
    /// How many.
    pub quantity: i64,
    /// What one costs today.
    pub price_cents: i64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPage {
    /// The lines of all orders, in the order of orders and lines.
    pub lines: Vec<OrderLine>,
    /// How many statements were sent for them, `BEGIN` and `COMMIT` among them.
    pub statements: i64,
}

/// Defines `read`, which reads orders over a connection of type `$connection`. The text is the same for every
/// engine, and sqlx's types are not.
macro_rules! define_read {
    ($connection:ty) => {
        /// Reads what `filter` asks for over `connection`.
        async fn read(
            connection: &mut $connection,
            filter: $crate::database::OrderFilter,
        ) -> sqlx::Result<$crate::database::OrderPage> {
            if !filter.in_transaction {
                return read_lines(connection, filter).await;
            }
            let mut transaction = sqlx::Connection::begin(connection).await?;
            let mut page = read_lines(&mut transaction, filter).await?;
            transaction.commit().await?;
            page.statements += 2;
            Ok(page)
        }

        async fn read_lines(
            connection: &mut $connection,
            filter: $crate::database::OrderFilter,
        ) -> sqlx::Result<$crate::database::OrderPage> {
            use $crate::database::{OrderLine, OrderPage, OrderQueries, orders};

            if filter.queries == OrderQueries::Join {
                let lines = sqlx::query_as(orders::JOINED)
                    .bind(filter.customer)
                    .fetch_all(connection)
                    .await?;
                return Ok(OrderPage {
                    lines,
                    statements: 1,
                });
            }
            let ids: Vec<i64> = sqlx::query_scalar(orders::ORDERS)
                .bind(filter.customer)
                .fetch_all(&mut *connection)
                .await?;
            let mut page = OrderPage {
                lines: Vec::new(),
                statements: 1,
            };
            for id in ids {
                let of_one: Vec<OrderLine> = sqlx::query_as(orders::LINES)
                    .bind(id)
                    .fetch_all(&mut *connection)
                    .await?;
                page.lines.extend(of_one);
                page.statements += 1;
            }
            Ok(page)
        }
    };
}

pub(super) use define_read;
