//! The right answers of the suites, worked out once more from the formulas that the tools' services
//! are made by, and from nothing else.

use std::collections::BTreeMap;

use harness::config::suite::Suite;
use serde_json::{Value, json};

use super::catalogue::{CATEGORIES, PRODUCTS, matches};
use super::support::own;

pub(crate) type Case = BTreeMap<String, Value>;

fn suite(name: &str) -> Suite {
    Suite::read(&own(&format!("suites/{name}.toml"))).unwrap()
}

pub(crate) fn cases(name: &str) -> Vec<Case> {
    let cases = suite(name).cases;
    assert!(cases.len() > 2, "{name}");
    cases
}

pub(crate) fn number(case: &Case, key: &str) -> u64 {
    case[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key} of {case:?}"))
}

/// Holds an amount against whole cents.
#[track_caller]
pub(crate) fn assert_cents(value: &Value, cents: u64) {
    let units = value.as_f64().unwrap();
    assert!(
        (units * 100.0 - cents as f64).abs() < 1e-4,
        "{units} is not {cents} cents"
    );
}

/// The price of the product with this id, in cents.
fn cents(id: u64) -> u64 {
    100 + (id - 1) % 99_900
}

/// Items of a cart as JSON, to product and quantity.
fn items(case: &Case) -> Vec<(u64, u64)> {
    let pair = |item: &Value| (item["product_id"].as_u64(), item["quantity"].as_u64());
    let items = case["items"].as_array().unwrap().iter().map(pair);
    items
        .map(|(id, quantity)| (id.unwrap(), quantity.unwrap()))
        .collect()
}

fn user(case: &Case) -> u64 {
    case["user"]
        .as_str()
        .unwrap()
        .trim_start_matches("user-")
        .parse()
        .unwrap()
}

/// The ids of the most popular products, the most popular first.
fn popular() -> Vec<u64> {
    let mut scores: Vec<(u64, u64)> = (1..=u64::from(PRODUCTS))
        .map(|id| (id * 7_919 % 100_003, id))
        .collect();
    scores.sort_unstable();
    scores.iter().rev().take(10).map(|(_, id)| *id).collect()
}

#[test]
fn search_products_finds_what_the_catalogue_has_and_ranks_it() {
    let popular = popular();
    let mut ranked = 0;
    let cases = cases("search_products");
    assert_eq!(
        number(&cases[0], "total_found"),
        2_251,
        "the published case"
    );
    for case in cases {
        let price = |key: &str| case[key].as_f64().unwrap();
        let category = case["category"].as_str().unwrap();
        let found = matches(category, price("min_price"), price("max_price"));
        assert_eq!(number(&case, "total_found"), found.len() as u64, "{case:?}");
        assert_cents(&case["first_price"], found[0].0.into());
        for (key, at) in [("first_id", 0), ("second_id", 1), ("tenth_id", 9)] {
            assert_eq!(
                number(&case, key),
                u64::from(found[at].1),
                "{key} of {case:?}"
            );
        }
        let place = popular.iter().position(|id| *id == u64::from(found[0].1));
        let rank = place.map_or(0, |at| at as u64 + 1);
        assert_eq!(number(&case, "first_rank"), rank, "{case:?}");
        ranked += rank;
    }
    assert!(ranked > 0, "no case shows a rank");
    let expected = &suite("search_products").expect.equals["/structuredContent/top10_popular_ids"];
    assert_eq!(*expected, json!(popular));
}

#[test]
fn get_user_cart_finds_the_carts_and_histories_of_the_formula() {
    let cases = cases("get_user_cart");
    assert_eq!(user(&cases[0]), 42, "the published user");
    for case in cases {
        let n = user(&case);
        assert!(n < 1_000, "user {n} has no history");
        let wanted: Vec<(u64, u64)> = (0..=n % 5)
            .map(|k| (1 + (37 * n + 101 * k) % 100_000, 1 + (n + k) % 3))
            .collect();
        assert_eq!(items(&case), wanted);
        assert_eq!(number(&case, "count"), wanted.len() as u64);
        assert_cents(
            &case["total"],
            wanted.iter().map(|(id, q)| cents(*id) * q).sum(),
        );
        assert_eq!(case["newest"], format!("order-{n:05}-19"));
        assert_eq!(case["fifth"], format!("order-{n:05}-15"));
    }
}

#[test]
fn checkout_sums_up_and_leaves_the_other_suites_answers_alone() {
    let half_up = |amount: u64, thousandths: u64| (amount * thousandths + 500) / 1_000;
    for case in cases("checkout") {
        let items = items(&case);
        assert_eq!(number(&case, "count"), items.len() as u64);
        let subtotal: u64 = items
            .iter()
            .map(|(id, quantity)| cents(*id) * quantity)
            .sum();
        let (discount, shipping) = match subtotal {
            10_000.. => (half_up(subtotal, 100), 0),
            _ => (0, 599),
        };
        let left = subtotal - discount;
        assert_cents(&case["total"], left + half_up(left, 85) + shipping);
        assert!(
            user(&case) >= 1_000,
            "get_user_cart looks at the histories below"
        );
        for (id, _) in items {
            let score = id * 7_919 % 100_003;
            assert!(
                score < 95_000,
                "a few purchases would make {id} one of the ten most popular"
            );
        }
    }
    assert!(suite("checkout").changes_store);
}

#[test]
fn aggregate_json_and_scan_text_add_up_what_the_upstream_serves() {
    for case in cases("aggregate_json") {
        let records = (number(&case, "bytes") - 13) / 200;
        let mut by_category: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
        for i in 0..records {
            let (cents, quantity) = (100 + i * 37 % 9_900, 1 + i % 50);
            if i % 3 != 0 && cents >= 5_000 {
                let category = CATEGORIES[usize::try_from(i % 20).unwrap()];
                let sum = by_category.entry(category).or_default();
                *sum = (sum.0 + 1, sum.1 + quantity, sum.2 + cents * quantity);
            }
        }
        let all = by_category
            .values()
            .fold((0, 0, 0), |all: (u64, u64, u64), one| {
                (all.0 + one.0, all.1 + one.1, all.2 + one.2)
            });
        assert_eq!(number(&case, "records"), records);
        assert_eq!(
            (number(&case, "matched"), number(&case, "quantity")),
            (all.0, all.1)
        );
        assert_cents(&case["revenue"], all.2);
        assert_eq!(number(&case, "categories"), by_category.len() as u64);
        let (name, first) = by_category.first_key_value().unwrap();
        assert_eq!(
            (case["first"].as_str(), number(&case, "first_matched")),
            (Some(*name), first.0)
        );
        assert_cents(&case["first_revenue"], first.2);
    }
    for case in cases("scan_text") {
        let lines = number(&case, "bytes") / 100;
        let errors = (0..lines).step_by(10);
        let ms = |i: u64| i * 13 % 1_000;
        let first = || errors.clone().filter(|i| i % 7 == 0);
        assert_eq!(number(&case, "lines"), lines);
        assert_eq!(number(&case, "errors"), errors.clone().count() as u64);
        assert_eq!(
            number(&case, "total_ms"),
            errors.clone().map(ms).sum::<u64>()
        );
        assert_eq!(number(&case, "services"), 7);
        assert_eq!(number(&case, "first_errors"), first().count() as u64);
        assert_eq!(number(&case, "first_ms"), first().map(ms).sum::<u64>());
    }
}

#[test]
fn stream_report_counts_the_stock_and_has_a_progress_token() {
    for case in cases("stream_report") {
        let rows = number(&case, "rows");
        assert_eq!(
            number(&case, "stock"),
            (0..rows).map(|i| i % 501).sum::<u64>()
        );
        assert_cents(
            &case["stock_value"],
            (0..rows).map(|i| i % 501 * cents(i + 1)).sum(),
        );
    }
    assert!(suite("stream_report").meta.contains_key("progressToken"));
}

#[test]
fn process_json_data_turns_strings_into_capitals() {
    fn capitals(value: &Value) -> Value {
        match value {
            Value::String(text) => Value::from(text.to_uppercase()),
            Value::Array(items) => items.iter().map(capitals).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(key, value)| (key.clone(), capitals(value)))
                .collect(),
            other => other.clone(),
        }
    }
    for case in cases("process_json_data") {
        assert_eq!(case["transformed"], capitals(&case["data"]));
        let keys: Vec<&String> = case["data"].as_object().unwrap().keys().collect();
        assert_eq!(case["keys"], json!(keys));
    }
}

#[test]
fn every_tool_has_a_suite_and_the_usual_run_asks_four_of_them() {
    let suites = Suite::read_folder(&own("suites")).unwrap();
    let steps: Vec<_> = suites.values().flat_map(Suite::steps).collect();
    let tools: std::collections::BTreeSet<&str> = steps
        .iter()
        .map(|step| step.tool.as_str())
        .filter(|tool| !tool.is_empty())
        .collect();
    let all = [
        "aggregate_json",
        "calculate_fibonacci",
        "checkout",
        "echo",
        "fetch_external_data",
        "get_user_cart",
        "process_json_data",
        "query_products",
        "scan_text",
        "search_products",
        "simulate_database_query",
        "stream_report",
    ];
    assert_eq!(tools.into_iter().collect::<Vec<_>>(), all);
    let (few, many): (Vec<_>, Vec<_>) = suites
        .iter()
        .filter(|(_, suite)| !suite.on_request)
        .partition(|(_, suite)| suite.from_cores.is_none());
    // What wants many cores is left out on a machine with fewer.
    assert!(!many.is_empty() && many.iter().all(|(name, _)| name.starts_with("cores-")));
    assert_eq!(
        few.into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
        [
            "calculate_fibonacci",
            "echo",
            "fetch_external_data",
            "query_products"
        ]
    );
}
