//! What holds for every engine.

use futures::future::join_all;
use workloads::{
    catalog::{PriceRange, Product, products, units},
    database::{Database, OrderFilter, OrderLine, OrderQueries, ProductFilter, ProductRow},
    pool::{PoolOptions, PoolSize},
};

use crate::place::{Place, total_found};

/// Makes a test of each of these functions for each engine.
macro_rules! contract {
    ($($case:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $case() {
                crate::contract::$case(&crate::place::Place::sqlite()).await;
            })+
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $case() {
                crate::contract::$case(&crate::place::Place::postgres().await).await;
            })+
        }
    };
}

pub(crate) async fn what_is_found_is_what_the_formula_says(place: &Place) {
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

pub(crate) async fn opening_again_adds_nothing(place: &Place) {
    place.open().await.unwrap().close().await;
    let database = place.open().await.unwrap();
    assert_eq!(total_found(&database).await.unwrap(), 2_251);
    assert_eq!(place.products().await, 100_000);
}

pub(crate) async fn two_openings_at_once_fill_it_once(place: &Place) {
    let (first, second) = tokio::join!(place.open(), place.open());
    assert_eq!(total_found(&first.unwrap()).await.unwrap(), 2_251);
    assert_eq!(total_found(&second.unwrap()).await.unwrap(), 2_251);
    assert_eq!(place.products().await, 100_000);
}

pub(crate) async fn an_interrupted_seeding_is_completed(place: &Place) {
    place.open().await.unwrap().close().await;
    place.execute("DELETE FROM products WHERE id > 12345").await;
    let database = place.open().await.unwrap();
    assert_eq!(total_found(&database).await.unwrap(), 2_251);
    assert_eq!(place.products().await, 100_000);
}

pub(crate) async fn a_table_that_seeding_never_leaves_is_refused(place: &Place) {
    place.open().await.unwrap().close().await;
    place.execute("DELETE FROM products WHERE id = 5").await;
    let refused = place.open().await.unwrap_err().to_string();
    for part in ["99999 products", "up to 100000", "delete it"] {
        assert!(refused.contains(part), "{refused}");
    }
}

pub(crate) async fn every_size_of_pool_answers_everybody(place: &Place) {
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

/// The migrations' formula, worked out beside them.
fn order_lines(customer: i64) -> Vec<OrderLine> {
    let lines = (customer..=2_000).step_by(100).flat_map(|order| {
        (1..=5).map(move |line| {
            let product_id = (order * 5 + line) * 7_919 % 100_000 + 1;
            OrderLine {
                order_id: order,
                product_id,
                quantity: (order + line) % 5 + 1,
                price_cents: Product::by_id(product_id).unwrap().price_cents,
            }
        })
    });
    lines.collect()
}

pub(crate) async fn orders_are_the_same_in_every_shape(place: &Place) {
    let database = place.open().await.unwrap();
    for customer in [1, 42, 100] {
        for (queries, in_transaction, statements) in [
            (OrderQueries::NPlusOne, false, 21),
            (OrderQueries::NPlusOne, true, 23),
            (OrderQueries::Join, false, 1),
            (OrderQueries::Join, true, 3),
        ] {
            let filter = OrderFilter {
                customer,
                queries,
                in_transaction,
            };
            let page = database.find_orders(&filter).await.unwrap();
            assert_eq!(page.statements, statements, "{filter:?}");
            assert_eq!(page.lines, order_lines(customer), "{filter:?}");
        }
    }
}

pub(crate) async fn a_closed_database_says_so(place: &Place) {
    let database = place.open().await.unwrap();
    database.close().await;
    let refused = total_found(&database).await.unwrap_err().to_string();
    assert!(refused.contains(place.service()), "{refused}");
    assert!(refused.contains("closed"), "{refused}");
}
