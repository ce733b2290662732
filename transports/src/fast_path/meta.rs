//! Reads `_meta`, the metadata of a message (MCP 2025-11-25, "General fields"; 2026-07-28, "Request
//! metadata").

use std::{fmt, marker::PhantomData};

use rmcp::model::ClientCapabilities;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Revision, message::Text};

/// The key under which a request names its revision.
pub(crate) const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// The key under which a request declares what its client can do.
pub(super) const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// The parts of `_meta` that decide how a message is answered.
#[derive(Clone, Copy, Default)]
pub(super) struct Meta<'a> {
    revision: Option<Named>,
    capabilities: Option<&'a RawValue>,
}

/// A revision that a message names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Known(Revision),
    Unknown,
}

impl Meta<'_> {
    /// Whether these are the metadata of a message in `revision`: from 2026-07-28 on all that it
    /// requires; before, a message does not name its revision.
    pub(super) fn fits(&self, revision: Revision) -> bool {
        if !revision.is_self_contained() {
            return self.revision.is_none();
        }
        self.revision == Some(Named::Known(revision))
            && self.capabilities.is_some_and(are_capabilities)
    }
}

/// Whether rmcp can read `raw` as a client's capabilities.
fn are_capabilities(raw: &RawValue) -> bool {
    raw.get() == "{}" || serde_json::from_str::<ClientCapabilities>(raw.get()).is_ok()
}

impl<'de: 'a, 'a> Deserialize<'de> for Meta<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MetaVisitor(PhantomData))
    }
}

struct MetaVisitor<'a>(PhantomData<&'a RawValue>);

impl<'de: 'a, 'a> Visitor<'de> for MetaVisitor<'a> {
    type Value = Meta<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("metadata")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Meta<'a>, A::Error> {
        let mut meta = Meta::default();
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                PROTOCOL_VERSION if meta.revision.is_none() => {
                    let Text(name) = map.next_value()?;
                    let known = Revision::named(name.as_bytes());
                    meta.revision = Some(known.map_or(Named::Unknown, Named::Known));
                }
                CLIENT_CAPABILITIES if meta.capabilities.is_none() => {
                    let raw: &RawValue = map.next_value()?;
                    if !super::arguments::is_plain(raw.get().as_bytes()) {
                        return Err(A::Error::custom("unusual capabilities"));
                    }
                    meta.capabilities = Some(raw);
                }
                PROTOCOL_VERSION | CLIENT_CAPABILITIES => {
                    return Err(A::Error::custom("a key came twice"));
                }
                _ => {
                    let _: Checked = map.next_value()?;
                }
            }
        }
        Ok(meta)
    }
}

/// A value that is checked and skipped. Unlike serde's `IgnoredAny` it rejects what no value can
/// hold.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CheckedVisitor)
    }
}

struct CheckedVisitor;

macro_rules! forget {
    ($($visit:ident($value:ty);)*) => {
        $(fn $visit<E: Error>(self, _: $value) -> Result<Checked, E> {
            Ok(Checked)
        })*
    };
}

impl<'de> Visitor<'de> for CheckedVisitor {
    type Value = Checked;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    forget! {
        visit_bool(bool);
        visit_i64(i64);
        visit_u64(u64);
        visit_f64(f64);
        visit_str(&str);
    }

    fn visit_unit<E: Error>(self) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Checked, A::Error> {
        while seq.next_element::<Checked>()?.is_some() {}
        Ok(Checked)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Checked, A::Error> {
        while map.next_entry::<CheckedKey, Checked>()?.is_some() {}
        Ok(Checked)
    }
}

/// A key that is checked and skipped. It is read as a string, because its escapes have to be right.
struct CheckedKey;

impl<'de> Deserialize<'de> for CheckedKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(CheckedVisitor)
            .map(|Checked| Self)
    }
}
