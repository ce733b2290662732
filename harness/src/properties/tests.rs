//! The properties with generated input: mostly right, and spoiled in one place now and then.

use std::path::Path;

use proptest::{prelude::*, sample::Index};

use super::{definitions, events, http1, http1_answers, template};

const CASES: u32 = 4_000;

/// Pieces of a text, one after the other.
fn text_of(pieces: &'static [&'static str], most: usize) -> BoxedStrategy<Vec<u8>> {
    let piece = prop_oneof![
        12 => prop::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    let pieces = prop::collection::vec(piece, 0..most);
    pieces.prop_map(|pieces| pieces.concat()).boxed()
}

/// The head of an answer, a blank line, and pieces of bodies.
fn answer() -> BoxedStrategy<Vec<u8>> {
    const STARTS: &[&str] = &[
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 202 Accepted\r\n",
        "HTTP/1.1 204 No Content\r\n",
        "HTTP/1.0 200 OK\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        "HTTP/1.1 304\r\n",
        "HTTP/2 200\r\n",
    ];
    const FIELDS: &[&str] = &[
        "Content-Length: 5\r\n",
        "Content-Length: 0\r\n",
        "content-length: 5\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Content-Type: text/event-stream; charset=utf-8\r\n",
        "Content-Type: application/json\r\n",
        "Mcp-Session-Id: abc\r\n",
        "Connection: close\r\n",
        "X: y\n",
        " folded\r\n",
    ];
    const BODIES: &[&str] = &[
        "5\r\nhello\r\n",
        "0\r\n",
        "\r\n",
        "hello",
        "A;x=y\r\n",
        "0123456789\r\n",
        "fffffffffffffff\r\n",
        "Trailer: x\r\n",
    ];
    (
        prop::sample::select(STARTS),
        text_of(FIELDS, 4),
        prop::sample::select(["\r\n", "\r\n", "\r\n", "\n", ""].to_vec()),
        text_of(BODIES, 6),
    )
        .prop_map(|(start, fields, end, body)| {
            [start.as_bytes(), &fields, end.as_bytes(), &body].concat()
        })
        .boxed()
}

const EVENTS: &[&str] = &[
    "data: {}",
    "data:",
    "data",
    "event: message",
    "event:",
    "id: 1",
    "retry: 5",
    ": comment",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\r\n\r\n",
    "\u{feff}",
    "x: y",
    " ",
    "data:\n",
    "data: a\n",
];

/// The definitions of this repository, as lines.
fn files() -> Vec<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![root.join("subjects.toml"), root.join("scenarios.toml")];
    for folder in ["suites", "experiments", "chaos"] {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        let found = entries.map(|entry| entry.unwrap().path());
        paths.extend(found.filter(|path| path.extension().is_some_and(|one| one == "toml")));
    }
    paths.sort();
    let texts = paths
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap());
    texts
        .map(|text| text.lines().map(str::to_owned).collect())
        .collect()
}

/// One of the definitions with a few lines changed, moved or left out.
fn definition() -> BoxedStrategy<String> {
    const VALUES: &[&str] = &[
        "0",
        "-1",
        "1e309",
        "nan",
        "inf",
        "18446744073709551615",
        "\"\"",
        "\"{x}\"",
        "\"{x:99}\"",
        "\"}\"",
        "[]",
        "[[]]",
        "{}",
        "true",
        "1979-05-27T07:32:00Z",
        "\"\\u0000\"",
        "[1, \"a\"]",
    ];
    let edit = (
        0..5_u8,
        any::<Index>(),
        any::<Index>(),
        prop::sample::select(VALUES),
    );
    (
        prop::sample::select(files()),
        prop::collection::vec(edit, 0..4),
    )
        .prop_map(|(mut lines, edits)| {
            for (kind, line, other, value) in edits {
                let (line, other) = (line.index(lines.len()), other.index(lines.len()));
                match kind {
                    0 => drop(lines.remove(line)),
                    1 => lines.swap(line, other),
                    2 => lines.insert(line, lines[other].clone()),
                    _ => {
                        let key = lines[line].split_once(" = ").map(|(key, _)| key.to_owned());
                        if let Some(key) = key {
                            lines[line] = format!("{key} = {value}");
                        }
                    }
                }
                if lines.is_empty() {
                    lines.push(String::new());
                }
            }
            lines.join("\n")
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn answers_are_read_the_same_in_whichever_pieces(
        sizes in any::<[u8; 4]>(), answer in answer(),
    ) {
        http1(&[&sizes, &answer[..]].concat());
    }

    #[test]
    fn answers_are_read_as_they_were_written(
        sizes in any::<[u8; 4]>(), body in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        http1_answers(&[&sizes, &body[..]].concat());
    }

    #[test]
    fn events_are_those_of_the_lines(sizes in any::<[u8; 4]>(), text in text_of(EVENTS, 24)) {
        events(&[&sizes, &text[..]].concat());
    }

    #[test]
    fn templates_are_filled_or_rejected(text in prop_oneof!["[a-c{}:0-9é]{0,24}", any::<String>()]) {
        template(text.as_bytes());
    }
}

proptest! {
    // A definition has hundreds of lines.
    #![proptest_config(ProptestConfig::with_cases(CASES / 4))]

    #[test]
    fn definitions_are_kept_or_rejected_with_their_place(text in definition()) {
        definitions(text.as_bytes());
    }
}

#[test]
fn the_definitions_of_this_repository_are_read() {
    for lines in files() {
        definitions(lines.join("\n").as_bytes());
    }
}
