//! Who has access to a server over HTTP, and how often: tokens, the sessions that they open, rates.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    process::Stdio,
    sync::mpsc,
};

use serde_json::{Value, json};
use tempfile::NamedTempFile;
use testkit::http::{Connection, Request, Response, once};

use super::http::{answer, opening};
use crate::common::{PATIENCE, Server, Subject, Wire, client, eventually, server::command};

pub(super) const TOKENS: &str = "# of the team\nfirst-token ada\nsecond-token\n";
pub(super) const FIRST: &str = "Bearer first-token";
pub(super) const SECOND: &str = "Bearer second-token";
const CHALLENGE: &str = r#"Bearer realm="mcp""#;

pub(super) fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Starts a server that knows [`TOKENS`].
fn guarded(subject: &Subject, flags: &[&str]) -> Server {
    let file = file(TOKENS);
    let path = file.path().to_str().unwrap();
    Server::start(subject, &[&["--auth-token-file", path], flags].concat())
}

fn with(request: Request, authorization: &str) -> Request {
    request.header("Authorization", authorization)
}

/// A client that has opened a session with a token, where there are sessions.
pub(super) struct Member {
    server: SocketAddr,
    authorization: &'static str,
    events: Option<Connection>,
    path: String,
    session: Option<String>,
}

impl Member {
    pub(super) fn ready(server: &Server, authorization: &'static str) -> Self {
        let mut member = Self {
            server: server.address(),
            authorization,
            events: None,
            path: server.path().into(),
            session: None,
        };
        if server.subject.wire == Wire::Sse {
            let mut events = Connection::open(server.address());
            events.send(&with(Request::get("/sse"), authorization));
            assert_eq!(events.head().status, 200);
            member.path = events.event().unwrap().expect("an endpoint").data;
            member.events = Some(events);
        }
        let initialize = client::initialize(client::REVISION);
        let opened = member.send(&client::request(&json!("open"), "initialize", &initialize));
        member.session = opened.header("mcp-session-id").map(Into::into);
        member.answer(&opened);
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(member.send(&initialized.to_string()).status, 202);
        member
    }

    /// A message in its session.
    pub(super) fn request(&self, message: &str) -> Request {
        let mut request = with(Request::message(&self.path, message), self.authorization);
        if let Some(session) = &self.session {
            request = request
                .with("Mcp-Session-Id", session)
                .with("MCP-Protocol-Version", client::REVISION);
        }
        request
    }

    fn send(&self, message: &str) -> Response {
        once(self.server, &self.request(message))
    }

    /// The message that answers, which comes with `response` or on the stream.
    fn answer(&mut self, response: &Response) -> Value {
        if let Some(events) = &mut self.events {
            assert_eq!(response.status, 202, "{}", response.text());
            events.message().unwrap().expect("the stream goes on")
        } else {
            assert_eq!(response.status, 200, "{}", response.text());
            response.messages().remove(0)
        }
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let params = client::call(tool, arguments);
        let sent = self.send(&client::request(&json!("call"), "tools/call", &params));
        self.answer(&sent)["result"].clone()
    }

    fn is_served(&mut self, subject: &Subject) {
        let plain = subject.plain();
        let result = self.call(plain.tool, &plain.arguments);
        plain.is_answered_by(&result);
    }
}

pub(crate) fn a_request_without_a_token_is_unauthorized(subject: &Subject) {
    let server = guarded(subject, &[]);
    let challenge = |request: &Request, status: u16| {
        let refused = answer(&server, request);
        assert_eq!(refused.status, status, "{request}");
        let challenge = refused.header("www-authenticate");
        challenge.expect("a challenge").to_owned()
    };
    let mut in_the_url = opening(subject);
    in_the_url.path += "?access_token=first-token&token=first-token";
    for request in [
        opening(subject),
        in_the_url,
        opening(subject).with("X-Authorization", FIRST),
        opening(subject).with("Proxy-Authorization", FIRST),
        opening(subject).with("Cookie", "access_token=first-token"),
        with(opening(subject), "Basic Zmlyc3QtdG9rZW4="),
        with(opening(subject), "first-token"),
        Request::get("/fast-path"),
        Request::get("/nothing"),
        Request::new("OPTIONS", server.path()),
        Request::new("DELETE", server.path()),
    ] {
        assert_eq!(challenge(&request, 401), CHALLENGE, "{request}");
    }
    for wrong in [
        "Bearer first-toke",
        "Bearer first-token2",
        "Bearer FIRST-TOKEN",
        "Bearer ada",
        "Bearer first-token ada",
        "Bearer first-token,second-token",
        "Bearer #",
    ] {
        let challenge = challenge(&with(opening(subject), wrong), 401);
        assert!(challenge.contains(r#"error="invalid_token""#), "{wrong}");
    }
    for malformed in [
        with(opening(subject), "Bearer"),
        with(opening(subject), FIRST).with("Authorization", FIRST),
        with(opening(subject), FIRST).with("Authorization", "Bearer wrong"),
    ] {
        let challenge = challenge(&malformed, 400);
        assert!(
            challenge.contains(r#"error="invalid_request""#),
            "{malformed}"
        );
    }
    for right in [FIRST, SECOND, "bearer first-token", "BEARER  second-token"] {
        let welcome = answer(&server, &with(opening(subject), right));
        assert_eq!(welcome.status, 200, "{right}");
    }
    let counters = with(Request::get("/fast-path"), FIRST);
    assert_ne!(once(server.address(), &counters).status, 401);
    let health = once(server.address(), &Request::get("/healthz"));
    assert_eq!(health.status, 200);
}

pub(crate) fn a_client_with_a_token_is_served(subject: &Subject) {
    let server = guarded(subject, &[]);
    for authorization in [FIRST, SECOND] {
        Member::ready(&server, authorization).is_served(subject);
    }
}

pub(crate) fn a_session_is_of_the_token_that_opened_it(subject: &Subject) {
    let server = guarded(subject, &[]);
    let mut member = Member::ready(&server, FIRST);
    let message = client::request(&json!("stolen"), "tools/call", &subject.plain().params());
    let mut stolen = vec![member.request(&message)];
    if let Some(session) = &member.session {
        for method in ["GET", "DELETE"] {
            let request = Request::new(method, server.path())
                .with("Accept", "text/event-stream")
                .with("Mcp-Session-Id", session);
            stolen.push(request);
        }
        // A revision without sessions does not make another's session one's own.
        stolen.push(
            stolen[0]
                .clone()
                .header("MCP-Protocol-Version", "2026-07-28"),
        );
    }
    for request in &stolen {
        let by = |authorization| answer(&server, &with(request.clone(), authorization)).status;
        assert_eq!(by(SECOND), 404, "{request}");
        assert_eq!(by("Bearer wrong"), 401, "{request}");
        let nobody = request.clone().without("Authorization");
        assert_eq!(answer(&server, &nobody).status, 401, "{request}");
    }
    member.is_served(subject);
    let mut other = Member::ready(&server, SECOND);
    other.is_served(subject);
    member.is_served(subject);
}

pub(crate) fn a_token_reaches_neither_the_log_nor_the_upstream(subject: &Subject) {
    let (upstream, heads) = recording_upstream();
    let file = file(TOKENS);
    let path = file.path().to_str().unwrap();
    let flags = ["--auth-token-file", path, "--upstream-url", &upstream];
    let mut command = command(subject, &flags);
    command.env("MCP_LOG", "trace");
    let server = Server::spawn(subject, command);
    let mut member = Member::ready(&server, FIRST);
    let result = member.call("fetch_external_data", &json!({"endpoint": "/asked"}));
    assert_eq!(result["isError"], false, "{result}");
    let mut heads = std::iter::from_fn(|| heads.recv_timeout(PATIENCE).ok());
    let head = heads.find(|head| head.starts_with("GET /asked"));
    let head = head.expect("the upstream goes on");
    assert!(!head.to_lowercase().contains("token"), "{head}");
    let wrong = with(opening(subject), "Bearer guessed-token");
    assert_eq!(answer(&server, &wrong).status, 401);
    let told = server.log().wait_for(|line| line.contains("a wrong token"));
    assert!(told.is_some());
    let said = server.log().lines();
    for secret in ["first-token", "second-token", "guessed-token"] {
        let told = said.iter().find(|line| line.contains(secret));
        assert_eq!(told, None, "{secret}");
    }
}

/// An API that answers everything and sends the heads of its requests. It serves until the tests
/// end.
fn recording_upstream() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (send, heads) = mpsc::channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let lines = BufReader::new(&socket).lines().map_while(Result::ok);
            let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
            // The receiver is gone when its test is over.
            let _ = send.send(head.join("\n"));
            let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                          Connection: close\r\nContent-Length: 2\r\n\r\n{}";
            let _ = socket.write_all(answer.as_bytes());
        }
    });
    (url, heads)
}

pub(crate) fn a_token_file_that_is_wrong_ends_it_with_a_clear_message(subject: &Subject) {
    let said = |path: &str| {
        let output = command(subject, &["--auth-token-file", path])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--auth-token-file"), "{said}");
        said
    };
    for (text, part) in [
        ("", "no token"),
        ("# nothing else\n\n", "no token"),
        ("good\nsecr\u{e9}t", "line 2"),
        ("secret\nsecret again", "line 2"),
    ] {
        let file = file(text);
        let said = said(file.path().to_str().unwrap());
        assert!(said.contains(part), "{text:?}: {said}");
        assert!(!said.contains("secr"), "{said}");
    }
    assert!(said("/nowhere/tokens").contains("cannot read it"));
}

pub(crate) fn it_listens_to_this_machine_unless_told_otherwise(subject: &Subject) {
    let warnings = |server: &Server| {
        let said = server.log().lines();
        let told = said.iter().filter(|line| line.contains("WARN server"));
        told.cloned().collect::<Vec<_>>()
    };
    let server = Server::start(subject, &[]);
    assert!(server.address().ip().is_loopback());
    assert_eq!(warnings(&server), [""; 0]);

    let server = Server::start(subject, &["--listen", "0.0.0.0:0"]);
    let told = warnings(&server);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("--auth-token-file"), "{told:?}");

    let server = guarded(subject, &["--listen", "0.0.0.0:0"]);
    assert_eq!(warnings(&server), [""; 0]);
}

/// Sends requests until one is answered 429, and returns that answer.
fn too_many(server: &Server, request: &Request) -> Response {
    let mut connection = Connection::open(server.address());
    eventually("a request is rejected", || {
        let response = connection.exchange(request);
        (response.status == 429).then_some(response)
    })
}

pub(crate) fn requests_over_the_rate_are_told_to_wait(subject: &Subject) {
    let server = Server::start(subject, &["--rate-limit", "1/s"]);
    let nothing = Request::get("/nothing");
    let rejected = too_many(&server, &nothing);
    let wait: u64 = rejected.header("retry-after").unwrap().parse().unwrap();
    assert!(wait >= 1, "{wait}");
    assert!(
        rejected.text().contains("--rate-limit"),
        "{}",
        rejected.text()
    );
    assert_eq!(
        once(server.address(), &Request::get("/healthz")).status,
        200
    );
    eventually("a request is taken again", || {
        (once(server.address(), &nothing).status == 404).then_some(())
    });
    let told = server.log().wait_for(|line| line.contains("--rate-limit"));
    assert!(told.is_some());
}

pub(crate) fn each_token_has_a_rate_of_its_own(subject: &Subject) {
    let server = guarded(subject, &["--rate-limit", "1/s"]);
    let nothing = |authorization| with(Request::get("/nothing"), authorization);
    // Guesses are counted, too, and use up what is no token's.
    for authorization in ["Bearer guess", FIRST] {
        too_many(&server, &nothing(authorization));
    }
    let unused = once(server.address(), &nothing(SECOND));
    assert_eq!(unused.status, 404);
    too_many(&server, &nothing(SECOND));
}

pub(crate) fn a_batch_is_as_many_requests_as_it_has_messages(subject: &Subject) {
    let server = Server::start(subject, &["--rate-limit", "20/s"]);
    let batch = |messages: usize| {
        let call = |id| json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
        let batch: Vec<_> = (0..messages).map(call).collect();
        let request = Request::message(server.path(), json!(batch).to_string());
        once(server.address(), &request).status
    };
    // rmcp alone knows no batches.
    let (taken, refused) = if subject.has_fast_path() {
        (200, 429)
    } else {
        (400, 400)
    };
    assert_eq!(batch(2), taken);
    assert_eq!(batch(50), refused);
}

pub(crate) fn sessions_over_the_limit_are_told_to_wait(subject: &Subject) {
    let server = Server::start(subject, &["--max-sessions", "2"]);
    let open = || {
        let mut connection = Connection::open(server.address());
        connection.send(&opening(subject));
        (connection.head(), connection)
    };
    let opened = [open(), open()];
    assert!(opened.iter().all(|(head, _)| head.status == 200));
    let (refused, _connection) = open();
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
}

pub(crate) fn session_ids_cannot_be_guessed(subject: &Subject) {
    const SESSIONS: usize = 32;
    let server = Server::start(subject, &[]);
    let opened: Vec<_> = (0..SESSIONS)
        .map(|_| {
            let mut connection = Connection::open(server.address());
            connection.send(&opening(subject));
            let head = connection.head();
            let id = head.header("mcp-session-id").map(str::to_owned);
            let id = id.unwrap_or_else(|| {
                let endpoint = connection.event().unwrap().expect("an endpoint").data;
                endpoint.split_once("sessionId=").unwrap().1.to_owned()
            });
            (id, connection)
        })
        .collect();
    let ids: Vec<_> = opened.iter().map(|(id, _)| id.as_bytes()).collect();
    assert!(ids.iter().all(|id| id.len() == ids[0].len()), "{ids:?}");
    // 122 random bits in hexadecimal: 30 digits that differ from session to session.
    let differs = |place: &usize| ids.iter().any(|id| id[*place] != ids[0][*place]);
    assert!((0..ids[0].len()).filter(differs).count() >= 30, "{ids:?}");
    for (number, id) in ids.iter().enumerate() {
        assert!(id.iter().all(u8::is_ascii_graphic), "{ids:?}");
        assert!(!ids[..number].contains(id), "{ids:?}");
    }
}
