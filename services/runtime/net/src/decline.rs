//! DHCPDECLINE: "the address you gave me is in use" (RFC 2131 §3.1.5).
//!
//! The DHCP client library has no call for it, and without it the server would give the same
//! address again. It is one fixed packet, sent as a whole Ethernet frame because the box has no
//! address to send it from.

use std::net::Ipv4Addr;

use crate::arp::Mac;

/// A DHCPDECLINE of `address` to the server that leased it, as a broadcast Ethernet frame.
#[must_use]
pub(crate) fn frame(mac: Mac, address: Ipv4Addr, server: Ipv4Addr, transaction: u32) -> Vec<u8> {
    let message = message(mac, address, server, transaction);
    let udp_length = length(8 + message.len());
    let ip_length = length(28 + message.len());
    let mut ip = Vec::with_capacity(20);
    ip.extend([0x45, 0]);
    ip.extend(ip_length);
    ip.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    ip.extend(Ipv4Addr::UNSPECIFIED.octets());
    ip.extend(Ipv4Addr::BROADCAST.octets());
    let sum = checksum(&ip).to_be_bytes();
    let mut frame = Vec::with_capacity(42 + message.len());
    frame.extend(Mac::BROADCAST.0);
    frame.extend(mac.0);
    frame.extend([0x08, 0x00]);
    frame.extend(ip.get(..10).unwrap_or_default());
    frame.extend(sum);
    frame.extend(ip.get(12..).unwrap_or_default());
    // UDP 68 to 67; a checksum of zero says that there is none (RFC 768).
    frame.extend([0, 68, 0, 67]);
    frame.extend(udp_length);
    frame.extend([0, 0]);
    frame.extend(message);
    frame
}

fn message(mac: Mac, address: Ipv4Addr, server: Ipv4Addr, transaction: u32) -> Vec<u8> {
    let mut message = vec![1, 1, 6, 0];
    message.extend(transaction.to_be_bytes());
    // secs, flags, ciaddr, yiaddr, siaddr, giaddr.
    message.extend([0; 20]);
    message.extend(mac.0);
    // The rest of chaddr, sname and file.
    message.extend([0; 10 + 64 + 128]);
    message.extend([99, 130, 83, 99]);
    message.extend([53, 1, 4]);
    message.extend([50, 4]);
    message.extend(address.octets());
    message.extend([54, 4]);
    message.extend(server.octets());
    // The client id the lease was asked with.
    message.extend([61, 7, 1]);
    message.extend(mac.0);
    message.push(255);
    message
}

fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes()
}

/// The Internet checksum, RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let (pairs, _) = bytes.as_chunks::<2>();
    let sum: u32 = pairs
        .iter()
        .map(|pair| u32::from(u16::from_be_bytes(*pair)))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ip_header_sums_to_nothing_and_the_lengths_fit() {
        let (address, server) = (Ipv4Addr::new(10, 77, 0, 50), Ipv4Addr::new(10, 77, 0, 1));
        let frame = frame(Mac([2, 0, 0, 0, 0, 1]), address, server, 7);
        assert_eq!(checksum(&frame[14..34]), 0);
        assert_eq!(
            usize::from(u16::from_be_bytes([frame[16], frame[17]])),
            frame.len() - 14
        );
        assert_eq!(
            usize::from(u16::from_be_bytes([frame[38], frame[39]])),
            frame.len() - 34
        );
        assert_eq!(
            frame.iter().rposition(|byte| *byte == 255),
            Some(frame.len() - 1)
        );
    }
}
