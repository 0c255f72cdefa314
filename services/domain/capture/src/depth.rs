//! How much of a packet is kept: of one that is not wanted whole, what says who sent what to whom.

use ipc::capture::Depth;

use crate::frame::{Carried, ICMP, ICMP6, Ip, TCP, UDP, carried};
use crate::wanted::is_sound;

/// How many bytes of a frame are kept; no more than there are, nor than [`SNAP_MAX`].
///
/// Of headers alone these are: all of ARP, DNS, DHCP and NTP, the packet that an error of ICMP is
/// about as far as the head of its sound, and of anything else [`SHORT`] bytes behind the head of
/// TCP, UDP or IP. That is the head of RTP (RFC 3550 §5.1), and of a SIP message its method or
/// status: not a number, not a digest. What is not known is cut as if it were sound.
#[must_use]
pub fn kept_length(depth: Depth, frame: &[u8]) -> usize {
    let length = match (depth, carried(frame)) {
        (Depth::Whole, _) | (Depth::Headers, Carried::Arp(..)) => SNAP_MAX,
        (Depth::Headers, Carried::Ip(ip)) => of_ip(&ip, frame),
        (Depth::Headers, Carried::Other(at)) => at + SHORT,
    };
    length.min(frame.len()).min(SNAP_MAX)
}

fn of_ip(ip: &Ip, frame: &[u8]) -> usize {
    let head = match (ip.protocol, ip.ports) {
        (UDP, Some((from, to))) => {
            let is_plain = PLAIN.contains(&from) || PLAIN.contains(&to);
            if is_plain && !is_sound(from) && !is_sound(to) {
                return SNAP_MAX;
            }
            8
        }
        // RFC 9293 §3.1: its length in words.
        (TCP, Some(_)) => {
            let words = frame.get(ip.rest + 12).copied().unwrap_or_default() >> 4;
            4 * usize::from(words).max(5)
        }
        // What it is about: heads of IP and UDP (RFC 792, RFC 4443 §3.1).
        (ICMP, _) if !ip.is_later_part => 8 + 20 + 8,
        (ICMP6, _) if !ip.is_later_part => 8 + 40 + 8,
        _ => 0,
    };
    ip.rest + head + SHORT
}

/// The longest part of a packet that is kept; longer ones are made of several by the card.
pub const SNAP_MAX: usize = 2048;
/// Bytes of the head of RTP without what may follow it (RFC 3550 §5.1).
const SHORT: usize = 12;
/// What runs on these ports is names and addresses alone: DNS, DHCP, NTP, DHCPv6, mDNS.
const PLAIN: [u16; 7] = [53, 67, 68, 123, 546, 547, 5353];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{four, six, udp};

    fn kept(frame: &[u8]) -> &[u8] {
        &frame[..kept_length(Depth::Headers, frame)]
    }

    #[test]
    fn headers_have_neither_voice_nor_keys_nor_numbers() {
        let sound = four(UDP, &udp(20_000, 4000, &[0x80; 172]));
        assert_eq!(kept(&sound).len(), 14 + 20 + 8 + 12, "not a byte of G.711");
        let key = six(UDP, &udp(4000, 20_000, &[0x80; 16]));
        assert_eq!(
            kept(&key).len(),
            14 + 40 + 8 + 12,
            "RFC 4733 §2.3 comes behind it"
        );
        let sip = four(
            UDP,
            &udp(5060, 5060, b"INVITE sip:48999990021@carrier SIP/2.0\r\n"),
        );
        assert!(kept(&sip).ends_with(b"INVITE sip:4"));
        let mut tcp = [0; 40];
        tcp[12] = 0x80;
        let tcp = four(TCP, &[&tcp[..32], b"SIP/2.0 200 OK\r\n"].concat());
        assert!(kept(&tcp).ends_with(b"SIP/2.0 200 "));
        // An error of ICMP has what it is about: here sound.
        let about = &sound[14..];
        let error = four(ICMP, &[&[3, 3, 0, 0, 0, 0, 0, 0], about].concat());
        assert_eq!(kept(&error).len(), 34 + 8 + 20 + 8 + 12);
        let mut later = four(UDP, &[0x55; 900]);
        later[21] = 1;
        assert_eq!(kept(&later).len(), 34 + 12);
        let strange = [&[0; 12][..], &[0x88, 0x64], &[0x55; 200]].concat();
        assert_eq!(kept(&strange).len(), 14 + 12, "another packet may be in it");
    }

    #[test]
    fn names_and_addresses_are_kept_whole_where_it_cannot_be_sound() {
        let answer = four(UDP, &udp(53, 40_000, &[0x55; 900]));
        assert_eq!(kept(&answer), answer);
        let disguised = four(UDP, &udp(53, 20_000, &[0x55; 900]));
        assert_eq!(kept(&disguised).len(), 34 + 8 + 12);
    }

    #[test]
    fn a_whole_packet_is_whole_and_no_longer_than_a_cable_takes() {
        let sound = four(UDP, &udp(20_000, 4000, &[0x80; 172]));
        assert_eq!(kept_length(Depth::Whole, &sound), sound.len());
        assert_eq!(kept_length(Depth::Whole, &[0; 9000]), SNAP_MAX);
    }
}
