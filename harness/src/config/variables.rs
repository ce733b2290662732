//! Values that vary from call to call: drawn by a seeded generator, so that every subject of every
//! run is asked the same.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::template::{self, Context, fill_value};

/// How the values of one variable are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variable {
    /// A string of this many ASCII letters and digits.
    String(Length),
    /// A whole number between these two, both included.
    Integer([i64; 2]),
    /// One of these values.
    Choice(Vec<Value>),
}

/// How long a string is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Length {
    /// So many characters.
    Of(usize),
    /// A template that a sweep fills with the number.
    Template(String),
}

/// Longest generated string: larger than any body that a server takes by default (4 MiB) would only
/// measure refusals.
const MAX_STRING: usize = 4 << 20;

impl Variable {
    /// Says what is wrong with the definition, if anything.
    ///
    /// # Errors
    /// A sentence for the file's reader.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::String(Length::Template(text)) => Err(format!(
                "string = \"{text}\" is not a number, and no sweep says which it is"
            )),
            Self::String(Length::Of(length)) if *length > MAX_STRING => Err(format!(
                "string = {length} is longer than the largest allowed, {MAX_STRING}"
            )),
            Self::Integer([low, high]) if low > high => Err(format!(
                "integer = [{low}, {high}] is empty: the lower bound comes first"
            )),
            Self::Choice(values) if values.is_empty() => {
                Err("choice = [] has nothing to choose from".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether its length is this template.
    #[must_use]
    pub fn mentions(&self, name: &str) -> bool {
        matches!(self, Self::String(Length::Template(text)) if template::mentions(text, name))
    }

    /// Puts a number in the place of a template.
    ///
    /// # Errors
    /// A sentence when the template names nothing that is a number of characters.
    pub fn fill(&mut self, context: &Context) -> Result<(), String> {
        if let Self::String(Length::Template(text)) = self {
            let filled = fill_value(&Value::String(text.clone()), context);
            let filled = filled.map_err(|error| format!("string: {error}"))?;
            let length = filled
                .as_u64()
                .and_then(|length| usize::try_from(length).ok());
            let length =
                length.ok_or_else(|| format!("string = {filled} is not a number of characters"))?;
            *self = Self::String(Length::Of(length));
        }
        Ok(())
    }

    /// The next value; a template that was never filled has none.
    fn draw(&self, generator: &mut Xoshiro256PlusPlus) -> Value {
        const LETTERS: &[u8; 62] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        match self {
            Self::String(Length::Template(_)) => Value::Null,
            Self::String(Length::Of(length)) => Value::String(
                (0..*length)
                    .map(|_| char::from(LETTERS[generator.random_range(0..LETTERS.len())]))
                    .collect(),
            ),
            Self::Integer([low, high]) => Value::from(generator.random_range(*low..=*high)),
            Self::Choice(values) => values
                .get(generator.random_range(0..values.len().max(1)))
                .cloned()
                .unwrap_or(Value::Null),
        }
    }
}

/// A source of values with a fixed seed. The algorithm (xoshiro256++) is fixed too: the same seed
/// draws the same values with every version of the harness.
#[derive(Debug)]
pub struct Generator(Xoshiro256PlusPlus);

impl Generator {
    /// A generator that starts at this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// The next value of a variable.
    pub fn draw(&mut self, variable: &Variable) -> Value {
        variable.draw(&mut self.0)
    }

    /// Puts items into an order drawn from the generator.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.0.random_range(0..=last));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Generator, Length, Variable};

    #[test]
    fn the_same_seed_draws_the_same_values() {
        let draw = |seed| {
            let mut generator = Generator::new(seed);
            [
                generator.draw(&Variable::String(Length::Of(12))),
                generator.draw(&Variable::Integer([1, 100_000])),
                generator.draw(&Variable::Choice(vec![json!("a"), json!(2)])),
            ]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn bounds_are_kept_and_nonsense_is_refused() {
        let mut generator = Generator::new(1);
        for _ in 0..200 {
            let value = generator.draw(&Variable::Integer([-2, 2])).as_i64();
            assert!(value.is_some_and(|value| (-2..=2).contains(&value)));
        }
        assert!(Variable::Integer([2, 1]).check().is_err());
        assert!(Variable::Choice(Vec::new()).check().is_err());
        assert!(Variable::String(Length::Of(5 << 20)).check().is_err());
    }

    #[test]
    fn a_shuffle_keeps_all_items_and_depends_on_the_seed() {
        let order = |seed| {
            let mut items: Vec<u8> = (0..20).collect();
            Generator::new(seed).shuffle(&mut items);
            items
        };
        let mut sorted = order(3);
        assert_eq!(order(3), sorted);
        assert_ne!(order(3), order(4));
        sorted.sort_unstable();
        assert_eq!(sorted, (0..20).collect::<Vec<u8>>());
    }
}
