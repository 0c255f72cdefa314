//! As much of an Ethernet frame as decides what becomes of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Carried {
    /// A question or answer of ARP between these (RFC 826).
    Arp(Ipv4Addr, Ipv4Addr),
    /// A packet of IP.
    Ip(Ip),
    /// Anything else, which begins at this byte.
    Other(usize),
}

/// A packet of IP, of either version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ip {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// What it carries, by its number among the protocols of IP.
    pub(crate) protocol: u8,
    /// Where that begins.
    pub(crate) rest: usize,
    /// It is a later part of one that was cut: what it carries has no head.
    pub(crate) is_later_part: bool,
    /// Source and destination, where it is the head of TCP or UDP.
    pub(crate) ports: Option<(u16, u16)>,
}

/// Looks at a frame, which may be cut anywhere.
pub(crate) fn carried(frame: &[u8]) -> Carried {
    let mut at = ADDRESSES;
    let mut kind = number(frame, at);
    at += 2;
    // IEEE 802.1Q, and twice as in 802.1ad.
    for _ in 0..2 {
        if kind.is_some_and(|it| VLAN.contains(&it)) {
            kind = number(frame, at + 2);
            at += 4;
        }
    }
    let found = match kind {
        Some(ARP) => arp(frame, at),
        Some(IPV4) => ipv4(frame, at).map(Carried::Ip),
        Some(IPV6) => ipv6(frame, at).map(Carried::Ip),
        _ => None,
    };
    found.unwrap_or(Carried::Other(at))
}

fn arp(frame: &[u8], at: usize) -> Option<Carried> {
    let sender = four(frame, at + 14)?;
    let target = four(frame, at + 24)?;
    Some(Carried::Arp(sender, target))
}

/// A packet of either version that begins at this byte.
pub(crate) fn packet(frame: &[u8], at: usize) -> Option<Ip> {
    match frame.get(at)? >> 4 {
        4 => ipv4(frame, at),
        6 => ipv6(frame, at),
        _ => None,
    }
}

/// RFC 791 §3.1.
fn ipv4(frame: &[u8], at: usize) -> Option<Ip> {
    let words = usize::from(frame.get(at)? & 0x0f);
    let is_later_part = number(frame, at + 6)? & 0x1fff != 0;
    let ip = Ip {
        source: four(frame, at + 12)?.into(),
        destination: four(frame, at + 16)?.into(),
        protocol: *frame.get(at + 9)?,
        rest: at + 4 * words.max(5),
        is_later_part,
        ports: None,
    };
    Some(ip.with_ports(frame))
}

/// RFC 8200 §3, §4.
fn ipv6(frame: &[u8], at: usize) -> Option<Ip> {
    let mut ip = Ip {
        source: sixteen(frame, at + 8)?.into(),
        destination: sixteen(frame, at + 24)?.into(),
        protocol: *frame.get(at + 6)?,
        rest: at + 40,
        is_later_part: false,
        ports: None,
    };
    let end = ip.rest + EXTENSIONS_BYTES_MAX;
    // Behind the head of a later part comes anything.
    while !ip.is_later_part {
        let length = match ip.protocol {
            FRAGMENT => {
                let offset = number(frame, ip.rest + 2).unwrap_or_default();
                ip.is_later_part |= offset & 0xfff8 != 0;
                8
            }
            HOP_BY_HOP | ROUTING | DESTINATION => {
                let eights = frame.get(ip.rest + 1).copied().unwrap_or_default();
                8 * (usize::from(eights) + 1)
            }
            _ => break,
        };
        let next = frame.get(ip.rest).filter(|_| ip.rest + length <= end);
        let Some(next) = next else {
            break;
        };
        ip.protocol = *next;
        ip.rest += length;
    }
    Some(ip.with_ports(frame))
}

impl Ip {
    fn with_ports(mut self, frame: &[u8]) -> Self {
        if matches!(self.protocol, TCP | UDP) && !self.is_later_part {
            self.ports = number(frame, self.rest).zip(number(frame, self.rest + 2));
        }
        self
    }
}

fn number(frame: &[u8], at: usize) -> Option<u16> {
    let bytes = frame.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*bytes))
}

fn four(frame: &[u8], at: usize) -> Option<Ipv4Addr> {
    let bytes: &[u8; 4] = frame.get(at..)?.first_chunk()?;
    Some(Ipv4Addr::from(*bytes))
}

fn sixteen(frame: &[u8], at: usize) -> Option<Ipv6Addr> {
    let bytes: &[u8; 16] = frame.get(at..)?.first_chunk()?;
    Some(Ipv6Addr::from(*bytes))
}

/// Numbers among the protocols of IP.
pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMP6: u8 = 58;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;
/// Extension headers that are gone through, in bytes: whoever has longer ones means to hide
/// something in them.
const EXTENSIONS_BYTES_MAX: usize = 256;
/// Bytes of the two addresses of Ethernet.
pub(crate) const ADDRESSES: usize = 12;
/// Kinds of frames.
const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;
const VLAN: [u16; 2] = [0x8100, 0x88a8];

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A frame with a packet of IPv4 between 10.0.0.1 and 10.0.0.2.
    pub(crate) fn four(protocol: u8, rest: &[u8]) -> Vec<u8> {
        let head = [0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
        let addresses = [10, 0, 0, 1, 10, 0, 0, 2];
        [&[0; 12][..], &[8, 0], &head, &addresses, rest].concat()
    }

    /// The head of UDP, and what follows it.
    pub(crate) fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
        let head = [from, to, 8, 0].map(u16::to_be_bytes).concat();
        [&head, payload].concat()
    }

    /// A frame with a packet of IPv6 between fd00::1 and fd00::2.
    pub(crate) fn six(protocol: u8, rest: &[u8]) -> Vec<u8> {
        let address = |last| [&[0xfd][..], &[0; 14], &[last]].concat();
        let head = [0x60, 0, 0, 0, 0, 0, protocol, 64];
        let frame = [&[0; 12][..], &[0x86, 0xdd], &head, &address(1), &address(2)].concat();
        [&frame, rest].concat()
    }

    fn ip(frame: &[u8]) -> Ip {
        match carried(frame) {
            Carried::Ip(ip) => ip,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ports_are_found_behind_every_head_and_in_no_later_part() {
        let sound = udp(20_000, 4000, b"");
        let plain = ip(&four(UDP, &sound));
        assert_eq!((plain.ports, plain.rest), (Some((20_000, 4000)), 34));
        assert_eq!(plain.source.to_string(), "10.0.0.1");
        let mut tagged = four(UDP, &sound);
        tagged.splice(12..12, [0x81, 0, 0, 5]);
        assert_eq!((ip(&tagged).ports, ip(&tagged).rest), (plain.ports, 38));
        let mut options = four(UDP, &[&[1; 4][..], &sound].concat());
        options[14] = 0x46;
        assert_eq!((ip(&options).ports, ip(&options).rest), (plain.ports, 38));
        let mut later = four(UDP, &sound);
        later[21] = 1;
        assert_eq!((ip(&later).ports, ip(&later).is_later_part), (None, true));
        let extended = six(
            HOP_BY_HOP,
            &[&[UDP, 0, 0, 0, 0, 0, 0, 0][..], &sound].concat(),
        );
        assert_eq!((ip(&extended).ports, ip(&extended).rest), (plain.ports, 62));
        let first = six(
            FRAGMENT,
            &[&[UDP, 0, 0, 1, 0, 0, 0, 0][..], &sound].concat(),
        );
        assert_eq!(ip(&first).ports, plain.ports);
        let later = six(
            FRAGMENT,
            &[&[UDP, 0, 0, 8, 0, 0, 0, 0][..], &sound].concat(),
        );
        assert_eq!((ip(&later).ports, ip(&later).is_later_part), (None, true));
        // What looks like another head there is what it carries.
        let later = six(FRAGMENT, &[DESTINATION, 0, 0, 8, 0, 0, 0, 0, UDP, 255]);
        assert_eq!((ip(&later).protocol, ip(&later).rest), (DESTINATION, 62));
        assert_eq!(ip(&four(ICMP, &sound)).ports, None);
    }

    #[test]
    fn extension_headers_are_as_long_together_as_anybody_needs() {
        let options = |eights: u8, rest: &[u8]| {
            let body = vec![0; 8 * usize::from(eights) + 6];
            six(HOP_BY_HOP, &[&[UDP, eights], &*body, rest].concat())
        };
        let sound = udp(20_000, 4000, b"");
        let longest = ip(&options(31, &sound));
        assert_eq!((longest.ports, longest.rest), (Some((20_000, 4000)), 310));
        for eights in [32, 255] {
            let hidden = ip(&options(eights, &sound));
            assert_eq!((hidden.protocol, hidden.rest), (HOP_BY_HOP, 54));
        }
        let eight = [UDP, 0, 0, 0, 0, 0, 0, 0];
        let mut many = [[HOP_BY_HOP, 0, 0, 0, 0, 0, 0, 0]; 40].concat();
        many.extend(eight);
        assert_eq!(ip(&six(HOP_BY_HOP, &many)).rest, 54 + 256);
    }

    #[test]
    fn what_is_cut_is_something_else_and_never_a_panic() {
        let whole = [four(UDP, &udp(1, 2, b"x")), six(HOP_BY_HOP, &[UDP, 1])];
        for frame in whole {
            for length in 0..frame.len() {
                let _ = carried(&frame[..length]);
            }
        }
        assert_eq!(carried(&[0; 20]), Carried::Other(14));
    }
}
