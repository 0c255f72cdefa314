//! How much of a packet is kept: of one that is not wanted whole, what says who sent what to whom.

use ipc::capture::Depth;

use crate::frame::{Carried, ICMP, ICMP6, Ip, TCP, UDP, carried, packet};
use crate::wanted::{is_signalling, is_sound};

/// How many bytes of a frame are kept; no more than there are, nor than [`SNAP_MAX`].
///
/// Of headers alone these are: all of ARP, DNS, DHCP and NTP; the packet that an error of ICMP is
/// about, cut as if it had come by itself; of a later part of a packet the head of IP; and of
/// anything else what says what it is, behind the head of TCP or UDP: the head of RTP
/// (RFC 3550 §5.1), the method or status of SIP, the record of TLS. No text, as a segment of TCP
/// may begin in the middle of a number, a digest or a key. What is not known is cut as if it were
/// sound.
#[must_use]
pub fn kept_length(depth: Depth, frame: &[u8]) -> usize {
    let length = match (depth, carried(frame)) {
        (Depth::Whole, _) | (Depth::Headers, Carried::Arp(..)) => SNAP_MAX,
        (Depth::Headers, Carried::Ip(ip)) => match about(&ip, frame) {
            Some(lost) => of_ip(&lost, frame),
            None => of_ip(&ip, frame),
        },
        (Depth::Headers, Carried::Other(at)) => at + SHORT,
    };
    length.min(frame.len()).min(SNAP_MAX)
}

/// What an error is about (RFC 792, RFC 4443 §3).
fn about(error: &Ip, frame: &[u8]) -> Option<Ip> {
    let kind = *frame.get(error.rest)?;
    let is_error = match error.protocol {
        ICMP => matches!(kind, 3 | 4 | 5 | 11 | 12),
        ICMP6 => kind < 128,
        _ => false,
    };
    (is_error && !error.is_later_part)
        .then(|| packet(frame, error.rest + 8))
        .flatten()
}

fn of_ip(ip: &Ip, frame: &[u8]) -> usize {
    if ip.is_later_part {
        return ip.rest;
    }
    match (ip.protocol, ip.ports) {
        (UDP, Some((from, to))) => {
            let has = |wanted: &dyn Fn(u16) -> bool| wanted(from) || wanted(to);
            let is_signalling = has(&is_signalling);
            let is_plain = has(&|it| PLAIN.contains(&it));
            if is_plain && !has(&is_sound) && !is_signalling {
                return SNAP_MAX;
            }
            let at = ip.rest + 8;
            at + of_datagram(frame.get(at..).unwrap_or_default(), is_signalling)
        }
        // RFC 9293 §3.1: its length in words.
        (TCP, Some(_)) => {
            let words = frame.get(ip.rest + 12).copied().unwrap_or_default() >> 4;
            let at = ip.rest + 4 * usize::from(words).max(5);
            at + of_segment(frame.get(at..).unwrap_or_default())
        }
        // A ping, or an error that is about nothing we know: its own head.
        (ICMP | ICMP6, _) if frame.get(ip.rest).is_some_and(|it| *it < 128) => ip.rest + 8,
        // Neighbours of IPv6 and their addresses (RFC 4861 §4.3).
        (ICMP6, _) => ip.rest + 32,
        _ => ip.rest + SHORT,
    }
}

/// Of a datagram of UDP, which begins where what it carries does.
fn of_datagram(payload: &[u8], is_signalling: bool) -> usize {
    match (of_sip(payload), payload.first()) {
        (Some(length), _) => length,
        (None, Some(b' '..=b'~' | b'\r' | b'\n' | b'\t')) => 0,
        (None, _) if is_signalling => 0,
        (None, _) => SHORT,
    }
}

/// Of a segment of TCP, which may begin anywhere in what it carries.
fn of_segment(payload: &[u8]) -> usize {
    match payload {
        // A record of TLS (RFC 8446 §5.1); no text has such bytes.
        [20..=23, 3, ..] => SHORT,
        _ => of_sip(payload).unwrap_or_default(),
    }
}

/// The method or the status at the beginning of a message of SIP, with the space behind it.
fn of_sip(payload: &[u8]) -> Option<usize> {
    if let Some([a, b, c, b' ', ..]) = payload.strip_prefix(VERSION) {
        return [a, b, c]
            .iter()
            .all(|it| it.is_ascii_digit())
            .then_some(VERSION.len() + 4);
    }
    let begins = |method: &&&[u8]| {
        let rest = payload.strip_prefix(**method);
        rest.is_some_and(|it| it.first() == Some(&b' '))
    };
    METHODS.iter().find(begins).map(|it| it.len() + 1)
}

/// The longest part of a packet that is kept; longer ones are made of several by the card.
pub const SNAP_MAX: usize = 2048;
/// Bytes of the head of RTP without what may follow it (RFC 3550 §5.1).
const SHORT: usize = 12;
/// What runs on these ports is names and addresses alone: DNS, DHCP, NTP, DHCPv6, mDNS.
const PLAIN: [u16; 7] = [53, 67, 68, 123, 546, 547, 5353];
/// How an answer of SIP begins (RFC 3261 §7.2).
const VERSION: &[u8] = b"SIP/2.0 ";
/// Those of RFC 3261, 3262, 3265, 3311, 3428, 3515, 3903 and 6086. Of a word that is none of them
/// nobody knows what it is.
const METHODS: [&[u8]; 14] = [
    b"INVITE",
    b"ACK",
    b"BYE",
    b"CANCEL",
    b"REGISTER",
    b"OPTIONS",
    b"PRACK",
    b"SUBSCRIBE",
    b"NOTIFY",
    b"UPDATE",
    b"MESSAGE",
    b"REFER",
    b"PUBLISH",
    b"INFO",
];

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
        // An error of ICMP has what it is about: here sound.
        let error = four(ICMP, &[&[3, 3, 0, 0, 0, 0, 0, 0], &sound[14..]].concat());
        assert_eq!(kept(&error).len(), 34 + 8 + 20 + 8 + 12);
        let again = four(ICMP, &[&[3, 3, 0, 0, 0, 0, 0, 0], &error[14..]].concat());
        assert_eq!(kept(&again).len(), 34 + 8 + 20 + 8, "about an error");
        let error = six(ICMP6, &[&[1, 4, 0, 0, 0, 0, 0, 0], &key[14..]].concat());
        assert_eq!(kept(&error).len(), 54 + 8 + 40 + 8 + 12);
        let strange = [&[0; 12][..], &[0x88, 0x64], &[0x55; 200]].concat();
        assert_eq!(kept(&strange).len(), 14 + 12, "another packet may be in it");
    }

    #[test]
    fn of_text_nothing_is_kept_but_which_message_of_sip_it_is() {
        let segment = |text: &[u8]| {
            let mut head = [0; 32];
            head[12] = 0x80;
            four(
                TCP,
                &[&udp(5060, 49_152, b"")[..4], &head[4..], text].concat(),
            )
        };
        for (text, left) in [
            (
                &b"INVITE sip:48999990021@carrier SIP/2.0\r\n"[..],
                "INVITE ",
            ),
            (b"BYE sip:1001 SIP/2.0\r\n", "BYE "),
            (b"SIP/2.0 200 OK\r\n", "SIP/2.0 200 "),
            (b"SIP/2.0 48999990021", ""),
            (b"999990021@carrier SIP/2.0\r\n", ""),
            (b"Maria <sip:1001@box>\r\n", ""),
            (b"INVITED sip:1001", ""),
            (b"\r\nBYE sip:1001 SIP/2.0\r\n", ""),
        ] {
            // SIP on a port that is not known for it, and one on which a trunk may be.
            for to in [5060, 5080, 53, 123] {
                let from = if to == 5080 { 5080 } else { 5060 };
                let said = four(UDP, &udp(from, to, text));
                assert_eq!(kept(&said)[42..], *left.as_bytes(), "{to} {text:?}");
            }
            let said = segment(text);
            assert_eq!(kept(&said)[66..], *left.as_bytes(), "{text:?}");
            let error = four(ICMP, &[&[3, 3, 0, 0, 0, 0, 0, 0], &said[14..]].concat());
            assert_eq!(kept(&error).len(), 34 + 8 + 52 + left.len());
            let mut later = four(UDP, text);
            later[21] = 1;
            assert_eq!(kept(&later), &later[..34], "a later part begins anywhere");
            let later = six(44, &[&[UDP, 0, 0, 8, 0, 0, 0, 0], text].concat());
            assert_eq!(kept(&later), &later[..62]);
        }
        let record = segment(&[23, 3, 3, 1, 0, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
        assert_eq!(kept(&record).len(), 66 + 12);
        assert_eq!(kept(&segment(&[0x16; 40])).len(), 66, "not a record");
    }

    #[test]
    fn names_and_addresses_are_kept_whole_where_it_cannot_be_sound() {
        let answer = four(UDP, &udp(53, 40_000, &[0x55; 900]));
        assert_eq!(kept(&answer), answer);
        let disguised = four(UDP, &udp(53, 20_000, &[0x80; 900]));
        assert_eq!(kept(&disguised).len(), 34 + 8 + 12);
    }

    #[test]
    fn a_whole_packet_is_whole_and_no_longer_than_a_cable_takes() {
        let sound = four(UDP, &udp(20_000, 4000, &[0x80; 172]));
        assert_eq!(kept_length(Depth::Whole, &sound), sound.len());
        assert_eq!(kept_length(Depth::Whole, &[0; 9000]), SNAP_MAX);
    }
}
