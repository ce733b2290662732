//! The formula of the catalogue, by hand, and the prices of its filters.

use std::collections::HashSet;

use workloads::catalog::{BRANDS, CATEGORIES, PriceRange, Product, products, units};

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
    let unique = |names: &[&str]| names.iter().collect::<HashSet<_>>().len() == names.len();
    assert!(unique(&CATEGORIES) && unique(&BRANDS));
    assert!((0..12).all(|index| unique(&Product::at(index).tags)));
}

#[test]
fn every_price_is_its_own_range() {
    for cents in 0..=100_000 {
        let range = PriceRange::new(units(cents), units(cents)).unwrap();
        assert_eq!((range.min_cents, range.max_cents), (cents, cents));
    }
}

#[test]
fn bounds_between_two_cents_shrink_the_range() {
    let range = PriceRange::new(19.991, 20.009).unwrap();
    assert_eq!((range.min_cents, range.max_cents), (2_000, 2_000));
    let empty = PriceRange::new(19.991, 19.999).unwrap();
    assert!(empty.min_cents > empty.max_cents);
}

#[test]
fn what_is_no_range_is_refused_with_the_value() {
    for bad in [-0.01, 1_000_000.01, f64::NAN, f64::INFINITY] {
        let refused = PriceRange::new(0.0, bad).unwrap_err().to_string();
        assert!(
            refused.contains("max_price must lie between 0 and 1000000"),
            "{refused}"
        );
        assert!(refused.contains(&bad.to_string()), "{refused}");
    }
    let reversed = PriceRange::new(2.0, 1.0).unwrap_err().to_string();
    assert!(
        reversed.contains("min_price 2 is above max_price 1"),
        "{reversed}"
    );
}
