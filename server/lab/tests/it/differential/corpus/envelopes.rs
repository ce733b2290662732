//! Envelopes: members, orders, spellings, what is no text, and sizes.

use super::{CALL, Message, named};
use crate::in_process::limits;

/// Right, odd and wrong.
const ENVELOPES: [(&str, &str); 55] = [
    (
        "another order",
        r#"{"params":{"arguments":{"message":"hi"},"name":"echo",@},"method":"tools/call","id":1,"jsonrpc":"2.0"}"#,
    ),
    (
        "an escaped method",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools\/call","params":{@,"name":"echo","arguments":{"message":"hi"}}}"#,
    ),
    (
        "an escaped letter in the method",
        r#"{"jsonrpc":"2.0","id":1,"method":"\u0074ools/call","params":{@,"name":"echo","arguments":{"message":"hi"}}}"#,
    ),
    (
        "escaped keys",
        r#"{"j\u0073onrpc":"2.0","i\u0064":1,"m\u0065thod":"tools/call","p\u0061rams":{@,"n\u0061me":"echo","\u0061rguments":{"message":"hi"}}}"#,
    ),
    (
        "an escaped tool",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"\u0065cho","arguments":{"message":"hi"}}}"#,
    ),
    (
        "an escaped _meta",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo","\u005fmeta":{},"arguments":{"message":"hi"}}}"#,
    ),
    (
        "no id",
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{@,"name":"echo","arguments":{"message":"hi"}}}"#,
    ),
    (
        "no jsonrpc",
        r#"{"id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":"hi"}}}"#,
    ),
    (
        "jsonrpc 1.0",
        r#"{"jsonrpc":"1.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":"hi"}}}"#,
    ),
    (
        "jsonrpc as a number",
        r#"{"jsonrpc":2.0,"id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":"hi"}}}"#,
    ),
    ("jsonrpc null", r#"{"jsonrpc":null,"id":1,"method":"ping"}"#),
    (
        "jsonrpc escaped",
        r#"{"jsonrpc":"\u0032.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":"hi"}}}"#,
    ),
    (
        "jsonrpc twice",
        r#"{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"ping","params":{@}}"#,
    ),
    (
        "id twice",
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping","params":{@}}"#,
    ),
    (
        "id twice, null",
        r#"{"jsonrpc":"2.0","id":null,"id":2,"method":"ping","params":{@}}"#,
    ),
    (
        "method twice",
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list","params":{@}}"#,
    ),
    (
        "method twice, escaped",
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","meth\u006fd":"tools/list","params":{@}}"#,
    ),
    (
        "params twice",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":"a"}},"params":{@,"name":"echo","arguments":{"message":"b"}}}"#,
    ),
    (
        "name twice",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"query_products","name":"echo","arguments":{"message":"b"}}}"#,
    ),
    (
        "arguments twice",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":"a"},"arguments":{"message":"b"}}}"#,
    ),
    (
        "_meta twice",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"_meta":{},"name":"echo","arguments":{"message":"b"}}}"#,
    ),
    (
        "an unknown member",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":"hi"}},"more":1}"#,
    ),
    (
        "an unknown parameter",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":"hi"},"more":{"a":[1]}}}"#,
    ),
    (
        "a task",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":"hi"},"task":{"ttl":1}}}"#,
    ),
    (
        "inputResponses",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":"hi"},"inputResponses":{},"requestState":"x"}}"#,
    ),
    (
        "a result beside",
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{@},"result":{}}"#,
    ),
    (
        "an error beside",
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{@},"error":{"code":1,"message":"x"}}"#,
    ),
    (
        "no params",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#,
    ),
    (
        "params null",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":null}"#,
    ),
    (
        "params an array",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["echo",{"message":"hi"}]}"#,
    ),
    (
        "params an array for ping",
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#,
    ),
    (
        "params a string",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":"echo"}"#,
    ),
    (
        "params empty",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@}}"#,
    ),
    (
        "name null",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":null,"arguments":{}}}"#,
    ),
    (
        "name a number",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":1,"arguments":{}}}"#,
    ),
    (
        "name empty",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"","arguments":{}}}"#,
    ),
    (
        "name in other letters",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"Echo","arguments":{"message":"hi"}}}"#,
    ),
    (
        "name with a NUL",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo\u0000","arguments":{"message":"hi"}}}"#,
    ),
    (
        "name of half a pair",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"\ud800","arguments":{}}}"#,
    ),
    (
        "method null",
        r#"{"jsonrpc":"2.0","id":1,"method":null,"params":{@}}"#,
    ),
    (
        "method a number",
        r#"{"jsonrpc":"2.0","id":1,"method":1,"params":{@}}"#,
    ),
    (
        "method empty",
        r#"{"jsonrpc":"2.0","id":1,"method":"","params":{@}}"#,
    ),
    (
        "method in other letters",
        r#"{"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{@,"name":"echo","arguments":{"message":"hi"}}}"#,
    ),
    (
        "method with a space",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call ","params":{@,"name":"echo","arguments":{"message":"hi"}}}"#,
    ),
    (
        "spaces",
        " \t\r\n{ \"jsonrpc\" :\t\"2.0\" , \"id\"\n: 1 ,\"method\" : \"tools/call\" , \"params\" : { @,\"name\" : \"echo\" , \"arguments\" : { \"message\" : \"hi\" } } } \r\n",
    ),
    ("an empty object", "{}"),
    ("an empty array", "[]"),
    ("null", "null"),
    ("a number", "1"),
    ("a string", "\"ping\""),
    ("nothing", ""),
    ("spaces only", "  \r\n "),
    ("a result", r#"{"jsonrpc":"2.0","id":1,"result":{}}"#),
    (
        "an error",
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"x"}}"#,
    ),
    (
        "an error without id",
        r#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"x"}}"#,
    ),
];

pub(super) fn all() -> Vec<Message> {
    let mut bodies = named(ENVELOPES);
    bodies.extend(bytes());
    bodies.extend(sizes());
    bodies
}

/// What is not text, or not one text.
fn bytes() -> Vec<Message> {
    let call = CALL.as_bytes();
    let with = |before: &[u8], after: &[u8]| [before, call, after].concat();
    let half = call.len() / 2;
    let invalid = |bad: &[u8]| {
        let (start, end) = (br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":""#, br#""}}}"#);
        [start, bad, end].concat()
    };
    let in_meta = |bad: &[u8]| {
        let (start, end) = (
            br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"a":""#,
            br#""}}}"#,
        );
        [start, bad, end].concat()
    };
    let cases: [(&str, Vec<u8>); 17] = [
        ("a byte order mark", with(b"\xef\xbb\xbf", b"")),
        ("a trailing letter", with(b"", b"x")),
        ("a trailing brace", with(b"", b"}")),
        ("a trailing NUL", with(b"", b"\0")),
        ("two messages", with(b"", call)),
        ("two messages on two lines", with(b"", &with(b"\n", b""))),
        ("a trailing comma", with(b"", b",")),
        ("a comment", with(b"/**/", b"")),
        ("half a message", call[..half].to_vec()),
        ("all but the last byte", call[..call.len() - 1].to_vec()),
        ("a byte of no UTF-8", invalid(b"\xff")),
        ("half a character", invalid(b"\xe2\x98")),
        ("an overlong slash", invalid(b"\xc0\xaf")),
        ("a surrogate in UTF-8", invalid(b"\xed\xa0\x80")),
        ("a control character", invalid(b"\x01")),
        ("a byte of no UTF-8 in _meta", in_meta(b"\xff")),
        ("a control character in _meta", in_meta(b"\x1f")),
    ];
    cases.map(|(name, body)| (name.to_owned(), body)).into()
}

/// Around the largest body that is taken.
fn sizes() -> Vec<Message> {
    let limit = limits().max_message_bytes;
    let sizes = [limit - 400, limit - 1, limit, limit + 1, 2 * limit];
    let cases = sizes.map(|size| {
        let (start, end) = (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":""#, r#""}}}"#);
        let filling = "x".repeat(size - start.len() - end.len());
        (format!("{size} bytes"), [start, &filling, end].concat().into_bytes())
    });
    cases.into()
}
