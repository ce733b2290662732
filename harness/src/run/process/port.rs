//! The port of a server that prints no ready line: whether a server answers there.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::subject::Wire;
use crate::load::Revision;
use crate::run::target::split_url;

/// How long one attempt may take; a server that is still waking up gets another.
const LOOK: Duration = Duration::from_secs(2);

/// Where a server is going to listen.
#[derive(Debug, Clone)]
pub(crate) struct Port {
    url: String,
    address: SocketAddr,
    request: String,
}

impl Port {
    /// The port of this URL; asked as this wire begins. The error says what is wrong with the URL.
    pub(crate) fn new(url: &str, wire: Wire, revision: Revision) -> Result<Self, String> {
        let (address, path) = split_url(url)?;
        let host = format!("Host: {address}\r\nConnection: close\r\n");
        let request = match wire {
            Wire::Sse => format!("GET {path} HTTP/1.1\r\n{host}Accept: text/event-stream\r\n\r\n"),
            Wire::Http | Wire::Stdio => {
                let body = format!(
                    r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":"{revision}","capabilities":{{}},"clientInfo":{{"name":"harness","version":"{}"}}}}}}"#,
                    env!("CARGO_PKG_VERSION")
                );
                format!(
                    "POST {path} HTTP/1.1\r\n{host}Accept: application/json, text/event-stream\r\n\
                     Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            }
        };
        Ok(Self {
            url: url.to_owned(),
            address: address.socket,
            request,
        })
    }

    /// The URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether a process takes connections there.
    pub(crate) fn is_taken(&self) -> bool {
        TcpStream::connect_timeout(&self.address, LOOK).is_ok()
    }

    /// Whether a server answers the first request of a handshake with an HTTP status that is no
    /// complaint about itself. The handshake judges what it says.
    pub(crate) fn answers(&self) -> bool {
        self.status()
            .is_ok_and(|status| (200..500).contains(&status))
    }

    fn status(&self) -> std::io::Result<u16> {
        let mut stream = TcpStream::connect_timeout(&self.address, LOOK)?;
        stream.set_read_timeout(Some(LOOK))?;
        stream.write_all(self.request.as_bytes())?;
        // `HTTP/1.1 200`
        let mut begin = [0; 12];
        stream.read_exact(&mut begin)?;
        let status = std::str::from_utf8(&begin[9..]).ok();
        Ok(status
            .filter(|_| begin.starts_with(b"HTTP/1."))
            .and_then(|status| status.parse().ok())
            .unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::Port;
    use crate::config::subject::Wire;
    use crate::load::Revision;

    fn answered_with(answer: &'static str) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4_096];
            let count = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..count]).into_owned()
        });
        let url = format!("http://{address}/mcp");
        let port = Port::new(&url, Wire::Http, Revision::default()).unwrap();
        let answers = port.answers();
        let request = server.join().unwrap();
        assert!(
            request.starts_with("POST /mcp HTTP/1.1\r\n") && request.contains("\"initialize\""),
            "{request}"
        );
        answers
    }

    #[test]
    fn a_status_below_500_is_an_answer_and_nothing_else_is() {
        assert!(answered_with("HTTP/1.1 200 OK\r\n\r\n"));
        assert!(answered_with("HTTP/1.1 400 Bad Request\r\n\r\n"));
        assert!(!answered_with("HTTP/1.1 503 Service Unavailable\r\n\r\n"));
        assert!(!answered_with("SSH-2.0-OpenSSH_9.2\r\n"));
        assert!(!answered_with(""));
    }
}
