//! Orders out of `SQLite`.

use sqlx::sqlite::SqliteConnection;

use super::Sqlite;
use crate::database::{DatabaseError, OrderFilter, OrderPage, orders::define_read};

define_read!(SqliteConnection);

impl Sqlite {
    /// Finds a customer's orders over one connection.
    pub(in crate::database) async fn find_orders(
        &self,
        filter: &OrderFilter,
    ) -> Result<OrderPage, DatabaseError> {
        let found = async {
            let mut connection = self.readers.acquire().await?;
            read(&mut connection, *filter).await
        };
        found.await.map_err(|source| self.query_error(source))
    }
}
