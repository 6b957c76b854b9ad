//! Listening addresses.
//!
//! Refuses to share a port: an address that is taken ends the start.

use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// Connections that the system accepts for us while we are busy: as many as it is allowed to.
const BACKLOG: i32 = 65_535;
/// How often a port is drawn that is free on both loopback addresses.
const DRAWS: u32 = 16;

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// Another program has the port.
    #[error("port {0} is in use: stop the other program or pass {1}")]
    Taken(u16, &'static str),
    /// The system does not give the address.
    #[error("cannot listen on {0}: choose an address of this machine, and a port above 1023")]
    Refused(SocketAddr, #[source] io::Error),
}

/// Listens on `localhost`: on IPv4 and, if the machine has it, IPv6; 0 is any port, but one for both.
pub(crate) fn on_localhost(port: u16) -> Result<Vec<TcpListener>, ListenError> {
    let first = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut taken = port;
    for _ in 0..DRAWS {
        let listener = bind(first).map_err(|cause| refusal(first, cause, "--port N"))?;
        let bound = listener.local_addr().map_err(|cause| ListenError::Refused(first, cause))?;
        match bind(SocketAddr::from((Ipv6Addr::LOCALHOST, bound.port()))) {
            Ok(second) => return Ok(vec![listener, second]),
            Err(cause) if cause.kind() != ErrorKind::AddrInUse => return Ok(vec![listener]),
            Err(_) if port != 0 => break,
            Err(_) => taken = bound.port(),
        }
    }
    Err(ListenError::Taken(taken, "--port N"))
}

/// Listens on every address. IPv6 loopback may be missing where there is another address.
pub(crate) fn on_each(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    let mut missing = None;
    for address in addresses {
        match bind(*address) {
            Ok(listener) => listeners.push(listener),
            Err(cause) if is_missing_ipv6(*address, &cause) => missing = Some((*address, cause)),
            Err(cause) => return Err(refusal(*address, cause, "--listen ADDRESS:PORT")),
        }
    }
    match missing {
        Some((address, cause)) if listeners.is_empty() => Err(ListenError::Refused(address, cause)),
        Some((address, _)) => {
            tracing::warn!(%address, "this machine has no IPv6 loopback");
            Ok(listeners)
        }
        None => Ok(listeners),
    }
}

fn is_missing_ipv6(address: SocketAddr, cause: &io::Error) -> bool {
    let is_denied = matches!(cause.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied);
    address.is_ipv6() && address.ip().is_loopback() && !is_denied
}

fn refusal(address: SocketAddr, cause: io::Error, way_out: &'static str) -> ListenError {
    if cause.kind() == ErrorKind::AddrInUse {
        ListenError::Taken(address.port(), way_out)
    } else {
        ListenError::Refused(address, cause)
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_port_is_the_same_on_both_addresses() {
        let listeners = on_localhost(0).unwrap();
        let ports: Vec<_> = listeners.iter().map(|it| it.local_addr().unwrap().port()).collect();
        assert!(ports.iter().all(|port| *port == ports[0] && *port != 0));
    }

    #[test]
    fn a_port_that_is_taken_says_what_to_do() {
        let listeners = on_localhost(0).unwrap();
        let port = listeners[0].local_addr().unwrap().port();
        assert_eq!(
            on_localhost(port).unwrap_err().to_string(),
            format!("port {port} is in use: stop the other program or pass --port N")
        );
    }
}
