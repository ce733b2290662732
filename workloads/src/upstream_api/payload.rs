//! Megabytes by formula: what `GET /payload/json` and `GET /payload/text` serve, to the byte.
//!
//! Both are made of pieces of one length, so that a longer payload begins as a shorter one does: each kind is
//! made once, at its full length, and every answer is a slice of it and an end.
//!
//! **JSON** of N bytes is `{"records":[`, K records of [`RECORD_BYTES`] with a comma after each but the last,
//! `]}`, and spaces up to N; K = (N - 13) / 200, rounded down. Record i, from 0:
//!
//! | member | value |
//! |---|---|
//! | `active` | whether i mod 3 is not 0 |
//! | `category` | the (i mod 20)th of [`CATEGORIES`] |
//! | `id` | i + 1 |
//! | `note` | words that make the record as long as every other |
//! | `price` | 1 + (i x 37 mod 9,900) / 100 |
//! | `quantity` | 1 + i mod 50 |
//!
//! **Text** of N bytes is K = N / 100 lines of [`LINE_BYTES`], and line breaks up to N. Line i, from 0, is
//! `NUMBER LEVEL SERVICE DURATION ms WORDS`: i, `ERROR` where i mod 10 is 0, `WARN` where it is 1 or 2 and
//! otherwise `INFO`, the (i mod 7)th of [`SERVICES`], i x 13 mod 1,000, and words up to the length of a line.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::LazyLock,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::catalog::CATEGORIES;

/// The shortest payload.
pub const MIN_PAYLOAD_BYTES: u32 = 1_000;
/// The longest payload.
pub const MAX_PAYLOAD_BYTES: u32 = 16_000_000;
/// How long the JSON is when nobody says: what the public five-language benchmark filters.
pub const JSON_BYTES: u32 = 4_000_000;
/// How long the text is when nobody says: what the same benchmark scans.
pub const TEXT_BYTES: u32 = 2_000_000;

/// The length of a record, with the comma behind it.
pub const RECORD_BYTES: usize = 200;
/// The length of a line, with its break.
pub const LINE_BYTES: usize = 100;

/// Who writes the lines.
pub const SERVICES: [&str; 7] = [
    "auth", "cart", "catalog", "checkout", "payment", "search", "shipping",
];

const JSON_START: &str = "{\"records\":[";
const JSON_END: &str = "]}";
/// What fills a piece up to its length, from the start, and again.
const WORDS: &str = "every piece of it is as long as the next and means as little ";

/// [`MAX_PAYLOAD_BYTES`] as a length.
const LONGEST: usize = MAX_PAYLOAD_BYTES as usize;

/// The JSON document of `bytes` bytes, which are at least [`MIN_PAYLOAD_BYTES`] and at most
/// [`MAX_PAYLOAD_BYTES`].
pub(super) fn json(bytes: u32) -> Pieces {
    static WHOLE: LazyLock<Bytes> = LazyLock::new(|| {
        let mut json = Vec::with_capacity(LONGEST + RECORD_BYTES);
        json.extend_from_slice(JSON_START.as_bytes());
        for i in 0..LONGEST / RECORD_BYTES {
            push_record(&mut json, i);
        }
        json.into()
    });
    let bytes = bytes as usize;
    let around = JSON_START.len() + JSON_END.len() - ",".len();
    let count = bytes.saturating_sub(around) / RECORD_BYTES;
    let records = JSON_START.len() + count * RECORD_BYTES - ",".len();
    let mut end = JSON_END.as_bytes().to_vec();
    end.resize(bytes - records, b' ');
    Pieces([WHOLE.slice(..records), end.into()])
}

/// The text of `bytes` bytes, at most [`MAX_PAYLOAD_BYTES`].
pub(super) fn text(bytes: u32) -> Pieces {
    static WHOLE: LazyLock<Bytes> = LazyLock::new(|| {
        let mut text = Vec::with_capacity(LONGEST);
        for i in 0..LONGEST / LINE_BYTES {
            push_line(&mut text, i);
        }
        text.into()
    });
    let bytes = bytes as usize;
    let lines = bytes / LINE_BYTES * LINE_BYTES;
    Pieces([WHOLE.slice(..lines), vec![b'\n'; bytes - lines].into()])
}

fn push_record(json: &mut Vec<u8>, i: usize) {
    let start = json.len();
    let cents = 100 + i * 37 % 9_900;
    let members = format!(
        "{{\"active\":{},\"category\":\"{}\",\"id\":{},\"price\":{}.{:02},\"quantity\":{},\"note\":\"",
        !i.is_multiple_of(3),
        CATEGORIES[i % CATEGORIES.len()],
        i + 1,
        cents / 100,
        cents % 100,
        1 + i % 50,
    );
    json.extend_from_slice(members.as_bytes());
    let end = b"\"},";
    fill(json, start + RECORD_BYTES - end.len());
    json.extend_from_slice(end);
}

fn push_line(text: &mut Vec<u8>, i: usize) {
    let start = text.len();
    let level = match i % 10 {
        0 => "ERROR",
        1 | 2 => "WARN",
        _ => "INFO",
    };
    let service = SERVICES[i % SERVICES.len()];
    let fields = format!("{i} {level} {service} {} ms ", i * 13 % 1_000);
    text.extend_from_slice(fields.as_bytes());
    fill(text, start + LINE_BYTES - 1);
    text.push(b'\n');
}

/// Appends words until `bytes` is so long.
fn fill(bytes: &mut Vec<u8>, length: usize) {
    let missing = length.saturating_sub(bytes.len());
    bytes.extend(WORDS.bytes().cycle().take(missing));
}

/// A body of two pieces, whose length is known.
pub(super) struct Pieces([Bytes; 2]);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.0.iter_mut().find(|piece| !piece.is_empty());
        Poll::Ready(next.map(|piece| Ok(Frame::data(std::mem::take(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn whole(pieces: &Pieces) -> Vec<u8> {
        pieces.0.concat()
    }

    #[test]
    fn a_payload_has_the_length_that_was_asked_for() {
        for bytes in [1_000, 1_012, 1_013, 1_014, 1_213, 54_321, 16_000_000] {
            let json = whole(&json(bytes));
            let text = whole(&text(bytes));
            let bytes = bytes as usize;
            assert_eq!((json.len(), text.len()), (bytes, bytes));
            let document: Value = serde_json::from_slice(&json).unwrap();
            let records = document["records"].as_array().unwrap();
            assert_eq!(records.len(), (bytes - 13) / 200, "{bytes}");
            assert_eq!(records.last().unwrap()["id"], records.len());
        }
    }

    #[test]
    fn a_record_by_hand() {
        let document: Value = serde_json::from_slice(&whole(&json(400_000))).unwrap();
        // i = 1,234: 1234 mod 3 = 1, 1234 mod 20 = 14, 1234 x 37 = 45,658 = 4 x 9,900 + 6,058, 1234 mod 50 = 34.
        let mut record = document["records"][1_234].clone();
        let note = record.as_object_mut().unwrap().remove("note").unwrap();
        let expected = json!({
            "active": true, "category": "Health", "id": 1_235, "price": 61.58, "quantity": 35,
        });
        assert_eq!(record, expected);
        assert!(WORDS.starts_with(&note.as_str().unwrap()[..20]));
    }

    #[test]
    fn a_line_by_hand() {
        let text = String::from_utf8(whole(&text(123_499))).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 1_234);
        assert!(lines.iter().all(|line| line.len() == 99));
        // i = 1,230: a multiple of 10, 1230 mod 7 = 5, 1230 x 13 = 15,990.
        let expected = "1230 ERROR search 990 ms every piece";
        assert!(lines[1_230].starts_with(expected), "{}", lines[1_230]);
    }
}
