//! The outcome of a call, serialised once.
//!
//! rmcp turns a structured result into a tree of values, the tree into a text, and both into the
//! reply. The reply holds the same JSON twice: as a text and as a value. So the fast path
//! serialises a result once and writes it twice. The JSON has to say what the tree would say: a
//! tree holds every float as a double. Members stand in the order in which the type declares them.
//! Values that a tree would change in another way are left to the tree.

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

/// The outcome of a call.
pub enum Outcome {
    /// What rmcp makes of the tool's result.
    Sdk(Result<CallToolResponse, ErrorData>),
    /// The structured content, as JSON, of a complete result without error.
    Structured(Vec<u8>),
    /// A complete result that was serialised before.
    Serialized(SerializedResult),
}

impl Outcome {
    /// Serialises the outcome.
    ///
    /// # Errors
    /// The JSON-RPC error that the outcome is, or an internal error when it cannot be serialised.
    pub fn serialized(self) -> Result<SerializedResult, ErrorData> {
        reply::serialized(self)
    }
}

/// A result of a fast tool: rmcp's own kinds of result. Another type that is `IntoCallToolResult`
/// needs an empty `impl FastResult`.
pub trait FastResult: IntoCallToolResult + Sized {
    /// Returns the outcome, which says the same as `into_call_tool_result`.
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
        match structured(&self.0) {
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

/// Serialises `value`, if its tree would say the same.
fn structured(value: &impl Serialize) -> Option<Vec<u8>> {
    let mut json = Vec::with_capacity(128);
    let mut serializer = Serializer::with_formatter(&mut json, TreeNumbers);
    value.serialize(&mut serializer).ok()?;
    Some(json)
}

/// Writes compact JSON with the numbers that a tree of values can hold.
struct TreeNumbers;

impl Formatter for TreeNumbers {
    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        self.write_f64(writer, f64::from(value))
    }

    fn write_i128<W: ?Sized + io::Write>(&mut self, _: &mut W, _: i128) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn write_u128<W: ?Sized + io::Write>(&mut self, _: &mut W, _: u128) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Raw JSON may hold spaces, which would break the framing, and numbers that a tree would
    /// change.
    fn write_raw_fragment<W: ?Sized + io::Write>(&mut self, _: &mut W, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json, value::RawValue};

    use super::*;

    /// Compares [`structured`] with the tree of `value`.
    fn assert_is_its_tree(value: &impl Serialize) {
        let json = structured(value).expect("it can be written");
        let read: Value = serde_json::from_slice(&json).expect("it is JSON");
        assert_eq!(read, serde_json::to_value(value).unwrap());
    }

    #[derive(Serialize)]
    struct Unordered {
        d: f32,
        b: Vec<Inner>,
        c: Option<&'static str>,
        a: f64,
    }

    #[derive(Serialize)]
    struct Inner {
        y: String,
        x: i64,
    }

    #[test]
    fn a_result_says_what_its_tree_says_whatever_the_order_of_its_members() {
        let inner = |x| Inner {
            x,
            y: "\"{}\\:\u{1}é".into(),
        };
        assert_is_its_tree(&Unordered {
            d: 0.1,
            b: vec![inner(1), inner(-2)],
            c: None,
            a: 1e300,
        });
        assert_is_its_tree(&HashMap::from([("b\"", 1), ("a", 2), ("", 3)]));
        for value in [
            json!({}),
            json!([]),
            json!("a:b"),
            json!({"b": [{"a": {}}]}),
        ] {
            assert_is_its_tree(&value);
        }
        let nested = (0..100).fold(json!({"a": 1}), |inner, _| json!([inner]));
        assert_is_its_tree(&nested);
    }

    #[test]
    fn members_keep_the_order_of_their_type() {
        let inner = Inner {
            y: String::new(),
            x: 1,
        };
        assert_eq!(structured(&inner).unwrap(), br#"{"y":"","x":1}"#);
    }

    #[test]
    fn values_that_a_tree_would_change_are_left_to_the_tree() {
        assert_eq!(structured(&u128::MAX), None);
        assert_eq!(structured(&i128::MIN), None);
        let raw = RawValue::from_string("{ \"b\": 1 }".into()).unwrap();
        assert_eq!(structured(&raw), None);
    }
}
