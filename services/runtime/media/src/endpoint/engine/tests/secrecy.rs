//! SRTP on either leg.

use std::net::SocketAddr;

use ipc::sound::{Dtmf, Suite};

use super::site::*;
use crate::endpoint::Channel;

const SUITES: [Suite; 3] = [
    Suite::AesCm128HmacSha1_80,
    Suite::AesCm128HmacSha1_32,
    Suite::AeadAes128Gcm,
];

#[test]
fn a_secret_leg_and_a_plain_one_hear_each_other() {
    for suite in SUITES {
        let mut site = Site::new();
        let mut secret = site.phone(1, &[pcma()], Dtmf::Elsewhere);
        let mut plain = site.phone(2, &[pcma()], Dtmf::Elsewhere);
        secret.secure(suite, 3, 4);
        site.set(&secret);
        site.connect(&secret, &plain);
        for _ in 0..5 {
            site.say(&mut secret, 8, b"secret", 160);
            site.say(&mut plain, 8, b"plain", 160);
            site.pass(20);
        }
        let mut to_secret = site.outside.sent.iter().filter(|it| it.slot == secret.slot);
        assert!(to_secret.all(|it| it.bytes.len() > 17 && !it.bytes[12..].starts_with(b"plain")));
        let heard = site.heard(&mut secret);
        assert!(heard.len() == 5 && heard.iter().all(|told| told.payload == b"plain"));
        let heard = site.heard(&mut plain);
        assert!(heard.len() == 5 && heard.iter().all(|told| told.payload == b"secret"));
    }
}

#[test]
fn what_is_not_authentic_neither_passes_nor_locks() {
    let mut site = Site::new();
    let mut secret = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut plain = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    secret.secure(Suite::AesCm128HmacSha1_80, 3, 4);
    site.set(&secret);
    site.connect(&secret, &plain);
    // A stranger on the same host.
    let mut forged = secret.packet(false, 8, b"forged");
    *forged.last_mut().expect("a tag") ^= 1;
    let elsewhere = SocketAddr::new(secret.address.ip(), 9);
    site.arrive(secret.slot, Channel::Rtp, elsewhere, &forged);
    assert!(site.heard(&mut plain).is_empty());
    site.say(&mut secret, 8, b"true", 160);
    assert_eq!(site.heard(&mut plain).len(), 1);
    let replayed = secret.packet(false, 8, b"twice");
    for _ in 0..2 {
        site.arrive(secret.slot, Channel::Rtp, secret.address, &replayed);
    }
    assert_eq!(site.heard(&mut plain).len(), 1);
    let stats = site.engine.stats(site.now, 1).expect("open");
    assert_eq!((stats.dropped, stats.source), (2, Some(secret.address)));
}

#[test]
fn keys_that_stay_keep_their_place_and_new_keys_begin_anew() {
    // pbx trap 21.
    let mut site = Site::new();
    let mut secret = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut plain = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    secret.secure(Suite::AesCm128HmacSha1_80, 3, 4);
    secret.sequence = 65_530;
    site.set(&secret);
    site.connect(&secret, &plain);
    for _ in 0..10 {
        site.say(&mut secret, 8, b"wraps", 160);
    }
    site.set(&secret);
    site.say(&mut secret, 8, b"after a re-INVITE", 160);
    assert_eq!(site.heard(&mut plain).len(), 11);
    let stats = site.engine.stats(site.now, 1).expect("open");
    assert_eq!(stats.rollover.1, 1);
    secret.secure(Suite::AesCm128HmacSha1_80, 5, 6);
    secret.sequence = 7;
    site.set(&secret);
    site.say(&mut secret, 8, b"new keys", 160);
    assert_eq!(site.heard(&mut plain).len(), 1);
}

/// RFC 3711 §9.1: our stream must not begin again under a key that it has used.
#[test]
fn our_counter_goes_on_when_the_peer_takes_another_key_or_comes_back_from_plain_rtp() {
    let mut site = Site::new();
    let mut secret = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut plain = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    secret.secure(Suite::AesCm128HmacSha1_80, 3, 4);
    site.set(&secret);
    site.connect(&secret, &plain);
    // Somewhere in here our sequence number wraps.
    for _ in 0..=65_536 {
        site.say(&mut plain, 8, b"on and on", 160);
        site.pass(20);
        site.outside.sent.clear();
    }
    let sent = |site: &Site| site.engine.stats(site.now, 1).expect("open").rollover.0;
    assert_eq!(sent(&site), 1);
    secret.secure(Suite::AesCm128HmacSha1_80, 3, 5);
    site.set(&secret);
    assert_eq!(sent(&site), 1);
    site.say(&mut secret, 8, b"new key", 160);
    assert_eq!(site.heard(&mut plain)[0].payload, b"new key");
    let crypto = secret.agreed.crypto.take();
    site.set(&secret);
    assert_eq!(sent(&site), 0);
    secret.agreed.crypto = crypto;
    site.set(&secret);
    assert_eq!(sent(&site), 1);
}

/// RFC 4568 §6.1: `|1:4` in the peer's line.
#[test]
fn a_peer_that_sends_an_mki_is_heard() {
    let mut site = Site::new();
    let mut secret = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut plain = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    secret.secure(Suite::AesCm128HmacSha1_80, 3, 4);
    let crypto = secret.agreed.crypto.as_mut().expect("keys");
    crypto.mki_length = 4;
    site.set(&secret);
    site.connect(&secret, &plain);
    let mut packet = secret.packet(false, 8, b"named");
    let at = packet.len() - 10;
    packet.splice(at..at, [0, 0, 0, 1]);
    site.arrive(secret.slot, Channel::Rtp, secret.address, &packet);
    assert_eq!(site.heard(&mut plain)[0].payload, b"named");
    // Ours has none, and none is sent.
    site.say(&mut plain, 8, b"bare", 160);
    assert_eq!(site.heard(&mut secret)[0].payload, b"bare");
}

/// A packet with the MKI a phone puts before the tag (RFC 3711 §3.1).
fn named(phone: &mut Phone, mki: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut packet = phone.packet(false, 8, payload);
    let at = packet.len() - 10;
    packet.splice(at..at, mki.iter().copied());
    packet
}

#[test]
fn an_mki_that_becomes_longer_under_the_same_key_is_taken_off() {
    let mut site = Site::new();
    let mut secret = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut plain = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    secret.secure(Suite::AesCm128HmacSha1_80, 3, 4);
    secret.sequence = 65_530;
    site.connect(&secret, &plain);
    for mki in [&[1][..], &[0, 0, 0, 1], &[], &[0, 1]] {
        let crypto = secret.agreed.crypto.as_mut().expect("keys");
        crypto.receive[0].mki = 1;
        crypto.mki_length = u8::try_from(mki.len()).expect("short");
        site.set(&secret);
        for _ in 0..5 {
            let packet = named(&mut secret, mki, b"named");
            // Nor is anything let in again that came before the change.
            for _ in 0..2 {
                site.arrive(secret.slot, Channel::Rtp, secret.address, &packet);
            }
        }
        let heard = site.heard(&mut plain);
        assert_eq!(heard.len(), 5, "{mki:?}");
        assert!(heard.iter().all(|told| told.payload == b"named"));
    }
    let stats = site.engine.stats(site.now, 1).expect("open");
    assert_eq!((stats.rollover.1, stats.dropped), (1, 20));
}

#[test]
fn a_key_keeps_its_counter_while_others_come_and_go_beside_it() {
    let mut site = Site::new();
    let mut secret = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut plain = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    secret.secure(Suite::AesCm128HmacSha1_80, 3, 4);
    secret.sequence = 65_535;
    site.set(&secret);
    site.connect(&secret, &plain);
    // Two rounds: more than a new receiver would find by itself.
    for _ in 0..=65_537 {
        site.say(&mut secret, 8, b"wraps", 160);
        site.pass(20);
        site.outside.sent.clear();
    }
    let first = secret.agreed.crypto.as_ref().expect("keys").receive[0].clone();
    let second = ipc::sound::MasterKey {
        mki: 2,
        key: ipc::Redacted::new(vec![9; 30]),
    };
    let both = vec![
        ipc::sound::MasterKey {
            mki: 1,
            ..first.clone()
        },
        second.clone(),
    ];
    for keys in [both.clone(), vec![second], both, vec![first]] {
        let mki: &[u8] = if keys.len() == 2 { &[1] } else { &[] };
        let has_first = keys.iter().any(|it| it.key.reveal() == &[4; 30]);
        let crypto = secret.agreed.crypto.as_mut().expect("keys");
        crypto.mki_length = u8::try_from(mki.len()).expect("short");
        crypto.receive = keys;
        site.set(&secret);
        let stats = site.engine.stats(site.now, 1).expect("open");
        assert_eq!(stats.rollover.1, 2);
        let packet = named(&mut secret, mki, b"still");
        site.arrive(secret.slot, Channel::Rtp, secret.address, &packet);
        assert_eq!(site.heard(&mut plain).len(), usize::from(has_first));
    }
}

#[test]
fn a_restarted_media_understands_a_peer_whose_counter_has_rolled_over() {
    let mut site = Site::new();
    let mut secret = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut plain = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    secret.secure(Suite::AesCm128HmacSha1_80, 3, 4);
    secret.sequence = 65_535;
    // The phone has been sending for a while already: it has rolled over twice.
    for _ in 0..=65_536 {
        secret.packet(false, 8, b"before");
    }
    secret.agreed.rollover = (0, 2);
    site.set(&secret);
    site.connect(&secret, &plain);
    site.say(&mut secret, 8, b"understood", 160);
    assert_eq!(site.heard(&mut plain)[0].payload, b"understood");
}

#[test]
fn reports_to_a_secret_leg_are_secret_too() {
    let mut site = Site::new();
    let mut secret = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    secret.secure(Suite::AeadAes128Gcm, 3, 4);
    site.set(&secret);
    site.pass(6_000);
    let report = &site.outside.sent[0];
    assert_eq!(report.channel, Channel::Rtcp);
    // RFC 7714 §9: a tag of 16 octets, then the E bit and an index of 31.
    let [.., e, _, _, _] = report.bytes[..] else {
        panic!("short")
    };
    assert_eq!(e & 0x80, 0x80);
    let words = usize::from(u16::from_be_bytes([report.bytes[2], report.bytes[3]]));
    assert!(report.bytes.len() > words * 4 + 4 + 16);
}
