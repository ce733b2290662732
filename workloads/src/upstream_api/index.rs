//! The catalogue as the API serves it: serialised, and sorted by price within each category.

use std::{
    ops::Range,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use serde::Serialize;

use crate::catalog::{CATEGORIES, PRODUCT_COUNT, PriceRange, Product, products, units};

/// All products, ready to be sent.
pub(super) struct Index {
    /// The JSON of every product, one after the other.
    json: Bytes,
    /// Where product `i`'s JSON begins; the next entry is where it ends.
    starts: Vec<usize>,
    /// Price in cents and index of every product of each category, sorted.
    by_category: Vec<Shelf>,
    /// The same of all products.
    all: Shelf,
}

type Shelf = Vec<(i64, u32)>;

/// A product as the API writes it.
#[derive(Serialize)]
struct ProductJson<'a> {
    id: i64,
    sku: &'a str,
    name: &'a str,
    category: &'a str,
    brand: &'a str,
    price: f64,
    stock: i64,
    rating: f64,
    tags: &'a [&'static str],
    weight: f64,
    description: &'a str,
}

impl Index {
    /// The index of this process, made on first use.
    pub(super) fn shared() -> Arc<Self> {
        static SHARED: LazyLock<Arc<Index>> = LazyLock::new(|| Arc::new(Index::new()));
        SHARED.clone()
    }

    fn new() -> Self {
        let mut json = Vec::with_capacity(PRODUCT_COUNT as usize * 350);
        let mut starts = Vec::with_capacity(PRODUCT_COUNT as usize + 1);
        let mut by_category = vec![Shelf::new(); CATEGORIES.len()];
        let mut all = Shelf::with_capacity(PRODUCT_COUNT as usize);
        for (index, product) in (0..).zip(products()) {
            starts.push(json.len());
            json.extend_from_slice(&serialise(&product));
            let entry = (product.price_cents, index);
            by_category[index as usize % CATEGORIES.len()].push(entry);
            all.push(entry);
        }
        starts.push(json.len());
        for shelf in by_category.iter_mut().chain([&mut all]) {
            shelf.sort_unstable();
        }
        Self {
            json: json.into(),
            starts,
            by_category,
            all,
        }
    }

    /// The JSON of the product with `id`, shared, not copied.
    pub(super) fn product(&self, id: u64) -> Option<Bytes> {
        let index = u32::try_from(id.checked_sub(1)?).ok()?;
        (index < PRODUCT_COUNT).then(|| self.json.slice(self.span(index)))
    }

    /// The products of `category` (`None`: of all) with a price in `range`, cheapest first, those of
    /// equal price in the order of their ids.
    pub(super) fn search(&self, category: Option<&'static str>, range: PriceRange) -> Found<'_> {
        let sorted = category
            .and_then(|name| CATEGORIES.iter().position(|known| *known == name))
            .map_or(&self.all, |at| &self.by_category[at]);
        let first = sorted.partition_point(|(cents, _)| *cents < range.min_cents);
        let end = sorted.partition_point(|(cents, _)| *cents <= range.max_cents);
        Found {
            index: self,
            // A range between two cents ends before it begins.
            entries: &sorted[first..end.max(first)],
        }
    }

    fn span(&self, index: u32) -> Range<usize> {
        let index = index as usize;
        self.starts[index]..self.starts[index + 1]
    }
}

/// What a search found.
pub(super) struct Found<'a> {
    index: &'a Index,
    entries: &'a [(i64, u32)],
}

impl<'a> Found<'a> {
    /// How many products there are in all.
    pub(super) fn total(&self) -> usize {
        self.entries.len()
    }

    /// The JSON of the first `limit` products.
    pub(super) fn first(&self, limit: usize) -> impl Iterator<Item = &'a [u8]> {
        let index = self.index;
        self.entries
            .iter()
            .take(limit)
            .map(|(_, product)| &index.json[index.span(*product)])
    }
}

fn serialise(product: &Product) -> Vec<u8> {
    let json = ProductJson {
        id: product.id,
        sku: &product.sku,
        name: &product.name,
        category: product.category,
        brand: product.brand,
        price: units(product.price_cents),
        stock: product.stock,
        rating: units(product.rating_tenths * 10),
        tags: &product.tags,
        weight: product.weight_grams as f64 / 1_000.0,
        description: &product.description,
    };
    match serde_json::to_vec(&json) {
        Ok(json) => json,
        Err(error) => unreachable!("strings and finite numbers always serialise: {error}"),
    }
}
