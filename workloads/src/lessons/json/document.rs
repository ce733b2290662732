//! The document, and what a parser makes of it.

use std::{borrow::Cow, num::NonZeroUsize};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Parser;
use crate::catalog::{Product, products, units};

/// A list of products as JSON.
#[derive(Debug)]
pub struct Document {
    asked: NonZeroUsize,
    json: Vec<u8>,
}

/// What reading and writing a document came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Records in the document.
    pub records: usize,
    /// The sum of their `stock`.
    pub stock_total: i64,
    /// Bytes that were written again.
    pub written_bytes: usize,
}

/// One product. In the order of the names, so that a tree of values writes the same bytes.
#[derive(Debug, Deserialize, Serialize)]
struct Record<'a> {
    #[serde(borrow)]
    brand: Cow<'a, str>,
    #[serde(borrow)]
    category: Cow<'a, str>,
    #[serde(borrow)]
    description: Cow<'a, str>,
    id: i64,
    #[serde(borrow)]
    name: Cow<'a, str>,
    price: f64,
    rating: f64,
    #[serde(borrow)]
    sku: Cow<'a, str>,
    stock: i64,
    tags: Vec<Cow<'a, str>>,
    weight_grams: i64,
}

impl Document {
    /// The document of as many products, in the order of their ids, as `bytes` have room for.
    #[must_use]
    pub fn of(bytes: NonZeroUsize) -> Self {
        let mut json = Vec::with_capacity(bytes.get());
        let mut record = Vec::new();
        for product in products() {
            record.clear();
            record.push(if json.is_empty() { b'[' } else { b',' });
            // Writing strings and finite numbers to memory cannot fail.
            let written = serde_json::to_writer(&mut record, &Record::from(&product));
            if written.is_err() || json.len() + record.len() + b"]".len() > bytes.get() {
                break;
            }
            json.extend_from_slice(&record);
        }
        if json.is_empty() {
            json.push(b'[');
        }
        json.push(b']');
        Self { asked: bytes, json }
    }

    /// The length that was asked for, in bytes.
    pub(super) fn asked(&self) -> NonZeroUsize {
        self.asked
    }

    /// The text.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// Reads it with `parser`, adds up its stock, and writes it again.
    ///
    /// # Errors
    /// When the parser cannot read it, in the parser's words.
    pub fn read(&self, parser: Parser) -> Result<Reading, String> {
        match parser {
            Parser::Typed => typed(&self.json),
            Parser::Value => value(&self.json),
            #[cfg(feature = "simd-json")]
            Parser::SimdJson => simd_json(&self.json),
            #[cfg(feature = "sonic")]
            Parser::Sonic => sonic(&self.json),
        }
    }
}

impl<'a> From<&'a Product> for Record<'a> {
    fn from(product: &'a Product) -> Self {
        Self {
            brand: product.brand.into(),
            category: product.category.into(),
            description: product.description.as_str().into(),
            id: product.id,
            name: product.name.as_str().into(),
            price: units(product.price_cents),
            rating: units(product.rating_tenths * 10),
            sku: product.sku.as_str().into(),
            stock: product.stock,
            tags: product.tags.iter().map(|tag| (*tag).into()).collect(),
            weight_grams: product.weight_grams,
        }
    }
}

fn typed(json: &[u8]) -> Result<Reading, String> {
    let records: Vec<Record<'_>> = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    let written = serde_json::to_vec(&records).map_err(|e| e.to_string())?;
    Ok(reading(&records, &written))
}

/// It writes into what it reads, so it reads a copy.
#[cfg(feature = "simd-json")]
fn simd_json(json: &[u8]) -> Result<Reading, String> {
    let mut json = json.to_vec();
    let records: Vec<Record<'_>> =
        simd_json::serde::from_slice(&mut json).map_err(|e| e.to_string())?;
    let written = simd_json::serde::to_vec(&records).map_err(|e| e.to_string())?;
    Ok(reading(&records, &written))
}

#[cfg(feature = "sonic")]
fn sonic(json: &[u8]) -> Result<Reading, String> {
    let records: Vec<Record<'_>> = sonic_rs::from_slice(json).map_err(|e| e.to_string())?;
    let written = sonic_rs::to_vec(&records).map_err(|e| e.to_string())?;
    Ok(reading(&records, &written))
}

fn value(json: &[u8]) -> Result<Reading, String> {
    let tree: Value = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    let records = tree.as_array().map_or(&[][..], Vec::as_slice);
    let stock = |record: &Value| record["stock"].as_i64();
    let stock_total = records.iter().filter_map(stock).sum();
    let written = serde_json::to_vec(&tree).map_err(|e| e.to_string())?;
    Ok(Reading {
        records: records.len(),
        stock_total,
        written_bytes: written.len(),
    })
}

fn reading(records: &[Record<'_>], written: &[u8]) -> Reading {
    Reading {
        records: records.len(),
        stock_total: records.iter().map(|record| record.stock).sum(),
        written_bytes: written.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(bytes: usize) -> Document {
        Document::of(NonZeroUsize::new(bytes).unwrap())
    }

    fn records(document: &Document) -> Vec<Value> {
        serde_json::from_slice(document.json()).unwrap()
    }

    #[test]
    fn it_begins_with_the_first_product_and_ends_where_no_other_fits() {
        let document = document(100_000);
        let records = records(&document);
        assert_eq!(records[0]["sku"], "SKU-000001");
        assert_eq!(records[1]["id"], 2);
        let next = serde_json::to_vec(&Record::from(&products().nth(records.len()).unwrap()));
        let whole = document.json().len();
        assert!(whole <= 100_000);
        assert!(whole + b",".len() + next.unwrap().len() > 100_000);
    }

    #[test]
    fn every_parser_reads_the_same_and_writes_as_much() {
        let document = document(100_000);
        let records = records(&document).len();
        assert!(records > 200, "{records}");
        // The catalogue's formula: stock is the index mod 501.
        let stock_total = (0..501).cycle().take(records).sum();
        for parser in Parser::ALL {
            let expected = Reading {
                records,
                stock_total,
                written_bytes: document.json().len(),
            };
            assert_eq!(document.read(*parser).unwrap(), expected, "{parser:?}");
        }
    }

    #[test]
    fn one_too_short_for_a_record_is_an_empty_list() {
        assert_eq!(document(10).json(), b"[]");
        for parser in Parser::ALL {
            assert_eq!(document(10).read(*parser).unwrap().records, 0);
        }
    }
}
