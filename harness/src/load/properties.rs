//! The load engine's parsers: what they read does not depend on the pieces in which it comes.

#![expect(
    clippy::missing_panics_doc,
    reason = "a property that does not hold panics, and nothing else does"
)]

use super::http1::{Decoder, EventParser, Form};

/// The pieces in which `input` comes: each as long as the next of `sizes` says, and one byte where
/// there are none.
fn pieces<'i>(mut input: &'i [u8], sizes: &[u8]) -> Vec<&'i [u8]> {
    let mut sizes = sizes.iter().cycle();
    let mut pieces = Vec::new();
    while !input.is_empty() {
        let size = sizes.next().map_or(1, |size| usize::from(*size).max(1));
        let (piece, rest) = input.split_at(size.min(input.len()));
        pieces.push(piece);
        input = rest;
    }
    pieces
}

/// Splits `input` into the sizes of pieces and what comes in them.
fn sizes_and_rest(input: &[u8]) -> (&[u8], &[u8]) {
    input.split_at_checked(4).unwrap_or((&[], input))
}

/// What is read of one response.
#[derive(Debug, PartialEq)]
struct Read {
    status: u16,
    form: Form,
    session: Vec<u8>,
    closes: bool,
    body: Vec<u8>,
    used: usize,
}

/// Decodes one response that comes in `pieces`; nothing when it is not complete, an error when it
/// is none.
fn decode<'i>(pieces: impl IntoIterator<Item = &'i [u8]>) -> Result<Option<Read>, ()> {
    let mut decoder = Decoder::default();
    let mut before = 0;
    for piece in pieces {
        if let Some(whole) = decoder.push(piece).map_err(drop)? {
            assert!(whole.used <= piece.len(), "no more is used than there is");
            return Ok(Some(Read {
                status: whole.head.status,
                form: whole.head.form,
                session: whole.head.session.clone(),
                closes: whole.head.closes,
                body: whole.body.to_vec(),
                used: before + whole.used,
            }));
        }
        before += piece.len();
    }
    // The end of the connection may complete it.
    Ok(decoder.finish().ok().map(|whole| Read {
        status: whole.head.status,
        form: whole.head.form,
        session: whole.head.session.clone(),
        closes: whole.head.closes,
        body: whole.body.to_vec(),
        used: before,
    }))
}

/// The decoder of HTTP/1.1 answers: whatever comes, in whichever pieces, is read the same.
pub fn http1(input: &[u8]) {
    let (sizes, input) = sizes_and_rest(input);
    let whole = decode([input]);
    assert_eq!(decode(pieces(input, sizes)), whole);
    assert_eq!(decode(pieces(input, &[])), whole);
}

/// Answers that follow the rules: each is read as it was written, and the next begins after it.
///
/// The bodies are `input`, and its first bytes choose how they are framed.
pub fn http1_answers(input: &[u8]) {
    let (sizes, body) = sizes_and_rest(input);
    let choice = sizes.first().copied().unwrap_or_default();
    let status = 200 + u16::from(choice % 4);
    let head = format!("HTTP/1.1 {status} Some Words\r\nX-Other: 1\r\nMcp-Session-Id: abc\r\n");
    let interim = if choice & 1 == 0 {
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    } else {
        ""
    };
    let counted = format!("Content-Length: {}\r\n\r\n", body.len());
    let counted = [
        interim.as_bytes(),
        head.as_bytes(),
        counted.as_bytes(),
        body,
    ]
    .concat();
    let mut chunked = format!("{interim}{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for piece in pieces(body, sizes) {
        let size = format!("{:X};extension=\"x\"\r\n", piece.len());
        chunked.extend_from_slice(&[size.as_bytes(), piece, b"\r\n"].concat());
    }
    chunked.extend_from_slice(b"0\r\nTrailer: x\r\n\r\n");
    for answer in [counted, chunked] {
        let followed = [&answer[..], b"HTTP/1.1 500 Next\r\n\r\n"].concat();
        for read in [decode([&followed[..]]), decode(pieces(&followed, sizes))] {
            let Ok(Some(read)) = read else {
                panic!("an answer is not read: {}", answer.escape_ascii());
            };
            let head = (read.status, &read.session[..], read.closes);
            assert_eq!(head, (status, &b"abc"[..], false));
            assert_eq!((&read.body[..], read.used), (body, answer.len()));
        }
    }
}

/// The events of a stream: the same in whichever pieces it comes, and those that a reader of whole
/// lines finds (WHATWG HTML, section 9.2.6).
pub fn events(input: &[u8]) {
    let (sizes, input) = sizes_and_rest(input);
    let expected = by_lines(input);
    for pieces in [vec![input], pieces(input, sizes), pieces(input, &[])] {
        let mut parser = EventParser::default();
        let mut found = Vec::new();
        for piece in pieces {
            parser.push(piece, |name, data| {
                found.push((name.to_vec(), data.to_vec()));
            });
        }
        assert_eq!(found, expected);
    }
}

/// The same events, read the slow way: the text is cut into lines, which are read one by one.
fn by_lines(input: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let input = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
    let mut text = input.to_vec();
    // One kind of line break: CRLF is one, and so is a CR alone.
    let mut at = 0;
    while let Some(next) = text[at..].iter().position(|byte| *byte == b'\r') {
        at += next;
        if text.get(at + 1) == Some(&b'\n') {
            text.remove(at);
        } else {
            text[at] = b'\n';
        }
    }
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    // The last one has no end yet.
    lines.pop();
    let (mut events, mut name, mut data) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines {
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut name), std::mem::take(&mut data));
            if !data.is_empty() {
                events.push((name, data.join(&b'\n')));
            }
            continue;
        }
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let field = parts.next().unwrap_or_default();
        let value = parts.next().unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => data.push(value.to_vec()),
            b"event" => name = value.to_vec(),
            _ => {}
        }
    }
    events
}
