//! What a call came to, and the shortest way there.
//!
//! rmcp turns a structured result into a tree of values, the tree into a text, and both into the reply. The
//! reply holds the same bytes twice, once as a text and once as they are; so a result that is
//! serialised once can be written twice. The bytes have to be those that the tree would be written as:
//! members in the order of their names, every number as a double. Where they are not, the tree is
//! built after all.

use std::io;

use rmcp::{
    ErrorData,
    handler::server::{tool::IntoCallToolResult, wrapper::Json},
    model::{CallToolResponse, CallToolResult, ContentBlock, InputRequiredResult},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::{reply, serialized_result::SerializedResult};

/// What a call came to.
pub enum Outcome {
    /// As rmcp has it.
    Sdk(Result<CallToolResponse, ErrorData>),
    /// A complete result without error, whose structured content this is, as JSON.
    Structured(Vec<u8>),
    /// A complete result that is JSON already.
    Serialized(SerializedResult),
}

impl Outcome {
    /// The outcome as JSON.
    ///
    /// # Errors
    /// When it is no complete result but a JSON-RPC error, or cannot be written.
    pub fn written(self) -> Result<SerializedResult, ErrorData> {
        reply::written(self)
    }
}

/// What a fast tool may return: rmcp's own kinds of result. A type of one's own that is
/// `IntoCallToolResult` joins them with an empty `impl FastResult`.
pub trait FastResult: IntoCallToolResult + Sized {
    /// The outcome, which says what `into_call_tool_result` says.
    fn outcome(self) -> Outcome {
        Outcome::Sdk(self.into_call_tool_result())
    }
}

impl FastResult for () {}
impl FastResult for String {}
impl FastResult for ContentBlock {}
impl FastResult for CallToolResult {}
impl FastResult for CallToolResponse {}
impl FastResult for InputRequiredResult {}
impl FastResult for ErrorData {}

impl<T: Serialize + JsonSchema + 'static> FastResult for Json<T> {
    fn outcome(self) -> Outcome {
        match as_a_value(&self.0) {
            Some(json) => Outcome::Structured(json),
            None => Outcome::Sdk(self.into_call_tool_result()),
        }
    }
}

impl<T: FastResult, E: IntoCallToolResult> FastResult for Result<T, E> {
    fn outcome(self) -> Outcome {
        match self {
            Ok(value) => value.outcome(),
            Err(error) => Outcome::Sdk(Err::<T, E>(error).into_call_tool_result()),
        }
    }
}

/// `value` as JSON, if a tree of its values would be written in the same bytes.
fn as_a_value(value: &impl Serialize) -> Option<Vec<u8>> {
    let mut json = Vec::with_capacity(128);
    let mut serializer = Serializer::with_formatter(&mut json, AsValues);
    value.serialize(&mut serializer).ok()?;
    are_members_ordered(&json).then_some(json)
}

/// Compact JSON with the numbers that a tree of values can hold.
struct AsValues;

impl Formatter for AsValues {
    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        self.write_f64(writer, f64::from(value))
    }

    fn write_i128<W: ?Sized + io::Write>(&mut self, _: &mut W, _: i128) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn write_u128<W: ?Sized + io::Write>(&mut self, _: &mut W, _: u128) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// JSON within JSON keeps its own spaces and order.
    fn write_raw_fragment<W: ?Sized + io::Write>(&mut self, _: &mut W, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Levels whose members are compared; deeper ones are left to the tree.
const MAX_DEPTH: usize = 16;

/// Whether in every object of `json`, which is compact, each name is greater than the one before.
fn are_members_ordered(json: &[u8]) -> bool {
    // The last name in each object that is open; an array has none to compare.
    let mut names: [&[u8]; MAX_DEPTH] = [&[]; MAX_DEPTH];
    let mut depth = 0;
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => {
                if depth == MAX_DEPTH {
                    return false;
                }
                names[depth] = &[];
                depth += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let start = at;
                let Some(end) = string_end(json, start) else {
                    return false;
                };
                at = end + 1;
                if json.get(at) == Some(&b':') {
                    let name = &json[start..end];
                    let Some(last) = depth.checked_sub(1).and_then(|open| names.get_mut(open))
                    else {
                        return false;
                    };
                    // The first may be empty; an escaped one sorts in another place than its bytes.
                    let is_first = json[start - 2] == b'{';
                    if name.contains(&b'\\') || !is_first && name <= *last {
                        return false;
                    }
                    *last = name;
                }
            }
            _ => {}
        }
    }
    true
}

/// The place of the quote that ends the string whose first character is at `at`.
fn string_end(json: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', json.get(at..)?)?;
        if json[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{json, value::RawValue};

    use super::*;

    /// What [`as_a_value`] has to say whenever it says anything.
    fn by_tree(value: &impl Serialize) -> Vec<u8> {
        serde_json::to_value(value)
            .unwrap()
            .to_string()
            .into_bytes()
    }

    #[derive(Serialize)]
    struct Ordered {
        a: f32,
        b: Vec<Inner>,
        c: Option<&'static str>,
        d: f64,
    }

    #[derive(Serialize)]
    struct Inner {
        x: i64,
        y: String,
    }

    #[test]
    fn ordered_members_are_written_as_the_tree_would_be() {
        let inner = |x| Inner {
            x,
            y: "\"{}\\:\u{1}é".into(),
        };
        let value = Ordered {
            a: 0.1,
            b: vec![inner(1), inner(-2)],
            c: None,
            d: 1e300,
        };
        assert_eq!(as_a_value(&value), Some(by_tree(&value)));
        for value in [
            json!({}),
            json!([]),
            json!("a:b"),
            json!({"a": {"a": {}}, "b": [{"a": 1}, {"a": 2}]}),
        ] {
            assert_eq!(as_a_value(&value), Some(by_tree(&value)), "{value}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_tree() {
        #[derive(Serialize)]
        struct Reversed {
            b: i32,
            a: i32,
        }
        assert_eq!(as_a_value(&Reversed { b: 1, a: 2 }), None);
        assert_eq!(as_a_value(&[[Reversed { b: 1, a: 2 }]]), None);
        assert_eq!(as_a_value(&HashMap::from([("a\"", 1)])), None);
        assert_eq!(as_a_value(&u128::MAX), None);
        let raw = RawValue::from_string("{ \"b\": 1 }".into()).unwrap();
        assert_eq!(as_a_value(&raw), None);
        let deep = (0..MAX_DEPTH).fold(json!({"a": 1}), |inner, _| json!([inner]));
        assert_eq!(as_a_value(&deep), None);
    }
}
