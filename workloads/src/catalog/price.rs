//! Prices: integers of cents in the program, decimal units in JSON.

/// The highest price that a filter may name, in units. Every product costs less than 1,000; the
/// bound keeps the conversion to cents exact.
pub const MAX_PRICE: f64 = 1_000_000.0;

/// A closed range of prices in cents. It may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceRange {
    /// The lowest price in the range.
    pub min_cents: i64,
    /// The highest price in the range.
    pub max_cents: i64,
}

/// The reason why two prices make no range.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum PriceError {
    /// The argument of this name and value is not a price.
    #[error("{0} must lie between 0 and {MAX_PRICE}, not {1}")]
    OutOfBounds(&'static str, f64),
    /// The lower bound is above the upper bound.
    #[error("min_price {0} is above max_price {1}; swap them or widen the range")]
    Reversed(f64, f64),
}

impl PriceRange {
    /// The prices that are at least `min_price` and at most `max_price`, both in units.
    ///
    /// # Errors
    /// When a price is negative, above [`MAX_PRICE`] or not a number, or the first is above the second.
    pub fn new(min_price: f64, max_price: f64) -> Result<Self, PriceError> {
        for (name, value) in [("min_price", min_price), ("max_price", max_price)] {
            if !(0.0..=MAX_PRICE).contains(&value) {
                return Err(PriceError::OutOfBounds(name, value));
            }
        }
        if min_price > max_price {
            return Err(PriceError::Reversed(min_price, max_price));
        }
        Ok(Self {
            min_cents: first_cent_from(min_price),
            max_cents: last_cent_to(max_price),
        })
    }
}

/// Returns `hundredths / 100` as the nearest `f64`, the form of amounts in JSON.
#[must_use]
pub fn units(hundredths: i64) -> f64 {
    hundredths as f64 / 100.0
}

/// The lowest number of cents whose decimal form is not below `price`. The comparison with that
/// form keeps 19.99, which is slightly less as an `f64`, at 1,999 cents; multiplication alone would
/// not.
fn first_cent_from(price: f64) -> i64 {
    let nearest = nearest_cent(price);
    if units(nearest) < price {
        nearest + 1
    } else {
        nearest
    }
}

/// The highest number of cents whose decimal form is not above `price`.
fn last_cent_to(price: f64) -> i64 {
    let nearest = nearest_cent(price);
    if units(nearest) > price {
        nearest - 1
    } else {
        nearest
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "callers have checked that the price lies between 0 and MAX_PRICE"
)]
fn nearest_cent(price: f64) -> i64 {
    (price * 100.0).round() as i64
}
