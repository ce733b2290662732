//! What is tested: one line for each binary, or for each way of running one.

use crate::common::{Answers, Subject, Wire};

/// A subject and its tests: a module of the given name, with one test for each case.
macro_rules! subject {
    ($name:ident: stdio $binary:literal) => {
        subject!($name, $binary, Wire::Stdio, [], any lasting stdio);
    };
    ($name:ident: sse $binary:literal) => {
        subject!($name, $binary, Wire::Sse, [], any http lasting sse);
    };
    ($name:ident: stateless $answers:ident $binary:literal) => {
        subject!(
            $name, $binary, Wire::Stateless(Answers::$answers), [],
            any http streamable stateless
        );
    };
    ($name:ident: stateful $answers:ident $binary:literal) => {
        subject!(
            $name, $binary, Wire::Stateful(Answers::$answers), ["--sessions", "stateful"],
            any http streamable stateful
        );
    };
    ($name:ident, $binary:literal, $wire:expr, [$($flag:literal),*], $($group:ident)+) => {
        mod $name {
            use super::*;

            const SUBJECT: Subject = Subject {
                name: $binary,
                binary: env!(concat!("CARGO_BIN_EXE_", $binary)),
                flags: &[$($flag),*],
                wire: $wire,
            };

            $($group!();)+
        }
    };
}

subject!(stdio_tokio: stdio "mcp-stdio-tokio");
subject!(sse_tokio: sse "mcp-sse-tokio");
subject!(http_json_tokio: stateless Json "mcp-http-json-tokio");
subject!(http_stream_tokio: stateless EventStream "mcp-http-stream-tokio");
// In a session rmcp answers event streams, whatever it is told.
subject!(http_json_tokio_stateful: stateful EventStream "mcp-http-json-tokio");
subject!(http_stream_tokio_stateful: stateful EventStream "mcp-http-stream-tokio");
