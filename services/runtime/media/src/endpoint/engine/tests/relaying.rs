//! Packets passed on as they are.

use std::net::{IpAddr, SocketAddr};

use ipc::sound::{Dtmf, Source};

use super::super::*;
use super::site::*;
use crate::endpoint::Channel;

#[test]
fn two_phones_hear_each_other_under_our_own_stream() {
    let mut site = Site::new();
    let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut callee = site.phone(2, &[codec(96, "PCMA", 8_000)], Dtmf::Elsewhere);
    site.connect(&caller, &callee);
    for word in [b"one", b"two"] {
        site.say(&mut caller, 8, word, 160);
        site.pass(20);
    }
    let heard = site.heard(&mut callee);
    let payloads: Vec<_> = heard.iter().map(|told| told.payload.as_slice()).collect();
    assert_eq!(payloads, [b"one", b"two"]);
    let [first, second] = [heard[0].header, heard[1].header];
    assert_eq!((first.payload_type, first.marker), (96, true));
    assert!(!second.marker);
    assert_eq!(second.sequence, first.sequence.wrapping_add(1));
    assert_eq!(second.timestamp, first.timestamp.wrapping_add(160));
    assert_ne!(first.ssrc, caller.ssrc, "each leg is a session of its own");
    site.say(&mut callee, 96, b"back", 160);
    assert_eq!(site.heard(&mut caller)[0].header.payload_type, 8);
    let stats = site.engine.close(site.now, caller.slot).expect("open");
    assert_eq!((stats.received, stats.sent, stats.dropped), (2, 1, 0));
    let source = (stats.source, stats.codec.as_str());
    assert_eq!(source, (Some(caller.address), "PCMA"));
}

#[test]
fn a_codec_media_cannot_decode_passes_with_its_clock() {
    let mut site = Site::new();
    let opus = |payload_type| ipc::sound::Codec {
        channels: 2,
        ..codec(payload_type, "OPUS", 48_000)
    };
    let mut caller = site.phone(1, &[opus(111)], Dtmf::Elsewhere);
    let mut callee = site.phone(2, &[pcma(), opus(107)], Dtmf::Elsewhere);
    site.connect(&caller, &callee);
    site.say(&mut caller, 111, b"opus", 960);
    site.pass(20);
    site.say(&mut caller, 111, b"opus", 960);
    let heard = site.heard(&mut callee);
    assert_eq!(heard[0].header.payload_type, 107);
    let [first, second] = [heard[0].header, heard[1].header];
    assert_eq!(second.timestamp.wrapping_sub(first.timestamp), 960);
}

#[test]
fn what_was_not_agreed_is_dropped() {
    let mut site = Site::new();
    let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut callee = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    site.connect(&caller, &callee);
    site.say(&mut caller, 3, b"gsm", 160);
    site.arrive(
        caller.slot,
        Channel::Rtp,
        caller.address,
        b"\0\x01STUN or noise",
    );
    assert!(site.heard(&mut callee).is_empty());
    callee.agreed.speaks = false;
    site.set(&callee);
    site.say(&mut callee, 8, b"while held", 160);
    assert!(site.heard(&mut caller).is_empty());
    caller.agreed.hears = false;
    callee.agreed.speaks = true;
    site.set(&caller);
    site.set(&callee);
    site.say(&mut callee, 8, b"to a deaf phone", 160);
    assert!(site.heard(&mut caller).is_empty());
    assert_eq!(site.engine.stats(site.now, 1).expect("open").dropped, 2);
}

#[test]
fn a_stranger_is_neither_heard_nor_hears_and_is_remembered() {
    let mut site = Site::new();
    let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut callee = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    site.connect(&caller, &callee);
    site.say(&mut caller, 8, b"mine", 160);
    let stranger: SocketAddr = "192.0.2.9:4000".parse().expect("an address");
    let forged = caller.packet(false, 8, b"forged");
    site.arrive(caller.slot, Channel::Rtp, stranger, &forged);
    assert_eq!(site.heard(&mut callee).len(), 1);
    site.say(&mut callee, 8, b"answer", 160);
    assert!(
        site.outside
            .sent
            .iter()
            .all(|sent| sent.to == caller.address)
    );
    let stats = site.engine.stats(site.now, 1).expect("open");
    assert_eq!(stats.strangers, [stranger]);
    assert_eq!(stats.dropped, 1);
}

#[test]
fn media_that_moved_is_followed_only_when_told() {
    // pbx trap 9.
    let mut site = Site::new();
    let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut callee = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    site.connect(&caller, &callee);
    site.say(&mut caller, 8, b"before", 160);
    let before = caller.address;
    caller.address.set_port(6000);
    site.say(&mut caller, 8, b"unasked", 160);
    assert_eq!(site.heard(&mut callee).len(), 1);
    caller.agreed.relatch = true;
    site.set(&caller);
    let last = |site: &Site| site.outside.sent.last().map(|sent| sent.to);
    site.say(&mut callee, 8, b"meanwhile", 160);
    assert_eq!(last(&site), Some(before));
    site.say(&mut caller, 8, b"told", 160);
    assert_eq!(site.heard(&mut callee).len(), 1);
    site.say(&mut callee, 8, b"now", 160);
    assert_eq!(last(&site), Some(caller.address));
}

#[test]
fn one_is_heard_by_several_and_by_nobody_after_it_closed() {
    let mut site = Site::new();
    let mut speaker = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut left = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    let mut right = site.phone(3, &[codec(96, "PCMA", 8_000)], Dtmf::Elsewhere);
    site.hear(&left, Source::Endpoint(1));
    site.hear(&right, Source::Endpoint(1));
    site.say(&mut speaker, 8, b"all", 160);
    assert_eq!(site.heard(&mut left)[0].payload, b"all");
    assert_eq!(site.heard(&mut right)[0].header.payload_type, 96);
    site.engine.close(site.now, speaker.slot);
    let mut other = site.phone(4, &[pcma()], Dtmf::Elsewhere);
    assert_eq!(other.slot, speaker.slot, "a freed slot is used again");
    site.say(&mut other, 8, b"nobody", 160);
    assert!(site.heard(&mut left).is_empty());
}

#[test]
fn hearing_may_be_asked_for_before_the_other_is_open() {
    let mut site = Site::new();
    let mut left = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    site.hear(&left, Source::Endpoint(1));
    let mut speaker = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    site.say(&mut speaker, 8, b"late", 160);
    assert_eq!(site.heard(&mut left)[0].payload, b"late");
}

#[test]
fn a_silent_peer_is_told_once_unless_it_need_not_speak() {
    // pbx trap 24: comfort noise, RTCP and a hold do not trip it.
    let mut site = Site::new();
    let noise = codec(13, "CN", 8_000);
    let mut quiet = site.phone(1, &[pcma(), noise], Dtmf::Elsewhere);
    let reporting = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    let mut held = site.phone(3, &[pcma()], Dtmf::Elsewhere);
    held.agreed.speaks = false;
    site.set(&held);
    site.phone(4, &[pcma()], Dtmf::Elsewhere);
    let report = [0x80, 201, 0, 1, 1, 2, 3, 4];
    for _ in 0..12 {
        site.pass(10_000);
        site.say(&mut quiet, 13, &[60], 0);
        let rtcp = SocketAddr::new(reporting.address.ip(), 4001);
        site.arrive(reporting.slot, Channel::Rtcp, rtcp, &report);
    }
    let idle = Event::Idle { id: 4, seconds: 30 };
    assert_eq!(site.events, [idle]);
}

#[test]
fn reports_go_to_each_peer_and_measure_the_way() {
    let mut site = Site::new();
    let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut callee = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    callee.agreed.rtcp_mux = true;
    site.set(&callee);
    site.connect(&caller, &callee);
    for packet in 0..1000 {
        if packet % 10 == 3 {
            caller.sequence = caller.sequence.wrapping_add(1);
            caller.timestamp += 160;
        }
        site.say(&mut caller, 8, &[0xd5; 160], 160);
        site.pass(20);
    }
    let rtcp = |site: &Site, slot| -> Vec<Sent> {
        let sent = site.outside.sent.iter();
        sent.filter(|sent| sent.slot == slot && rtp::is_rtcp(&sent.bytes))
            .cloned()
            .collect()
    };
    let to_caller = rtcp(&site, caller.slot);
    assert!((3..=8).contains(&to_caller.len()), "{}", to_caller.len());
    assert_eq!(to_caller[0].to.port(), 4001);
    assert_eq!(to_caller[0].channel, Channel::Rtcp);
    assert_eq!(to_caller[0].bytes[1], 201, "nothing is sent to the caller");
    let to_callee = rtcp(&site, callee.slot);
    assert_eq!(to_callee[0].to, callee.address);
    assert_eq!(to_callee[0].channel, Channel::Rtp);
    assert_eq!(to_callee[0].bytes[1], 200);
    let stats = site.engine.stats(site.now, 1).expect("open");
    assert_eq!(stats.lost, 100);
    assert!((300..420).contains(&stats.mos_hundredths), "{stats:?}");
    assert_eq!(site.heard(&mut callee).len(), 1000);
}

#[test]
fn a_round_trip_is_read_from_the_peers_report() {
    let mut site = Site::new();
    let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let callee = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    site.connect(&caller, &callee);
    let sent = loop {
        site.say(&mut caller, 8, &[0xd5; 160], 160);
        site.pass(20);
        let found = site.outside.sent.iter().find(|sent| {
            sent.slot == callee.slot && rtp::is_rtcp(&sent.bytes) && sent.bytes[1] == 200
        });
        if let Some(sent) = found {
            break sent.bytes.clone();
        }
    };
    site.pass(80);
    let mut report = vec![0x81, 201, 0, 7, 0, 0, 0, 9];
    report.extend_from_slice(&sent[4..8]);
    report.extend([64, 0, 0, 1]);
    report.extend([0; 8]);
    report.extend_from_slice(&sent[10..14]);
    report.extend([0; 4]);
    let from = SocketAddr::new(callee.address.ip(), 4001);
    site.arrive(callee.slot, Channel::Rtcp, from, &report);
    let stats = site.engine.stats(site.now, 2).expect("open");
    let trip = stats.round_trip_micros;
    assert!((75_000..110_000).contains(&trip), "{stats:?}");
    assert_eq!(stats.peer_loss, 64);
}

#[test]
fn two_endpoints_that_are_each_others_peers_do_not_circle_for_ever() {
    let mut site = Site::new();
    let mut left = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let right = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    site.connect(&left, &right);
    site.say(&mut left, 8, b"round", 160);
    let mut rounds = 0;
    while let Some(sent) = site.outside.sent.pop() {
        let (slot, source) = if sent.slot == left.slot {
            (right.slot, right.address)
        } else {
            (left.slot, left.address)
        };
        site.arrive(slot, Channel::Rtp, source, &sent.bytes);
        rounds += 1;
        assert!(rounds < 1000, "it circles");
    }
}

#[test]
fn audio_leaves_from_the_address_the_peer_sends_to() {
    let mut site = Site::new();
    let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut callee = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    site.connect(&caller, &callee);
    assert!(site.engine.needs_local(caller.slot));
    site.say(&mut caller, 8, b"hello", 160);
    assert!(!site.engine.needs_local(caller.slot));
    assert_eq!(
        site.outside.sent[0].local, None,
        "the callee has sent nothing"
    );
    site.say(&mut callee, 8, b"hello", 160);
    let ours: IpAddr = [127, 0, 0, 1].into();
    assert_eq!(site.outside.sent[1].local, Some(ours));
}

#[test]
fn a_strangers_flood_takes_nothing_from_the_peer() {
    let mut site = Site::new();
    let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut callee = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    site.connect(&caller, &callee);
    site.say(&mut caller, 8, b"before", 160);
    let stranger: SocketAddr = "192.0.2.9:4000".parse().expect("an address");
    let forged = caller.packet(false, 8, b"forged");
    for _ in 0..10_000 {
        site.arrive(caller.slot, Channel::Rtp, stranger, &forged);
    }
    site.say(&mut caller, 8, b"after", 160);
    assert_eq!(site.heard(&mut callee).len(), 2);
}
