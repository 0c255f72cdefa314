//! What comes from outside and is not what was agreed: broken, early, or by another way.

use std::net::SocketAddr;

use ipc::sound::{Codec, Dtmf, Event, Suite};
use rtp::Rate;
use rtp::codec::{Codec as Known, Encoder};

use super::super::*;
use super::site::*;
use crate::endpoint::Channel;

/// Datagrams that are neither RTP nor RTCP, each for a reason of its own.
fn malformed() -> Vec<Vec<u8>> {
    let rtp = |first: u8, behind: &[u8]| {
        let header = [first, 8, 0, 7, 0, 0, 0, 160, 0, 0, 0xaa, 1];
        [&header[..], behind].concat()
    };
    // RFC 8489 §5: a binding request without attributes.
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], b"transaction!"];
    let mut all = vec![
        Vec::new(),
        vec![0x80],
        vec![0x80, 8],
        rtp(0x80, &[])[..11].to_vec(),
        // Versions 0, 1 and 3.
        rtp(0x00, b"voice"),
        rtp(0x40, b"voice"),
        rtp(0xc0, b"voice"),
        // 15 CSRCs, an extension and padding, all longer than the datagram; no padding.
        rtp(0x8f, b"voice"),
        rtp(0x90, &[0, 0, 0xff, 0xff, 1]),
        rtp(0xa0, &[1, 2, 200]),
        rtp(0xa0, &[1, 2, 0]),
        stun.concat(),
        // A DTLS ClientHello (RFC 5764 §5.1.2).
        vec![22, 254, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0],
        // RTCP: no sender, a wrong version, more words than there are.
        vec![0x80, 201, 0, 0],
        vec![0x40, 201, 0, 1, 1, 2, 3, 4],
        vec![0x80, 200, 0xff, 0xff, 1, 2, 3, 4],
    ];
    all.push(vec![0xff; 1500]);
    all
}

#[test]
fn what_is_malformed_neither_locks_nor_passes_nor_counts_as_life() {
    for suite in [
        None,
        Some(Suite::AesCm128HmacSha1_80),
        Some(Suite::AeadAes128Gcm),
    ] {
        let mut site = Site::new();
        let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
        let mut callee = site.phone(2, &[pcma()], Dtmf::Elsewhere);
        callee.agreed.speaks = false;
        site.set(&callee);
        if let Some(suite) = suite {
            caller.secure(suite, 3, 4);
            site.set(&caller);
        }
        site.connect(&caller, &callee);
        // On the peer's own host: nothing but its form speaks against it.
        let elsewhere = SocketAddr::new(caller.address.ip(), 9);
        let mut count = 0;
        for _ in 0..31 {
            for bytes in malformed() {
                for channel in [Channel::Rtp, Channel::Rtcp] {
                    site.arrive(caller.slot, channel, elsewhere, &bytes);
                    count += 1;
                }
            }
            site.pass(1_000);
        }
        assert!(site.heard(&mut callee).is_empty(), "{suite:?}");
        assert_eq!(site.events, [Event::Idle { id: 1, seconds: 30 }]);
        let stats = site.engine.stats(site.now, 1).expect("open");
        assert_eq!(
            (stats.source, stats.received, stats.dropped),
            (None, 0, count)
        );
        site.say(&mut caller, 8, b"true", 160);
        assert_eq!(site.heard(&mut callee)[0].payload, b"true");
        let stats = site.engine.stats(site.now, 1).expect("open");
        assert_eq!(stats.source, Some(caller.address));
    }
}

#[test]
fn no_bytes_of_a_peer_stop_the_engine() {
    let mut rng = Rng::from_seed(5);
    let mut site = Site::new();
    let events = Dtmf::Events {
        send: 101,
        receive: 101,
        clock: 8_000,
    };
    let noise = codec(13, "CN", 8_000);
    let mut caller = site.phone(1, &[pcma(), g722(), noise], events);
    let callee = site.phone(2, &[codec(0, "PCMU", 8_000)], Dtmf::InBand);
    site.connect(&caller, &callee);
    for round in 0..20_000 {
        let payload_type = [8, 9, 13, 101][usize::try_from(rng.below(4)).expect("small")];
        let octets = usize::try_from(rng.below(60)).expect("small");
        let mut payload = vec![0; octets];
        payload.fill_with(|| u8::try_from(rng.below(256)).expect("an octet"));
        let mut bytes = caller.packet(rng.below(9) == 0, payload_type, &payload);
        for _ in 0..rng.below(4) {
            let at = usize::try_from(rng.below(14))
                .expect("small")
                .min(bytes.len() - 1);
            bytes[at] ^= 1 << rng.below(8);
        }
        caller.timestamp = caller.timestamp.wrapping_add(160);
        let channel = if rng.below(8) == 0 {
            Channel::Rtcp
        } else {
            Channel::Rtp
        };
        site.arrive(caller.slot, channel, caller.address, &bytes);
        site.pass(rng.below(40));
        for sent in site.outside.sent.drain(..) {
            assert!(sent.bytes.len() < 1_500, "round {round}");
        }
    }
    site.say(&mut caller, 8, &[0xd5; 160], 160);
    assert!(site.engine.stats(site.now, 1).expect("open").received > 1_000);
}

/// RFC 5761 §5.1.1: only who agreed to it may send RTCP to the RTP port before its RTP is known.
#[test]
fn rtcp_on_the_rtp_port_is_life_and_measures_where_it_was_agreed() {
    let report = [0x80, 201, 0, 1, 1, 2, 3, 4];
    for is_agreed in [true, false] {
        let mut site = Site::new();
        let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
        let mut callee = site.phone(2, &[pcma()], Dtmf::Elsewhere);
        callee.agreed.speaks = false;
        caller.agreed.rtcp_mux = is_agreed;
        site.set(&caller);
        site.set(&callee);
        site.connect(&caller, &callee);
        for _ in 0..12 {
            site.pass(10_000);
            site.arrive(caller.slot, Channel::Rtp, caller.address, &report);
        }
        let idle = Event::Idle { id: 1, seconds: 30 };
        assert_eq!(site.events, if is_agreed { vec![] } else { vec![idle] });
        let stats = site.engine.stats(site.now, 1).expect("open");
        assert_eq!((stats.source, stats.received), (None, 0));
        assert_eq!(stats.dropped, if is_agreed { 0 } else { 12 });
        assert!(site.heard(&mut callee).is_empty(), "it is not passed on");
    }
}

#[test]
fn a_phone_behind_a_router_is_told_with_the_address_it_said_and_the_one_it_has() {
    let mut site = Site::new();
    let mut phone = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut other = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    let said: SocketAddr = "192.168.0.7:7078".parse().expect("an address");
    let has: SocketAddr = "203.0.113.5:61234".parse().expect("an address");
    phone.agreed.remote = Some(said);
    phone.agreed.signalling = Some(SocketAddr::new(has.ip(), 5060));
    phone.address = has;
    site.set(&phone);
    site.connect(&phone, &other);
    site.say(&mut phone, 8, b"here", 160);
    site.say(&mut other, 8, b"there", 160);
    let sent = site
        .outside
        .sent
        .iter()
        .find(|sent| sent.slot == phone.slot);
    assert_eq!(sent.map(|sent| sent.to), Some(has));
    let stats = site.engine.close(site.now, phone.slot).expect("open");
    assert_eq!((stats.described, stats.source), (Some(said), Some(has)));
    assert_eq!(site.heard(&mut other)[0].payload, b"here");
}

#[test]
fn comfort_noise_reaches_a_phone_that_has_it_under_its_own_number() {
    let noise = |payload_type| codec(payload_type, "CN", 8_000);
    let mut site = Site::new();
    let mut caller = site.phone(1, &[pcma(), noise(13)], Dtmf::Elsewhere);
    let mut callee = site.phone(2, &[pcma(), noise(97)], Dtmf::Elsewhere);
    site.connect(&caller, &callee);
    site.say(&mut caller, 8, b"voice", 160);
    site.pass(20);
    site.say(&mut caller, 13, &[60], 1_600);
    site.pass(200);
    site.say(&mut caller, 8, b"voice", 160);
    let heard = site.heard(&mut callee);
    let types: Vec<_> = heard.iter().map(|it| it.header.payload_type).collect();
    assert_eq!(types, [8, 97, 8]);
    assert_eq!(heard[1].payload, [60]);
    let ticks = heard[2]
        .header
        .timestamp
        .wrapping_sub(heard[1].header.timestamp);
    assert_eq!(ticks, 1_600);
}

#[test]
fn uneven_arrival_shows_as_jitter_and_costs_quality() {
    let stats = |late: u64| {
        let mut site = Site::new();
        let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
        for packet in 0..400 {
            site.say(&mut caller, 8, &[0xd5; 160], 160);
            site.pass(if packet % 2 == 0 {
                20 + late
            } else {
                20 - late
            });
        }
        site.engine.stats(site.now, 1).expect("open")
    };
    let (even, uneven) = (stats(0), stats(15));
    assert_eq!((even.jitter_micros, even.lost, uneven.lost), (0, 0, 0));
    // RFC 3550 §A.8: towards the mean of the differences, all of 15 ms.
    assert!(
        (14_000..16_000).contains(&uneven.jitter_micros),
        "{uneven:?}"
    );
    assert!(
        uneven.mos_hundredths < even.mos_hundredths,
        "{even:?} {uneven:?}"
    );
}

/// Phones send packets of 10 to 60 ms, whatever they were asked for.
#[test]
fn packets_of_any_time_are_passed_on_as_they_came_and_converted_whole() {
    let pcmu = || codec(0, "PCMU", 8_000);
    let check = |millis: usize, heard_as: Codec, rate: Rate| {
        let mut site = Site::new();
        let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
        let mut callee = site.phone(2, &[heard_as], Dtmf::Elsewhere);
        site.connect(&caller, &callee);
        let ticks = 8 * millis;
        let count = 600 / millis;
        let mut encoder = Encoder::of(Known::Pcma);
        for samples in tone(Rate::Narrow, 1_000.0, 600).chunks_exact(ticks) {
            let mut payload = Vec::new();
            encoder.encode(samples, &mut payload);
            site.say(&mut caller, 8, &payload, u32::try_from(ticks).expect("few"));
            site.pass(u64::try_from(millis).expect("few"));
        }
        let sent = site.outside.sent.clone();
        let heard = site.heard(&mut callee);
        assert_eq!(heard.len(), count, "{millis} ms");
        for pair in heard.windows(2) {
            let [before, after] = [pair[0].header, pair[1].header];
            assert_eq!(after.sequence, before.sequence.wrapping_add(1));
            let step = after.timestamp.wrapping_sub(before.timestamp);
            assert_eq!(usize::try_from(step), Ok(ticks));
        }
        site.outside.sent = sent;
        let (as_heard, samples) = site.sound(&mut callee);
        assert_eq!((as_heard, samples.len()), (rate, rate.samples(600)));
        let at = level(rate, &samples[rate.samples(200)..], 1_000.0);
        assert!((6_500.0..9_500.0).contains(&at), "{millis} ms: {at}");
    };
    for millis in [10, 20, 30, 40, 60] {
        check(millis, pcma(), Rate::Narrow);
        check(millis, pcmu(), Rate::Narrow);
        check(millis, g722(), Rate::Wide);
    }
}
