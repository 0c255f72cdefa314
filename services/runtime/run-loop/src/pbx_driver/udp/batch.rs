//! Many datagrams in one system call: recvmmsg(2) and sendmmsg(2), with the local address of each
//! (ip(7) `IP_PKTINFO`, ipv6(7) `IPV6_PKTINFO`) and how far it came (`IP_TTL`, `IPV6_HOPLIMIT`).
#![expect(
    unsafe_code,
    reason = "the C structures of these calls hold pointers, and rustix has no recvmmsg"
)]

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd as _, BorrowedFd};

use nix::libc;

/// Datagrams in one call. More would only add memory: the loop comes back for the rest.
pub(super) const BATCH: usize = COUNT as usize;

/// The same for C.
const COUNT: libc::c_uint = 16;

/// The longest UDP payload there is, so nothing is ever cut.
const DATAGRAM_MAX: usize = 65_535;

/// Room for the local address of one datagram and its TTL (40 and 24 bytes at most), in words so
/// that it is aligned as a `cmsghdr`.
type Control = [u64; 8];

/// Buffers for a call to `recvmmsg`; the kernel's pages come as they are touched.
#[derive(Debug)]
pub(super) struct Incoming {
    payloads: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
}

/// One datagram of a batch, still in its buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived<'a> {
    pub(super) source: SocketAddr,
    /// The address it was sent to.
    pub(super) destination: IpAddr,
    /// Its TTL or hop limit as it arrived.
    pub(super) ttl: Option<u8>,
    pub(super) bytes: &'a [u8],
}

/// A datagram to be sent; an unspecified `local` lets the kernel choose by route.
#[derive(Clone, Debug)]
pub(super) struct Departing {
    pub(super) local: IpAddr,
    pub(super) remote: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

impl Incoming {
    pub(super) fn new() -> Self {
        // SAFETY: all zeros is a valid sockaddr_storage: it is plain numbers.
        let name: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        Self {
            payloads: vec![0; BATCH * DATAGRAM_MAX],
            names: vec![name; BATCH],
            controls: vec![Control::default(); BATCH],
        }
    }

    /// Takes what waits, at most [`BATCH`], and hands each to `take`; gives how many there were.
    /// Never waits.
    pub(super) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        mut take: impl FnMut(Arrived<'_>),
    ) -> io::Result<usize> {
        let mut slices = [EMPTY_SLICE; BATCH];
        // SAFETY: all zeros is a valid mmsghdr: null pointers and zero lengths.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        let payloads = self.payloads.chunks_exact_mut(DATAGRAM_MAX);
        let rooms = payloads.zip(&mut self.names).zip(&mut self.controls);
        for ((header, slice), ((payload, name), control)) in
            headers.iter_mut().zip(&mut slices).zip(rooms)
        {
            slice.iov_base = payload.as_mut_ptr().cast();
            slice.iov_len = payload.len();
            header.msg_hdr.msg_name = std::ptr::from_mut(name).cast();
            header.msg_hdr.msg_namelen = length_of::<libc::sockaddr_storage>();
            header.msg_hdr.msg_iov = slice;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = size_of::<Control>() as _;
        }
        // SAFETY: every pointer in `headers` is to a buffer of the length given beside it, and all
        // of them outlive the call; no time-out is passed.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                COUNT,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        let payloads = self.payloads.chunks_exact(DATAGRAM_MAX);
        for ((header, payload), name) in headers.iter().zip(payloads).zip(&self.names).take(count) {
            let length = usize::try_from(header.msg_len).unwrap_or(0);
            if let (Some(source), (Some(destination), ttl)) =
                (read_name(name), read_control(&header.msg_hdr))
            {
                let bytes = payload.get(..length).unwrap_or_default();
                take(Arrived {
                    source,
                    destination,
                    ttl,
                    bytes,
                });
            }
        }
        Ok(count)
    }
}

/// Sends a batch from its start on, at most [`BATCH`]; gives how many went. An error is about the
/// first one. Never waits.
pub(super) fn send(socket: BorrowedFd<'_>, batch: &[Departing]) -> io::Result<usize> {
    let mut slices = [EMPTY_SLICE; BATCH];
    let mut controls = [Control::default(); BATCH];
    // SAFETY: all zeros is valid for both: numbers, null pointers, zero lengths.
    let mut names: [libc::sockaddr_storage; BATCH] = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
    let mut count = 0;
    let rooms = slices.iter_mut().zip(&mut controls).zip(&mut names);
    for ((header, ((slice, control), name)), departing) in headers.iter_mut().zip(rooms).zip(batch)
    {
        // The kernel reads only; the structure is shared with receiving.
        slice.iov_base = departing.bytes.as_ptr().cast_mut().cast();
        slice.iov_len = departing.bytes.len();
        let message = &mut header.msg_hdr;
        message.msg_namelen = write_name(name, departing.remote);
        message.msg_name = std::ptr::from_mut(name).cast();
        message.msg_iov = slice;
        message.msg_iovlen = 1;
        if !departing.local.is_unspecified() {
            message.msg_control = control.as_mut_ptr().cast();
            message.msg_controllen = size_of::<Control>() as _;
            write_source(message, departing.local, departing.remote);
        }
        count += 1;
    }
    // SAFETY: the first `count` headers point to buffers of the lengths given, which outlive the
    // call.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            count,
            libc::MSG_DONTWAIT as _,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

const EMPTY_SLICE: libc::iovec = libc::iovec {
    iov_base: std::ptr::null_mut(),
    iov_len: 0,
};

/// The length of a structure of C, as C counts it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the structures are some hundred bytes long"
)]
const fn length_of<T>() -> libc::socklen_t {
    size_of::<T>() as libc::socklen_t
}

/// An address family, as it stands in an address.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the families are small numbers; C gives them a wider type"
)]
const fn family(family: libc::c_int) -> libc::sa_family_t {
    family as libc::sa_family_t
}

fn read_name(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let name = std::ptr::from_ref(name);
    // SAFETY: a sockaddr_storage is large enough and aligned for either, and the kernel filled in
    // the kind that its family says.
    unsafe {
        match i32::from((*name).ss_family) {
            libc::AF_INET => {
                let name = &*name.cast::<libc::sockaddr_in>();
                let ip = Ipv4Addr::from(name.sin_addr.s_addr.to_ne_bytes());
                let port = u16::from_be(name.sin_port);
                Some(SocketAddrV4::new(ip, port).into())
            }
            libc::AF_INET6 => {
                let name = &*name.cast::<libc::sockaddr_in6>();
                let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
                let port = u16::from_be(name.sin6_port);
                Some(SocketAddrV6::new(ip, port, 0, name.sin6_scope_id).into())
            }
            _ => None,
        }
    }
}

fn write_name(name: &mut libc::sockaddr_storage, remote: SocketAddr) -> libc::socklen_t {
    let name = std::ptr::from_mut(name);
    // SAFETY: a sockaddr_storage is large enough and aligned for either kind.
    unsafe {
        match remote {
            SocketAddr::V4(remote) => {
                name.cast::<libc::sockaddr_in>().write(libc::sockaddr_in {
                    sin_family: family(libc::AF_INET),
                    sin_port: remote.port().to_be(),
                    sin_addr: v4(*remote.ip()),
                    sin_zero: [0; 8],
                });
                length_of::<libc::sockaddr_in>()
            }
            SocketAddr::V6(remote) => {
                name.cast::<libc::sockaddr_in6>().write(libc::sockaddr_in6 {
                    sin6_family: family(libc::AF_INET6),
                    sin6_port: remote.port().to_be(),
                    sin6_flowinfo: 0,
                    sin6_addr: v6(*remote.ip()),
                    sin6_scope_id: remote.scope_id(),
                });
                length_of::<libc::sockaddr_in6>()
            }
        }
    }
}

/// The local address and the TTL that came with a datagram.
fn read_control(message: &libc::msghdr) -> (Option<IpAddr>, Option<u8>) {
    let (mut destination, mut ttl) = (None, None);
    // SAFETY: the kernel has filled in whole control messages and their total length; each is read
    // only as the type that its level and type say, unaligned.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(message);
        while !control.is_null() {
            let data = libc::CMSG_DATA(control);
            match ((*control).cmsg_level, (*control).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info: libc::in_pktinfo = data.cast::<libc::in_pktinfo>().read_unaligned();
                    let octets = info.ipi_spec_dst.s_addr.to_ne_bytes();
                    destination = Some(Ipv4Addr::from(octets).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info: libc::in6_pktinfo = data.cast::<libc::in6_pktinfo>().read_unaligned();
                    destination = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                }
                (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                    let told: libc::c_int = data.cast::<libc::c_int>().read_unaligned();
                    ttl = u8::try_from(told).ok();
                }
                _ => {}
            }
            control = libc::CMSG_NXTHDR(message, control);
        }
    }
    (destination, ttl)
}

/// Says from which address a datagram shall leave.
fn write_source(message: &mut libc::msghdr, local: IpAddr, remote: SocketAddr) {
    // SAFETY: the control buffer of `message` has room for one header and the larger of the two
    // structures, and is aligned for a header; the data is written unaligned.
    unsafe {
        let control = libc::CMSG_FIRSTHDR(message);
        let data = libc::CMSG_DATA(control);
        let length = match (local, remote) {
            (IpAddr::V4(local), _) => {
                (*control).cmsg_level = libc::IPPROTO_IP;
                (*control).cmsg_type = libc::IP_PKTINFO;
                data.cast::<libc::in_pktinfo>()
                    .write_unaligned(libc::in_pktinfo {
                        ipi_ifindex: 0,
                        ipi_spec_dst: v4(local),
                        ipi_addr: v4(Ipv4Addr::UNSPECIFIED),
                    });
                length_of::<libc::in_pktinfo>()
            }
            (IpAddr::V6(local), remote) => {
                let interface = match remote {
                    SocketAddr::V6(remote) => remote.scope_id(),
                    SocketAddr::V4(_) => 0,
                };
                (*control).cmsg_level = libc::IPPROTO_IPV6;
                (*control).cmsg_type = libc::IPV6_PKTINFO;
                data.cast::<libc::in6_pktinfo>()
                    .write_unaligned(libc::in6_pktinfo {
                        ipi6_addr: v6(local),
                        ipi6_ifindex: interface as _,
                    });
                length_of::<libc::in6_pktinfo>()
            }
        };
        (*control).cmsg_len = libc::CMSG_LEN(length) as _;
        message.msg_controllen = libc::CMSG_SPACE(length) as _;
    }
}

const fn v4(address: Ipv4Addr) -> libc::in_addr {
    libc::in_addr {
        s_addr: u32::from_ne_bytes(address.octets()),
    }
}

const fn v6(address: Ipv6Addr) -> libc::in6_addr {
    libc::in6_addr {
        s6_addr: address.octets(),
    }
}
