//! Messages as a capture file that Wireshark opens: each in a packet of UDP that is made up, as
//! what came by TLS could not be read otherwise.
//!
//! The format: a head of 24 bytes, then records of a head of 16 bytes and a packet, which begins
//! with its IP header (LINKTYPE_RAW).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipc::trace::Traced;

/// The file.
#[must_use]
pub fn pcap(messages: &[Traced]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(MAGIC.to_le_bytes());
    file.extend(VERSION.map(u16::to_le_bytes).concat());
    // No time zone, no figure of accuracy.
    file.extend([0; 8]);
    file.extend(PACKET_MAX.to_le_bytes());
    file.extend(LINKTYPE_RAW.to_le_bytes());
    for message in messages {
        let packet = packet(message);
        let cut = message.bytes.reveal().len().saturating_sub(PAYLOAD_MAX);
        let original = packet.len().saturating_add(cut);
        let seconds = message.at_millis.div_euclid(1000);
        let micros = message.at_millis.rem_euclid(1000).saturating_mul(1000);
        for time in [seconds, micros] {
            file.extend(u32::try_from(time).unwrap_or(0).to_le_bytes());
        }
        for length in [packet.len(), original] {
            file.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

fn packet(message: &Traced) -> Vec<u8> {
    let (from, to) = match message.is_sent {
        true => (message.local, message.remote),
        false => (message.remote, message.local),
    };
    let payload = message.bytes.reveal();
    let payload = payload.get(..PAYLOAD_MAX).unwrap_or(payload);
    match (from.ip(), to.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let udp = udp(
                from,
                to,
                payload,
                &[source.octets(), destination.octets()].concat(),
            );
            ipv4(source, destination, &udp)
        }
        (source, destination) => {
            let (source, destination) = (v6(source), v6(destination));
            let udp = udp(
                from,
                to,
                payload,
                &[source.octets(), destination.octets()].concat(),
            );
            ipv6(source, destination, &udp)
        }
    }
}

const fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// RFC 768; `addresses` are those of the header before it, which its checksum covers.
fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8], addresses: &[u8]) -> Vec<u8> {
    let length = short(payload.len().saturating_add(UDP_HEADER));
    let header = |sum: u16| {
        [from.port(), to.port(), length, sum]
            .map(u16::to_be_bytes)
            .concat()
    };
    let pseudo = [u16::from(UDP).to_be_bytes(), length.to_be_bytes()].concat();
    let covered = [addresses, &pseudo, &header(0), payload].concat();
    // Zero would mean that there is none.
    let sum = match checksum(&covered) {
        0 => u16::MAX,
        sum => sum,
    };
    [&header(sum), payload].concat()
}

/// RFC 791 §3.1, without options.
fn ipv4(source: Ipv4Addr, destination: Ipv4Addr, udp: &[u8]) -> Vec<u8> {
    let length = short(udp.len().saturating_add(20)).to_be_bytes();
    let header = |sum: [u8; 2]| {
        let start = [[0x45, 0], length, [0, 0], [0, 0], [64, UDP], sum].concat();
        [
            start,
            source.octets().to_vec(),
            destination.octets().to_vec(),
        ]
        .concat()
    };
    let sum = checksum(&header([0, 0])).to_be_bytes();
    [&header(sum), udp].concat()
}

/// RFC 8200 §3.
fn ipv6(source: Ipv6Addr, destination: Ipv6Addr, udp: &[u8]) -> Vec<u8> {
    let length = short(udp.len()).to_be_bytes();
    let start = [0x60, 0, 0, 0, length[0], length[1], UDP, 64];
    [&start[..], &source.octets(), &destination.octets(), udp].concat()
}

/// The internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match *pair {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(u16::from_be_bytes([high, 0])),
        _ => 0,
    });
    let mut sum: u32 = words.fold(0, u32::wrapping_add);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// Times in microseconds, and the order of bytes.
const MAGIC: u32 = 0xa1b2_c3d4;
const VERSION: [u16; 2] = [2, 4];
const LINKTYPE_RAW: u32 = 101;
/// More than a packet has: one of IPv6 is longer than one of IPv4 (RFC 8200 §3).
const PACKET_MAX: u32 = 262_144;
const PAYLOAD_MAX: usize = 65_535 - 20 - UDP_HEADER;
const UDP_HEADER: usize = 8;
/// Its number among the protocols of IP.
const UDP: u8 = 17;

#[cfg(test)]
mod tests {
    use ipc::Redacted;

    use super::*;

    fn message(local: &str, remote: &str, is_sent: bool, bytes: &[u8]) -> Traced {
        Traced {
            number: 0,
            at_millis: 1_793_491_200_123,
            calls: Vec::new(),
            is_sent,
            transport: "TLS".into(),
            local: local.parse().expect("an address"),
            remote: remote.parse().expect("an address"),
            bytes: Redacted::new(bytes.to_vec()),
        }
    }

    #[test]
    fn each_message_is_a_packet_whose_lengths_and_sums_are_right() {
        let four = message(
            "10.0.0.1:5061",
            "10.0.0.2:49152",
            true,
            b"SIP/2.0 200 OK\r\n\r\n",
        );
        let six = message("[2001:db8::1]:5060", "[2001:db8::2]:5060", false, b"odd");
        let file = pcap(&[four, six]);
        assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
        assert_eq!(file[20..24], [101, 0, 0, 0]);
        let record = &file[24..];
        assert_eq!(record[..4], 1_793_491_200_u32.to_le_bytes());
        assert_eq!(record[4..8], 123_000_u32.to_le_bytes());
        assert_eq!(record[8..12], 46_u32.to_le_bytes());
        let packet = &record[16..16 + 46];
        assert_eq!(checksum(&packet[..20]), 0, "with its sum it is nothing");
        assert_eq!(packet[12..20], [10, 0, 0, 1, 10, 0, 0, 2]);
        assert_eq!(packet[20..24], [0x13, 0xc5, 0xc0, 0x00], "5061 to 49152");
        let pseudo = [&packet[12..20], &[0, 17, 0, 26][..], &packet[20..]].concat();
        assert_eq!(checksum(&pseudo), 0);
        let record = &record[16 + 46..];
        assert_eq!(record[8..12], 51_u32.to_le_bytes());
        let packet = &record[16..];
        assert_eq!((packet[0], packet[5], packet[6]), (0x60, 11, 17));
        assert_eq!(packet[23], 2, "it came from the other end");
        let pseudo = [&packet[8..40], &[0, 17, 0, 11][..], &packet[40..]].concat();
        assert_eq!(checksum(&pseudo), 0);
        assert_eq!(packet.len(), 51);
    }

    #[test]
    fn a_message_too_long_for_a_packet_is_cut() {
        let long = message("10.0.0.1:1", "10.0.0.2:2", true, &vec![b'x'; 70_000]);
        let file = pcap(&[long]);
        assert_eq!(file.len(), 24 + 16 + 65_535);
        assert_eq!(checksum(&file[40..60]), 0);
        assert_eq!(file[32..36], 65_535_u32.to_le_bytes());
        assert_eq!(file[36..40], 70_028_u32.to_le_bytes(), "it says so");
    }
}
