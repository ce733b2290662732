//! TLS: rustls as a client, which checks the certificate and knows nothing of the server.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Stdio,
    sync::Arc,
};

use futures::{executor::block_on, io::AllowStdIo};
use nix::sys::signal::Signal::SIGTERM;
use testkit::http::{Connection, Request, Stream};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use super::http::opening;
use crate::common::{PATIENCE, Server, Subject, Wire, eventually, server::command};

macro_rules! data {
    ($file:literal) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/", $file)
    };
}

const CERTIFICATE: &str = data!("certificate.pem");
const KEY: &str = data!("key.pem");
const OTHER_KEY: &str = data!("other-key.pem");
/// Longer than any test.
const LONG: &str = "3600";

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn start(subject: &Subject, flags: &[&str]) -> Server {
    let tls = ["--tls-cert", CERTIFICATE, "--tls-key", KEY];
    Server::start(subject, &[&tls, flags].concat())
}

/// The roots that a client of the tests trusts.
fn trusting() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(CERTIFICATE).unwrap();
    roots.add(certificate).unwrap();
    roots
}

/// Connects and shakes hands.
fn connect(server: &Server, roots: RootCertStore, protocols: &[&str]) -> std::io::Result<Tls> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().into())
        .collect();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut tls = StreamOwned::new(connection, stream);
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock)?;
    }
    Ok(tls)
}

fn connected(server: &Server) -> Stream<AllowStdIo<Tls>> {
    let tls = connect(server, trusting(), &["http/1.1"]).expect("they agree");
    Stream::over(AllowStdIo::new(tls), "localhost")
}

fn is_healthy(server: &Server) {
    let health = block_on(connected(server).exchange(&Request::get("/healthz")));
    assert_eq!((health.status, health.text().trim()), (200, "ok"));
}

pub(crate) fn a_client_that_trusts_the_certificate_is_served(subject: &Subject) {
    let server = start(subject, &[]);
    assert!(server.url().starts_with("https://"), "{}", server.url());
    let mut connection = connected(&server);
    for _ in 0..3 {
        let health = block_on(connection.exchange(&Request::get("/healthz")));
        assert_eq!(health.status, 200);
    }
    block_on(connection.send(&opening(subject)));
    let opened = block_on(connection.head());
    assert_eq!(opened.status, 200);
    if subject.wire == Wire::Sse {
        let first = block_on(connection.event()).unwrap().expect("an event");
        assert_eq!(first.name, "endpoint");
    } else {
        let opened = block_on(connection.body(opened));
        let answer = opened.messages().remove(0);
        let name = &answer["result"]["serverInfo"]["name"];
        assert_eq!(name, subject.tools.server_name, "{answer}");
    }
}

pub(crate) fn a_large_answer_comes_whole_over_tls(subject: &Subject) {
    let server = start(subject, &[]);
    let mut connection = connected(&server);
    for bytes in [3_000_000, 200, 100_000] {
        let request = Request::message(server.path(), subject.message_of(bytes));
        let answer = block_on(connection.exchange(&request)).messages().remove(0);
        let said = answer["result"]["structuredContent"]["message"].as_str();
        let said = said.unwrap_or_else(|| panic!("{bytes}"));
        assert!(said.len() > bytes - 200, "{bytes}: {}", said.len());
    }
}

pub(crate) fn an_answer_that_is_not_read_over_tls_ends_its_connection(subject: &Subject) {
    let server = start(subject, &["--write-timeout", "0.5"]);
    let before = server.connections();
    let mut stalled = connected(&server);
    let request = Request::message(server.path(), subject.message_of(4_000_000));
    block_on(stalled.send(&request));
    eventually("the connection is closed", || {
        (server.connections() <= before).then_some(())
    });
    is_healthy(&server);
}

pub(crate) fn a_client_that_does_not_trust_it_is_not(subject: &Subject) {
    let server = start(subject, &[]);
    let error = connect(&server, RootCertStore::empty(), &[]).err();
    let error = error.expect("nothing certifies the server").to_string();
    assert!(error.contains("certificate"), "{error}");
    is_healthy(&server);
}

pub(crate) fn only_http_1_1_is_agreed_on(subject: &Subject) {
    let server = start(subject, &[]);
    let agreed = |protocols: &[&str]| {
        let tls = connect(&server, trusting(), protocols)?;
        Ok::<_, std::io::Error>(tls.conn.alpn_protocol().map(<[u8]>::to_vec))
    };
    assert_eq!(agreed(&["h2", "http/1.1"]).unwrap().unwrap(), b"http/1.1");
    assert_eq!(agreed(&[]).unwrap(), None);
    assert!(agreed(&["h2"]).is_err());
}

pub(crate) fn what_is_no_tls_is_refused_and_the_server_lives_on(subject: &Subject) {
    let server = start(subject, &[]);
    for bytes in [
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".as_slice(),
        b"\x16\x03\x01\xff\xff",
        &[0; 5000],
    ] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // An error of either means that the server has closed.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        assert!(!said.starts_with(b"HTTP"), "{}", said.escape_ascii());
        is_healthy(&server);
    }
}

pub(crate) fn a_handshake_that_stalls_is_closed(subject: &Subject) {
    let server = start(subject, &["--head-timeout", "0.5"]);
    let mut silent = Connection::open(server.address());
    let mut begun = Connection::open(server.address());
    // The head of a record whose rest never comes.
    begun.write(b"\x16\x03\x01\x02\x00\x01");
    assert!(silent.closes() && begun.closes());
    is_healthy(&server);
}

pub(crate) fn idle_connections_with_tls_do_not_hold_up_the_end(subject: &Subject) {
    let mut server = start(subject, &["--drain-timeout", LONG]);
    let mut silent = Connection::open(server.address());
    let mut begun = Connection::open(server.address());
    begun.write(b"\x16\x03\x01\x02\x00\x01");
    let mut answered = connected(&server);
    let health = block_on(answered.exchange(&Request::get("/healthz")));
    assert_eq!(health.status, 200);
    server.signal(SIGTERM);
    server.ended_well();
    assert!(silent.closes() && begun.closes() && block_on(answered.closes()));
}

pub(crate) fn a_certificate_that_cannot_be_used_ends_it_with_a_clear_message(subject: &Subject) {
    let said = |flags: &[&str], code: i32| {
        let output = command(subject, flags)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(
            said.contains("--tls-cert") && said.contains("--tls-key"),
            "{said}"
        );
        said
    };
    for (certificate, key, part) in [
        ("/nowhere.pem", KEY, "/nowhere.pem"),
        (CERTIFICATE, "/nowhere.pem", "/nowhere.pem"),
        (CERTIFICATE, CERTIFICATE, "certificate.pem"),
        (CERTIFICATE, OTHER_KEY, "do not fit together"),
        (KEY, KEY, "do not fit together"),
    ] {
        let said = said(&["--tls-cert", certificate, "--tls-key", key], 1);
        assert!(said.contains(part), "{said}");
    }
    said(&["--tls-cert", CERTIFICATE], 2);
    said(&["--tls-key", KEY], 2);
}
