//! Orders out of `PostgreSQL`.

use sqlx::postgres::PgConnection;

use super::{Postgres, is_lost};
use crate::database::{DatabaseError, OrderFilter, OrderPage, orders::define_read};

define_read!(PgConnection);

impl Postgres {
    /// Finds a customer's orders over one connection; over another one if that is found dead.
    pub(in crate::database) async fn find_orders(
        &self,
        filter: &OrderFilter,
    ) -> Result<OrderPage, DatabaseError> {
        let mut lost = 0;
        loop {
            match self.find_orders_once(filter).await {
                Err(error) if is_lost(&error) && lost < self.kept() => lost += 1,
                found => return found.map_err(|source| self.query_error(source)),
            }
        }
    }

    async fn find_orders_once(&self, filter: &OrderFilter) -> sqlx::Result<OrderPage> {
        let mut connection = self.readers.acquire().await?;
        let found = read(&mut connection, filter).await;
        if found.as_ref().is_err_and(is_lost) {
            connection.close_on_drop();
        }
        found
    }
}
