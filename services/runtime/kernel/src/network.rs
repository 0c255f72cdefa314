//! The few things about the network that are root's business: names, loopback, first sockets.
#![expect(
    unsafe_code,
    reason = "interface flags are set by ioctl with a C structure"
)]

use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rustix::io::Errno;
use rustix::ioctl::{Setter, ioctl};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use crate::{Context, SystemError};

/// Names the box.
///
/// # Errors
/// Without the right to do so.
pub fn set_host_name(name: &str) -> Result<(), SystemError> {
    rustix::system::sethostname(name.as_bytes()).context("set", "the host name")
}

/// Brings the loopback interface up; the kernel then gives it 127.0.0.1 by itself.
///
/// # Errors
/// Without the right to do so.
pub fn bring_loopback_up() -> Result<(), SystemError> {
    let socket = rustix::net::socket_with(
        AddressFamily::INET,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .context("open", "a socket for the loopback interface")?;
    // SAFETY: an all-zero ifreq is valid; SIOCSIFFLAGS reads the name and the flags from it.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (slot, byte) in request.ifr_name.iter_mut().zip(b"lo") {
            // A `char` of C has a sign on a PC and none on Arm.
            *slot = libc::c_char::from_ne_bytes([*byte]);
        }
        request.ifr_ifru.ifru_flags = INTERFACE_UP;
        ioctl(
            &socket,
            Setter::<SET_INTERFACE_FLAGS, libc::ifreq>::new(request),
        )
        .context("bring up", "the loopback interface")
    }
}

/// A UDP socket for a busy port: a burst of datagrams waits in the kernel rather than being lost.
///
/// # Errors
/// When the port is taken.
pub fn udp_socket(address: SocketAddr, receive_bytes: usize) -> Result<UdpSocket, SystemError> {
    let socket = socket_for(address, SocketType::DGRAM)?;
    // The forced form goes beyond the usual limit and needs root; without it, take what there is.
    if sockopt::set_socket_recv_buffer_size_force(&socket, receive_bytes).is_err() {
        let _ = sockopt::set_socket_recv_buffer_size(&socket, receive_bytes);
    }
    rustix::net::bind(&socket, &address).context("listen on UDP", address)?;
    Ok(UdpSocket::from(socket))
}

/// A listening TCP socket.
///
/// # Errors
/// When the port is taken.
pub fn tcp_listener(address: SocketAddr) -> Result<TcpListener, SystemError> {
    let socket = socket_for(address, SocketType::STREAM)?;
    rustix::net::bind(&socket, &address).context("listen on TCP", address)?;
    rustix::net::listen(&socket, BACKLOG).context("listen on TCP", address)?;
    Ok(TcpListener::from(socket))
}

/// A socket of the address's IP version and of no other: an IPv6 socket would take the port from
/// IPv4 as well, and show IPv4 peers under addresses that nobody else knows them by.
fn socket_for(address: SocketAddr, kind: SocketType) -> Result<OwnedFd, SystemError> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)
        .context("open a socket for", address)?;
    sockopt::set_socket_reuseaddr(&socket, true).context("share", address)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true).context("open a socket for", address)?;
    }
    Ok(socket)
}

/// A pair of connected sockets that messages with descriptors wait between, up to so many bytes of
/// kernel memory; one message with one descriptor takes less than a kilobyte.
///
/// # Errors
/// When no descriptors are left.
pub fn message_pair(waiting_bytes: usize) -> Result<(OwnedFd, OwnedFd), SystemError> {
    let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
    let (into, out) = rustix::net::socketpair(family, kind, SocketFlags::CLOEXEC, None)
        .context("make", "a pair of sockets")?;
    // As in `udp_socket`.
    if sockopt::set_socket_send_buffer_size_force(&into, waiting_bytes).is_err() {
        let _ = sockopt::set_socket_send_buffer_size(&into, waiting_bytes);
    }
    Ok((into, out))
}

/// A listening Unix socket that every local user may connect to; who may ask what is the
/// server's decision, by [`peer_uid`].
///
/// # Errors
/// When the path cannot be made.
pub fn unix_listener(path: &Path) -> Result<UnixListener, SystemError> {
    if path.exists() {
        fs::remove_file(path).context("remove", path.display())?;
    }
    let listener = UnixListener::bind(path).context("listen on", path.display())?;
    fs::set_permissions(path, Permissions::from_mode(0o666)).context("open up", path.display())?;
    Ok(listener)
}

/// A TCP connection to this machine, which is there at once or not at all. Nothing on it waits.
///
/// # Errors
/// Nobody listens, or there is no room in the queue; the first write may be what says so.
pub fn connect_at_once(address: SocketAddr) -> std::io::Result<TcpStream> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&socket, &address) {
        // On this machine the connection is made, or refused, before the call returns; the next
        // call on it says which.
        Ok(()) | Err(Errno::INPROGRESS) => Ok(TcpStream::from(socket)),
        Err(error) => Err(error.into()),
    }
}

/// The user id at the other end of a Unix socket, as it was when it connected.
///
/// # Errors
/// When this is not a connected Unix socket.
pub fn peer_uid(stream: &UnixStream) -> Result<u32, SystemError> {
    let peer = sockopt::socket_peercred(stream).context("identify", "the peer of a socket")?;
    Ok(peer.uid.as_raw())
}

/// A pipe: what is read from the first was written to the second. Reading never waits.
///
/// # Errors
/// When no descriptors are left.
pub fn pipe() -> Result<(fs::File, fs::File), SystemError> {
    let (reader, writer) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).context("make", "a pipe")?;
    set_nonblocking(&reader).context("make", "a pipe")?;
    Ok((fs::File::from(reader), fs::File::from(writer)))
}

fn set_nonblocking(fd: impl AsFd) -> Result<(), Errno> {
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    rustix::fs::fcntl_setfl(&fd, flags | rustix::fs::OFlags::NONBLOCK)
}

/// Connections that may wait to be accepted: after a power cut all phones come at once.
const BACKLOG: i32 = 1024;
/// `SIOCSIFFLAGS` of Linux sockios.h.
const SET_INTERFACE_FLAGS: rustix::ioctl::Opcode = 0x8914;
/// `IFF_UP | IFF_RUNNING`.
const INTERFACE_UP: libc::c_short = 0x1 | 0x40;
