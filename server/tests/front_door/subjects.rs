//! What is tested: one line for each runtime, and for each way of running one of its binaries.

use std::sync::mpsc::Sender;

use crate::common::{Answers, Subject, Wire, fixtures};

/// A subject and its tests: a module of the given name, with one test for each case.
macro_rules! subject {
    ($name:ident: stdio on $runtime:literal) => {
        subject!($name, "stdio", $runtime, Wire::Stdio, [], any lasting stdio);
    };
    ($name:ident: sse on $runtime:literal) => {
        subject!($name, "sse", $runtime, Wire::Sse, [], any http lasting sse);
    };
    ($name:ident: stateless $answers:ident $transport:literal on $runtime:literal) => {
        subject!(
            $name, $transport, $runtime, Wire::Stateless(Answers::$answers), [],
            any http streamable stateless
        );
    };
    ($name:ident: stateful $answers:ident $transport:literal on $runtime:literal) => {
        subject!(
            $name, $transport, $runtime, Wire::Stateful(Answers::$answers),
            ["--sessions", "stateful"],
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

/// The runtimes that the binaries were built for, each with its subjects in a module.
macro_rules! runtimes {
    ($($module:ident $runtime:literal $type:ident $(has $stdio:ident)?;)+) => {
        $(
            #[cfg(feature = $runtime)]
            pub(crate) mod $module {
                use super::*;

                $(subject!($stdio: stdio on $runtime);)?
                subject!(sse: sse on $runtime);
                subject!(http_json: stateless Json "http-json" on $runtime);
                subject!(http_stream: stateless EventStream "http-stream" on $runtime);
                subject!(http_json_stateful: stateful Json "http-json" on $runtime);
                subject!(http_stream_stateful: stateful EventStream "http-stream" on $runtime);
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
