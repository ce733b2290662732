//! The store as a `SQLite` file: as many readers as the pool has, and one writer beside them.
//!
//! Readers never wait, because the file is in WAL mode. Writers wait for one another: in this
//! process for the one connection that writes, across processes for the file's lock. Connections
//! are opened when they are first needed, so a server whose tools never use the store does not pay
//! for it.
//!
//! A store in memory lives in one connection that all calls take turns with.

use std::ops::Range;

use sqlx::{Connection as _, QueryBuilder, SqliteConnection, SqlitePool, pool::PoolConnection};
use transports::metrics::PoolUse;

use super::{
    Cart, CartItem, Order, Popular, Progress, StoreOptions, content,
    seed::{self, Part, Seeded},
    to_json,
};
use crate::{
    pool::{PoolOptions, PoolSize, Waits},
    storage::{
        Place, Step, StorageError, StorageUrl, pool,
        sqlite::{BEGIN, Keeper, SqliteFile, checkpoint},
    },
};

const SCHEMA: &str = include_str!("../../schema/store.sqlite.sql");

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

const CLEAR: &str = "\
DELETE FROM carts; DELETE FROM orders; DELETE FROM popularity; DELETE FROM rate_counters";

/// An open `SQLite` store.
#[derive(Clone, Debug)]
pub(super) struct Sqlite {
    readers: SqlitePool,
    /// A pool of one; in memory the same one as the readers'.
    writer: SqlitePool,
    keeper: Keeper,
    place: Place,
    pool: PoolOptions,
    waits: Waits,
}

impl Sqlite {
    pub(super) async fn open(
        url: &StorageUrl,
        options: &StoreOptions,
    ) -> Result<Self, StorageError> {
        let in_memory = url.is_in_memory();
        if in_memory && options.pool.size == PoolSize::Off {
            return Err(StorageError::InMemoryWithoutPool(url.place.clone()));
        }
        let file = SqliteFile::at(url)?;
        let mut connection = file.create(SCHEMA).await?;
        let place = &url.place;
        let mut log = |Progress { what, done, total }| {
            if done == total {
                tracing::info!(%place, records = total, "seeded {what}");
            }
        };
        let filled = fill(&mut connection, false, &mut log).await;
        filled.map_err(place.failed(Step::Seed))?;
        let serving = file.options().busy_timeout(options.pool.timeout);
        let one = PoolOptions {
            size: match options.pool.size {
                PoolSize::Off => PoolSize::Off,
                PoolSize::Of(_) => PoolOptions::of(1).size,
            },
            ..options.pool
        };
        let writer = pool::settings(&one).connect_lazy_with(serving.clone());
        let readers = if in_memory {
            writer.clone()
        } else {
            let reading = serving.pragma("query_only", "ON");
            pool::settings(&options.pool).connect_lazy_with(reading)
        };
        Ok(Self {
            readers,
            writer,
            keeper: file.keep(connection).await,
            place: place.clone(),
            pool: options.pool,
            waits: Waits::default(),
        })
    }

    pub(super) async fn cart(&self, user_id: &str) -> Result<Option<Cart>, StorageError> {
        let mut reader = self.reader().await?;
        let found = sqlx::query_as::<_, (String, f64)>(FIND_CART)
            .bind(user_id)
            .fetch_optional(&mut *reader)
            .await;
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
    ) -> Result<Vec<Order>, StorageError> {
        let mut reader = self.reader().await?;
        let found = sqlx::query_as::<_, (String, String, String, f64, String)>(FIND_ORDERS)
            .bind(user_id)
            .bind(newest)
            .fetch_all(&mut *reader)
            .await;
        let rows = found.map_err(|source| self.failed(source))?.into_iter();
        rows.map(|(created, items, order_id, total, user_id)| {
            Ok(Order {
                items: self.items(&items, || format!("the order {order_id}"))?,
                created,
                order_id,
                total,
                user_id,
            })
        })
        .collect()
    }

    pub(super) async fn popular(&self, count: u32) -> Result<Vec<Popular>, StorageError> {
        let mut reader = self.reader().await?;
        let found = sqlx::query_as::<_, (i64, f64)>(FIND_POPULAR)
            .bind(count)
            .fetch_all(&mut *reader)
            .await;
        let rows = found.map_err(|source| self.failed(source))?;
        let popular = |(product_id, score)| Popular { product_id, score };
        Ok(rows.into_iter().map(popular).collect())
    }

    pub(super) async fn record_order(
        &self,
        order: &Order,
        counter: u32,
    ) -> Result<i64, StorageError> {
        let mut connection = self.writer().await?;
        let count = record(&mut connection, order, counter).await;
        count.map_err(|source| self.failed(source))
    }

    pub(super) async fn seed(
        &self,
        anew: bool,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), StorageError> {
        let mut connection = self.writer().await?;
        let filled = fill(&mut connection, anew, progress).await;
        filled.map_err(|source| self.failed(source))
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        // The last connection that leaves a file removes its write-ahead log, and a reader may not.
        self.writer.close().await;
        self.keeper.close().await;
    }

    pub(super) fn usage(&self) -> PoolUse {
        pool::usage(&self.readers, &self.waits)
    }

    async fn reader(&self) -> Result<PoolConnection<sqlx::Sqlite>, StorageError> {
        let reader = self.waits.take(self.readers.acquire()).await;
        reader.map_err(|source| self.failed(source))
    }

    async fn writer(&self) -> Result<PoolConnection<sqlx::Sqlite>, StorageError> {
        self.writer
            .acquire()
            .await
            .map_err(|source| self.failed(source))
    }

    fn items(
        &self,
        json: &str,
        name: impl FnOnce() -> String,
    ) -> Result<Vec<CartItem>, StorageError> {
        serde_json::from_str(json).map_err(|error| {
            let name = name();
            let found = format!("something as {name} that is not a list of items ({error})");
            StorageError::Foreign(self.place.clone(), found)
        })
    }

    fn failed(&self, source: sqlx::Error) -> StorageError {
        StorageError::query(&self.place, &self.pool, source)
    }
}

/// Records an order in one transaction. A call that is dropped before its end rolls it back.
async fn record(
    connection: &mut SqliteConnection,
    order: &Order,
    counter: u32,
) -> sqlx::Result<i64> {
    let items = to_json(&order.items);
    let mut transaction = connection.begin_with(BEGIN).await?;
    sqlx::query(ADD_ORDER)
        .bind(&order.created)
        .bind(&items)
        .bind(&order.order_id)
        .bind(order.total)
        .bind(&order.user_id)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(ADD_POPULARITY)
        .bind(&items)
        .execute(&mut *transaction)
        .await?;
    let count = sqlx::query_scalar(COUNT)
        .bind(counter)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(count)
}

/// Seeds an empty store, or with `anew` any, in one transaction: all of it or nothing, whatever
/// other processes do. A store with carts is complete, because they come with the rest.
async fn fill(
    connection: &mut SqliteConnection,
    anew: bool,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> sqlx::Result<()> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    if anew {
        sqlx::raw_sql(CLEAR).execute(&mut *transaction).await?;
    } else {
        let is_seeded = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM carts)");
        if is_seeded.fetch_one(&mut *transaction).await? {
            return transaction.rollback().await;
        }
    }
    seed::seed(&mut *transaction, progress).await?;
    transaction.commit().await?;
    checkpoint(connection).await
}

impl Seeded for SqliteConnection {
    type Error = sqlx::Error;

    async fn put(&mut self, part: Part, numbers: Range<u32>) -> sqlx::Result<()> {
        insert(part, numbers)
            .build()
            .execute(self)
            .await
            .map(|_| ())
    }
}

/// The statement that inserts a batch of `part`.
fn insert(part: Part, numbers: Range<u32>) -> QueryBuilder<sqlx::Sqlite> {
    let mut insert = QueryBuilder::new(match part {
        Part::Carts => "INSERT INTO carts (user_id, items, total) ",
        Part::Histories => "INSERT INTO orders (created, items, order_id, total, user_id) ",
        Part::Ranking => "INSERT INTO popularity (product_id, score) ",
        Part::RateCounters => "INSERT INTO rate_counters (number, count) ",
    });
    match part {
        Part::Carts => insert.push_values(numbers, |mut row, number| {
            let cart = content::cart(number);
            row.push_bind(content::user_id(number))
                .push_bind(to_json(&cart.items))
                .push_bind(cart.total);
        }),
        Part::Histories => {
            insert.push_values(numbers.flat_map(content::history), |mut row, order| {
                row.push_bind(order.created)
                    .push_bind(to_json(&order.items))
                    .push_bind(order.order_id)
                    .push_bind(order.total)
                    .push_bind(order.user_id);
            })
        }
        Part::Ranking => insert.push_values(numbers.map(content::popular), |mut row, popular| {
            row.push_bind(popular.product_id).push_bind(popular.score);
        }),
        Part::RateCounters => insert.push_values(numbers, |mut row, number| {
            row.push_bind(number).push_bind(0);
        }),
    };
    insert
}

/// What only this module can see: the queries' plans, and the state of the pools.
#[cfg(feature = "tokio")]
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::{AssertSqlSafe, Row as _};
    use tempfile::TempDir;
    use transports::runtime::{Handle, Tokio};

    use super::*;
    use crate::storage::Storage;

    async fn open(folder: &TempDir) -> Sqlite {
        let file = folder.path().join("deep").join("er").join("store.db");
        let options = StoreOptions {
            url: format!("sqlite:{}", file.display()),
            pool: PoolOptions {
                timeout: Duration::from_millis(300),
                ..PoolOptions::of(1)
            },
            runtime: Handle::new(Tokio),
        };
        let url = StorageUrl::parse(Storage::Store, &options.url).unwrap();
        Sqlite::open(&url, &options).await.unwrap()
    }

    #[tokio::test]
    async fn every_query_has_its_index_and_sorts_nothing() {
        let folder = TempDir::new().unwrap();
        let store = open(&folder).await;
        for (query, plan) in [
            (FIND_CART, "SEARCH carts USING PRIMARY KEY (user_id=?)"),
            (
                FIND_ORDERS,
                "SEARCH orders USING INDEX orders_by_user (user_id=?)",
            ),
            (
                FIND_POPULAR,
                "SCAN popularity USING COVERING INDEX popularity_by_score",
            ),
        ] {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
            let rows = sqlx::query(explain).fetch_all(&store.readers).await;
            let steps: Vec<String> = rows.unwrap().iter().map(|row| row.get("detail")).collect();
            assert_eq!(steps, [plan]);
        }
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let folder = TempDir::new().unwrap();
        let store = open(&folder).await;
        let delete = sqlx::query("DELETE FROM carts").execute(&store.readers);
        let refused = delete.await.unwrap_err().to_string();
        assert!(refused.contains("readonly"), "{refused}");
    }

    #[tokio::test]
    async fn an_exhausted_pool_says_so_and_recovers() {
        let folder = TempDir::new().unwrap();
        let store = open(&folder).await;
        let held = store.readers.acquire().await.unwrap();
        let refused = store.cart("user-00042").await.unwrap_err();
        assert!(
            matches!(refused, StorageError::PoolExhausted { .. }),
            "{refused}"
        );
        let message = refused.to_string();
        for part in ["0.3 s", "the pool has 1", "--store-pool", "store.db"] {
            assert!(message.contains(part), "{message}");
        }
        drop(held);
        assert!(store.cart("user-00042").await.unwrap().is_some());
    }
}
