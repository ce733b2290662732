//! Servers in other languages, measured by flags alone: the official TypeScript SDK and `FastMCP`,
//! on stdio, over Streamable HTTP with and without sessions, and over SSE.
//!
//! The tests install them once, at pinned versions, into the target folder, and fail where that is
//! not possible.

pub(crate) mod install;

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use harness::config::subject::Sessions;
use harness::results::folder::RunFolder;
use harness::results::trial::read_trials;

use install::{Program, python, typescript};

/// How a server is asked, and what was found out of it.
struct Measured {
    revision: String,
    sessions: Sessions,
    warnings: String,
}

/// Held by the test whose server runs.
static TURN: Mutex<()> = Mutex::new(());

/// Measures the server with the flags that its user would give, and asserts that every answer was
/// right.
#[track_caller]
fn measure(server: &Program, arguments: &str, flags: &[&str], expect: &[&str]) -> Measured {
    // One at a time: all of them would be pinned to the same core, and a window with no answer says
    // nothing.
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let here = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-harness"));
    command
        .current_dir(here.path())
        .args([
            "measure",
            "--tool",
            "add",
            "--arguments",
            r#"{"a": 19, "b": 23}"#,
        ])
        .args([
            "--clients",
            "3",
            "--trials",
            "1",
            "--warmup-s",
            "0.1",
            "--duration-s",
            "2",
        ])
        .arg("--command")
        .arg(format!("{} {arguments}", server.command()))
        .args(flags)
        .args(expect.iter().flat_map(|rule| ["--expect", rule]))
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = [&output.stderr, &output.stdout].map(|text| String::from_utf8_lossy(text));
    let said = said.join("\n");
    assert!(output.status.success(), "{said}");
    let folder = RunFolder::latest(&here.path().join("results")).unwrap();
    let trials = read_trials(&folder.trials()).unwrap();
    assert_eq!(trials.len(), 1);
    assert!(trials[0].is_right(), "{:?}\n{said}", trials[0]);
    assert!(trials[0].server_cpu_ns.is_some() && trials[0].rss_peak_bytes.is_some());
    let subject = folder.read_subjects().unwrap().subject["server"].clone();
    Measured {
        revision: subject.revision.unwrap(),
        sessions: subject.sessions,
        warnings: trials[0].warnings.clone(),
    }
}

/// The arguments and the URL of a server at a port that nobody has.
fn at_a_free_port(mode: &str) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (
        format!("{port} {mode}"),
        format!("http://127.0.0.1:{port}/mcp"),
    )
}

fn over_http(server: &Program, mode: &str, expect: &[&str]) -> Measured {
    let (arguments, url) = at_a_free_port(mode);
    measure(server, &arguments, &["--url", &url], expect)
}

#[test]
fn the_typescript_sdk_on_stdio() {
    let found = measure(&typescript("server.mjs"), "", &[], &["text=42"]);
    assert_eq!(found.revision, "2025-11-25");
}

#[test]
fn the_typescript_sdk_over_streamable_http() {
    let found = over_http(
        &typescript("server.mjs"),
        "",
        &["text=42", "/content/0/type=\"text\""],
    );
    assert_eq!(
        (found.revision.as_str(), found.sessions),
        ("2025-11-25", Sessions::Stateless)
    );
}

#[test]
fn the_typescript_sdk_with_sessions_and_its_own_first_answer() {
    let found = over_http(&typescript("server.mjs"), "stateful", &[]);
    assert_eq!(found.sessions, Sessions::Stateful);
    assert!(
        found.warnings.contains("learned_answer"),
        "{}",
        found.warnings
    );
}

#[test]
fn fastmcp_on_stdio() {
    let found = measure(&python(), "", &[], &["/structuredContent/result=42"]);
    assert_eq!(found.revision, "2025-11-25");
}

#[test]
fn fastmcp_over_streamable_http() {
    let found = over_http(&python(), "", &["text=42", "/structuredContent/result=42"]);
    assert_eq!(
        (found.revision.as_str(), found.sessions),
        ("2025-11-25", Sessions::Stateless)
    );
}

#[test]
fn fastmcp_with_sessions_and_its_own_first_answer() {
    let found = over_http(&python(), "stateful", &[]);
    assert_eq!(found.sessions, Sessions::Stateful);
    assert!(
        found.warnings.contains("learned_answer"),
        "{}",
        found.warnings
    );
}

#[test]
fn fastmcp_over_sse() {
    let (arguments, url) = at_a_free_port("sse");
    let url = url.replace("/mcp", "/sse");
    let flags = ["--url", &url, "--wire", "sse"];
    let found = measure(&python(), &arguments, &flags, &["text=42"]);
    assert_eq!(found.revision, "2025-11-25");
}
