//! Which tools are cached, and under which key.

use std::{borrow::Borrow, sync::Arc};

use serde::Serialize;

/// The longest key that is kept: arguments come from outside, and may be as long as a message.
const MAX_KEY_BYTES: usize = 4 * 1024;

/// The tools whose results are kept: those that read, and do it slowly.
///
/// The others are not: `echo`, `calculate_fibonacci` and `process_json_data` are nothing but their own work, which a
/// cache would take away from what is measured; `simulate_database_query` tells the time; `stream_report`
/// speaks while it runs; `checkout` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cacheable {
    /// `aggregate_json`.
    AggregateJson,
    /// `fetch_external_data`, where the upstream answered with a status of success.
    FetchExternalData,
    /// `get_user_cart`, until the user's next `checkout` in this server.
    GetUserCart,
    /// `query_products`.
    QueryProducts,
    /// `scan_text`.
    ScanText,
    /// `search_products`.
    SearchProducts,
}

impl Cacheable {
    /// The name of the tool.
    #[must_use]
    pub const fn tool(self) -> &'static str {
        match self {
            Self::AggregateJson => "aggregate_json",
            Self::FetchExternalData => "fetch_external_data",
            Self::GetUserCart => "get_user_cart",
            Self::QueryProducts => "query_products",
            Self::ScanText => "scan_text",
            Self::SearchProducts => "search_products",
        }
    }
}

/// What a result is kept under: server type, tool, arguments as JSON. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(Arc<[u8]>);

impl Key {
    /// The key of `tool` for `arguments`; none when it would be too long to keep.
    ///
    /// Two spellings of the same arguments have one key, for they were read before they are written here:
    /// members in the order of the type, defaults filled in.
    pub(super) fn of(
        server_type: &str,
        tool: Cacheable,
        arguments: &impl Serialize,
    ) -> Option<Self> {
        let mut key = Vec::with_capacity(256);
        for part in [server_type, tool.tool()] {
            key.extend_from_slice(part.as_bytes());
            key.push(b':');
        }
        serde_json::to_writer(&mut key, arguments).ok()?;
        (key.len() <= MAX_KEY_BYTES).then(|| Self(key.into()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_tells_servers_tools_and_arguments_apart() {
        let key =
            |server, tool, user: &str| Key::of(server, tool, &json!({"user_id": user})).unwrap();
        let one = key("a", Cacheable::GetUserCart, "user-00042");
        assert_eq!(one, key("a", Cacheable::GetUserCart, "user-00042"));
        assert_ne!(one, key("b", Cacheable::GetUserCart, "user-00042"));
        assert_ne!(one, key("a", Cacheable::SearchProducts, "user-00042"));
        assert_ne!(one, key("a", Cacheable::GetUserCart, "user-00043"));
        // No argument can write itself into another's place.
        assert_ne!(
            key("a", Cacheable::GetUserCart, "x\",\"y\":\"z"),
            Key::of(
                "a",
                Cacheable::GetUserCart,
                &json!({"user_id": "x", "y": "z"})
            )
            .unwrap()
        );
    }

    #[test]
    fn what_is_too_long_has_no_key() {
        let long = "x".repeat(MAX_KEY_BYTES);
        assert_eq!(Key::of("a", Cacheable::FetchExternalData, &long), None);
        assert!(Key::of("a", Cacheable::FetchExternalData, &&long[..2_048]).is_some());
    }
}
