//! How far the peer of a connection is: TTL and MSS of the packet that began it (tcp(7) has
//! neither option; they are `TCP_SAVE_SYN` and `TCP_SAVED_SYN` of Linux 4.3 and later).
#![expect(unsafe_code, reason = "neither rustix nor nix know these options")]

use std::os::fd::{AsFd, AsRawFd as _};

/// What the first packet of a connection said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Syn {
    /// Its TTL or hop limit as it arrived.
    pub ttl: u8,
    /// The longest segment that the peer takes, where it said so.
    pub mss: Option<u16>,
}

/// Has the kernel keep the first packets of connections that a listener is yet to accept. Where it
/// does not, [`of`] knows nothing.
pub fn keep(listener: &impl AsFd) {
    let on: libc::c_int = 1;
    // SAFETY: the pointer is to an int that outlives the call, and the length is that of an int.
    let done = unsafe {
        libc::setsockopt(
            listener.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_SAVE_SYN,
            std::ptr::from_ref(&on).cast(),
            LENGTH_OF_INT,
        )
    };
    if done != 0 {
        let error = std::io::Error::last_os_error();
        tracing::warn!("how far peers are is not known: {error}");
    }
}

/// What the first packet of an accepted connection said. The kernel tells it once.
pub fn of(socket: &impl AsFd) -> Option<Syn> {
    let mut packet = [0_u8; HEADERS_MAX];
    let mut length = HEADERS_LENGTH;
    // SAFETY: the pointer is to a buffer of the length given, which outlives the call; the kernel
    // writes no more than that, and says how much.
    let done = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_SAVED_SYN,
            packet.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    let length = usize::try_from(length).ok().filter(|_| done == 0)?;
    read(packet.get(..length)?)
}

/// Reads an IP header and what of TCP follows (RFC 791 §3.1, RFC 8200 §3, RFC 9293 §3.1).
fn read(packet: &[u8]) -> Option<Syn> {
    let first = *packet.first()?;
    let (ttl, tcp) = match first >> 4 {
        4 => (*packet.get(8)?, packet.get(usize::from(first & 15) * 4..)),
        6 => {
            let is_tcp = *packet.get(6)? == 6;
            (*packet.get(7)?, packet.get(40..).filter(|_| is_tcp))
        }
        _ => return None,
    };
    Some(Syn {
        ttl,
        mss: tcp.and_then(mss),
    })
}

/// The option of a TCP header that says it (RFC 9293 §3.2).
fn mss(tcp: &[u8]) -> Option<u16> {
    let length = usize::from(*tcp.get(12)? >> 4) * 4;
    let mut options = tcp.get(20..length)?;
    loop {
        options = match options {
            [2, 4, high, low, ..] => return Some(u16::from_be_bytes([*high, *low])),
            [1, rest @ ..] => rest,
            [2..=u8::MAX, length @ 2..=u8::MAX, ..] => options.get(usize::from(*length)..)?,
            _ => return None,
        };
    }
}

/// The longest header of IPv4 or IPv6 with some extensions, and of TCP.
const HEADERS_MAX: usize = 256;
/// The same as C has it.
const HEADERS_LENGTH: libc::socklen_t = 256;
/// Bytes of an int.
const LENGTH_OF_INT: libc::socklen_t = 4;

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_first_packet_of_a_connection_tells_how_far_its_peer_is() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).expect("a port is free");
            keep(&listener);
            let ours = listener.local_addr().expect("bound");
            let peer = TcpStream::connect(ours).expect("listened to");
            let (accepted, _) = listener.accept().expect("connected");
            let syn = of(&accepted).expect("kept");
            assert_eq!(syn.ttl, 64, "{address}");
            assert!(syn.mss.is_some_and(|mss| mss > 1_460), "{syn:?}");
            assert_eq!(of(&accepted), None, "it is told once");
            drop(peer);
        }
    }

    #[test]
    fn a_listener_that_keeps_nothing_tells_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let _peer = TcpStream::connect(listener.local_addr().expect("bound"));
        let (accepted, _) = listener.accept().expect("connected");
        assert_eq!(of(&accepted), None);
    }

    #[test]
    fn options_before_the_one_that_is_looked_for_are_passed_over() {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 52, 6, 0, 0];
        packet.extend([0; 8]);
        let mut tcp = [0; 20];
        tcp[12] = 8 << 4;
        packet.extend(tcp);
        let with = |options: &[u8]| {
            let mut whole = packet.clone();
            whole.extend(options);
            read(&whole)
        };
        let syn = |mss| Some(Syn { ttl: 52, mss });
        assert_eq!(
            with(&[1, 3, 3, 7, 2, 4, 5, 0xac, 0, 0, 0, 0]),
            syn(Some(1_452))
        );
        assert_eq!(with(&[0; 12]), syn(None));
        assert_eq!(
            with(&[3, 0, 2, 4, 5, 0xac, 0, 0, 0, 0, 0, 0]),
            syn(None),
            "no length"
        );
        assert_eq!(with(&[2, 4, 5]), syn(None), "cut off");
        assert_eq!(read(&packet[..5]), None);
        assert_eq!(read(&[]), None);
    }
}
