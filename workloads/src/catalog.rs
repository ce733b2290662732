//! The catalogue: 100,000 products, each computed from its index.
//!
//! The database, the catalogue API and every expected answer of a suite come from this formula, so
//! the right answer is known without the server under test. The formula is that of the public v2
//! benchmark, which leaves brand names, tags, weight and description open: those are this
//! project's.

mod contract;
mod names;
mod price;

pub use contract::{
    JSON_BYTES, MAX_CART_ITEMS, MAX_CART_QUANTITY, MAX_DELAY_MS, MAX_PAYLOAD_BYTES,
    MAX_SEARCH_LIMIT, MIN_PAYLOAD_BYTES, TEXT_BYTES,
};
use names::TAGS;
pub use names::{BRANDS, CATEGORIES};
pub use price::{MAX_PRICE, PriceError, PriceRange, units};

/// How many products there are. Their ids run from 1 to this.
pub const PRODUCT_COUNT: u32 = 100_000;

/// The number of products after which the prices repeat.
const PRICE_PERIOD: i64 = 99_900;

/// One product. Amounts are exact integers; [`units`] gives the decimal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// 1 to [`PRODUCT_COUNT`].
    pub id: i64,
    /// `SKU-` and the id in six digits.
    pub sku: String,
    /// Brand, category and id, for people.
    pub name: String,
    /// One of [`CATEGORIES`].
    pub category: &'static str,
    /// One of [`BRANDS`].
    pub brand: &'static str,
    /// 100 to 99,999 cents.
    pub price_cents: i64,
    /// 0 to 500 pieces.
    pub stock: i64,
    /// 10 to 49 tenths of a point.
    pub rating_tenths: i64,
    /// Two to four words.
    pub tags: Vec<&'static str>,
    /// 100 to 5,099 grams.
    pub weight_grams: i64,
    /// A sentence for people.
    pub description: String,
}

impl Product {
    /// The product of `index`, which is one less than its id.
    #[must_use]
    pub fn at(index: u32) -> Self {
        let i = i64::from(index);
        let id = i + 1;
        let category = pick(&CATEGORIES, index);
        let brand = pick(&BRANDS, index);
        Self {
            id,
            sku: format!("SKU-{id:06}"),
            name: format!("{brand} {category} Item {id}"),
            category,
            brand,
            price_cents: 100 + i % PRICE_PERIOD,
            stock: i % 501,
            rating_tenths: 10 + i % 40,
            tags: (0..2 + index % 3).map(|n| pick(&TAGS, index + n)).collect(),
            weight_grams: 100 + i % 5_000,
            description: format!("{brand} makes this for everyone who looks under {category}."),
        }
    }

    /// The product with `id`, if there is one.
    #[must_use]
    pub fn by_id(id: i64) -> Option<Self> {
        let index = u32::try_from(id.checked_sub(1)?).ok()?;
        (index < PRODUCT_COUNT).then(|| Self::at(index))
    }
}

/// All products in the order of their ids.
pub fn products() -> impl Iterator<Item = Product> {
    (0..PRODUCT_COUNT).map(Product::at)
}

/// The entry of [`CATEGORIES`] that equals `name`.
#[must_use]
pub fn category(name: &str) -> Option<&'static str> {
    CATEGORIES.into_iter().find(|known| *known == name)
}

fn pick<const N: usize>(list: &[&'static str; N], index: u32) -> &'static str {
    list[index as usize % N]
}
