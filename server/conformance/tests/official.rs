//! The official conformance suite and official clients, against the fixtures on each runtime: in
//! full on tokio, one set of scenarios and one client on the others.
//!
//! `scripts/conformance` installs them from npm and `PyPI`, at pinned versions, and judges the
//! outcomes. A test fails with the names of the scenarios, or the transports, that failed.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and clippy knows tests by their attribute alone"
)]

use std::{
    process::Command,
    sync::{Mutex, PoisonError},
};

/// Held by the test that runs: scenarios have time limits of their own, and a server that shares
/// its cores with six others could exceed them.
static TURN: Mutex<()> = Mutex::new(());

/// Runs one of `scripts/conformance` on `program`, and fails with what it printed.
#[track_caller]
fn run(script: &str, arguments: &[&str]) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/conformance");
    let mut command = Command::new("python3");
    command.arg(format!("{scripts}/{script}")).args(arguments);
    let output = command.output().unwrap();
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    println!("{}", said[0]);
    assert!(output.status.success(), "{}", said.join("\n"));
}

/// Tests that run the suite on a server over the named transport.
macro_rules! suite {
    ($($test:ident: [$($argument:literal),*] $transport:literal $sessions:literal;)*) => {$(
        #[test]
        fn $test() {
            let command = [PROGRAM, $transport, "--sessions", $sessions];
            $crate::run("suite.py", &[&["--fixtures", $($argument),*][..], &command].concat());
        }
    )*};
}

/// Tests that run a client over all transports.
macro_rules! clients {
    ($($test:ident: $client:literal;)*) => {$(
        #[test]
        fn $test() {
            $crate::run("clients.py", &[$client, PROGRAM]);
        }
    )*};
}

/// What runs on runtimes other than tokio.
macro_rules! one_of_each {
    ($runtime:ident $feature:literal $program:literal) => {
        #[cfg(feature = $feature)]
        mod $runtime {
            const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", $program));

            suite! {
                the_suite_of_2025_11_25: ["--requirements", "2025-11-25"] "http-stream" "stateful";
            }

            clients! {
                the_typescript_client_2: "typescript-client-2";
            }
        }
    };
}

#[cfg(feature = "tokio")]
mod tokio {
    const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-conformance-tokio");

    suite! {
        the_suite_on_http_json_with_sessions: [] "http-json" "stateful";
        the_suite_on_http_json_without_sessions: [] "http-json" "stateless";
        the_suite_on_http_stream_with_sessions: [] "http-stream" "stateful";
        the_suite_on_http_stream_without_sessions: [] "http-stream" "stateless";
    }

    clients! {
        the_typescript_sdk_1: "typescript-sdk-1";
        the_typescript_client_2: "typescript-client-2";
        the_python_sdk_1: "python-mcp-1";
        the_python_sdk_2: "python-mcp-2";
        the_client_of_fastmcp: "fastmcp";
        the_command_line_of_fastmcp: "fastmcp-cli";
        the_command_line_of_the_inspector: "inspector-cli";
    }
}

one_of_each!(percore "percore" "mcp-conformance-percore");
one_of_each!(async_std "async-std" "mcp-conformance-async-std");
one_of_each!(smol "smol" "mcp-conformance-smol");
