//! Forms that packets may have, so as not to be known again.

use std::net::SocketAddrV6;
use std::num::NonZero;

use rustix::net::{AddressFamily, Protocol, SendFlags, SocketType, bind, sendto, socket};

use super::*;

#[test]
fn a_packet_in_pieces_is_judged_as_a_whole() {
    if !is_root() {
        return;
    }
    let (world, firewall) = World::plug_in();
    let send = |from: IpAddr, to: IpAddr, port: u16| {
        let sender = world.run(|| udp(from, 0));
        sender.send_to(&[b'x'; 3000], (to, port)).expect("sent");
    };
    let arrives = |from, own, port| world.does_arrive(from, own, port, || send(from, own, port));
    for it in versions() {
        assert!(arrives(it.phone, it.own, SIP));
        assert!(!arrives(it.phone, it.own, 5080));
        assert!(!arrives(it.stranger, it.own, SIP));
        let (of, value) = crate::ban(&Network::of(it.phone)).expect("a set");
        let element = firewall::Element::for_time([value], Duration::from_secs(600));
        let (set, elements) = (of.set(), [element]);
        firewall.add(&set, &elements).expect("banned");
        let socket = udp(it.own, SIP);
        send(it.phone, it.own, SIP);
        firewall.remove(&set, &elements).expect("unbanned");
        world.mark();
        socket.set_nonblocking(true).expect("set");
        assert!(receive(&socket).is_err(), "banned");
    }
}

#[test]
fn an_extension_header_hides_no_port() {
    if !is_root() {
        return;
    }
    let (world, _firewall) = World::plug_in();
    let it = versions()[1];
    for (from, port, is_open) in [
        (it.phone, SIP, true),
        (it.phone, 5080, false),
        (it.stranger, SIP, false),
    ] {
        let arrived = world.does_arrive(from, it.own, port, || {
            world.run(|| send_behind_options(from, it.own, port));
        });
        assert_eq!(arrived, is_open, "{from} {port}");
    }
}

/// UDP behind a header with options for the destination (RFC 8200 §4.6), which are padding.
fn send_behind_options(from: IpAddr, to: IpAddr, port: u16) {
    let (IpAddr::V6(from), IpAddr::V6(to)) = (from, to) else {
        panic!("IPv6 only");
    };
    let [high, low] = port.to_be_bytes();
    let mut udp = vec![0x9c, 0x40, high, low, 0, 12, 0, 0, b'h', b'i', b'd', b'e'];
    let pseudo = [
        &from.octets()[..],
        &to.octets(),
        &[0, 0, 0, 12, 0, 0, 0, 17],
        &udp,
    ]
    .concat();
    let mut sum: u32 = 0;
    for pair in pseudo.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair[1]]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    udp[6..8].copy_from_slice(&(!u16::try_from(sum).expect("folded")).to_be_bytes());
    let packet = [&[17, 0, 1, 4, 0, 0, 0, 0][..], &udp].concat();
    let kind = (AddressFamily::INET6, SocketType::RAW);
    let raw = socket(kind.0, kind.1, Some(DESTINATION_OPTIONS)).expect("we are root");
    let address = |ip| SocketAddrV6::new(ip, 0, 0, 0);
    bind(&raw, &address(from)).expect("bound");
    sendto(&raw, &packet, SendFlags::empty(), &address(to)).expect("sent");
}

/// That header, as a protocol (IANA).
const DESTINATION_OPTIONS: Protocol = Protocol::from_raw(NonZero::new(60).expect("not zero"));
