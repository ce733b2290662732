//! Fake servers that follow a script, on threads of the test, and the trials that run against them.

use std::{
    collections::{BTreeMap, HashSet},
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use harness::load::{
    Check, ErrorKind, Exchange, LoadError, Moment, Options, Outcome, Plan, Revision, Rule,
    Sessions, Shape, Target, Verification,
};
use serde_json::{Map, Value, json};

/// A request as the fake server read it.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) message: Value,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The JSON-RPC method, empty where there is no message.
    pub(crate) fn rpc(&self) -> &str {
        self.message["method"].as_str().unwrap_or_default()
    }
}

/// What the fake server does with a connection.
pub(crate) enum Act {
    Write(Vec<u8>),
    Sleep(Duration),
    Close,
}

/// A fake HTTP server. Its threads end with their connections, the listener's with the test.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    /// Connections accepted.
    pub(crate) accepted: Arc<AtomicUsize>,
    /// Set to refuse everything from now on.
    pub(crate) dead: Arc<AtomicBool>,
}

/// Serves HTTP: `answer` says what is done for each request.
pub(crate) fn serve(
    answer: impl Fn(&Request, &TcpStream) -> Vec<Act> + Send + Sync + 'static,
) -> Fake {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let fake = Fake {
        address: listener.local_addr().unwrap(),
        accepted: Arc::default(),
        dead: Arc::default(),
    };
    let (accepted, dead, answer) = (fake.accepted.clone(), fake.dead.clone(), Arc::new(answer));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            accepted.fetch_add(1, Ordering::SeqCst);
            if dead.load(Ordering::SeqCst) {
                continue;
            }
            let (answer, dead) = (answer.clone(), dead.clone());
            thread::spawn(move || converse(&stream, &dead, &*answer));
        }
    });
    fake
}

fn converse(
    stream: &TcpStream,
    dead: &AtomicBool,
    answer: &dyn Fn(&Request, &TcpStream) -> Vec<Act>,
) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        if dead.load(Ordering::SeqCst) {
            return;
        }
        for act in answer(&request, stream) {
            let mut writer = stream;
            match act {
                Act::Write(bytes) if writer.write_all(&bytes).is_ok() => {}
                Act::Sleep(time) => thread::sleep(time),
                Act::Close | Act::Write(_) => return,
            }
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    let mut next = |reader: &mut dyn BufRead| {
        line.clear();
        reader
            .read_line(&mut line)
            .ok()
            .filter(|length| *length > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = next(reader)?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let header = next(reader)?;
        let Some((name, value)) = header.split_once(": ") else {
            break;
        };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let mut request = Request {
        method,
        path,
        headers,
        message: Value::Null,
    };
    let length = request
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if length > 0 {
        request.message = serde_json::from_slice(&body).unwrap();
    }
    Some(request)
}

/// A response with a body of known length.
pub(crate) fn with_length(status: &str, kind: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A response without a body.
pub(crate) fn empty(status: &str) -> Vec<Act> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
    vec![Act::Write(head.into_bytes())]
}

/// A 200 with JSON.
pub(crate) fn json_answer(body: &Value) -> Vec<Act> {
    vec![Act::Write(with_length(
        "200 OK",
        "application/json",
        &body.to_string(),
    ))]
}

/// The JSON-RPC response to a request of the protocol, but for calls.
pub(crate) fn manners(message: &Value) -> Option<Value> {
    let result = match message["method"].as_str()? {
        "initialize" => json!({
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "fake", "version": "0" },
        }),
        "tools/list" if message["params"]["cursor"].is_null() => {
            json!({ "tools": [{ "name": "one" }], "nextCursor": "more" })
        }
        "tools/list" => json!({ "tools": [{ "name": "two" }] }),
        _ => return None,
    };
    Some(json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }))
}

/// The right response to a call: the arguments as structured content.
pub(crate) fn echo(message: &Value) -> Value {
    let arguments = &message["params"]["arguments"];
    json!({ "jsonrpc": "2.0", "id": message["id"], "result": {
        "content": [{ "type": "text", "text": arguments.to_string() }],
        "structuredContent": arguments,
        "isError": false,
    }})
}

/// A fake Streamable HTTP server without sessions: well-mannered but for the calls, which `call`
/// answers.
pub(crate) fn streamable(call: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static) -> Fake {
    serve(move |request, _| match request.rpc() {
        "notifications/initialized" => empty("202 Accepted"),
        "tools/call" => call(request),
        _ => json_answer(&manners(&request.message).unwrap()),
    })
}

/// Answers a call rightly, as JSON.
pub(crate) fn right(request: &Request) -> Vec<Act> {
    json_answer(&echo(&request.message))
}

/// Answers a call rightly, after so long.
pub(crate) fn right_after(time: Duration, request: &Request) -> Vec<Act> {
    let mut acts = vec![Act::Sleep(time)];
    acts.extend(right(request));
    acts
}

pub(crate) fn http(fake: &Fake) -> Target {
    with_sessions(fake, Sessions::None)
}

pub(crate) fn with_sessions(fake: &Fake, sessions: Sessions) -> Target {
    Target::Http {
        address: fake.address.into(),
        path: "/mcp".to_owned(),
        sessions,
    }
}

/// Holds that there were so many errors, all of one kind.
pub(crate) fn assert_only(outcome: &Outcome, kind: ErrorKind, count: u64) {
    let errors = &outcome.errors;
    assert_eq!(
        (errors.count(kind), errors.total()),
        (count, count),
        "{errors:?}"
    );
}

/// What a server saw of each session.
#[derive(Default)]
pub(crate) struct Seen {
    /// The ids of the calls in each session that is open.
    pub(crate) open: BTreeMap<String, HashSet<u64>>,
    /// Calls that named a session that is not open.
    pub(crate) strays: usize,
}

/// A server that keeps sessions and notes who calls in them.
pub(crate) fn keeping_sessions() -> (Fake, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (next, noted) = (AtomicUsize::new(0), seen.clone());
    let fake = serve(move |request, _| {
        let mut seen = noted.lock().unwrap();
        if request.rpc() == "initialize" {
            assert_eq!(request.header("mcp-protocol-version"), None);
            let id = format!("session-{}", next.fetch_add(1, Ordering::SeqCst));
            seen.open.insert(id.clone(), HashSet::new());
            let body = manners(&request.message).unwrap().to_string();
            let answer = with_length("200 OK", "application/json", &body);
            let text = String::from_utf8(answer).unwrap();
            let text = text.replacen("\r\n", &format!("\r\nMcp-Session-Id: {id}\r\n"), 1);
            return vec![Act::Write(text.into_bytes())];
        }
        assert_eq!(request.header("mcp-protocol-version"), Some("2025-06-18"));
        let session = request.header("mcp-session-id").unwrap().to_owned();
        let Some(ids) = seen.open.get_mut(&session) else {
            seen.strays += 1;
            return empty("404 Not Found");
        };
        match (request.method.as_str(), request.rpc()) {
            ("DELETE", _) => {
                seen.open.remove(&session);
                empty("200 OK")
            }
            (_, "tools/call") => {
                let is_new = ids.insert(request.message["id"].as_u64().unwrap());
                assert!(is_new, "an id twice in one session");
                right(request)
            }
            (_, "notifications/initialized") => empty("202 Accepted"),
            _ => json_answer(&manners(&request.message).unwrap()),
        }
    });
    (fake, seen)
}

/// So many calls of `echo`, each with its own message.
pub(crate) fn exchanges(count: usize) -> Vec<Exchange> {
    (0..count)
        .map(|n| {
            let equals = |pointer: &str, rule| Check {
                pointer: pointer.to_owned(),
                rule,
            };
            Exchange {
                tool: Some("echo".to_owned()),
                arguments: json!({ "n": n, "text": "naïve \"quoted\"" }),
                meta: Map::new(),
                expect: vec![
                    equals("/structuredContent/n", Rule::Equals(json!(n))),
                    equals(
                        "/content/0/text",
                        Rule::JsonTextOf("/structuredContent".to_owned()),
                    ),
                ],
                step: 0,
            }
        })
        .collect()
}

static NEVER: AtomicBool = AtomicBool::new(false);

/// How a test's run differs from the usual one.
pub(crate) struct Trial {
    pub(crate) clients: usize,
    pub(crate) warmup: Duration,
    pub(crate) duration: Duration,
    pub(crate) call_timeout: Duration,
    pub(crate) revision: Revision,
    pub(crate) extra_params: Map<String, Value>,
    pub(crate) shape: Shape,
    pub(crate) threads: usize,
}

impl Default for Trial {
    fn default() -> Self {
        Self {
            clients: 3,
            warmup: Duration::from_millis(30),
            duration: Duration::from_millis(150),
            call_timeout: Duration::from_secs(5),
            revision: Revision::default(),
            extra_params: Map::new(),
            shape: Shape::default(),
            threads: 1,
        }
    }
}

impl Trial {
    pub(crate) fn run(self, target: Target, exchanges: &[Exchange]) -> Result<Outcome, LoadError> {
        self.run_until(target, exchanges, &NEVER, &mut |_| {})
    }

    pub(crate) fn run_until(
        self,
        target: Target,
        exchanges: &[Exchange],
        stop: &AtomicBool,
        observer: &mut dyn FnMut(Moment),
    ) -> Result<Outcome, LoadError> {
        let plan = Plan {
            target,
            exchanges,
            clients: self.clients,
            warmup: self.warmup,
            duration: self.duration,
            call_timeout: self.call_timeout,
            revision: self.revision,
            extra_params: self.extra_params,
            shape: self.shape,
            stop,
        };
        harness::load::run(self.threads, plan, observer)
    }
}

pub(crate) fn verify(target: Target, exchanges: &[Exchange]) -> Result<Verification, LoadError> {
    verify_as(target, exchanges, Revision::default())
}

pub(crate) fn verify_as(
    target: Target,
    exchanges: &[Exchange],
    revision: Revision,
) -> Result<Verification, LoadError> {
    let call_timeout = Duration::from_millis(400);
    harness::load::verify(
        target,
        exchanges,
        Options {
            call_timeout,
            revision,
            extra_params: Map::new(),
            lists_tools: true,
            stop: &NEVER,
        },
    )
}

/// Holds what every run without errors has in common.
pub(crate) fn assert_clean(outcome: &Outcome, clients: usize) {
    assert_eq!(outcome.errors.total(), 0, "{:?}", outcome.errors);
    assert_eq!(
        outcome.warmup_errors.total(),
        0,
        "{:?}",
        outcome.warmup_errors
    );
    assert_eq!(
        outcome.closing_errors.total(),
        0,
        "{:?}",
        outcome.closing_errors
    );
    assert!(outcome.calls > 0);
    assert_eq!(outcome.calls, outcome.latency_ns.len());
    assert!(outcome.bytes_in > outcome.calls && outcome.bytes_out > outcome.calls);
    assert_eq!(outcome.reconnects, 0);
    assert!(outcome.drained <= clients as u64);
    // Little's law. Of the calls that the window cut at its begin, the whole latency is recorded.
    let cut = outcome.latency_ns.max() as f64 * clients as f64 / outcome.elapsed.as_nanos() as f64;
    let bound = (outcome.mean_in_flight() + cut) * 1.01;
    assert!(
        outcome.littles_law_in_flight() <= bound,
        "{bound} {outcome:?}"
    );
    assert!(outcome.mean_in_flight() <= clients as f64);
}
