//! What is tested: one line for each runtime, and for each way of running one of its programs.

use std::sync::mpsc::Sender;

use crate::common::{Answers, Subject, Wire, fixtures, subject::LAB};

/// A subject and its tests: a module of the given name, with one test for each case.
macro_rules! subject {
    (
        $name:ident, $program:tt, $tools:ident, $wire:expr, stateful [$($flag:literal),*],
        $($group:ident)+
    ) => {
        subject!(
            $name, $program, $tools, $wire, ["--sessions", "stateful" $(, $flag)*], $($group)+
        );
    };
    ($name:ident, $program:tt, $tools:ident, $wire:expr, [$($flag:literal),*], $($group:ident)+) => {
        pub(crate) mod $name {
            use super::*;

            pub(crate) const SUBJECT: Subject = Subject {
                name: concat! $program,
                binary: program_path!($program),
                flags: &[$($flag),*],
                wire: $wire,
                tools: &$tools,
            };

            $($group!();)+
        }
    };
}

macro_rules! program_path {
    (($($part:literal),+)) => {
        env!(concat!("CARGO_BIN_EXE_", $($part),+))
    };
}

/// All subjects of one runtime, with `flags` beside their own. `in_a_session` is the form of
/// http-json's answers there.
macro_rules! subjects {
    ($runtime:literal $in_a_session:ident $flags:tt $($stdio:ident)?) => {
        $(subject!(
            $stdio, ("mcp-stdio-", $runtime), LAB, Wire::Stdio, $flags,
            any any_lab experiments lasting stdio
        );)?
        subject!(
            sse, ("mcp-sse-", $runtime), LAB, Wire::Sse, $flags,
            any any_lab experiments http tls http_lab lasting sse
        );
        subject!(
            http_json, ("mcp-http-json-", $runtime), LAB, Wire::Stateless(Answers::Json),
            $flags,
            any any_lab experiments http tls http_lab tls_lab streamable streamable_lab stateless
        );
        subject!(
            http_stream, ("mcp-http-stream-", $runtime), LAB,
            Wire::Stateless(Answers::EventStream), $flags,
            any any_lab experiments http tls http_lab tls_lab streamable streamable_lab stateless
        );
        subject!(
            http_json_stateful, ("mcp-http-json-", $runtime), LAB,
            Wire::Stateful(Answers::$in_a_session), stateful $flags,
            any any_lab experiments http tls http_lab streamable streamable_lab
            stateful stateful_lab shared_lab
        );
        subject!(
            http_stream_stateful, ("mcp-http-stream-", $runtime), LAB,
            Wire::Stateful(Answers::EventStream), stateful $flags,
            any any_lab experiments http tls http_lab streamable streamable_lab
            stateful stateful_lab shared_lab
        );
    };
}

/// The runtimes that the programs were built for, each with its subjects in a module.
macro_rules! runtimes {
    ($($module:ident $runtime:literal $type:ident $(has $stdio:ident)?;)+) => {
        $(
            #[cfg(feature = $runtime)]
            pub(crate) mod $module {
                use super::*;

                subjects!($runtime Json [] $($stdio)?);
            }
        )+

        /// A server on each of them, for cases that need any one.
        pub(crate) const SERVERS: &[Subject] = &[
            $(#[cfg(feature = $runtime)] $module::http_json::SUBJECT,)+
        ];

        /// Functions that run the upstream API on each of them, and send its URL.
        pub(crate) const UPSTREAMS: &[fn(Sender<String>)] = &[
            $(#[cfg(feature = $runtime)] fixtures::serve_upstream::<transports::runtime::$type>,)+
        ];
    };
}

runtimes! {
    tokio "tokio" Tokio has stdio;
    percore "percore" PerCore;
    async_std "async-std" AsyncStd has stdio;
    smol "smol" Smol has stdio;
}

/// The official SDK alone, which is the same text on every runtime. In a session it answers event
/// streams, whatever it is told.
#[cfg(feature = "tokio")]
pub(crate) mod tokio_rmcp_alone {
    use super::*;

    subjects!("tokio" EventStream ["--fast-path", "off"] stdio);
}

/// `server/examples/minimal.rs`, the smallest server that the library makes.
#[cfg(feature = "tokio")]
pub(crate) mod minimal {
    use super::*;
    use crate::common::subject::MINIMAL;

    subject!(
        stateless, ("minimal"), MINIMAL, Wire::Stateless(Answers::Json), [],
        any http tls streamable stateless
    );
    subject!(
        stateful, ("minimal"), MINIMAL, Wire::Stateful(Answers::Json), stateful [],
        any http tls streamable stateful
    );
}
