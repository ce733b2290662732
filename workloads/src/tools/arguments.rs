//! What several tools have: whole numbers, and names of users.

use std::fmt;

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Unexpected, Visitor},
};

use super::ToolError;
use crate::{
    catalog::{PriceRange, category},
    store::user_number,
};

/// The largest magnitude up to which an `f64` holds every whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// How many characters of an argument an error repeats.
const SHOWN_CHARS: usize = 40;

/// Reads a whole number as JSON Schema understands `integer`: `10.0` and `1e1` are 10, 10.5 is
/// refused.
///
/// # Errors
/// When it is no whole number, or outside of `i64`.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_any(Integer)
}

/// Converts a count to the integer type of JSON Schema.
#[must_use]
pub fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Checks that `value` lies from `min` to `max`.
///
/// # Errors
/// When it does not. The error names the argument, the value and the limits.
pub fn check_range(name: &'static str, value: i64, min: i64, max: i64) -> Result<(), ToolError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(ToolError::OutOfRange {
        name,
        value,
        min,
        max,
    })
}

/// Checks the filter of products that `query_products` and `search_products` have in common. At
/// most `max_limit` products may be asked for.
pub(super) fn check_filter(
    name: &str,
    (min_price, max_price): (f64, f64),
    (limit, max_limit): (i64, i64),
) -> Result<(&'static str, PriceRange), ToolError> {
    let category = category(name).ok_or_else(|| ToolError::UnknownCategory(shown(name)))?;
    let price = PriceRange::new(min_price, max_price)?;
    check_range("limit", limit, 1, max_limit)?;
    Ok((category, price))
}

struct Integer;

impl Visitor<'_> for Integer {
    type Value = i64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<i64, E> {
        i64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the value is whole and within the range that both types hold exactly"
    )]
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<i64, E> {
        if value.fract() == 0.0 && value.abs() <= EXACT {
            return Ok(value as i64);
        }
        Err(E::invalid_value(Unexpected::Float(value), &self))
    }
}

/// The name of a user, not yet checked. The tool checks it rather than the deserializer, so that
/// the error says what a name looks like. The default is the public benchmark's user.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub(super) struct UserId(#[schemars(regex(pattern = "^user-[0-9]{5}$"))] String);

impl Default for UserId {
    fn default() -> Self {
        Self("user-00042".to_owned())
    }
}

impl From<&str> for UserId {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl UserId {
    /// The name, if it is one.
    pub(super) fn check(self) -> Result<String, ToolError> {
        if user_number(&self.0).is_some() {
            return Ok(self.0);
        }
        Err(ToolError::UnknownUser(shown(&self.0)))
    }
}

/// Returns the beginning of an argument, for an error that repeats it. An argument may have
/// megabytes.
pub(super) fn shown(argument: &str) -> String {
    argument.chars().take(SHOWN_CHARS).collect()
}
