//! What holds for every engine.

use futures::future::join_all;
use workloads::{
    catalog::{PriceRange, Product, products, units},
    database::{Database, ProductFilter, ProductRow},
    pool::{PoolOptions, PoolSize},
};

use super::place::{Place, eventually, total_found};

/// Makes a test of each of these functions for each engine.
macro_rules! contract {
    ($($case:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $case() {
                super::$case(&super::Place::sqlite()).await;
            })+
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $case() {
                super::$case(&super::Place::postgres().await).await;
            })+
        }
    };
}

contract!(
    what_is_found_is_what_the_formula_says,
    opening_again_adds_nothing,
    two_openings_at_once_fill_it_once,
    an_interrupted_seeding_is_completed,
    a_dropped_opening_is_resumed,
    a_table_that_seeding_never_leaves_is_refused,
    every_size_of_pool_answers_every_call,
    a_closed_database_says_so,
);

async fn what_is_found_is_what_the_formula_says(place: &Place) {
    let database = place.open().await.unwrap();
    for (category, min, max, limit) in [
        ("Electronics", 50.0, 500.0, 10),
        ("Baby", 0.0, 1_000_000.0, 100),
        // Prices start again after 99,900 products: two of a price, in the order of their ids.
        ("Electronics", 1.0, 1.99, 100),
        ("Books", 1.41, 1.41, 1),
        ("Garden", 2_000.0, 3_000.0, 10),
    ] {
        let price = PriceRange::new(min, max).unwrap();
        let mut expected: Vec<Product> = products()
            .filter(|product| product.category == category)
            .filter(|product| (price.min_cents..=price.max_cents).contains(&product.price_cents))
            .collect();
        expected.sort_by_key(|product| (product.price_cents, product.id));
        let filter = ProductFilter {
            category,
            price,
            limit,
        };
        let page = database.find_products(&filter).await.unwrap();
        assert_eq!(page.total_found, i64::try_from(expected.len()).unwrap());
        expected.truncate(usize::try_from(limit).unwrap());
        let expected: Vec<ProductRow> = expected.into_iter().map(row).collect();
        assert_eq!(page.products, expected, "{category} {min} to {max}");
    }
}

fn row(product: Product) -> ProductRow {
    ProductRow {
        brand: product.brand.to_owned(),
        id: product.id,
        name: product.name,
        price: units(product.price_cents),
        rating: units(product.rating_tenths * 10),
        sku: product.sku,
        stock: product.stock,
    }
}

async fn opening_again_adds_nothing(place: &Place) {
    place.open().await.unwrap().close().await;
    let database = place.open().await.unwrap();
    assert_eq!(total_found(&database).await.unwrap(), 2_251);
    assert_eq!(place.products().await, 100_000);
    let lines = place
        .number("SELECT count(*) FROM experiment_order_lines")
        .await;
    assert_eq!(lines.unwrap(), 10_000);
}

async fn two_openings_at_once_fill_it_once(place: &Place) {
    let (first, second) = tokio::join!(place.open(), place.open());
    assert_eq!(total_found(&first.unwrap()).await.unwrap(), 2_251);
    assert_eq!(total_found(&second.unwrap()).await.unwrap(), 2_251);
    assert_eq!(place.products().await, 100_000);
}

async fn an_interrupted_seeding_is_completed(place: &Place) {
    place.open().await.unwrap().close().await;
    place.execute("DELETE FROM products WHERE id > 12345").await;
    let database = place.open().await.unwrap();
    assert_eq!(total_found(&database).await.unwrap(), 2_251);
    assert_eq!(place.products().await, 100_000);
}

async fn a_dropped_opening_is_resumed(place: &Place) {
    let until_some = eventually("something is seeded", async || {
        let count = place.number("SELECT count(*) FROM products").await;
        count.unwrap_or(0) > 0
    });
    tokio::select! {
        _ = place.open() => panic!("opened before it could be dropped"),
        () = until_some => {}
    }
    let left = place.products().await;
    assert!(0 < left && left < 100_000, "{left}");
    let database = place.open().await.unwrap();
    assert_eq!(total_found(&database).await.unwrap(), 2_251);
    assert_eq!(place.products().await, 100_000);
}

async fn a_table_that_seeding_never_leaves_is_refused(place: &Place) {
    place.open().await.unwrap().close().await;
    place.execute("DELETE FROM products WHERE id = 5").await;
    let refused = place.open().await.unwrap_err().to_string();
    for part in ["99999 products", "up to 100000", "delete it"] {
        assert!(refused.contains(part), "{refused}");
    }
}

async fn every_size_of_pool_answers_every_call(place: &Place) {
    place.open().await.unwrap().close().await;
    for size in ["off", "1", "4"] {
        let size: PoolSize = size.parse().unwrap();
        let pool = PoolOptions {
            size,
            ..PoolOptions::of(1)
        };
        let database = Database::open(&place.options(pool)).await.unwrap();
        let calls = (0..20).map(|_| total_found(&database));
        for found in join_all(calls).await {
            assert_eq!(found.unwrap(), 2_251, "{size}");
        }
        database.close().await;
    }
}

async fn a_closed_database_says_so(place: &Place) {
    let database = place.open().await.unwrap();
    database.close().await;
    let refused = total_found(&database).await.unwrap_err().to_string();
    assert!(refused.contains(place.service()), "{refused}");
    assert!(refused.contains("closed"), "{refused}");
}
