//! Recorded conversations: a folder for each client, a file for each conversation.

use std::{fs, path::Path};

use serde_json::Value;
use testkit::http::Request;

/// One conversation.
pub(crate) struct Recording {
    /// The client and the file.
    pub(crate) name: String,
    pub(crate) wire: Wire,
    pub(crate) bytes: Vec<u8>,
}

/// What it was recorded on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Http,
    HttpInSessions,
    Sse,
    Stdio,
}

/// All conversations on `wire`.
pub(crate) fn recordings(wire: Wire) -> Vec<Recording> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/clients");
    let mut all = Vec::new();
    for client in fs::read_dir(folder).expect("the recordings are there") {
        let client = client.unwrap().path();
        if !client.is_dir() {
            continue;
        }
        for file in fs::read_dir(&client).unwrap() {
            let file = file.unwrap().path();
            let (client, stem) = (client.file_name().unwrap(), file.file_stem().unwrap());
            let stem = stem.to_str().expect("names are text");
            if Wire::of(stem) == wire {
                all.push(Recording {
                    name: format!("{}/{stem}", client.display()),
                    wire,
                    bytes: fs::read(&file).unwrap(),
                });
            }
        }
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

impl Wire {
    fn of(stem: &str) -> Self {
        match stem.split('-').collect::<Vec<_>>().as_slice() {
            ["http", "stateful", ..] => Self::HttpInSessions,
            ["http", ..] => Self::Http,
            ["sse", ..] => Self::Sse,
            ["stdio", ..] => Self::Stdio,
            _ => panic!("{stem} is no wire"),
        }
    }
}

impl Recording {
    /// The requests of an HTTP conversation.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let mut requests = Vec::new();
        let mut rest = self.bytes.as_slice();
        while !rest.is_empty() {
            let request;
            (request, rest) = Request::parse(rest);
            requests.push(request);
        }
        requests
    }

    /// The lines of a conversation over stdio.
    pub(crate) fn lines(&self) -> Vec<&[u8]> {
        let lines = self.bytes.split(|byte| *byte == b'\n');
        lines.filter(|line| !line.is_empty()).collect()
    }
}

/// The message of `request`; null without a body.
pub(crate) fn message(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

/// The bytes of `request` when it is sent again: to this host, to `path` if there is one, in
/// `session`.
pub(crate) fn again(request: &Request, path: Option<&str>, session: Option<&str>) -> Vec<u8> {
    let mut request = request.clone();
    if let Some(path) = path {
        request.path = path.into();
    }
    for (name, value) in &mut request.headers {
        match (name.to_lowercase().as_str(), session) {
            ("host", _) => *value = b"localhost:8080".to_vec(),
            ("mcp-session-id", Some(session)) => *value = session.into(),
            _ => {}
        }
    }
    request.bytes()
}
