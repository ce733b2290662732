//! How far a checkout has come, and what that means for the order.

use std::time::Duration;

use super::CheckoutError;
use crate::{store::StoreError, catalog_client::CatalogClientError};

/// How far a checkout has come: each side's outcome, once there is one.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) total: Option<Result<f64, CatalogClientError>>,
    pub(super) recorded: Option<Result<i64, WriteError>>,
}

/// Why it is not known that the order is recorded.
pub(super) enum WriteError {
    Store(StoreError),
    /// The task ended without a word: it panicked, or the runtime is at its end.
    Lost,
}

impl Progress {
    /// Total and rate counter when all went well; otherwise what became of the order `order_id`.
    pub(super) fn verdict(
        self,
        order_id: &str,
        patience: Duration,
    ) -> Result<(f64, i64), CheckoutError> {
        let order_id = || order_id.to_owned();
        match (self.recorded, self.total) {
            (Some(Ok(count)), Some(Ok(total))) => Ok((total, count)),
            (Some(Ok(_)), Some(Err(source))) => Err(CheckoutError::NoTotal {
                order_id: order_id(),
                source,
            }),
            (Some(Ok(_)), None) => Err(CheckoutError::TotalLate {
                order_id: order_id(),
                patience,
            }),
            (Some(Err(WriteError::Store(source))), _) if source.may_have_written() => {
                Err(CheckoutError::Unknown {
                    order_id: order_id(),
                    source,
                })
            }
            (Some(Err(WriteError::Store(source))), _) => Err(CheckoutError::NotRecorded(source)),
            (Some(Err(WriteError::Lost)), _) => Err(CheckoutError::Lost {
                order_id: order_id(),
            }),
            (None, _) => Err(CheckoutError::StoreLate {
                order_id: order_id(),
                patience,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(3);

    fn refused() -> CatalogClientError {
        CatalogClientError::Refused {
            url: "http://upstream.example/cart/calculate".into(),
            status: 500,
            said: "tired".into(),
        }
    }

    fn no_store() -> WriteError {
        WriteError::Store(StoreError::NoCacheFolder)
    }

    fn lost() -> WriteError {
        WriteError::Store(StoreError::Unanswered {
            url: "redis://store.example".into(),
            timeout: PATIENCE,
            may_have_written: true,
        })
    }

    fn verdict(
        recorded: Option<Result<i64, WriteError>>,
        total: Option<Result<f64, CatalogClientError>>,
    ) -> Result<(f64, i64), String> {
        let progress = Progress { total, recorded };
        progress
            .verdict("order-7", PATIENCE)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_confirmed_when_it_is_recorded_and_its_total_is_known() {
        assert_eq!(verdict(Some(Ok(9)), Some(Ok(24.63))), Ok((24.63, 9)));
    }

    #[test]
    fn every_other_end_says_what_became_of_the_order() {
        for (recorded, total, says) in [
            (
                Some(Ok(9)),
                Some(Err(refused())),
                ["order-7 was recorded", "HTTP 500: tired"],
            ),
            (Some(Ok(9)), None, ["order-7 was recorded", "within 3 s"]),
            (
                Some(Err(no_store())),
                Some(Ok(1.0)),
                ["was not recorded", "store"],
            ),
            (Some(Err(no_store())), None, ["was not recorded", "store"]),
            (
                Some(Err(no_store())),
                Some(Err(refused())),
                ["was not recorded", "store"],
            ),
            (
                Some(Err(lost())),
                None,
                ["order-7 is not confirmed", "recent_history"],
            ),
            (
                Some(Err(WriteError::Lost)),
                Some(Ok(1.0)),
                ["order-7 is not confirmed", "recent_history"],
            ),
            (
                None,
                Some(Ok(1.0)),
                ["order-7 was still being recorded", "after 3 s"],
            ),
            (
                None,
                Some(Err(refused())),
                ["order-7 was still being recorded", "recent_history"],
            ),
            (
                None,
                None,
                ["order-7 was still being recorded", "recent_history"],
            ),
        ] {
            let said = verdict(recorded, total).unwrap_err();
            for part in says {
                assert!(said.contains(part), "{part:?} is missing: {said}");
            }
        }
    }
}
