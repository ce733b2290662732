//! Who is tested: one server that listens and one that does not. What a failure does to a call happens
//! below the transports; what it does to a connection differs between these two.

use std::sync::mpsc::Sender;

use crate::common::{Answers, Subject, Wire, fixtures};

pub(crate) const HTTP_JSON: Subject = Subject {
    name: "mcp-http-json-tokio",
    binary: env!("CARGO_BIN_EXE_mcp-http-json-tokio"),
    flags: &[],
    wire: Wire::Stateless(Answers::Json),
};

pub(crate) const STDIO: Subject = Subject {
    name: "mcp-stdio-tokio",
    binary: env!("CARGO_BIN_EXE_mcp-stdio-tokio"),
    flags: &[],
    wire: Wire::Stdio,
};

/// Who fills what the servers of a test run share.
pub(crate) const SERVERS: &[Subject] = &[HTTP_JSON];

/// What runs the upstream API.
pub(crate) const UPSTREAMS: &[fn(Sender<String>)] =
    &[fixtures::serve_upstream::<transports::runtime::Tokio>];
