//! What the extra tools do with a kind of record.

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

use super::{Entity, Field};

/// How many of a record's fields are asked for when one is created.
const REQUIRED_FIELDS: usize = 4;

/// What can be done with a record.
#[derive(Clone, Copy)]
pub(super) enum Verb {
    Get,
    Search,
    Create,
    Update,
    Delete,
    Export,
    Comment,
}

/// All of them, in the order in which tools are added.
pub(super) const VERBS: [Verb; 7] = [
    Verb::Get,
    Verb::Search,
    Verb::Create,
    Verb::Update,
    Verb::Delete,
    Verb::Export,
    Verb::Comment,
];

type Property = (&'static str, Value);

impl Verb {
    /// The definition of the tool that does this with `entity`.
    pub(super) fn tool(self, entity: &Entity) -> Tool {
        let Entity(one, many, about, _) = *entity;
        let (name, does) = match self {
            Self::Get => (
                format!("get_{one}"),
                "Returns one record with all of its fields",
            ),
            Self::Search => (
                format!("search_{many}"),
                "Finds the records that match every filter given, newest first, and returns them in pages",
            ),
            Self::Create => (
                format!("create_{one}"),
                "Creates a record and returns it with its new id and version",
            ),
            Self::Update => (
                format!("update_{one}"),
                "Changes the fields that are given, leaves all others as they are, and returns the record",
            ),
            Self::Delete => (
                format!("delete_{one}"),
                "Deletes a record for good, unless somebody has changed it meanwhile",
            ),
            Self::Export => (
                format!("export_{many}"),
                "Writes all records of a period to a file and returns a link that is good for a day",
            ),
            Self::Comment => (
                format!("comment_on_{one}"),
                "Adds a comment to the history of a record, where all who follow it are told",
            ),
        };
        let description =
            format!("{does}. A record is {about}. (An extra tool: it says back its arguments.)");
        let reads = matches!(self, Self::Get | Self::Search | Self::Export);
        let annotations = ToolAnnotations::with_title(name.replace('_', " "))
            .read_only(reads)
            .open_world(false);
        Tool::new(name, description, self.schema(entity)).with_annotations(annotations)
    }

    /// The schema of its arguments.
    fn schema(self, Entity(one, many, _, fields): &Entity) -> Arc<JsonObject> {
        let id = text(
            "id",
            format!("The id of the {one}, as searching for it returns it"),
            40,
        );
        let fields = || fields.iter().map(Field::property);
        let properties: Vec<Property> = match self {
            Self::Get => vec![id, expand(one)],
            Self::Search => fields().chain(paging(many)).collect(),
            Self::Create => fields().collect(),
            Self::Update => [id, version(one)].into_iter().chain(fields()).collect(),
            Self::Delete => vec![
                id,
                version(one),
                text("reason", "Why, for the audit log", 500),
            ],
            Self::Export => export(many),
            Self::Comment => vec![
                id,
                text("text", "The comment, as Markdown", 5_000),
                internal(),
            ],
        };
        let required: Vec<&str> = match self {
            Self::Get => vec!["id"],
            Self::Search => vec![],
            Self::Create => fields()
                .map(|field| field.0)
                .take(REQUIRED_FIELDS)
                .collect(),
            Self::Update | Self::Delete => vec!["id", "version"],
            Self::Export => vec!["from", "to"],
            Self::Comment => vec!["id", "text"],
        };
        let named = |(name, schema): Property| (name.to_owned(), schema);
        let mut schema = JsonObject::new();
        schema.insert("type".into(), json!("object"));
        schema.insert(
            "properties".into(),
            properties.into_iter().map(named).collect(),
        );
        schema.insert("required".into(), json!(required));
        schema.insert("additionalProperties".into(), json!(false));
        Arc::new(schema)
    }
}

fn text(name: &'static str, about: impl Into<String>, longest: usize) -> Property {
    let about = about.into();
    let schema =
        json!({"type": "string", "minLength": 1, "maxLength": longest, "description": about});
    (name, schema)
}

fn expand(one: &str) -> Property {
    let about = format!("What is returned with the {one} instead of being named by its id alone");
    let parts = ["customer", "owner", "attachments", "history"];
    let schema = json!({
        "type": "array",
        "items": {"type": "string", "enum": parts},
        "uniqueItems": true,
        "description": about,
    });
    ("expand", schema)
}

fn version(one: &str) -> Property {
    let about = format!(
        "The version of the {one} that was read last; it is left alone when it has another by now"
    );
    let schema = json!({"type": "integer", "minimum": 1, "description": about});
    ("version", schema)
}

fn internal() -> Property {
    let about = "Whether only colleagues see it";
    let schema = json!({"type": "boolean", "default": true, "description": about});
    ("is_internal", schema)
}

fn paging(many: &str) -> [Property; 2] {
    let limit = format!("How many {many} a page holds at most");
    [
        (
            "limit",
            json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 20, "description": limit}),
        ),
        (
            "cursor",
            json!({"type": "string", "description": "Where the last page ended, as `next_cursor` named it"}),
        ),
    ]
}

fn export(many: &str) -> Vec<Property> {
    let date = |about: String| json!({"type": "string", "format": "date", "description": about});
    let columns =
        format!("The fields of the {many} that are written, in this order; all when none is named");
    vec![
        (
            "from",
            date(format!("The first day whose {many} are written")),
        ),
        ("to", date(format!("The last day whose {many} are written"))),
        (
            "format",
            json!({"type": "string", "enum": ["csv", "json", "xlsx"], "default": "csv", "description": "The kind of file"}),
        ),
        (
            "columns",
            json!({"type": "array", "items": {"type": "string"}, "description": columns}),
        ),
    ]
}
