//! The resources: two that stay as they are, one that changes, and a template.

use rmcp::{
    ErrorData,
    model::{
        ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, ResourceTemplate,
    },
};
use serde_json::json;

use crate::{Fixtures, contents::PNG};

const TEXT: &str = "test://static-text";
const BINARY: &str = "test://static-binary";
/// The resource that `test_trigger_resource_change` changes.
pub(crate) const WATCHED: &str = "test://watched-resource";
/// The template, around its one variable.
const TEMPLATE: (&str, &str) = ("test://template/", "/data");

/// The resources that are listed.
pub(crate) fn all() -> Vec<Resource> {
    vec![
        Resource::new(TEXT, "static-text")
            .with_description("A text that never changes")
            .with_mime_type("text/plain"),
        Resource::new(BINARY, "static-binary")
            .with_description("An image that never changes")
            .with_mime_type("image/png"),
        Resource::new(WATCHED, "watched-resource")
            .with_description("A text that test_trigger_resource_change changes")
            .with_mime_type("text/plain"),
    ]
}

/// The templates that are listed.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    let (before, after) = TEMPLATE;
    vec![
        ResourceTemplate::new(format!("{before}{{id}}{after}"), "template")
            .with_description("Data for each id")
            .with_mime_type("application/json"),
    ]
}

impl Fixtures {
    /// Reads the resource `uri`.
    pub(crate) fn read(&self, uri: String) -> Result<ReadResourceResponse, ErrorData> {
        let contents = match uri.as_str() {
            TEXT => {
                let text = "This is the content of the static text resource.";
                ResourceContents::text(text, uri).with_mime_type("text/plain")
            }
            BINARY => ResourceContents::blob(PNG, uri).with_mime_type("image/png"),
            WATCHED => {
                let text = format!("Changed {} times.", self.changes.of_the_resource());
                ResourceContents::text(text, uri).with_mime_type("text/plain")
            }
            _ => {
                let Some(id) = id_in(&uri) else {
                    let data = json!({"uri": uri});
                    return Err(ErrorData::resource_not_found(
                        "Resource not found",
                        Some(data),
                    ));
                };
                let data = format!("Data for ID: {id}");
                let text = json!({"id": id, "templateTest": true, "data": data}).to_string();
                ResourceContents::text(text, uri).with_mime_type("application/json")
            }
        };
        Ok(ReadResourceResult::new(vec![contents]).into())
    }
}

/// The variable in a URI of the template.
fn id_in(uri: &str) -> Option<&str> {
    let (before, after) = TEMPLATE;
    let id = uri.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_takes_one_segment() {
        assert_eq!(id_in("test://template/123/data"), Some("123"));
        for uri in [
            "test://template//data",
            "test://template/1/2/data",
            "test://template/1",
            "test://watched-resource",
        ] {
            assert_eq!(id_in(uri), None, "{uri}");
        }
    }
}
