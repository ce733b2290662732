//! Which fields of a product are wanted, and a product cut down to them.

use std::{borrow::Cow, collections::BTreeSet, iter};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};

use crate::{database::ProductRow, tools::toon::Cell};

/// A field of a product, in the order of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// Who makes it.
    Brand,
    /// The product's number.
    Id,
    /// The product's name.
    Name,
    /// What it costs.
    Price,
    /// What people think of it.
    Rating,
    /// The stock-keeping unit.
    Sku,
    /// Pieces in stock.
    Stock,
}

/// The names of all fields.
pub const NAMES: [&str; 7] = ["brand", "id", "name", "price", "rating", "sku", "stock"];

const ALL: [Field; 7] = [
    Field::Brand,
    Field::Id,
    Field::Name,
    Field::Price,
    Field::Rating,
    Field::Sku,
    Field::Stock,
];

/// Some of the fields, at least one. Costs nothing to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fields([bool; ALL.len()]);

/// A product of which some fields are shown, in the order of their names.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductView {
    product: ProductRow,
    fields: Fields,
}

impl Field {
    fn name(self) -> &'static str {
        NAMES[self as usize]
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

/// A list of names: what they mean is for the results to show.
impl JsonSchema for Field {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Field".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": NAMES})
    }
}

impl Fields {
    pub(super) const ALL: Self = Self([true; ALL.len()]);

    /// The `wanted` fields, unless there are none.
    pub(super) fn of(wanted: &BTreeSet<Field>) -> Option<Self> {
        let fields = Self(ALL.map(|field| wanted.contains(&field)));
        (!wanted.is_empty()).then_some(fields)
    }

    /// Their names, in order.
    pub(super) fn names(self) -> Vec<&'static str> {
        self.each().map(Field::name).collect()
    }

    fn each(self) -> impl Iterator<Item = Field> {
        iter::zip(ALL, self.0).filter_map(|(field, wanted)| wanted.then_some(field))
    }
}

impl ProductView {
    pub(super) fn new(product: ProductRow, fields: Fields) -> Self {
        Self { product, fields }
    }

    /// The values of its fields, in order.
    pub(super) fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        self.fields.each().map(|field| field.of(&self.product))
    }
}

impl Serialize for ProductView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for field in self.fields.each() {
            members.serialize_key(field.name())?;
            match field.of(&self.product) {
                Cell::Text(text) => members.serialize_value(text)?,
                Cell::Integer(number) => members.serialize_value(&number)?,
                Cell::Number(number) => members.serialize_value(&number)?,
            }
        }
        members.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn product() -> ProductRow {
        ProductRow {
            brand: "Acme".into(),
            id: 2,
            name: "Acme Books Item 2".into(),
            price: 1.01,
            rating: 1.1,
            sku: "SKU-000002".into(),
            stock: 1,
        }
    }

    #[test]
    fn all_fields_are_all_there_is() {
        let view = ProductView::new(product(), Fields::ALL);
        assert_eq!(json!(view), json!(product()));
        let names: Vec<String> = ALL.iter().map(|field| json!(field).to_string()).collect();
        assert_eq!(names, NAMES.map(|name| format!("{name:?}")));
    }

    #[test]
    fn some_fields_are_those_and_no_others() {
        let wanted = BTreeSet::from([Field::Sku, Field::Id]);
        let fields = Fields::of(&wanted).unwrap();
        let view = ProductView::new(product(), fields);
        assert_eq!(json!(view), json!({"id": 2, "sku": "SKU-000002"}));
        assert_eq!(fields.names(), ["id", "sku"]);
        assert_eq!(Fields::of(&BTreeSet::new()), None);
    }
}
