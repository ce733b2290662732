//! The routes of the catalogue API, typed: what is asked for, and what must come back.
//!
//! [`CatalogClient::get`] takes any endpoint and returns whatever status and JSON it finds; here another
//! status than 200, or JSON of another shape, is an error.

use bytes::BytesMut;
use http::StatusCode;
use reqwest::Url;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{MAX_BODY_BYTES, CatalogClient, CatalogClientError, endpoint};
use crate::store::CartItem;

/// Which products are searched for.
#[derive(Clone, Copy, Debug)]
pub struct ProductSearch {
    /// One of [`crate::catalog::CATEGORIES`].
    pub category: &'static str,
    /// The lowest price wanted, inclusive, in units.
    pub min_price: f64,
    /// The highest price wanted, inclusive, in units.
    pub max_price: f64,
    /// How many products at most.
    pub limit: i64,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct FoundProducts {
    /// How many products match, whatever the limit.
    pub total_found: i64,
    /// The cheapest of them.
    pub products: Vec<FoundProduct>,
}

/// A product, as far as the tools are interested in it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct FoundProduct {
    /// The product's number, from 1.
    pub id: i64,
    /// The stock-keeping unit.
    pub sku: String,
    /// The product's name.
    pub name: String,
    /// Price in units.
    pub price: f64,
    /// 1.0 to 4.9.
    pub rating: f64,
}

#[derive(Serialize)]
struct Cart<'a> {
    items: &'a [CartItem],
}

#[derive(Deserialize)]
struct Calculation {
    total: f64,
}

/// What the API says when it answers with another status than 200.
#[derive(Deserialize)]
struct Problem {
    error: String,
}

impl CatalogClient {
    /// Searches the catalogue: `GET /products/search`.
    ///
    /// # Errors
    /// When the upstream cannot be asked, or does not answer with products.
    pub async fn search(&self, search: &ProductSearch) -> Result<FoundProducts, CatalogClientError> {
        let ProductSearch {
            category,
            min_price,
            max_price,
            limit,
        } = search;
        self.get_typed(&format!(
            "/products/search?category={category}&min_price={min_price}&max_price={max_price}&limit={limit}"
        ))
        .await
    }

    /// One product: `GET /products/{id}`.
    ///
    /// # Errors
    /// When the upstream cannot be asked, has no such product, or answers with something else.
    pub async fn product(&self, id: i64) -> Result<FoundProduct, CatalogClientError> {
        self.get_typed(&format!("/products/{id}")).await
    }

    /// What a cart costs in the end, in units: `POST /cart/calculate`. It changes nothing there.
    ///
    /// # Errors
    /// When the upstream cannot be asked, refuses the cart, or answers with something else.
    pub async fn total(&self, items: &[CartItem]) -> Result<f64, CatalogClientError> {
        let url = endpoint::resolve(&self.0.base, "/cart/calculate")?;
        let request = self.0.client.post(url.clone()).json(&Cart { items });
        let answer = self.ask(request, &url, MAX_BODY_BYTES).await?;
        read::<Calculation>(&url, answer).map(|calculation| calculation.total)
    }

    async fn get_typed<T: DeserializeOwned>(&self, endpoint: &str) -> Result<T, CatalogClientError> {
        let url = endpoint::resolve(&self.0.base, endpoint)?;
        let request = self.0.client.get(url.clone());
        let answer = self.ask(request, &url, MAX_BODY_BYTES).await?;
        read(&url, answer)
    }
}

/// The `T` in an answer of status 200.
fn read<T: DeserializeOwned>(
    url: &Url,
    (status, body): (StatusCode, BytesMut),
) -> Result<T, CatalogClientError> {
    if status != StatusCode::OK {
        let said = serde_json::from_slice::<Problem>(&body).map(|problem| problem.error);
        return Err(CatalogClientError::refused(url, status, &body, said.ok()));
    }
    serde_json::from_slice(&body).map_err(|source| {
        if source.is_data() {
            CatalogClientError::misshapen(url, &body, source)
        } else {
            CatalogClientError::not_json(url, status, &body, source)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(status: StatusCode, body: &str) -> Result<f64, String> {
        let url = Url::parse("http://127.0.0.1:9/cart/calculate").unwrap();
        read::<Calculation>(&url, (status, body.as_bytes().into()))
            .map(|calculation| calculation.total)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_asked_for_is_ignored() {
        let body = r#"{"items_count":1,"total":24.63,"tax":1}"#;
        assert_eq!(total(StatusCode::OK, body), Ok(24.63));
    }

    #[test]
    fn every_other_answer_is_an_error_that_shows_it() {
        for (status, body, says) in [
            (
                404,
                r#"{"error":"no product 7"}"#,
                ["HTTP 404", "no product 7"],
            ),
            (500, "<h1>Oh</h1>", ["HTTP 500", "<h1>Oh</h1>"]),
            (302, "", ["HTTP 302", "an empty body"]),
            (201, r#"{"total":1}"#, ["HTTP 201", "total"]),
            (200, r#"{"sum":1}"#, ["missing field `total`", "sum"]),
            (
                200,
                r#"{"total":"1"}"#,
                ["invalid type: string", "another shape"],
            ),
            (200, r#"{"total":"#, ["not JSON", "HTTP 200"]),
            (200, "", ["not JSON", "HTTP 200"]),
        ] {
            let refused = total(StatusCode::from_u16(status).unwrap(), body).unwrap_err();
            assert!(refused.contains("upstream"), "{refused}");
            for part in says {
                assert!(refused.contains(part), "{part:?} is missing: {refused}");
            }
        }
    }

    #[test]
    fn a_long_answer_is_shown_by_its_beginning() {
        let refused = total(StatusCode::BAD_GATEWAY, &"long ".repeat(10_000)).unwrap_err();
        assert!(refused.len() < 400, "{refused}");
    }
}
