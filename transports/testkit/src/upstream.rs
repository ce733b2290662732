//! Upstreams that do what a test tells them: a gate that holds every request, and a server that
//! misbehaves in every way an upstream can.

mod gate;

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use socket2::{Domain, SockRef, Socket, Type};

pub use self::gate::Gate;

/// How much a flood brings.
const FLOOD_BYTES: usize = 100 * 1024 * 1024;
const FLOOD_PIECE: usize = 64 * 1024;

/// An address that refuses connections for as long as this lives: no other program can take it.
pub struct Closed(Socket);

impl Closed {
    /// A new one.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each one is another address")]
    pub fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&anywhere.into()).unwrap();
        Self(socket)
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap().as_socket().unwrap()
    }
}

/// The reaction of an [`Upstream`] to every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Answers.
    Well,
    /// Reads and sends nothing.
    Hangs,
    /// Sends nothing and resets the connection.
    Resets,
    /// Begins to answer and closes the connection.
    BreaksOff,
    /// Answers 500 with a text.
    Fails,
    /// Sends bytes that are not HTTP.
    Garbage,
    /// Answers with 100 MB of JSON, and announces the length.
    Floods,
    /// The same in chunks, without a length.
    FloodsUnannounced,
    /// Sends these bytes and closes the connection.
    Sends(Vec<u8>),
}

/// An upstream that misbehaves when it is told to, at one address. It lives as long as the process.
pub struct Upstream {
    address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    connections: Arc<AtomicUsize>,
}

impl Upstream {
    /// Starts one that behaves so.
    #[must_use]
    pub fn start(manner: Manner) -> Self {
        let manner = Arc::new(Mutex::new(manner));
        let connections = Arc::<AtomicUsize>::default();
        let (told, counter) = (manner.clone(), connections.clone());
        let address = listen(move |stream| {
            counter.fetch_add(1, Ordering::SeqCst);
            // A client may leave at any time; that is what these tests are about.
            let _ = serve(stream, &told);
        });
        Self {
            address,
            manner,
            connections,
        }
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Treats requests so from now on.
    pub fn behaves(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// How many connections it has accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Listens, and gives each connection to `serve` in a thread of its own.
fn listen(serve: impl Fn(&TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(&stream));
        }
    });
    address
}

/// Reads the head of a request; false when there is none.
fn head(requests: &mut impl BufRead) -> io::Result<bool> {
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if requests.read_line(&mut line)? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Answers requests on `stream` until one of them ends it.
fn serve(stream: &TcpStream, told: &Mutex<Manner>) -> io::Result<()> {
    let mut requests = BufReader::new(stream);
    while head(&mut requests)? {
        let manner = told.lock().unwrap().clone();
        if !answer(&manner, stream)? {
            break;
        }
    }
    Ok(())
}

/// Answers one request, and says whether the connection goes on.
fn answer(manner: &Manner, mut stream: &TcpStream) -> io::Result<bool> {
    const START: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let well = response("200 OK", "application/json", "{\"well\":true}");
    match manner {
        Manner::Well => {
            stream.write_all(&well)?;
            return Ok(true);
        }
        Manner::Hangs => {
            // Until the client gives up and leaves.
            stream.read_to_end(&mut Vec::new())?;
        }
        Manner::Resets => SockRef::from(stream).set_linger(Some(Duration::ZERO))?,
        Manner::BreaksOff => stream.write_all(&well[..well.len() - 5])?,
        Manner::Fails => {
            stream.write_all(&response("500 Oh No", "text/plain", "it is all too much"))?;
            return Ok(true);
        }
        Manner::Garbage => {
            stream.write_all(b"\x16\x03\x01\0\xff\xfe not what you hoped for\r\n\r\n")?;
        }
        Manner::Floods => {
            write!(stream, "{START}content-length: {FLOOD_BYTES}\r\n\r\n\"")?;
            flood(stream, &"a".repeat(FLOOD_PIECE))?;
        }
        Manner::FloodsUnannounced => {
            write!(
                stream,
                "{START}transfer-encoding: chunked\r\n\r\n1\r\n\"\r\n"
            )?;
            let piece = "a".repeat(FLOOD_PIECE);
            flood(stream, &format!("{FLOOD_PIECE:x}\r\n{piece}\r\n"))?;
        }
        Manner::Sends(bytes) => stream.write_all(bytes)?,
    }
    Ok(false)
}

fn flood(mut stream: &TcpStream, piece: &str) -> io::Result<()> {
    (0..FLOOD_BYTES / FLOOD_PIECE).try_for_each(|_| stream.write_all(piece.as_bytes()))
}

/// A response with a body of known length.
#[must_use]
pub fn response(status: &str, content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}
