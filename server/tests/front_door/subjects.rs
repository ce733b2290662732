//! What is tested: one line for each runtime, and for each way of running one of its binaries.

use std::sync::mpsc::Sender;

use crate::common::{Answers, Subject, Wire, fixtures};

/// A subject and its tests: a module of the given name, with one test for each case.
macro_rules! subject {
    ($name:ident: stdio on $runtime:literal with $flags:tt) => {
        subject!($name, "stdio", $runtime, Wire::Stdio, $flags, any lasting stdio);
    };
    ($name:ident: sse on $runtime:literal with $flags:tt) => {
        subject!($name, "sse", $runtime, Wire::Sse, $flags, any http lasting sse);
    };
    ($name:ident: stateless $answers:ident $transport:literal on $runtime:literal with $flags:tt) => {
        subject!(
            $name, $transport, $runtime, Wire::Stateless(Answers::$answers), $flags,
            any http streamable stateless
        );
    };
    ($name:ident: stateful $answers:ident $transport:literal on $runtime:literal with [$($flag:literal),*]) => {
        subject!(
            $name, $transport, $runtime, Wire::Stateful(Answers::$answers),
            ["--sessions", "stateful" $(, $flag)*],
            any http streamable stateful
        );
    };
    ($name:ident, $transport:literal, $runtime:literal, $wire:expr, [$($flag:literal),*], $($group:ident)+) => {
        pub(crate) mod $name {
            use super::*;

            pub(crate) const SUBJECT: Subject = Subject {
                name: concat!("mcp-", $transport, "-", $runtime),
                binary: env!(concat!("CARGO_BIN_EXE_mcp-", $transport, "-", $runtime)),
                flags: &[$($flag),*],
                wire: $wire,
            };

            $($group!();)+
        }
    };
}

/// All subjects of one runtime, with `flags` beside their own. `in_a_session` is what http-json answers there.
macro_rules! subjects {
    ($runtime:literal $in_a_session:ident $flags:tt $($stdio:ident)?) => {
        $(subject!($stdio: stdio on $runtime with $flags);)?
        subject!(sse: sse on $runtime with $flags);
        subject!(http_json: stateless Json "http-json" on $runtime with $flags);
        subject!(http_stream: stateless EventStream "http-stream" on $runtime with $flags);
        subject!(http_json_stateful: stateful $in_a_session "http-json" on $runtime with $flags);
        subject!(http_stream_stateful: stateful EventStream "http-stream" on $runtime with $flags);
    };
}

/// The runtimes that the binaries were built for, each with its subjects in a module.
macro_rules! runtimes {
    ($($module:ident $runtime:literal $type:ident $(has $stdio:ident)?;)+) => {
        $(
            #[cfg(feature = $runtime)]
            pub(crate) mod $module {
                use super::*;

                subjects!($runtime Json [] $($stdio)?);
            }
        )+

        /// A server on each of them, for what is asked of any one.
        pub(crate) const SERVERS: &[Subject] = &[
            $(#[cfg(feature = $runtime)] $module::http_json::SUBJECT,)+
        ];

        /// What runs the upstream API on each of them, and says its URL.
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

/// The official SDK alone, which is the same text on every runtime. In a session it answers event streams,
/// whatever it is told.
#[cfg(feature = "tokio")]
pub(crate) mod tokio_rmcp_alone {
    use super::*;

    subjects!("tokio" EventStream ["--fast-path", "off"] stdio);
}
