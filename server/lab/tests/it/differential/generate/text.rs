//! Strings, numbers and whole values, as JSON text.

use rand::RngExt;

use super::{Random, node::Node, pick};

/// Pieces of a string that need no second thought.
const PLAIN: [&str; 14] = [
    "a", "hello", " ", "Z9", "é", "日本", "😀", "/", "-_.", "'", "{}", "[1,2]", "1e999", "\u{7f}",
];
/// Escapes that every reader takes.
const ESCAPED: [&str; 12] = [
    r"\n", r"\t", r"\r", r"\b", r"\f", r#"\""#, r"\\", r"\/", r"\u0041", r"\u00e9", r"\u0000",
    r"\u2028",
];
/// Escapes of surrogates, in pairs and alone.
const SURROGATES: [&str; 5] = [
    r"\ud83d\ude00",
    r"\uD83D\uDE00",
    r"\ud800",
    r"\udc00\ud800",
    r"\ud83d\u0041",
];
const NUMBERS: [&str; 22] = [
    "0",
    "1",
    "-1",
    "7",
    "42",
    "-0",
    "1.0",
    "0.5",
    "-2.25",
    "1e2",
    "1E+2",
    "1e-2",
    "100000",
    "2147483648",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551616",
    "1e308",
    "1e999",
    "-1e999",
];

/// The inside of a string.
pub(super) fn inside(random: &mut Random) -> String {
    let pieces = random.random_range(0..6);
    let pieces = (0..pieces).map(|_| match random.random_range(0..100) {
        0..70 => pick(random, &PLAIN),
        70..97 => pick(random, &ESCAPED),
        _ => pick(random, &SURROGATES),
    });
    pieces.collect()
}

/// A string.
pub(super) fn string(random: &mut Random) -> Node {
    let text = inside(random);
    Node::string(&text)
}

/// Plain text with some of its letters escaped.
pub(super) fn escaped(random: &mut Random, text: &str) -> String {
    let letters = text.chars().map(|letter| match letter {
        '/' if random.random_bool(0.5) => r"\/".to_owned(),
        letter if random.random_bool(0.2) => format!("\\u{:04x}", u32::from(letter)),
        letter => letter.to_string(),
    });
    letters.collect()
}

/// A number in any notation.
pub(super) fn number(random: &mut Random) -> Node {
    let text = match random.random_range(0..10) {
        0..7 => pick(random, &NUMBERS).to_owned(),
        7 => random.random::<i64>().to_string(),
        8 => random.random::<f64>().to_string(),
        _ => "1".repeat(random.random_range(1..400)),
    };
    Node::Raw(text)
}

/// Any value, at most `depth` levels deep.
pub(super) fn value(random: &mut Random, depth: usize) -> Node {
    let kinds = if depth > 0 { 8 } else { 5 };
    match random.random_range(0..kinds) {
        0 => Node::Raw(pick(random, &["null", "true", "false"]).to_owned()),
        1 | 2 => number(random),
        3 | 4 => string(random),
        5 => Node::Array(
            (0..random.random_range(0..4))
                .map(|_| value(random, depth - 1))
                .collect(),
        ),
        6 => Node::Object(
            (0..random.random_range(0..4))
                .map(|_| (format!("\"{}\"", inside(random)), value(random, depth - 1)))
                .collect(),
        ),
        _ => deep(random),
    }
}

/// Nesting around what readers allow.
fn deep(random: &mut Random) -> Node {
    let levels = pick(
        random,
        &[
            1, 2, 10, 100, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129,
        ],
    );
    let (open, close) = pick(random, &[("[", "]"), (r#"{"a":"#, "}")]);
    Node::Raw(format!("{}0{}", open.repeat(levels), close.repeat(levels)))
}

/// A value without any difficulty.
pub(super) fn mild(random: &mut Random) -> Node {
    match random.random_range(0..4) {
        0 => Node::Raw(random.random_range(-1000..1000).to_string()),
        1 => Node::string(pick(random, &PLAIN)),
        2 => Node::Raw(
            pick(
                random,
                &["null", "true", "0.5", "[]", "{}", r#"[1,"a",{"b":null}]"#],
            )
            .to_owned(),
        ),
        _ => Node::object([("a", Node::string(pick(random, &ESCAPED)))]),
    }
}

/// Plain text, now and then with escapes.
pub(super) fn escaped_sometimes(random: &mut Random, text: &str) -> Node {
    if random.random_bool(0.1) {
        let text = escaped(random, text);
        return Node::string(&text);
    }
    Node::string(text)
}
