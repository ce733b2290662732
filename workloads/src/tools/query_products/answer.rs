//! What is found, in the format that was asked for.

use std::fmt::Write as _;

use rmcp::{
    ErrorData,
    handler::server::{tool::IntoCallToolResult, wrapper::Json},
    model::CallToolResponse,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use transports::fast_path::{FastResult, Outcome};

use super::{
    QueryResult,
    fields::{Fields, ProductView},
};
use crate::{
    cache::Keep,
    tools::toon::{Cell, Document},
};

/// How products are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Format {
    /// JSON, as text and as structured content.
    #[default]
    Json,
    /// A table in plain text: a line that says what it is, the names of the fields, and a line for each product.
    Text,
    /// TOON, the tabular notation of <https://github.com/toon-format/spec>.
    Toon,
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryAnswer {
    /// A structured result.
    Structured(QueryResult),
    /// Text alone: whoever asks for it wants nothing else to be paid for.
    Text(String),
}

impl QueryAnswer {
    pub(super) fn new(result: QueryResult, fields: Fields, format: Format) -> Self {
        match format {
            Format::Json => Self::Structured(result),
            Format::Text => Self::Text(text(&result, fields)),
            Format::Toon => Self::Text(toon(&result, fields)),
        }
    }
}

fn text(result: &QueryResult, fields: Fields) -> String {
    let QueryResult {
        category,
        products,
        server_type,
        total_found,
    } = result;
    let shown = products.len();
    let names = fields.names().join(", ");
    let mut text =
        format!("{category}: {total_found} found, the {shown} cheapest by {server_type}\n{names}");
    for product in products {
        for (at, cell) in product.cells().enumerate() {
            let before = if at == 0 { "\n" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{before}{cell}");
        }
    }
    text
}

fn toon(result: &QueryResult, fields: Fields) -> String {
    let rows = result.products.iter().map(ProductView::cells);
    Document::default()
        .field("category", Cell::Text(&result.category))
        .table("products", &fields.names(), rows)
        .field("server_type", Cell::Text(result.server_type))
        .field("total_found", Cell::Integer(result.total_found))
        .finish()
}

impl IntoCallToolResult for QueryAnswer {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        match self {
            Self::Structured(result) => Json(result).into_call_tool_result(),
            Self::Text(text) => text.into_call_tool_result(),
        }
    }
}

impl FastResult for QueryAnswer {
    fn outcome(self) -> Outcome {
        match self {
            Self::Structured(result) => Json(result).outcome(),
            Self::Text(text) => text.outcome(),
        }
    }
}

impl Keep for QueryAnswer {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::ProductRow;

    fn result(fields: Fields, count: i64) -> QueryResult {
        let product = |id| ProductRow {
            brand: "Acme, Inc.".into(),
            id,
            name: format!("Item {id}"),
            price: 50.0,
            rating: 4.9,
            sku: format!("SKU-00000{id}"),
            stock: 7,
        };
        let products = (1..=count).map(|id| ProductView::new(product(id), fields));
        QueryResult {
            category: "Books".into(),
            products: products.collect(),
            server_type: "test",
            total_found: 2_251,
        }
    }

    fn written(format: Format, fields: Fields, count: i64) -> String {
        match QueryAnswer::new(result(fields, count), fields, format) {
            QueryAnswer::Text(text) => text,
            QueryAnswer::Structured(result) => panic!("{result:?}"),
        }
    }

    #[test]
    fn plain_text_is_a_table_under_a_line() {
        assert_eq!(
            written(Format::Text, Fields::ALL, 2),
            "Books: 2251 found, the 2 cheapest by test\n\
             brand, id, name, price, rating, sku, stock\n\
             Acme, Inc., 1, Item 1, 50, 4.9, SKU-000001, 7\n\
             Acme, Inc., 2, Item 2, 50, 4.9, SKU-000002, 7"
        );
        let none = written(Format::Text, Fields::ALL, 0);
        assert_eq!(none.lines().count(), 2, "{none}");
    }

    #[test]
    fn toon_is_a_tabular_array_between_fields() {
        assert_eq!(
            written(Format::Toon, Fields::ALL, 1),
            "category: Books\n\
             products[1]{brand,id,name,price,rating,sku,stock}:\n  \
             \"Acme, Inc.\",1,Item 1,50,4.9,SKU-000001,7\n\
             server_type: test\n\
             total_found: 2251"
        );
    }

    #[test]
    fn json_is_serialised_once() {
        let answer = QueryAnswer::new(result(Fields::ALL, 2), Fields::ALL, Format::Json);
        assert!(matches!(answer.outcome(), Outcome::Structured(_)));
    }

    #[test]
    fn text_comes_without_structured_content_and_json_with_it() {
        let content = |format| {
            let answer = QueryAnswer::new(result(Fields::ALL, 1), Fields::ALL, format);
            match answer.into_call_tool_result() {
                Ok(CallToolResponse::Complete(result)) => result.structured_content,
                other => panic!("{other:?}"),
            }
        };
        assert!(content(Format::Json).is_some());
        assert_eq!((content(Format::Text), content(Format::Toon)), (None, None));
    }
}
