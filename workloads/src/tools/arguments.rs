//! How numbers are read from arguments.

use std::fmt;

use serde::{
    Deserializer,
    de::{self, Unexpected, Visitor},
};

/// The largest magnitude up to which an `f64` holds every whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads a whole number as JSON Schema understands `integer`: `10.0` and `1e1` are 10, 10.5 is none.
pub(crate) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_any(Integer)
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

#[cfg(test)]
mod tests {
    fn read(json: &str) -> Result<i64, serde_json::Error> {
        super::integer(&mut serde_json::Deserializer::from_str(json))
    }

    #[test]
    fn whole_numbers_in_any_notation() {
        for (json, value) in [("10", 10), ("-3", -3), ("10.0", 10), ("1e1", 10)] {
            assert_eq!(read(json).unwrap(), value, "{json}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_value() {
        for json in ["10.5", "18446744073709551615", "1e300"] {
            let refused = read(json).unwrap_err().to_string();
            assert!(refused.contains("expected a whole number"), "{refused}");
        }
        let refused = read("\"ten\"").unwrap_err().to_string();
        assert!(refused.contains("string \"ten\""), "{refused}");
    }
}
