//! The id of a request, as it was sent.

use std::sync::Arc;

use rmcp::model::RequestId;
use serde_json::value::RawValue;

/// The most digits with which every whole number fits 64 bits.
const MAX_DIGITS: usize = 18;

/// An id that can be sent back byte for byte: a whole number in its plain form, or a string without
/// escapes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id<'a>(&'a str);

impl<'a> Id<'a> {
    /// Reads an id; returns nothing for a form that rmcp might write differently.
    pub(super) fn read(id: &'a RawValue) -> Option<Self> {
        let text = id.get();
        let bytes = text.as_bytes();
        let is_plain = match bytes {
            [b'"', .., b'"'] => !bytes.contains(&b'\\'),
            b"0" => true,
            [b'-', digits @ ..] | digits => {
                matches!(digits, [b'1'..=b'9', ..])
                    && digits.len() <= MAX_DIGITS
                    && digits.iter().all(u8::is_ascii_digit)
            }
        };
        is_plain.then_some(Self(text))
    }

    /// Returns its JSON.
    pub(super) fn json(&self) -> &'a str {
        self.0
    }

    /// Converts the id to rmcp's type.
    pub(super) fn to_request_id(self) -> RequestId {
        let text = self.0;
        match text.parse() {
            Ok(number) => RequestId::Number(number),
            Err(_) => RequestId::String(Arc::from(text.trim_matches('"'))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<RequestId> {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        Id::read(raw).map(Id::to_request_id)
    }

    #[test]
    fn plain_ids_are_read_as_rmcp_reads_them() {
        for json in [
            "0",
            "7",
            "-1",
            "999999999999999999",
            "\"\"",
            "\"a-1\"",
            "\"1\"",
        ] {
            let expected: RequestId = serde_json::from_str(json).unwrap();
            assert_eq!(read(json), Some(expected), "{json}");
        }
    }

    #[test]
    fn other_forms_are_not_read() {
        for json in [
            "-0",
            "1.0",
            "1e2",
            "null",
            "true",
            "{}",
            "9223372036854775807",
            r#""\u0041""#,
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
