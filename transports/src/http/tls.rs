//! TLS under HTTP/1.1, by rustls over hyper's traits, so that every runtime has it.
//!
//! The handshake belongs to the first read of a connection. So the limits of connections hold for
//! it: one that stalls is closed like one that never sends a byte.

use std::{
    fmt,
    future::Future,
    io::{self, IoSlice},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio_rustls::{
    Accept, TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    },
    server::TlsStream,
};

/// A server's certificate and key. `Debug` does not show the key.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

/// A certificate or a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of certificates cannot be read.
    #[error("reading the certificates in {}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The file of the key cannot be read.
    #[error("reading the private key in {}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// rustls does not accept the two.
    #[error("the certificate and the key do not fit together")]
    Pair(#[from] rustls::Error),
}

impl Tls {
    /// Reads the certificate, with those that certify it after it, and its private key, from files
    /// in PEM.
    ///
    /// # Errors
    /// When a file cannot be read, or the two do not fit together.
    pub fn open(certificates: &Path, key: &Path) -> Result<Self, TlsError> {
        let certificates: Vec<CertificateDer<'static>> =
            CertificateDer::pem_file_iter(certificates)
                .and_then(Iterator::collect)
                .map_err(|source| TlsError::Certificates {
                    path: certificates.to_owned(),
                    source,
                })?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::Key {
            path: key.to_owned(),
            source,
        })?;
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// A connection, encrypted or not.
pub(super) enum MaybeTls<Io> {
    Plain(Io),
    Tls(Box<Encrypted<Io>>),
}

/// An encrypted connection.
pub(super) enum Encrypted<Io> {
    Handshake(Accept<TokioIo<Io>>),
    Open(Opened<Io>),
    Failed,
}

/// What is in the encryption.
type Opened<Io> = TokioIo<TlsStream<TokioIo<Io>>>;

impl<Io: Read + Write + Unpin> MaybeTls<Io> {
    pub(super) fn new(io: Io, tls: Option<&Tls>) -> Self {
        match tls {
            None => Self::Plain(io),
            Some(Tls(acceptor)) => Self::Tls(Box::new(Encrypted::Handshake(
                acceptor.accept(TokioIo::new(io)),
            ))),
        }
    }
}

impl<Io: Read + Write + Unpin> Encrypted<Io> {
    /// Returns what is in the encryption, once the handshake is over.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut Opened<Io>>>> {
        if let Self::Handshake(accept) = self {
            // A future that has failed must not be polled again.
            *self = match ready!(Pin::new(accept).poll(context)) {
                Ok(stream) => Self::Open(TokioIo::new(stream)),
                Err(error) => {
                    *self = Self::Failed;
                    return Poll::Ready(Err(error));
                }
            };
        }
        Poll::Ready(match self {
            Self::Open(stream) => Ok(Pin::new(stream)),
            Self::Handshake(_) | Self::Failed => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

impl<Io: Read + Write + Unpin> Read for MaybeTls<Io> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(context, buffer),
            Self::Tls(tls) => ready!(tls.poll_open(context))?.poll_read(context, buffer),
        }
    }
}

impl<Io: Read + Write + Unpin> Write for MaybeTls<Io> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(context, bytes),
            Self::Tls(tls) => ready!(tls.poll_open(context))?.poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(context),
            Self::Tls(tls) => match &mut **tls {
                Encrypted::Open(stream) => Pin::new(stream).poll_flush(context),
                // Nothing was written yet, and the handshake goes on with the next read.
                Encrypted::Handshake(_) | Encrypted::Failed => Poll::Ready(Ok(())),
            },
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(context),
            Self::Tls(tls) => match &mut **tls {
                Encrypted::Open(stream) => Pin::new(stream).poll_shutdown(context),
                Encrypted::Handshake(_) | Encrypted::Failed => Poll::Ready(Ok(())),
            },
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(io) => io.is_write_vectored(),
            Self::Tls(_) => true,
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write_vectored(context, slices),
            Self::Tls(tls) => ready!(tls.poll_open(context))?.poll_write_vectored(context, slices),
        }
    }
}
