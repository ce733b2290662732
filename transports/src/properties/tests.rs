//! The properties with generated input: mostly right, and spoiled in one place now and then.

use proptest::prelude::*;
use serde_json::Value;

use super::{batch, fast_path, fast_path::count_taken, guard, lines};

const CASES: u32 = 4_000;

/// A JSON value as text.
fn json() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| Value::from(value).to_string()),
        any::<String>().prop_map(|text| Value::from(text).to_string()),
        prop::sample::select(vec![
            "-0",
            "1e5",
            "1E400",
            "\"\\u0041\"",
            "\"\\ud83d\\ude00\"",
            "\"\\ud800\"",
            " 1 ",
            "18446744073709551616",
            "0.1",
        ])
        .prop_map(str::to_owned),
    ];
    let tree = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((any::<String>(), inner), 0..4).prop_map(|members| {
                let members = members
                    .into_iter()
                    .map(|(key, value)| format!("{}:{value}", Value::from(key)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
            }),
        ]
    });
    tree.boxed()
}

/// One of these texts, or now and then any JSON.
fn usually(texts: &[&str]) -> BoxedStrategy<String> {
    let texts: Vec<String> = texts.iter().copied().map(str::to_owned).collect();
    prop_oneof![29 => prop::sample::select(texts), 1 => json()].boxed()
}

/// An object of these members in any order, each with its share of the cases.
fn object(members: Vec<(&'static str, f64, BoxedStrategy<String>)>) -> BoxedStrategy<String> {
    let members: Vec<_> = members
        .into_iter()
        .map(|(key, share, value)| {
            prop::option::weighted(share, value)
                .prop_map(move |value| value.map(|value| format!("\"{key}\":{value}")))
                .boxed()
        })
        .collect();
    members
        .prop_shuffle()
        .prop_map(|members| {
            let members: Vec<_> = members.into_iter().flatten().collect();
            format!("{{{}}}", members.join(","))
        })
        .boxed()
}

fn arguments() -> BoxedStrategy<String> {
    object(vec![
        (
            "text",
            0.8,
            any::<String>()
                .prop_map(|text| Value::from(text).to_string())
                .boxed(),
        ),
        ("number", 0.5, usually(&["1", "0.5", "null"])),
        (
            "whole",
            0.5,
            any::<i64>().prop_map(|whole| whole.to_string()).boxed(),
        ),
        ("flags", 0.5, usually(&["[]", "[true,false]"])),
        ("other", 0.1, json()),
        ("text", 0.02, json()),
    ])
}

fn params() -> BoxedStrategy<String> {
    const REVISION: &str = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let arguments = prop_oneof![9 => arguments(), 1 => json()].boxed();
    let call = object(vec![
        (
            "name",
            0.98,
            usually(&["\"now\"", "\"later\"", "\"n\\u006fw\""]),
        ),
        ("arguments", 0.9, arguments),
        (
            "_meta",
            0.5,
            usually(&["{}", r#"{"progressToken":1}"#, "{}", REVISION]),
        ),
        ("task", 0.02, json()),
    ]);
    let initialize = object(vec![
        (
            "protocolVersion",
            0.98,
            usually(&["\"2025-06-18\"", "\"2025-11-25\""]),
        ),
        ("capabilities", 0.98, usually(&["{}", r#"{"sampling":{}}"#])),
        (
            "clientInfo",
            0.98,
            usually(&[r#"{"name":"a","version":"1"}"#]),
        ),
        ("_meta", 0.1, json()),
    ]);
    prop_oneof![6 => call, 1 => initialize, 1 => usually(&["{}", "null"])].boxed()
}

/// The bytes of a message, wrong in one place now and then.
fn message() -> BoxedStrategy<Vec<u8>> {
    let message = object(vec![
        (
            "jsonrpc",
            0.99,
            usually(&["\"2.0\"", "\"2.0\"", "\"\\u0032.0\""]),
        ),
        (
            "id",
            0.97,
            usually(&["1", "\"a\"", "-5", "\"\"", "123456789012345678"]),
        ),
        (
            "method",
            0.99,
            usually(&[
                "\"tools/call\"",
                "\"tools/call\"",
                "\"tools/call\"",
                "\"tools\\/call\"",
                "\"initialize\"",
                "\"ping\"",
                "\"tools/list\"",
                "\"notifications/initialized\"",
            ]),
        ),
        ("params", 0.95, params()),
        ("extra", 0.02, json()),
    ]);
    spoiled(message.prop_map(String::into_bytes).boxed())
}

/// The same bytes, or in one case of ten with a byte more, less or changed, or cut off.
fn spoiled(bytes: BoxedStrategy<Vec<u8>>) -> BoxedStrategy<Vec<u8>> {
    let change = (0..40_u8, any::<prop::sample::Index>(), any::<u8>());
    (bytes, change)
        .prop_map(|(mut bytes, (kind, place, byte))| {
            let place = place.index(bytes.len() + 1);
            match kind {
                0 => bytes.insert(place, byte),
                1 if place < bytes.len() => bytes[place] = byte,
                2 if place < bytes.len() => drop(bytes.remove(place)),
                3 => bytes.truncate(place),
                _ => {}
            }
            bytes
        })
        .boxed()
}

/// A part of a header: a name that may be allowed, what may stand around one, or anything.
fn name(names: &'static [&'static str]) -> BoxedStrategy<Vec<u8>> {
    let around = [
        "", "", "", ":", ":80", ":*", ":65535", ":65536", ".", "/", "@", "]", "%", "*",
    ];
    let text = (
        prop::sample::select(names),
        prop::sample::select(around.to_vec()),
        prop::sample::select(around.to_vec()),
    );
    let text = text.prop_map(|(name, port, rest)| format!("{name}{port}{rest}").into_bytes());
    let anything = prop::collection::vec(any::<u8>(), 0..24);
    prop_oneof![8 => spoiled(text.boxed()), 1 => anything].boxed()
}

const HOSTS: &[&str] = &[
    "localhost",
    "LOCALHOST",
    "127.0.0.1",
    "[::1]",
    "::1",
    "127.1",
    "0x7f.1",
    "a.example",
    "A.example",
    "xn--bcher-kva.example",
    "user@localhost",
    "",
];
const ORIGINS: &[&str] = &[
    "http://localhost",
    "HTTP://LOCALHOST",
    "http://[::1]",
    "https://a.example",
    "null",
    "chrome-extension://abcdef",
    "file://",
    "http:localhost",
    "ht\ttp://localhost",
    "\u{b}http://localhost",
    "http://user@localhost",
    "",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn a_batch_is_split_as_a_tree_would_be(
        messages in prop::collection::vec(prop_oneof![json(), json(), object(vec![
            ("id", 0.5, json()),
            ("method", 0.9, usually(&["\"ping\"", "\"initialize\""])),
        ])], 0..10),
        around in prop::sample::select(vec![("[", "]"), (" [ ", " ] "), ("[", ""), ("", "]")]),
    ) {
        batch(format!("{}{}{}", around.0, messages.join(","), around.1).as_bytes());
    }

    #[test]
    fn the_guard_holds_for_any_name(
        parts in (name(HOSTS), name(ORIGINS), name(HOSTS), name(ORIGINS)),
    ) {
        let (allowed_host, allowed_origin, host, origin) = parts;
        guard(&[allowed_host, allowed_origin, host, origin].join(&b'\n'));
    }

}

proptest! {
    // A text may have half a million bytes.
    #![proptest_config(ProptestConfig::with_cases(CASES / 10))]

    #[test]
    fn lines_are_those_of_the_text_however_it_comes(
        head in any::<[u8; 3]>(),
        text in prop::collection::vec(
            (prop::sample::select(b"\na\r{".to_vec()), prop_oneof![6 => 0..8_u8, 1 => 8..18_u8]),
            0..40,
        ),
    ) {
        let text = text.into_iter().flat_map(|(byte, exponent)| [byte, exponent]);
        lines(&head.into_iter().chain(text).collect::<Vec<_>>());
    }
}

#[test]
fn the_fast_path_answers_what_a_tree_of_the_message_asks_for() {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(CASES)
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&(any::<u8>(), message()), |(choice, message)| {
        fast_path(&[&[choice], &message[..]].concat());
        Ok(())
    });
    outcome.unwrap();
    // Each case is asked in four framings.
    let taken = count_taken() / 4;
    assert!(
        taken > u64::from(CASES / 8),
        "only {taken} messages are taken"
    );
}

/// Inputs that a fuzzer has found, for which a property did not hold.
#[test]
fn what_a_fuzzer_has_found_holds() {
    // Control characters before a scheme were skipped.
    guard(b"localhost\n\x0b\x0bhttps://0X02");
}
