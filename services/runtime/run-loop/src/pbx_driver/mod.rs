//! Drives [`pbx::PbxNode`]: one thread, one loop, every cause through one door.
//!
//! What this module must never do: decide anything about a call, or wait for another process while
//! a datagram lies in the socket. The links to `store` and `media` are tasks that feed their
//! answers back as inputs, like everything else.
//!
//! Read first: [`drive`], then `turn.rs` (the loop).

mod background;
mod checkpoints;
mod connection;
mod dial;
mod events;
mod identity;
mod keeper;
mod last_with;
mod marks;
mod neighbours;
mod pace;
mod resolver;
mod sound_book;
mod sound_link;
mod start;
mod status;
mod store_link;
mod streams;
mod tls;
mod trace;
pub mod trust;
mod turn;
mod udp;

use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use pbx::PbxNode;

pub use self::keeper::Kept;
pub use self::resolver::Lookups;
use crate::clock::Clock;
use crate::notify::Notify;

/// The sockets a PBX serves; all bound, so that nothing is refused before it runs. Those of SIP are
/// one for each IP version: then an IPv4 address never looks like an IPv6 one.
#[derive(Debug)]
pub struct Sockets {
    /// SIP over UDP.
    pub udp: Vec<UdpSocket>,
    /// SIP over TCP, listening.
    pub tcp: Vec<TcpListener>,
    /// SIP over TLS, listening.
    pub tls: Vec<TcpListener>,
    /// `ipc::pbx`, listening.
    pub ipc: UnixListener,
    /// What keeps TCP connections for the next process; `None` when nobody does.
    pub kept: Option<Kept>,
}

/// Where a PBX finds what it needs.
#[derive(Debug)]
pub struct Places {
    /// Socket of `store`.
    pub store: PathBuf,
    /// Socket of `media`.
    pub media: PathBuf,
    /// Socket of `net`.
    pub net: PathBuf,
    /// Socket of `guard`.
    pub guard: PathBuf,
    /// A folder of our own on a tmpfs for calls in progress; `None` keeps none.
    pub calls: Option<PathBuf>,
}

/// Why a PBX cannot be driven.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The asynchronous runtime does not start.
    #[error("the asynchronous runtime does not start: {0}")]
    Runtime(std::io::Error),
    /// A socket cannot be served.
    #[error("cannot serve {name}: {source}")]
    Socket {
        /// Which socket.
        name: &'static str,
        /// What the kernel said.
        source: std::io::Error,
    },
}

/// Drives the node until SIGTERM, and then for the two seconds it has to stop in order.
///
/// # Errors
/// A socket or the runtime failed at the start; once it runs, it goes on.
pub fn drive(
    node: PbxNode,
    clock: Clock,
    sockets: Sockets,
    places: Places,
    notify: &Notify,
) -> Result<(), DriveError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(DriveError::Runtime)?;
    let ran = runtime.block_on(turn::run(node, clock, sockets, places, notify));
    // Threads that answer `ipc::pbx` may still wait on a peer; the process ends without them.
    runtime.shutdown_background();
    ran
}
