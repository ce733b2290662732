//! Decides whether a tool's arguments may be read straight from their bytes.
//!
//! rmcp reads a whole body into values before a tool sees its arguments, and rejects what no value
//! can hold: more than 127 levels, a number beyond `f64`, half a surrogate pair. A tool that reads
//! its arguments from the bytes skips members that it does not know, and would not notice. So this
//! module finds what rmcp could reject, and the SDK answers those messages.

use serde_json::value::RawValue;

/// The deepest level that the fast path takes. A body has two levels more, and rmcp allows 127.
const MAX_DEPTH: usize = 120;
/// The longest number that the fast path takes. A longer one might be beyond `f64`.
const MAX_NUMBER_BYTES: usize = 300;

/// Whether `arguments`, which are valid JSON, are an object that every reader accepts.
pub(super) fn is_plain_object(arguments: &RawValue) -> bool {
    let bytes = arguments.get().as_bytes();
    bytes.first() == Some(&b'{') && is_plain(bytes)
}

/// Whether `json`, which is grammatically one valid value, holds nothing that a reader may reject.
pub(super) fn is_plain(json: &[u8]) -> bool {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return false;
                }
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'"' => match string_end(json, at + 1) {
                Some(end) => at = end,
                None => return false,
            },
            b'-' | b'0'..=b'9' => match number_end(json, at) {
                Some(end) => at = end,
                None => return false,
            },
            _ => at += 1,
        }
    }
    true
}

/// Returns the place after the string whose first character is at `at`; nothing if it escapes a
/// surrogate.
fn string_end(json: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', json.get(at..)?)?;
        if json[at] == b'"' {
            return Some(at + 1);
        }
        // rmcp checks whether the pair is whole.
        let is_surrogate = matches!(
            json.get(at + 1..at + 4),
            Some([b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F'])
        );
        if is_surrogate {
            return None;
        }
        at += 2;
    }
}

/// Returns the place after the number at `at`; nothing if it has an exponent or is very long.
fn number_end(json: &[u8], at: usize) -> Option<usize> {
    let digits = json[at..]
        .iter()
        .take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
    let mut length = 0;
    for byte in digits {
        if matches!(byte, b'e' | b'E') {
            return None;
        }
        length += 1;
    }
    (length <= MAX_NUMBER_BYTES).then_some(at + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_values_are_plain() {
        for json in [
            "{}",
            r#"{"a":[1,-2.5,true,null,"x\"y\\","\u00e9"],"b":{"c":""}}"#,
            r#"{"text":"1e999 is a number only outside of a string"}"#,
        ] {
            assert!(is_plain(json.as_bytes()), "{json}");
        }
    }

    #[test]
    fn values_that_a_reader_may_reject_are_not_plain() {
        let deep = format!("{}{}", "[".repeat(121), "]".repeat(121));
        let long = "9".repeat(301);
        for json in [
            r#"{"a":1e999}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\uDBFF\uDFFF"}"#,
            &deep,
            &long,
        ] {
            assert!(!is_plain(json.as_bytes()), "{json}");
        }
    }

    #[test]
    fn an_escaped_quote_does_not_end_a_string() {
        assert!(is_plain(br#"{"a":"\\","b":"\\\"1e9"}"#));
        assert!(!is_plain(br#"{"a":"\\\"","b":1e9}"#));
    }
}
