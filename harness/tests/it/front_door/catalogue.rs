//! The right answers of `query_products`, worked out once more from the formula of the public
//! benchmark's catalogue and from nothing else.

use std::path::Path;

use harness::config::suite::Suite;
use serde_json::{Value, json};

use super::right_answers::{Case, assert_cents, cases, number};

/// Products of the catalogue.
pub(crate) const PRODUCTS: u32 = 100_000;

/// Product `i`, from 0, is of category `i mod 20` of these.
pub(crate) const CATEGORIES: [&str; 20] = [
    "Electronics",
    "Books",
    "Clothing",
    "Sports",
    "Home",
    "Garden",
    "Toys",
    "Food",
    "Beauty",
    "Automotive",
    "Music",
    "Movies",
    "Games",
    "Office",
    "Health",
    "Pets",
    "Travel",
    "Tools",
    "Jewelry",
    "Baby",
];

const PLACES: [&str; 10] = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
];

/// Price in cents and id of all products of the category between two prices, the cheapest first,
/// equal prices in the order of their ids.
pub(crate) fn matches(category: &str, min: f64, max: f64) -> Vec<(u32, u32)> {
    let mut found: Vec<(u32, u32)> = (0..PRODUCTS)
        .filter(|i| CATEGORIES[usize::try_from(i % 20).unwrap()] == category)
        .map(|i| (100 + i % 99_900, i + 1))
        .filter(|(cents, _)| (min..=max).contains(&(f64::from(*cents) / 100.0)))
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn the_cases_are_what_the_formula_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/query_products.toml");
    let suite = Suite::read(&path).unwrap();
    assert!(suite.cases.len() > 50, "{}", suite.cases.len());
    for case in &suite.cases {
        let number = |key: &str| case[key].as_f64().unwrap();
        let category = case["category"].as_str().unwrap();
        let found = matches(category, number("min_price"), number("max_price"));
        assert_eq!(case["total_found"], json!(found.len()), "{case:?}");
        let first_price = f64::from(found[0].0) / 100.0;
        assert!(
            (number("first_price") - first_price).abs() < 1e-9,
            "{case:?}"
        );
        for (place, (_, id)) in PLACES.iter().zip(&found) {
            assert_eq!(case[&format!("{place}_id")], json!(id), "{place}: {case:?}");
        }
    }
    let published = &suite.cases[0];
    assert_eq!(published["total_found"], Value::from(2_251));
}

#[test]
fn every_row_of_the_page_is_held_to_its_id() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/query_products.toml");
    let equals = Suite::read(&path).unwrap().expect.equals;
    for (row, place) in PLACES.iter().enumerate() {
        let pointer = format!("/structuredContent/products/{row}/id");
        assert_eq!(
            equals[&pointer],
            json!(format!("{{{place}_id}}")),
            "{pointer}"
        );
    }
}

#[test]
fn the_formats_of_query_products_hold_the_rows_of_the_catalogue() {
    let found = |case: &Case| {
        let price = |key: &str| case[key].as_f64().unwrap();
        matches(
            case["category"].as_str().unwrap(),
            price("min_price"),
            price("max_price"),
        )
    };
    for case in cases("query_products_fields") {
        let found = found(&case);
        assert_eq!(number(&case, "total_found"), found.len() as u64);
        let rows = case["products"].as_array().unwrap();
        assert_eq!(rows.len(), 10);
        for (row, (cents, id)) in rows.iter().zip(&found) {
            assert_eq!(
                (row["id"].as_u64(), row["sku"].as_str()),
                (Some((*id).into()), Some(&*format!("SKU-{id:06}")))
            );
            assert_cents(&row["price"], (*cents).into());
        }
    }
    for (name, comma, indent) in [
        ("query_products_text", ", ", ""),
        ("query_products_toon", ",", "  "),
    ] {
        for case in cases(name) {
            let rows = case["rows"].as_str().unwrap();
            let found = found(&case);
            let cells = |(cents, id): &(u32, u32)| {
                let price = f64::from(*cents) / 100.0;
                let cells = [
                    id.to_string(),
                    price.to_string(),
                    format!("SKU-{id:06}"),
                    ((id - 1) % 501).to_string(),
                ];
                format!("{indent}{}", cells.join(comma))
            };
            let wanted: Vec<String> = found.iter().take(10).map(cells).collect();
            assert!(
                rows.contains(&wanted.join("\n")),
                "{rows} has not\n{}",
                wanted.join("\n")
            );
        }
    }
}
