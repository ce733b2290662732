//! An upstream that does what it is told, on one address: also what no upstream should.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use socket2::SockRef;

/// How much a flood brings.
const FLOOD_BYTES: usize = 100 * 1024 * 1024;

/// What it does with every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Manner {
    /// Answers.
    Well,
    /// Reads and says nothing.
    Hangs,
    /// Says nothing and resets the connection.
    Resets,
    /// Begins to answer and closes the connection.
    BreaksOff,
    /// Answers 500 with a text.
    Fails,
    /// Says something that is not HTTP.
    Garbage,
    /// Answers in JSON of 100 MB, and says so.
    Floods,
    /// The same in chunks, without saying how many there will be.
    FloodsUnannounced,
}

const MANNERS: [Manner; 8] = [
    Manner::Well,
    Manner::Hangs,
    Manner::Resets,
    Manner::BreaksOff,
    Manner::Fails,
    Manner::Garbage,
    Manner::Floods,
    Manner::FloodsUnannounced,
];

/// The upstream. It lives as long as the test run.
pub(crate) struct Unreliable {
    address: SocketAddr,
    manner: Arc<AtomicU8>,
}

impl Unreliable {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let manner = Arc::new(AtomicU8::new(Manner::Well as u8));
        let told = manner.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = told.clone();
                // Whoever asks may leave at any time; that is what these tests are about.
                std::thread::spawn(move || serve(&stream, &told));
            }
        });
        Self { address, manner }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Does so with requests from now on.
    pub(crate) fn behaves(&self, manner: Manner) {
        self.manner.store(manner as u8, Ordering::Relaxed);
    }
}

/// Answers requests on `stream` until one of them ends it.
fn serve(stream: &TcpStream, told: &AtomicU8) -> std::io::Result<()> {
    let mut requests = BufReader::new(stream);
    loop {
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if requests.read_line(&mut line)? == 0 {
                return Ok(());
            }
        }
        let manner = MANNERS[usize::from(told.load(Ordering::Relaxed))];
        if !answer(manner, stream)? {
            return Ok(());
        }
    }
}

/// Answers one request, and says whether the connection goes on.
fn answer(manner: Manner, mut stream: &TcpStream) -> std::io::Result<bool> {
    match manner {
        Manner::Well => {
            stream.write_all(&response("200 OK", "application/json", "{\"well\":true}"))?;
            return Ok(true);
        }
        Manner::Hangs => {
            // Until the asker gives up and leaves.
            stream.read_to_end(&mut Vec::new())?;
        }
        Manner::Resets => SockRef::from(stream).set_linger(Some(Duration::ZERO))?,
        Manner::BreaksOff => {
            let whole = response("200 OK", "application/json", "{\"well\":true}");
            stream.write_all(&whole[..whole.len() - 5])?;
        }
        Manner::Fails => {
            stream.write_all(&response("500 Oh No", "text/plain", "it is all too much"))?;
            return Ok(true);
        }
        Manner::Garbage => {
            stream.write_all(b"\x16\x03\x01\0\xff\xfe not what you hoped for\r\n\r\n")?;
        }
        Manner::Floods => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
            write!(stream, "{head}content-length: {FLOOD_BYTES}\r\n\r\n\"")?;
            let piece = vec![b'a'; 64 * 1024];
            for _ in 0..FLOOD_BYTES / piece.len() {
                stream.write_all(&piece)?;
            }
        }
        Manner::FloodsUnannounced => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
            write!(
                stream,
                "{head}transfer-encoding: chunked\r\n\r\n1\r\n\"\r\n"
            )?;
            let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
            for _ in 0..FLOOD_BYTES / 0x10000 {
                stream.write_all(chunk.as_bytes())?;
            }
        }
    }
    Ok(false)
}

fn response(status: &str, content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}
