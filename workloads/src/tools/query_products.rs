//! `query_products`: SQL work over the catalogue, and as little of what is found as the caller
//! wants.

use std::{collections::BTreeSet, fmt::Write as _, iter};

use rmcp::{ErrorData, handler::server::tool::IntoCallToolResult, model::CallToolResponse};
use serde::Serializer;
use transports::fast_path::{FastResult, Outcome};

use super::{
    prelude::*,
    toon::{Cell, Document},
};
use crate::{
    catalog::{CATEGORIES, MAX_PRICE},
    database::{ProductFilter, ProductPage, ProductRow},
};

pub(super) const TOOL: Tool = Tool::cached(DemoServer::query_router, "{}");

/// The most products that one call returns.
const MAX_LIMIT: i64 = 100;

/// The arguments of `query_products`; the defaults are the public benchmark's.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueryArguments {
    /// The category to look in.
    #[schemars(extend("enum" = CATEGORIES))]
    category: String,
    /// The lowest price wanted, inclusive.
    #[schemars(range(min = 0, max = MAX_PRICE))]
    min_price: f64,
    /// The highest price wanted, inclusive; not below `min_price`.
    #[schemars(range(min = 0, max = MAX_PRICE))]
    max_price: f64,
    /// How many products to return at most.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = MAX_LIMIT))]
    limit: i64,
    /// Which fields of each product to return; all of them, if nobody says.
    #[schemars(length(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<BTreeSet<Field>>,
    /// How to write them: JSON, which programs read, or text, which costs a model fewer tokens.
    format: Format,
}

impl Default for QueryArguments {
    fn default() -> Self {
        Self {
            category: CATEGORIES[0].to_owned(),
            min_price: 50.0,
            max_price: 500.0,
            limit: 10,
            fields: None,
            format: Format::Json,
        }
    }
}

impl QueryArguments {
    fn check(&self) -> Result<(ProductFilter, Fields), ToolError> {
        let prices = (self.min_price, self.max_price);
        let limit = (self.limit, MAX_LIMIT);
        let (category, price) = arguments::check_filter(&self.category, prices, limit)?;
        let fields = match &self.fields {
            None => Fields::ALL,
            Some(wanted) => Fields::of(wanted).ok_or(ToolError::NoFields)?,
        };
        let filter = ProductFilter {
            category,
            price,
            limit: self.limit,
        };
        Ok((filter, fields))
    }
}

/// How products are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum Format {
    /// JSON, as text and as structured content.
    #[default]
    Json,
    /// A table in plain text: a line about it, the names of the fields, and a line for each
    /// product.
    Text,
    /// TOON, the tabular notation of <https://github.com/toon-format/spec>.
    Toon,
}

// A field of a product, in the order in which tables have them. Without descriptions, because the
// schema is part of every listing.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum Field {
    Brand,
    Id,
    Name,
    Price,
    Rating,
    Sku,
    Stock,
}

/// The names of all fields.
pub(super) const FIELDS: [&str; 7] = ["brand", "id", "name", "price", "rating", "sku", "stock"];

const ALL: [Field; FIELDS.len()] = [
    Field::Brand,
    Field::Id,
    Field::Name,
    Field::Price,
    Field::Rating,
    Field::Sku,
    Field::Stock,
];

impl Field {
    fn name(self) -> &'static str {
        FIELDS[self as usize]
    }

    fn of(self, product: &ProductRow) -> Cell<'_> {
        match self {
            Self::Brand => Cell::Text(&product.brand),
            Self::Id => Cell::Integer(product.id),
            Self::Name => Cell::Text(&product.name),
            Self::Price => Cell::Number(product.price),
            Self::Rating => Cell::Number(product.rating),
            Self::Sku => Cell::Text(&product.sku),
            Self::Stock => Cell::Integer(product.stock),
        }
    }
}

/// Some of the fields, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fields([bool; ALL.len()]);

impl Fields {
    const ALL: Self = Self([true; ALL.len()]);

    /// The `wanted` fields, unless there are none.
    fn of(wanted: &BTreeSet<Field>) -> Option<Self> {
        let fields = Self(ALL.map(|field| wanted.contains(&field)));
        (!wanted.is_empty()).then_some(fields)
    }

    /// Their names, in order.
    fn names(self) -> Vec<&'static str> {
        self.each().map(Field::name).collect()
    }

    fn each(self) -> impl Iterator<Item = Field> {
        iter::zip(ALL, self.0).filter_map(|(field, is_wanted)| is_wanted.then_some(field))
    }
}

/// The result of `query_products` in the format `json`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct QueryResult {
    /// The category that was looked in.
    category: String,
    /// How many products match, whatever the limit.
    total_found: i64,
    /// The cheapest matches; those of equal price in the order of their ids.
    #[schemars(with = "Vec<ProductRow>")]
    products: Vec<ProductView>,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
}

/// A product of which some fields are shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ProductView {
    product: ProductRow,
    fields: Fields,
}

impl ProductView {
    /// The values of its fields, in order.
    fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        self.fields.each().map(|field| field.of(&self.product))
    }
}

impl Serialize for ProductView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = iter::zip(self.fields.each(), self.cells());
        serializer.collect_map(members.map(|(field, cell)| (field.name(), cell)))
    }
}

/// What a call returns.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryAnswer {
    /// A structured result.
    Structured(QueryResult),
    /// Text alone: a caller that asks for it wants to pay for nothing else.
    Text(String),
}

#[tool_router(router = query_router, vis = "pub(super)")]
impl DemoServer {
    /// The tool `query_products`, which can also be called without a protocol.
    #[tool(
        description = "Finds products of one category within a price range, cheapest first, and counts how many match in all; returns the fields wanted as JSON, plain text or TOON.",
        annotations(
            title = "Query products",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub async fn query_products(
        &self,
        Parameters(arguments): Parameters<QueryArguments>,
    ) -> Cached<Result<QueryAnswer, ToolError>> {
        self.cached("query_products", arguments, query).await
    }
}

async fn query(server: DemoServer, arguments: QueryArguments) -> Result<QueryAnswer, ToolError> {
    let (filter, fields) = arguments.check()?;
    let state = server.state();
    let ProductPage {
        total_found,
        products,
    } = state.database.find_products(&filter).await?;
    let view = |product| ProductView { product, fields };
    let result = QueryResult {
        category: arguments.category,
        total_found,
        products: products.into_iter().map(view).collect(),
        server_type: state.server_type,
    };
    Ok(answer(result, fields, arguments.format))
}

fn answer(result: QueryResult, fields: Fields, format: Format) -> QueryAnswer {
    match format {
        Format::Json => QueryAnswer::Structured(result),
        Format::Text => QueryAnswer::Text(text(&result, fields)),
        Format::Toon => QueryAnswer::Text(toon(&result, fields)),
    }
}

fn text(result: &QueryResult, fields: Fields) -> String {
    let QueryResult {
        category,
        total_found,
        products,
        server_type,
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

impl Cacheable for QueryAnswer {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_fields_are_those_of_a_row() {
        let product = ProductRow {
            brand: "Acme, Inc.".into(),
            id: 2,
            name: "Item 2".into(),
            price: 50.0,
            rating: 4.9,
            sku: "SKU-000002".into(),
            stock: 7,
        };
        let fields = Fields::ALL;
        let row = json!(product);
        assert_eq!(json!(ProductView { product, fields }), row);
        let names: Vec<String> = ALL.iter().map(|field| json!(field).to_string()).collect();
        assert_eq!(names, FIELDS.map(|name| format!("{name:?}")));
    }
}
