//! Recorded conversations: a folder for each client, a file for each conversation.

use std::{fs, path::Path};

use serde_json::Value;

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

/// One HTTP request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
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
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut head = httparse::Request::new(&mut headers);
            let parsed = head.parse(rest).expect("a recorded head is one");
            let length = parsed.unwrap();
            let headers = head.headers.iter();
            let headers: Vec<_> = headers
                .map(|header| (header.name.to_owned(), header.value.to_vec()))
                .collect();
            let mut request = Request {
                method: head.method.unwrap().to_owned(),
                path: head.path.unwrap().to_owned(),
                headers,
                body: Vec::new(),
            };
            let body = match request.header("content-length") {
                Some(length) => length.parse().expect("a length is a number"),
                None => 0,
            };
            request.body = rest[length..length + body].to_vec();
            rest = &rest[length + body..];
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

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// Its message; nothing without a body.
    pub(crate) fn message(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// As it is sent again: to this host, to `path` if there is one, in `session`.
    pub(crate) fn bytes(&self, path: Option<&str>, session: Option<&str>) -> Vec<u8> {
        let path = path.unwrap_or(&self.path);
        let mut bytes = format!("{} {path} HTTP/1.1\r\n", self.method).into_bytes();
        for (name, value) in &self.headers {
            let value = match (name.to_lowercase().as_str(), session) {
                ("host", _) => b"localhost:8080",
                ("mcp-session-id", Some(session)) => session.as_bytes(),
                _ => value.as_slice(),
            };
            bytes.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
