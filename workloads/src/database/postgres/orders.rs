//! Orders out of `PostgreSQL`.

use sqlx::postgres::PgConnection;

use super::Postgres;
use crate::database::{DatabaseError, OrderFilter, OrderPage, orders::define_read};

define_read!(PgConnection);

impl Postgres {
    /// Finds a customer's orders over one connection; over another one if that is found dead.
    pub(in crate::database) async fn find_orders(
        &self,
        filter: &OrderFilter,
    ) -> Result<OrderPage, DatabaseError> {
        let filter = *filter;
        self.read(move |connection| Box::pin(read(connection, filter)))
            .await
    }
}
