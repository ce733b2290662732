//! Opens listening sockets: one, or several that share a port.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the kernel holds for each listener until they are accepted.
const BACKLOG: i32 = 1024;

/// Non-blocking listeners on one address. The kernel distributes the connections among them.
#[derive(Debug)]
pub struct Listeners(pub(super) Vec<TcpListener>);

impl Listeners {
    /// Returns the address of all of them.
    ///
    /// # Errors
    /// When the operating system does not return it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let first = self.0.first().ok_or(io::ErrorKind::NotConnected)?;
        first.local_addr()
    }
}

/// One listener, which must be non-blocking.
impl From<TcpListener> for Listeners {
    fn from(listener: TcpListener) -> Self {
        Self(vec![listener])
    }
}

/// Binds `count` listeners to `address`, at least one; port 0 takes a free one for all.
///
/// # Errors
/// The operating system's error about the address: in use, not of this machine, not permitted.
pub fn bind(address: SocketAddr, count: usize) -> io::Result<Listeners> {
    // `SO_REUSEPORT` is set later: it would let the first listener share a port with another
    // process.
    let first = socket(address)?;
    listen(&first, address)?;
    let mut listeners = vec![first];
    if count > 1 {
        let address = TcpListener::from(listeners[0].try_clone()?).local_addr()?;
        listeners[0].set_reuse_port(true)?;
        for _ in 1..count {
            let next = socket(address)?;
            next.set_reuse_port(true)?;
            listen(&next, address)?;
            listeners.push(next);
        }
    }
    Ok(Listeners(listeners.into_iter().map(Into::into).collect()))
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn listen(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use std::{
        net::{Ipv4Addr, Ipv6Addr, TcpStream},
        time::Duration,
    };

    use super::*;

    const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    #[test]
    fn every_listener_gets_connections() {
        let listeners = bind(ANY_PORT, 3).unwrap();
        let address = listeners.local_addr().unwrap();
        let clients: Vec<_> = (0..200)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        // The client sends the last step of the handshake, which may still be on its way.
        std::thread::sleep(Duration::from_millis(50));
        let accepted = listeners
            .0
            .iter()
            .map(|listener| std::iter::from_fn(|| listener.accept().ok()).count());
        let accepted: Vec<_> = accepted.collect();
        assert_eq!(
            accepted.iter().sum::<usize>(),
            clients.len(),
            "{accepted:?}"
        );
        // By chance one of them would get none once in 10^35.
        assert!(accepted.iter().all(|&count| count > 0), "{accepted:?}");
    }

    #[test]
    fn a_port_in_use_is_an_error_however_many_listen_on_it() {
        for (first, second) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
            let bound = bind(ANY_PORT, first).unwrap();
            let error = bind(bound.local_addr().unwrap(), second).unwrap_err();
            assert_eq!(
                error.kind(),
                io::ErrorKind::AddrInUse,
                "{first} then {second}"
            );
        }
    }

    #[test]
    fn the_address_may_be_of_either_family() {
        let address = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
        assert!(bind(address, 2).unwrap().local_addr().unwrap().is_ipv6());
    }
}
