//! RTP, RTCP, SRTP, telephone events, and sound from outside.

use std::time::Duration;

use rtp::codec::{Codec, Decoder};
use rtp::dtmf::{EventReceiver, ToneDetector};
use rtp::playout::Playout;
use rtp::srtp::{Master, Receiver, Sender, Suite};
use rtp::{Header, Outgoing, Packet, Rate, Reception, TelephoneEvent, check_rtcp, is_rtcp};
use sansio::Instant;

/// An RTP packet: its parts lie within it, and a header written over itself changes nothing.
pub fn rtp(bytes: &[u8]) {
    let header = Header::parse(bytes);
    if let Ok(packet) = Packet::parse(bytes) {
        assert!(packet.payload.len() + 12 <= bytes.len());
        assert!(header.is_ok() && !is_rtcp(bytes));
    }
    if let Ok(header) = header {
        assert!(header.length <= bytes.len());
        let mut copy = bytes.to_vec();
        header.write_over(&mut copy);
        assert_eq!(copy, bytes, "a header that is not what was read");
    }
}

/// An RTCP compound: reading ends, and what is read can be read to its end.
pub fn rtcp(bytes: &[u8]) {
    let mut parts = 0;
    for part in rtp::rtcp::parts(bytes) {
        parts += 1;
        let Ok(part) = part else { break };
        match part {
            rtp::rtcp::Part::SenderReport { reports, .. }
            | rtp::rtcp::Part::ReceiverReport { reports, .. } => {
                assert!(reports.iter().count() <= 31);
            }
            rtp::rtcp::Part::Bye(sources) => assert!(sources.iter().count() <= 31),
            rtp::rtcp::Part::Other(_) => {}
        }
    }
    assert!(parts <= bytes.len() / 4 + 1, "reading does not end");
    let _ = check_rtcp(bytes);
}

/// Secure packets: nothing that was not made with the key is let in, and what was comes out whole.
pub fn srtp(bytes: &[u8]) {
    let (first, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let suites = Suite::ALL.len();
    let Some(suite) = Suite::ALL.get(usize::from(*first) % suites) else {
        return;
    };
    let key: Vec<u8> = (1..=255).take(suite.master_length()).collect();
    let Ok(master) = Master::new(*suite, &key) else {
        panic!("a key of the right length is refused");
    };
    let mut receiver = Receiver::new(&master, 0);
    assert!(
        receiver.unprotect_rtp(&mut bytes.to_vec()).is_err(),
        "let in without the key"
    );
    assert!(
        receiver.unprotect_rtcp(&mut bytes.to_vec()).is_err(),
        "let in without the key"
    );
    let mut packet = bytes.to_vec();
    if Sender::new(&master).protect_rtp(&mut packet).is_ok() {
        assert!(
            receiver.unprotect_rtp(&mut packet).is_ok(),
            "our own packet is refused"
        );
        assert_eq!(packet, bytes);
    }
}

/// A telephone event's payload.
pub fn dtmf(bytes: &[u8]) {
    if let Some(event) = TelephoneEvent::parse(bytes) {
        assert!(bytes.len() >= 4, "{event:?}");
    }
}

/// Packets of one stream in any order, played out: each is one length octet and that many bytes.
pub fn playout(bytes: &[u8]) {
    let (first, mut rest) = bytes.split_first().unwrap_or((&0, &[]));
    let codec = match first % 3 {
        0 => Codec::Pcma,
        1 => Codec::Pcmu,
        _ => Codec::G722,
    };
    let mut playout = Playout::new(codec);
    let mut frame = vec![0; codec.rate().frame()];
    while let [length, tail @ ..] = rest {
        let (one, tail) = tail
            .split_at_checked(usize::from(*length))
            .unwrap_or((tail, &[]));
        rest = tail;
        let Ok(packet) = Packet::parse(one) else {
            continue;
        };
        let Ok(header) = Header::parse(one) else {
            continue;
        };
        match packet.payload_type {
            13 => playout.comfort_noise(&header, packet.payload),
            101 => playout.pass_over(&header),
            _ => playout.push(&header, packet.payload),
        }
        let _ = playout.frame(&mut frame);
    }
}

/// Packets of one Opus stream, in any order and through the playout buffer too: each is one length
/// octet and that many bytes. What is decoded is as long as its first octets say, 120 ms at most
/// (RFC 6716 §3.2.5), or nothing.
pub fn opus(bytes: &[u8]) {
    let mut rest = bytes;
    let mut decoder = Decoder::of(Codec::Opus);
    let mut playout = Playout::new(Codec::Opus);
    let mut frame = vec![0; Codec::Opus.rate().frame()];
    let mut header = Header {
        marker: false,
        payload_type: 111,
        sequence: 0,
        timestamp: 0,
        ssrc: 1,
        length: 12,
        padded: false,
    };
    while let [length, tail @ ..] = rest {
        let (packet, tail) = tail
            .split_at_checked(usize::from(*length))
            .unwrap_or((tail, &[]));
        rest = tail;
        let mut samples = vec![7];
        decoder.decode(packet, &mut samples);
        let (before, decoded) = samples.split_at(1);
        assert_eq!(before, [7], "what was there is changed");
        let said = Codec::Opus.samples(packet);
        assert!(
            decoded.is_empty() || decoded.len() == said,
            "another length"
        );
        assert!(said <= 1_920, "longer than a packet may be");
        playout.push(&header, packet);
        let _ = playout.frame(&mut frame);
        assert_eq!(frame.len(), Codec::Opus.rate().frame());
        header.sequence = header.sequence.wrapping_add(1);
        header.timestamp = header.timestamp.wrapping_add(960);
    }
}

/// A sound file that somebody uploaded: read or refused, and never longer than its bytes.
pub fn wav(bytes: &[u8]) {
    if let Ok(sound) = rtp::wav::read(bytes) {
        assert!(sound.samples.len() <= bytes.len());
    }
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let _ = rtp::wav::repaired(bytes, length);
}

/// Packets of a stream with the time between them, as `media` counts, passes on and hears them:
/// each is an octet of time in units of 5 ms, one length octet and that many bytes.
pub fn stream(bytes: &[u8]) {
    let mut now = Instant::ORIGIN;
    let mut rest = bytes;
    let mut reception = Reception::new(8000);
    let mut events = EventReceiver::new(8000);
    let mut outgoing = Outgoing::new(1, 0x7fff, u32::MAX);
    let mut detector = ToneDetector::new(Rate::Narrow);
    while let [gap, length, tail @ ..] = rest {
        now = now + Duration::from_millis(5 * u64::from(*gap));
        let (one, tail) = tail
            .split_at_checked(usize::from(*length))
            .unwrap_or((tail, &[]));
        rest = tail;
        if is_rtcp(one) {
            reports(now, one, &mut reception);
            continue;
        }
        let (Ok(packet), Ok(header)) = (Packet::parse(one), Header::parse(one)) else {
            continue;
        };
        reception.packet(now, &header);
        for heard in events.packet(now, header.ssrc, header.timestamp, packet.payload) {
            let _ = format!("{heard:?}");
        }
        let _ = events.poll(now);
        let from = u64::from(header.ssrc & 1);
        if let Some(passed) = outgoing.forward(now, from, 8000, &header) {
            assert_eq!(passed.ssrc, outgoing.ssrc(), "another stream");
        }
        let samples: Vec<i16> = packet
            .payload
            .iter()
            .map(|byte| i16::from(*byte) << 8)
            .collect();
        let _ = detector.push(&samples);
        assert!(
            (0.0..=1.0).contains(&reception.loss()),
            "more lost than sent"
        );
        let _ = reception.jitter();
    }
}

fn reports(now: Instant, bytes: &[u8], reception: &mut Reception) {
    for part in rtp::rtcp::parts(bytes).flatten() {
        match part {
            rtp::rtcp::Part::SenderReport { sent, reports, .. } => {
                reception.sender_report(now, &sent);
                let _ = reports.of(1).map(|report| report.round_trip(now));
            }
            rtp::rtcp::Part::ReceiverReport { reports, .. } => {
                let _ = reports.of(1).map(|report| report.round_trip(now));
            }
            rtp::rtcp::Part::Bye(_) | rtp::rtcp::Part::Other(_) => {}
        }
    }
    let _ = reception.report(now);
}
