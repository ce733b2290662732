//! A subject for the harness's own tests: an MCP server (Streamable HTTP, JSON answers, or stdio)
//! with one tool, `echo`, that answers right or misbehaves in a known way. First argument: the
//! behaviour. Second: a number, where one is needed. `--burn-ns N` after them makes each call take
//! so long.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longer than any test waits.
const FOR_EVER: Duration = Duration::from_mins(10);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Right,
    /// Says something else than it was told.
    Wrong,
    /// Says something else at its first call only.
    WrongAtFirst,
    /// Ends with exit code 4 when its stdin does.
    Unclean,
    /// `isError: true`.
    ToolError,
    /// Never answers a call.
    Slow,
    /// Sleeps in each call until it has run for so many milliseconds.
    SlowAtFirst(u64),
    /// Ends with exit code 3 at the call of that number.
    Dies(u64),
    /// Hides its tool from `tools/list`.
    Unlisted,
    /// This many bytes to whatever is asked.
    Floor(u64),
}

static CALLS: AtomicU64 = AtomicU64::new(0);

static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What each call burns, in nanoseconds.
static BURN_NS: AtomicU64 = AtomicU64::new(0);

fn main() -> std::io::Result<()> {
    LazyLock::force(&BEGUN);
    let mut arguments = std::env::args().skip(1);
    let behaviour = arguments.next().unwrap_or_default();
    let number = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    if arguments.next().as_deref() == Some("--burn-ns") {
        let burn_ns = arguments.next().and_then(|text| text.parse().ok());
        BURN_NS.store(burn_ns.unwrap_or(0), Ordering::Relaxed);
    }
    note_the_process()?;
    let serve = |behaviour| serve_http(behaviour, 0, true);
    match behaviour.as_str() {
        "right" => serve(Behaviour::Right),
        "wrong" => serve(Behaviour::Wrong),
        "wrong-at-first" => serve(Behaviour::WrongAtFirst),
        "tool-error" => serve(Behaviour::ToolError),
        "slow" => serve(Behaviour::Slow),
        "slow-at-first" => serve(Behaviour::SlowAtFirst(number)),
        "dies" => serve(Behaviour::Dies(number)),
        "unlisted" => serve(Behaviour::Unlisted),
        "floor" => serve(Behaviour::Floor(number)),
        "floor-short" => serve(Behaviour::Floor(number.saturating_sub(1))),
        // At the port of that number, and without a ready line.
        "at-port" => serve_http(
            Behaviour::Right,
            u16::try_from(number).unwrap_or_default(),
            false,
        ),
        "stdio-right" => serve_stdio(Behaviour::Right, true),
        "stdio-dies" => serve_stdio(Behaviour::Dies(number), true),
        "stdio-unclean" => serve_stdio(Behaviour::Unclean, true),
        "stdio-mute" => serve_stdio(Behaviour::Right, false),
        "stdio-mute-moody" => serve_stdio(Behaviour::WrongAtFirst, false),
        "silent" => {
            eprintln!("thinking");
            std::thread::sleep(FOR_EVER);
            Ok(())
        }
        "exits" => {
            eprintln!("cannot open the database: no such luck");
            std::process::exit(7)
        }
        "builds" => {
            println!("building");
            Ok(())
        }
        "mute-service" => {
            eprintln!("ready http://127.0.0.1:1");
            std::thread::sleep(Duration::from_millis(number));
            eprintln!("the service gives up");
            std::process::exit(9)
        }
        other => {
            eprintln!("unknown behaviour {other:?}");
            std::process::exit(2)
        }
    }
}

/// Appends the number of this process to the file that the test named, so that it can look for
/// survivors.
fn note_the_process() -> std::io::Result<()> {
    let Some(path) = std::env::var_os("FAKE_PROCESSES") else {
        return Ok(());
    };
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    writeln!(file, "{}", std::process::id())
}

fn serve_http(behaviour: Behaviour, port: u16, says_so: bool) -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    if says_so {
        eprintln!("ready http://{}/mcp", listener.local_addr()?);
    }
    let behaviour = Arc::new(behaviour);
    for stream in listener.incoming() {
        let (stream, behaviour) = (stream?, Arc::clone(&behaviour));
        std::thread::spawn(move || {
            // A client that goes away ends its thread and nothing else.
            let _ = converse(&stream, *behaviour);
        });
    }
    Ok(())
}

fn converse(stream: &TcpStream, behaviour: Behaviour) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    while let Some((method, body)) = read_request(&mut reader)? {
        let (status, answer) = match (method.as_str(), behaviour) {
            ("POST", Behaviour::Floor(bytes)) => {
                ("200 OK", "x".repeat(usize::try_from(bytes).unwrap_or(0)))
            }
            ("POST", _) => match answer(&body, behaviour) {
                Some(answer) => ("200 OK", answer.to_string()),
                None => ("202 Accepted", String::new()),
            },
            _ => ("405 Method Not Allowed", String::new()),
        };
        let kind = if answer.is_empty() {
            ""
        } else {
            "Content-Type: application/json\r\n"
        };
        let head = format!(
            "HTTP/1.1 {status}\r\n{kind}Content-Length: {}\r\n\r\n",
            answer.len()
        );
        writer.write_all((head + &answer).as_bytes())?;
    }
    Ok(())
}

/// The method and the body of the next request; `None` when the client has closed the connection.
fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let method = line.split(' ').next().unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((method, body)))
}

fn serve_stdio(behaviour: Behaviour, says_so: bool) -> std::io::Result<()> {
    if says_so {
        eprintln!("ready stdio");
    }
    let mut stdout = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        if let Some(answer) = answer(line?.as_bytes(), behaviour) {
            writeln!(stdout, "{answer}")?;
            stdout.flush()?;
        }
    }
    if behaviour == Behaviour::Unclean {
        std::process::exit(4);
    }
    Ok(())
}

/// The answer to one message; `None` for a notification.
fn answer(message: &[u8], behaviour: Behaviour) -> Option<Value> {
    let message: Value = serde_json::from_slice(message).unwrap_or(Value::Null);
    let id = message.get("id")?;
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "fake", "version": "1" },
        }),
        Some("tools/list") if behaviour == Behaviour::Unlisted => json!({ "tools": [] }),
        Some("tools/list") => {
            json!({ "tools": [{ "name": "echo", "inputSchema": { "type": "object" } }] })
        }
        _ => call(&message["params"]["arguments"], behaviour),
    };
    Some(json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

fn call(arguments: &Value, behaviour: Behaviour) -> Value {
    let number = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    let (begun, burned) = (Instant::now(), BURN_NS.load(Ordering::Relaxed));
    while begun.elapsed() < Duration::from_nanos(burned) {
        std::hint::spin_loop();
    }
    let said = match behaviour {
        Behaviour::Wrong => json!("not what you said"),
        Behaviour::WrongAtFirst if number == 1 => json!("not yet what you said"),
        _ => arguments["message"].clone(),
    };
    match behaviour {
        Behaviour::Slow => std::thread::sleep(FOR_EVER),
        Behaviour::SlowAtFirst(ms) if BEGUN.elapsed() < Duration::from_millis(ms) => {
            std::thread::sleep(Duration::from_millis(10));
        }
        Behaviour::Dies(at) if number >= at => {
            eprintln!("out of luck at call {number}");
            std::process::exit(3);
        }
        _ => {}
    }
    let structured = json!({ "message": said });
    json!({
        "content": [{ "type": "text", "text": structured.to_string() }],
        "structuredContent": structured,
        "isError": behaviour == Behaviour::ToolError,
    })
}
