//! `query_products` in other words: fewer fields, plain text, TOON.

use serde_json::{Value, json};

use crate::support::{self, Client, SERVER_TYPE};

/// The text of a right answer that has nothing else.
async fn text(client: &Client, arguments: Value) -> String {
    let result = client.call("query_products", arguments).await;
    let result = result.expect("a result");
    assert_eq!(result.is_error, Some(false), "{result:?}");
    assert_eq!(result.structured_content, None);
    support::text(&result)
}

#[tokio::test]
async fn fields_cut_every_product_down() {
    let client = Client::alone().await;
    let arguments = json!({"fields": ["price", "id", "price"], "limit": 2});
    let answer = client.answer("query_products", arguments).await;
    assert_eq!(
        answer["products"],
        json!([{"id": 4901, "price": 50.0}, {"id": 4921, "price": 50.2}])
    );
    assert_eq!(answer["total_found"], 2_251);
    let whole = client.answer("query_products", json!({"limit": 2})).await;
    let all = json!(["brand", "id", "name", "price", "rating", "sku", "stock"]);
    let arguments = json!({"fields": all, "format": "json", "limit": 2});
    assert_eq!(client.answer("query_products", arguments).await, whole);
}

#[tokio::test]
async fn text_is_a_table() {
    let client = Client::alone().await;
    let arguments = json!({"format": "text", "limit": 2, "fields": ["name", "price"]});
    assert_eq!(
        text(&client, arguments).await,
        format!(
            "Electronics: 2251 found, the 2 cheapest by {SERVER_TYPE}\n\
             name, price\n\
             Acme Electronics Item 4901, 50\n\
             Umberto Electronics Item 4921, 50.2"
        )
    );
    let none = json!({"format": "text", "min_price": 1.001, "max_price": 1.002});
    assert_eq!(text(&client, none).await.lines().count(), 2);
}

#[tokio::test]
async fn toon_is_tabular() {
    let client = Client::alone().await;
    let arguments = json!({"format": "toon", "limit": 1});
    assert_eq!(
        text(&client, arguments).await,
        format!(
            "category: Electronics\n\
             products[1]{{brand,id,name,price,rating,sku,stock}}:\n  \
             Acme,4901,Acme Electronics Item 4901,50,3,SKU-004901,391\n\
             server_type: {SERVER_TYPE}\n\
             total_found: 2251"
        )
    );
    let none = json!({"format": "toon", "min_price": 1.001, "max_price": 1.002});
    let none = text(&client, none).await;
    assert!(none.contains("\nproducts[0]:\n"), "{none}");
}

#[tokio::test]
async fn what_is_no_field_and_no_format_is_refused_with_what_there_is() {
    let client = Client::alone().await;
    for (arguments, says) in [
        (json!({"fields": []}), "brand, id, name"),
        (json!({"fields": ["colour"]}), "expected one of `brand`"),
        (json!({"fields": "id"}), "expected a sequence"),
        (json!({"format": "xml"}), "expected one of `json`, `text`"),
    ] {
        let refused = client.refusal("query_products", arguments).await;
        assert!(refused.contains(says), "{refused}");
    }
}
