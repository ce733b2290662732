//! Reads the envelope of a message in one pass, without copying.
//!
//! Every member has to be known and unique, and members that are skipped are checked. Any other
//! message is an error, and the SDK answers it.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use super::meta::Meta;

/// One request or notification.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) method: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<Object<Params<'a>>>,
}

/// A `T` that was written as an object. serde alone would accept an array of its members' values
/// too.
struct Object<T>(T);

/// A string, borrowed where it has no escapes. (serde borrows a bare `Cow`, but not one in an
/// `Option`.)
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The parameters of every method that the fast path answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, rename = "_meta", default)]
    meta: Option<Meta<'a>>,
    // Members of `initialize`, which is read again, with more checks, before it is answered.
    #[serde(borrow, rename = "protocolVersion", default)]
    protocol_version: Option<Text<'a>>,
    #[serde(borrow, default)]
    capabilities: Option<&'a RawValue>,
    #[serde(borrow, rename = "clientInfo", default)]
    client_info: Option<&'a RawValue>,
}

/// The members of `initialize`'s parameters.
pub(super) struct Initialize<'m> {
    pub(super) protocol_version: &'m str,
    pub(super) capabilities: &'m RawValue,
    pub(super) client_info: &'m RawValue,
}

/// Reads a member that is present, whatever its value: `null` is a value too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Message<'a> {
    /// Reads the bytes of one message.
    ///
    /// # Errors
    /// When they are no message, or the message has a part that the fast path does not know.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Unknown> {
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(Unknown);
        }
        // One check of the whole message costs less than one of each string.
        let text = std::str::from_utf8(bytes).map_err(|_| Unknown)?;
        match serde_json::from_str::<Self>(text) {
            Ok(message) if message.jsonrpc == "2.0" => Ok(message),
            _ => Err(Unknown),
        }
    }

    fn params(&self) -> Option<&Params<'a>> {
        self.params.as_ref().map(|Object(params)| params)
    }

    /// Returns the metadata of the message.
    pub(super) fn meta(&self) -> Meta<'a> {
        let meta = self.params().and_then(|params| params.meta);
        meta.unwrap_or_default()
    }

    /// Returns the tool's name and its arguments, if the parameters are those of `tools/call`.
    pub(super) fn call(&self) -> Option<(&str, Option<&'a RawValue>)> {
        let params = self.params()?;
        let is_call = params.protocol_version.is_none()
            && params.capabilities.is_none()
            && params.client_info.is_none();
        let Text(name) = params.name.as_ref().filter(|_| is_call)?;
        let arguments = params.arguments.filter(|raw| raw.get() != "null");
        Some((name, arguments))
    }

    /// Whether there are no parameters, or none in their object.
    pub(super) fn has_no_params(&self) -> bool {
        self.has_only_meta() && self.params().is_none_or(|params| params.meta.is_none())
    }

    /// Whether there are no parameters except `_meta`.
    pub(super) fn has_only_meta(&self) -> bool {
        self.params().is_none_or(|params| {
            params.name.is_none()
                && params.arguments.is_none()
                && params.protocol_version.is_none()
                && params.capabilities.is_none()
                && params.client_info.is_none()
        })
    }

    /// Returns the parameters of `initialize`, if they are all present.
    pub(super) fn initialize(&self) -> Option<Initialize<'_>> {
        let params = self.params()?;
        if params.name.is_some() || params.arguments.is_some() {
            return None;
        }
        Some(Initialize {
            protocol_version: &params.protocol_version.as_ref()?.0,
            capabilities: params.capabilities?,
            client_info: params.client_info?,
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// A message that the SDK has to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unknown;

#[cfg(test)]
mod tests {
    use super::*;

    fn is_read(json: &str) -> bool {
        Message::read(json.as_bytes()).is_ok()
    }

    #[test]
    fn members_come_in_any_order_and_spelling() {
        for json in [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{}}}"#,
            r#"{"params":{"arguments":null,"name":"a"},"method":"tools\/call","id":"x","jsonrpc":"2.0"}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#" { "jsonrpc" : "2.0" , "id":null , "method" : "ping" , "params" : null } "#,
        ] {
            assert!(is_read(json), "{json}");
        }
    }

    #[test]
    fn unknown_parts_are_an_error() {
        for json in [
            "",
            "[]",
            r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","extra":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","task":{}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["echo",{}]}"#,
            r#"["2.0",1,"ping"]"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#,
        ] {
            assert!(!is_read(json), "{json}");
        }
    }
}
