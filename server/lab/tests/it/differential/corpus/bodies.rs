//! Ids and arguments, in every form.

use super::Message;

/// Every form of an id.
const IDS: [&str; 42] = [
    "0",
    "1",
    "-1",
    "-0",
    "01",
    "+1",
    "1.0",
    "1.5",
    "1e2",
    "1E2",
    "100e-2",
    "1e-1",
    "0.0",
    "-0.0",
    "9007199254740993",
    "999999999999999999",
    "1000000000000000000",
    "-999999999999999999",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "1e18",
    "1e19",
    "9223372036854775807.0",
    "1e999",
    "null",
    "true",
    "false",
    "{}",
    "[]",
    "[1]",
    "{\"a\":1}",
    "\"\"",
    "\"1\"",
    "\"a-b_c\"",
    r#""\u0041\n\"\\\/""#,
    r#""\ud83d\ude00 é ☃""#,
    r#""\ud800""#,
    "\"\u{7f}\"",
];

/// Arguments by tool: right, wrong, doubtful.
const ARGUMENTS: [(&str, &[&str]); 10] = [
    (
        "echo",
        &[
            "{}",
            "null",
            "[]",
            "\"hi\"",
            "1",
            "true",
            r#"{"message":"hi"}"#,
            r#"{"message":""}"#,
            r#"{"message":null}"#,
            r#"{"message":1}"#,
            r#"{"message":["hi"]}"#,
            r#"{"message":{}}"#,
            r#"{"message":"hi","more":1}"#,
            r#"{"more":1}"#,
            r#"{"Message":"hi"}"#,
            r#"{"message":"a","message":"b"}"#,
            r#"{"message":1,"message":"b"}"#,
            r#"{"mess\u0061ge":"hi"}"#,
            r#"{"message":"a","mess\u0061ge":"b"}"#,
            r#"{"message":"\u0000\u001f\"\\\/\b\f\n\r\t"}"#,
            r#"{"message":"\ud83d\ude00"}"#,
            r#"{"message":"\ud800"}"#,
            r#"{"message":"\udc00\ud800"}"#,
            r#"{"message":"\uD83D\u0041"}"#,
            r#"{"message":"\x41"}"#,
            r#"{"message":"\u00"}"#,
            "{\"message\":\"tab\tin it\"}",
            r#"{"message":"e\u0301 ü 日本 😀"}"#,
            r#" { "message" : "hi" } "#,
            r#"["hi"]"#,
            r#"["hi","more"]"#,
        ],
    ),
    (
        "calculate_fibonacci",
        &[
            r#"{"n":0}"#,
            r#"{"n":10}"#,
            r#"{"n":20}"#,
            r#"{"n":-0}"#,
            r#"{"n":10.0}"#,
            r#"{"n":1e1}"#,
            r#"{"n":1.5}"#,
            r#"{"n":-1}"#,
            r#"{"n":41}"#,
            r#"{"n":"10"}"#,
            r#"{"n":null}"#,
            r#"{"n":true}"#,
            r#"{"n":1e999}"#,
            r#"{"n":1e-999}"#,
            r#"{"n":9223372036854775808}"#,
            r#"{"n":010}"#,
            r#"{"n":[10]}"#,
            r#"{"n":9007199254740993.0}"#,
            r#"{"n":3,"n":4}"#,
            "{}",
            "null",
            "[10]",
            r#"{"n":10,}"#,
        ],
    ),
    (
        "query_products",
        &[
            "{}",
            "null",
            r#"{"limit":1}"#,
            r#"{"limit":2.0}"#,
            r#"{"limit":0}"#,
            r#"{"limit":101}"#,
            r#"{"category":"Electronics","min_price":1,"max_price":2.5e1,"limit":3}"#,
            r#"{"category":"Books","limit":2}"#,
            r#"{"category":"nothing"}"#,
            r#"{"category":null}"#,
            r#"{"min_price":5,"max_price":1}"#,
            r#"{"min_price":-1}"#,
            r#"{"min_price":"1"}"#,
            r#"{"max_price":1e999}"#,
            r#"{"max_price":1e308}"#,
            r#"{"unknown":1}"#,
            "[]",
            r#"["Electronics",1,2,3]"#,
            r#"{"limit":2,"fields":["price","id"]}"#,
            r#"{"limit":2,"fields":["id","id"]}"#,
            r#"{"limit":2,"fields":null}"#,
            r#"{"fields":[]}"#,
            r#"{"fields":["colour"]}"#,
            r#"{"fields":"id"}"#,
            r#"{"fields":[1]}"#,
            r#"{"limit":2,"format":"json"}"#,
            r#"{"limit":2,"format":"text"}"#,
            r#"{"limit":2,"format":"toon"}"#,
            r#"{"limit":2,"format":"toon","fields":["name"]}"#,
            r#"{"format":"text","min_price":1.001,"max_price":1.002}"#,
            r#"{"format":"TOON"}"#,
            r#"{"format":null}"#,
            r#"{"format":["json"]}"#,
            r#"{"format":{"json":null}}"#,
        ],
    ),
    (
        "process_json_data",
        &[
            "{}",
            r#"{"data":{}}"#,
            r#"{"data":null}"#,
            r#"{"data":[]}"#,
            r#"{"data":"text"}"#,
            r#"{"data":{"b":"x","a":["y",{"z":"w"}],"c":null}}"#,
            r#"{"data":{"b":1,"a":{"d":1,"c":2}}}"#,
            r#"{"data":{"a":1,"a":"last"}}"#,
            r#"{"data":{"a\"b":"c\\d","e\u00e9":"\ud83d\ude00 \u00df"}}"#,
            r#"{"data":{"n":[0,-0,1.0,1e2,1.5e300,0.1,18446744073709551615,18446744073709551616]}}"#,
            r#"{"data":{"n":1e999}}"#,
            r#"{"data":{"s":"\ud800"}}"#,
            r#"{"data":{"":""}}"#,
            r#"{"data":{"a":[[[[[[[[[[[[[[[[[["deep"]]]]]]]]]]]]]]]]]]}}"#,
            r#"{"data":{"a":"x"},"more":1}"#,
            r#"{"data":{"a":"x"},"data":{"b":"y"}}"#,
        ],
    ),
    // What is right has the time in its answer.
    (
        "simulate_database_query",
        &[
            "{}",
            r#"{"delay_ms":1}"#,
            r#"{"query":1}"#,
            r#"{"query":"q","delay_ms":-1}"#,
            r#"{"query":"q","delay_ms":5001}"#,
            r#"{"query":"q","delay_ms":1.5}"#,
            r#"{"query":"q","delay_ms":null}"#,
            r#"{"query":"q","more":1}"#,
        ],
    ),
    (
        "aggregate_json",
        &[
            r#"{"bytes":999}"#,
            r#"{"bytes":16000001}"#,
            r#"{"bytes":1.5}"#,
            r#"{"bytes":"1000"}"#,
            r#"{"bytes":1000}"#,
        ],
    ),
    (
        "scan_text",
        &[r#"{"bytes":0}"#, r#"{"bytes":1e3}"#, r#"{"size":1}"#],
    ),
    (
        "stream_report",
        &[
            "{}",
            r#"{"rows":3}"#,
            r#"{"rows":2,"delay_ms":1}"#,
            r#"{"rows":0}"#,
            r#"{"rows":1001}"#,
            r#"{"rows":"3"}"#,
            r#"{"row":3}"#,
        ],
    ),
    (
        "fetch_external_data",
        &[
            "{}",
            r#"{"endpoint":""}"#,
            r#"{"endpoint":"products"}"#,
            r#"{"endpoint":"//evil.example/"}"#,
            r#"{"endpoint":"/../secret"}"#,
            r#"{"endpoint":"/a b"}"#,
            r#"{"endpoint":"http://evil.example/"}"#,
            r#"{"endpoint":"/\u0000"}"#,
            r#"{"endpoint":"/a#b"}"#,
            r#"{"endpoint":1}"#,
            r#"{"endpoint":"/products/1"}"#,
        ],
    ),
    ("no_such_tool", &["{}", "null", r#"{"a":1}"#, "[]"]),
];

pub(super) fn all() -> Vec<Message> {
    let mut bodies = Vec::new();
    for id in IDS {
        for (method, params) in [
            (
                "tools/call",
                r#"{@,"name":"echo","arguments":{"message":"hi"}}"#,
            ),
            ("ping", "{@}"),
        ] {
            let body =
                format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
            bodies.push((format!("{method} with id {id}"), body.into_bytes()));
        }
    }
    for (tool, arguments) in ARGUMENTS {
        for arguments in arguments {
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{@,"name":"{tool}","arguments":{arguments}}}}}"#
            );
            bodies.push((format!("{tool} of {arguments}"), body.into_bytes()));
        }
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{@,"name":"{tool}"}}}}"#
        );
        bodies.push((format!("{tool} without arguments"), body.into_bytes()));
    }
    bodies
}
