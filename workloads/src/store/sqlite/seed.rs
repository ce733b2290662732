//! The content, put there as one transaction: all of it or nothing, whoever else seeds and whatever is killed.

use std::ops::Range;

use sqlx::{Connection as _, QueryBuilder, Sqlite, sqlite::SqliteConnection};

use super::to_json;
use crate::{
    database::sqlite::open::BEGIN,
    store::{Progress, content},
};

/// Records per statement: at most five values each, well under `SQLite`'s 32,766 parameters.
const ROWS_PER_INSERT: u32 = 1_000;

/// One table's share of the content.
struct Part {
    what: &'static str,
    /// How many there are; a history counts as one.
    total: u32,
    /// How many of them go into one statement.
    step: u32,
    insert: &'static str,
    /// Adds the rows of those with the numbers from the first to below the second.
    rows: fn(&mut QueryBuilder<Sqlite>, Range<u32>),
}

const PARTS: [Part; 4] = [
    Part {
        what: "carts",
        total: content::CARTS,
        step: ROWS_PER_INSERT,
        insert: "INSERT INTO carts (user_id, items, total) ",
        rows: |statement, numbers| {
            statement.push_values(numbers, |mut row, number| {
                let cart = content::cart(number);
                row.push_bind(content::user_id(number))
                    .push_bind(to_json(&cart.items))
                    .push_bind(cart.total);
            });
        },
    },
    Part {
        what: "histories",
        total: content::HISTORIES,
        step: ROWS_PER_INSERT / content::ORDERS_PER_HISTORY,
        insert: "INSERT INTO orders (created, items, order_id, total, user_id) ",
        rows: |statement, numbers| {
            let orders = numbers.flat_map(content::history);
            statement.push_values(orders, |mut row, order| {
                row.push_bind(order.created)
                    .push_bind(to_json(&order.items))
                    .push_bind(order.order_id)
                    .push_bind(order.total)
                    .push_bind(order.user_id);
            });
        },
    },
    Part {
        what: "products of the ranking",
        total: content::POPULAR,
        step: ROWS_PER_INSERT,
        insert: "INSERT INTO popularity (product_id, score) ",
        rows: |statement, indices| {
            statement.push_values(indices.map(content::popular), |mut row, popular| {
                row.push_bind(popular.product_id).push_bind(popular.score);
            });
        },
    },
    Part {
        what: "rate counters",
        total: content::RATE_COUNTERS,
        step: ROWS_PER_INSERT,
        insert: "INSERT INTO rate_counters (number, count) ",
        rows: |statement, numbers| {
            statement.push_values(numbers, |mut row, number| {
                row.push_bind(number).push_bind(0);
            });
        },
    },
];

/// Seeds an empty store, or with `anew` any. One with carts has everything: they come with the rest.
pub(super) async fn seed(
    connection: &mut SqliteConnection,
    anew: bool,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> sqlx::Result<()> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    if anew {
        for statement in [
            "DELETE FROM carts",
            "DELETE FROM orders",
            "DELETE FROM popularity",
            "DELETE FROM rate_counters",
        ] {
            sqlx::query(statement).execute(&mut *transaction).await?;
        }
    } else {
        let is_seeded = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM carts)");
        if is_seeded.fetch_one(&mut *transaction).await? {
            return transaction.rollback().await;
        }
    }
    for part in &PARTS {
        put(part, &mut transaction, progress).await?;
    }
    transaction.commit().await?;
    // Leaves readers a whole file instead of a log as long as it. A reader that is in the way is no reason to
    // fail: SQLite then does it later.
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(connection)
        .await?;
    Ok(())
}

async fn put(
    part: &Part,
    connection: &mut SqliteConnection,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> sqlx::Result<()> {
    for first in (0..part.total).step_by(part.step as usize) {
        let end = part.total.min(first + part.step);
        let mut statement = QueryBuilder::new(part.insert);
        (part.rows)(&mut statement, first..end);
        statement.build().execute(&mut *connection).await?;
        progress(Progress {
            what: part.what,
            done: end,
            total: part.total,
        });
    }
    Ok(())
}
