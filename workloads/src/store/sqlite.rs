//! The store as a `SQLite` file: as many readers as the pool has, and one writer beside them.
//!
//! The file is in WAL mode, so that readers never wait. Writers do, for one another: in this process for the one
//! connection that writes, across processes for the file's lock. Connections are opened when they are first
//! needed, so that a server whose tools never ask the store does not pay for it.
//!
//! A store in memory lives in one connection that everybody takes turns with.

mod lent;
mod open;
mod seed;

use std::sync::Arc;

use lent::Connections;
use sqlx::{Connection as _, sqlite::SqliteConnection};

use super::{
    Cart, CartItem, Order, Popular, Progress, StoreError, StoreOptions, content, user_number,
};
use crate::database::sqlite::open::{BEGIN, is_locked};

const FIND_CART: &str = "SELECT items, total FROM carts WHERE user_id = ?1";

const FIND_ORDERS: &str = "\
SELECT created, items, order_id, total, user_id
  FROM orders
 WHERE user_id = ?1
 ORDER BY sequence DESC
 LIMIT ?2";

const FIND_POPULAR: &str = "\
SELECT product_id, score
  FROM popularity
 ORDER BY score DESC, CAST(product_id AS TEXT) DESC
 LIMIT ?1";

const ADD_ORDER: &str = "\
INSERT INTO orders (created, items, order_id, total, user_id) VALUES (?1, ?2, ?3, ?4, ?5)";

/// `WHERE true` keeps the parser from taking `ON CONFLICT` for a join's condition.
const ADD_POPULARITY: &str = "\
INSERT INTO popularity (product_id, score)
SELECT value ->> 'product_id', value ->> 'quantity' FROM json_each(?1) WHERE true
    ON CONFLICT (product_id) DO UPDATE SET score = score + excluded.score";

const COUNT: &str = "\
INSERT INTO rate_counters (number, count) VALUES (?1, 1)
    ON CONFLICT (number) DO UPDATE SET count = count + 1
RETURNING count";

/// An open `SQLite` store.
#[derive(Clone, Debug)]
pub(super) struct Sqlite {
    connections: Arc<Connections>,
}

#[derive(sqlx::FromRow)]
struct OrderRow {
    created: String,
    items: String,
    order_id: String,
    total: f64,
    user_id: String,
}

impl Sqlite {
    pub(super) async fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        let connections = open::open(options).await?;
        Ok(Self {
            connections: Arc::new(connections),
        })
    }

    pub(super) async fn cart(&self, user_id: &str) -> Result<Option<Cart>, StoreError> {
        let mut lent = self.connections.reader().await?;
        let found = sqlx::query_as::<_, (String, f64)>(FIND_CART)
            .bind(user_id)
            .fetch_optional(lent.connection())
            .await;
        lent.give_back().await;
        let Some((items, total)) = found.map_err(|source| self.failed(source))? else {
            return Ok(None);
        };
        let items = self.items(&items, || format!("the cart of {user_id}"))?;
        Ok(Some(Cart { items, total }))
    }

    pub(super) async fn history(
        &self,
        user_id: &str,
        newest: u32,
    ) -> Result<Vec<Order>, StoreError> {
        let mut lent = self.connections.reader().await?;
        let found = sqlx::query_as::<_, OrderRow>(FIND_ORDERS)
            .bind(user_id)
            .bind(newest)
            .fetch_all(lent.connection())
            .await;
        lent.give_back().await;
        let rows = found.map_err(|source| self.failed(source))?;
        rows.into_iter().map(|row| self.order(row)).collect()
    }

    pub(super) async fn popular(&self, count: u32) -> Result<Vec<Popular>, StoreError> {
        let mut lent = self.connections.reader().await?;
        let found = sqlx::query_as::<_, (i64, f64)>(FIND_POPULAR)
            .bind(count)
            .fetch_all(lent.connection())
            .await;
        lent.give_back().await;
        let rows = found.map_err(|source| self.failed(source))?;
        let popular = |(product_id, score)| Popular { product_id, score };
        Ok(rows.into_iter().map(popular).collect())
    }

    pub(super) async fn record_order(&self, order: &Order) -> Result<i64, StoreError> {
        let number = user_number(&order.user_id).ok_or_else(|| StoreError::UserId {
            user_id: order.user_id.clone(),
        })?;
        let items = to_json(&order.items);
        let mut lent = self.connections.writer().await?;
        let counted = record(lent.connection(), order, &items, number).await;
        lent.give_back().await;
        counted.map_err(|source| self.failed(source))
    }

    pub(super) async fn seed(
        &self,
        anew: bool,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), StoreError> {
        let mut lent = self.connections.writer().await?;
        let seeded = seed::seed(lent.connection(), anew, progress).await;
        lent.give_back().await;
        seeded.map_err(|source| self.failed(source))
    }

    pub(super) async fn close(&self) {
        self.connections.close().await;
    }

    fn order(&self, row: OrderRow) -> Result<Order, StoreError> {
        Ok(Order {
            items: self.items(&row.items, || format!("the order {}", row.order_id))?,
            created: row.created,
            order_id: row.order_id,
            total: row.total,
            user_id: row.user_id,
        })
    }

    fn items(&self, json: &str, key: impl FnOnce() -> String) -> Result<Vec<CartItem>, StoreError> {
        serde_json::from_str(json).map_err(|error| StoreError::NotOurs {
            url: self.connections.url().to_owned(),
            key: key(),
            expected: "a list of items",
            reason: error.to_string(),
        })
    }

    fn failed(&self, source: sqlx::Error) -> StoreError {
        let url = self.connections.url().to_owned();
        if is_locked(&source) {
            let timeout = self.connections.timeout();
            return StoreError::Locked { url, timeout };
        }
        StoreError::Query { url, source }
    }
}

/// All of an order in one transaction; dropped before its end, it is rolled back.
async fn record(
    connection: &mut SqliteConnection,
    order: &Order,
    items: &str,
    user_number: u32,
) -> sqlx::Result<i64> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    sqlx::query(ADD_ORDER)
        .bind(&order.created)
        .bind(items)
        .bind(&order.order_id)
        .bind(order.total)
        .bind(&order.user_id)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(ADD_POPULARITY)
        .bind(items)
        .execute(&mut *transaction)
        .await?;
    let count = sqlx::query_scalar(COUNT)
        .bind(content::rate_counter(user_number))
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(count)
}

/// `items` as they are stored.
fn to_json(items: &[CartItem]) -> String {
    serde_json::json!(items).to_string()
}

#[cfg(feature = "tokio")]
#[cfg(test)]
mod tests;
