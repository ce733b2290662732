//! The catalogue: 100,000 products, each computed from its index.
//!
//! The database, the catalogue API and every expected answer of a suite come from this formula, so the
//! right answer is known without the server under test. The formula is that of the public v2 benchmark,
//! which leaves brand names, tags, weight and description open: those are this project's.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_product_by_hand() {
        let first = Product::at(0);
        assert_eq!(first.id, 1);
        assert_eq!(first.sku, "SKU-000001");
        assert_eq!(first.name, "Acme Electronics Item 1");
        assert_eq!(
            (first.price_cents, first.stock, first.rating_tenths),
            (100, 0, 10)
        );
        assert_eq!(first.tags.len(), 2);
    }

    #[test]
    fn the_published_cart_products_by_hand() {
        // i = 41: 41 mod 20 = 1, 1 + 0.41, 41 mod 40 = 1; i = 1336: 1336 mod 20 = 16, 1 + 13.36,
        // 1336 - 2 x 501 = 334, 1336 - 33 x 40 = 16, 1336 mod 3 = 1.
        let a = Product::by_id(42).unwrap();
        assert_eq!(
            (a.category, a.price_cents, a.rating_tenths),
            ("Books", 141, 11)
        );
        let b = Product::by_id(1337).unwrap();
        assert_eq!(
            (
                b.category,
                b.price_cents,
                b.stock,
                b.rating_tenths,
                b.tags.len()
            ),
            ("Travel", 1_436, 334, 26, 3)
        );
    }

    #[test]
    fn prices_start_again_after_99_900_products() {
        assert_eq!(Product::at(99_899).price_cents, 99_999);
        assert_eq!(Product::at(99_900).price_cents, 100);
        let last = Product::by_id(100_000).unwrap();
        assert_eq!((last.sku.as_str(), last.price_cents), ("SKU-100000", 199));
        assert_eq!((last.category, last.stock), ("Baby", 300));
    }

    #[test]
    fn ids_outside_the_catalogue_have_no_product() {
        for id in [i64::MIN, -1, 0, 100_001, i64::MAX] {
            assert_eq!(Product::by_id(id), None, "{id}");
        }
    }

    #[test]
    fn every_category_holds_a_twentieth() {
        for category in CATEGORIES {
            let count = products().filter(|p| p.category == category).count();
            assert_eq!(count, 5_000, "{category}");
        }
    }

    #[test]
    fn names_are_not_repeated() {
        let unique = |names: &[&str]| {
            names.iter().collect::<std::collections::HashSet<_>>().len() == names.len()
        };
        assert!(unique(&CATEGORIES) && unique(&BRANDS) && unique(&TAGS));
    }
}
