//! Sender and receiver against libsrtp, against each other, and against forgers.
//!
//! The vectors are what libsrtp 2.5 makes of the same key and packets.

use proptest::prelude::*;

use super::*;

fn master(suite: Suite) -> Master {
    let octets: Vec<u8> = (0..suite.master_length())
        .map(|at| u8::try_from(at * 3 + 1).expect("small"))
        .collect();
    Master::new(suite, &octets).expect("the right length")
}

fn rtp(sequence: u16) -> Vec<u8> {
    let [high, low] = sequence.to_be_bytes();
    let header = [0x80, 8, high, low, 0, 0, 0, 160, 0xca, 0xfe, 0xba, 0xbe];
    [header.as_slice(), b"a payload of some length"].concat()
}

/// With a CSRC, an extension and a marker.
fn rtp_with_extension() -> Vec<u8> {
    let header = [0x91, 0x88, 0, 0, 0, 0, 1, 64, 0xca, 0xfe, 0xba, 0xbe];
    let more = [1, 2, 3, 4, 0xbe, 0xde, 0, 1, 9, 9, 9, 9];
    [header.as_slice(), &more, b"after the wrap"].concat()
}

fn rtcp() -> Vec<u8> {
    let report = [0x80, 201, 0, 1, 0xca, 0xfe, 0xba, 0xbe];
    let description = [0x81, 202, 0, 3, 0xca, 0xfe, 0xba, 0xbe, 1, 3];
    [report.as_slice(), &description, b"abc\0\0\0"].concat()
}

/// What libsrtp makes of `rtp(0xffff)`, `rtp_with_extension()` and `rtcp()`.
const fn vectors(suite: Suite) -> [&'static str; 3] {
    match suite {
        Suite::AesCm128HmacSha1_80 => [
            "8008ffff000000a0cafebabef884452427ebdfce8f24238711690a6f22ec0e99\
             355e3f1070a7b0287b4382feb5c5",
            "9188000000000140cafebabe01020304bede000109090909d2da79615d659eda\
             06b0afc1bff734acf051c632b2c9edd4",
            "80c90001cafebabe4f467d3c8d21bdc09c777d686fd7dc5a8000000148357\
             94bb236a83ed98e",
        ],
        Suite::AesCm128HmacSha1_32 => [
            "8008ffff000000a0cafebabef884452427ebdfce8f24238711690a6f22ec0e99\
             355e3f1070a7b028",
            "9188000000000140cafebabe01020304bede000109090909d2da79615d659eda\
             06b0afc1bff734acf051",
            "80c90001cafebabe4f467d3c8d21bdc09c777d686fd7dc5a8000000148357\
             94bb236a83ed98e",
        ],
        Suite::AeadAes128Gcm => [
            "8008ffff000000a0cafebabe8ba0c654f3584ff1b63c4ade5f9b2f9ae88f0e7b\
             671b5a1f1d27bfa471ded872490a07ab4b4160ae",
            "9188000000000140cafebabe01020304bede000109090909a8deab3124363046\
             324a9cd37204dd371fd045380859170f29823a5642cc",
            "80c90001cafebabea3cae2103f35434234ef9bec0fd428b9b3d0504f647a8d5f\
             f8bfddeecf12461880000001",
        ],
    }
}

#[test]
fn what_is_sent_is_what_libsrtp_sends() {
    for suite in Suite::ALL {
        let mut sender = Sender::new(&master(suite));
        let [first, wrapped, report] = vectors(suite);
        let mut packet = rtp(0xffff);
        sender.protect_rtp(&mut packet).expect("room");
        assert_eq!(hex::encode(packet), first, "{suite}");
        let mut packet = rtp_with_extension();
        sender.protect_rtp(&mut packet).expect("room");
        assert_eq!(hex::encode(packet), wrapped, "{suite}");
        let mut packet = rtcp();
        sender.protect_rtcp(&mut packet).expect("room");
        assert_eq!(hex::encode(packet), report, "{suite}");
    }
}

#[test]
fn what_libsrtp_sends_is_understood() {
    for suite in Suite::ALL {
        let mut receiver = Receiver::new(&master(suite), 0);
        let [first, wrapped, report] = vectors(suite).map(|it| hex::decode(it).expect("hex"));
        let mut packet = first;
        assert_eq!(receiver.unprotect_rtp(&mut packet), Ok(()), "{suite}");
        assert_eq!(packet, rtp(0xffff));
        let mut packet = wrapped;
        assert_eq!(receiver.unprotect_rtp(&mut packet), Ok(()), "{suite}");
        assert_eq!(packet, rtp_with_extension());
        let mut packet = report;
        assert_eq!(receiver.unprotect_rtcp(&mut packet), Ok(()), "{suite}");
        assert_eq!(packet, rtcp());
    }
}

#[test]
fn no_changed_octet_passes_and_no_packet_passes_twice() {
    for suite in Suite::ALL {
        let mut sender = Sender::new(&master(suite));
        let mut receiver = Receiver::new(&master(suite), 0);
        let mut packet = rtp(1000);
        sender.protect_rtp(&mut packet).expect("room");
        for at in 0..packet.len() {
            let mut changed = packet.clone();
            changed[at] ^= 1;
            assert!(receiver.unprotect_rtp(&mut changed).is_err(), "octet {at}");
        }
        let mut copy = packet.clone();
        assert_eq!(receiver.unprotect_rtp(&mut copy), Ok(()));
        assert_eq!(receiver.unprotect_rtp(&mut packet), Err(Refused::Replayed));

        let mut packet = rtcp();
        sender.protect_rtcp(&mut packet).expect("room");
        for at in 0..packet.len() {
            let mut changed = packet.clone();
            changed[at] ^= 1;
            assert!(receiver.unprotect_rtcp(&mut changed).is_err(), "octet {at}");
        }
        let mut copy = packet.clone();
        assert_eq!(receiver.unprotect_rtcp(&mut copy), Ok(()));
        assert_eq!(receiver.unprotect_rtcp(&mut packet), Err(Refused::Replayed));
    }
}

#[test]
fn an_mki_is_taken_off() {
    // pbx trap 21: the peer said |1:4, so each packet carries four octets we have no use for.
    for suite in Suite::ALL {
        let mut sender = Sender::new(&master(suite));
        let mut receiver = Receiver::new(&master(suite), 4);
        let is_gcm = suite == Suite::AeadAes128Gcm;
        let mut packet = rtp(7);
        sender.protect_rtp(&mut packet).expect("room");
        let at = packet.len() - if is_gcm { 0 } else { suite.rtp_tag() };
        packet.splice(at..at, [0, 0, 0, 1]);
        assert_eq!(receiver.unprotect_rtp(&mut packet), Ok(()), "{suite}");
        assert_eq!(packet, rtp(7));
        let mut packet = rtcp();
        sender.protect_rtcp(&mut packet).expect("room");
        let at = packet.len() - if is_gcm { 0 } else { suite.rtcp_tag() };
        packet.splice(at..at, [0, 0, 0, 1]);
        assert_eq!(receiver.unprotect_rtcp(&mut packet), Ok(()), "{suite}");
        assert_eq!(packet, rtcp());
    }
}

/// RFC 3711 §3.1, RFC 4568 §6.1: the peer goes over to its second key in the middle of a stream.
#[test]
fn the_mki_says_which_of_several_keys_a_packet_is_protected_with() {
    for suite in Suite::ALL {
        let second = vec![9; suite.master_length()];
        let second = Master::new(suite, &second).expect("the right length");
        let keys = [(1, master(suite)), (0x0203, second.clone())];
        let mut receiver = Receiver::with_keys(&keys, 2).expect("keys");
        let behind = |length: usize| match suite {
            Suite::AeadAes128Gcm => 0,
            Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => length,
        };
        for (master, mki, sequence) in [(&keys[0].1, [0, 1], 7), (&second, [2, 3], 8)] {
            let mut sender = Sender::new(master);
            let mut packet = rtp(sequence);
            sender.protect_rtp(&mut packet).expect("room");
            let at = packet.len() - behind(suite.rtp_tag());
            packet.splice(at..at, mki);
            let mut unknown = packet.clone();
            unknown[at] ^= 0x80;
            let refused = receiver.unprotect_rtp(&mut unknown);
            assert_eq!(refused, Err(Refused::Forged), "{suite}");
            assert_eq!(receiver.unprotect_rtp(&mut packet), Ok(()), "{suite}");
            assert_eq!(packet, rtp(sequence));
        }
        let mut sender = Sender::new(&second);
        let mut packet = rtcp();
        sender.protect_rtcp(&mut packet).expect("room");
        let at = packet.len() - behind(suite.rtcp_tag());
        packet.splice(at..at, [2, 3]);
        assert_eq!(receiver.unprotect_rtcp(&mut packet), Ok(()), "{suite}");
        assert_eq!(packet, rtcp());
    }
}

#[test]
fn a_receiver_that_takes_the_place_of_another_knows_what_that_received() {
    for suite in Suite::ALL {
        let mut sender = advanced(suite);
        let mut packets = [rtp(1), rtp(2)];
        for packet in &mut packets {
            sender.protect_rtp(packet).expect("room");
        }
        let [first, mut second] = packets;
        let mut former = Receiver::new(&master(suite), 0).joining();
        assert_eq!(former.unprotect_rtp(&mut first.clone()), Ok(()));
        let mut receiver = Receiver::new(&master(suite), 0).after(&former);
        let replayed = receiver.unprotect_rtp(&mut first.clone());
        assert_eq!(replayed, Err(Refused::Replayed), "{suite}");
        assert_eq!(receiver.unprotect_rtp(&mut second), Ok(()), "{suite}");
        assert_eq!(second, rtp(2));
    }
}

/// A sender far into its third round of sequence numbers.
fn advanced(suite: Suite) -> Sender {
    let mut sender = Sender::new(&master(suite));
    sender.resume(Position {
        ssrc: 0xcafe_babe,
        rollovers: 2,
        sequence: 500,
        rtcp: 9,
    });
    sender
}

#[test]
fn a_restarted_process_goes_on_in_the_same_round() {
    for suite in Suite::ALL {
        let mut receiver = Receiver::new(&master(suite), 0).joining();
        let mut packet = rtp(501);
        let mut sender = advanced(suite);
        sender.protect_rtp(&mut packet).expect("room");
        // One that was told nothing tries the rounds.
        assert_eq!(receiver.unprotect_rtp(&mut packet), Ok(()), "{suite}");
        assert_eq!(packet, rtp(501));

        // One that was told goes on at once, and takes nothing from before.
        let told = receiver.positions().next().expect("one stream");
        assert_eq!((told.rollovers, told.sequence), (2, 501));
        let mut next = Receiver::new(&master(suite), 0);
        next.resume(told);
        let mut again = rtp(501);
        advanced(suite).protect_rtp(&mut again).expect("room");
        assert_eq!(next.unprotect_rtp(&mut again), Err(Refused::Replayed));

        // A sender that went on skips what it may have sent since its position was read.
        let position = sender.positions().next().expect("one stream").ahead(100);
        let mut sender = Sender::new(&master(suite));
        sender.resume(position);
        let mut packet = rtp(602);
        sender.protect_rtp(&mut packet).expect("room");
        assert_eq!(next.unprotect_rtp(&mut packet), Ok(()));
        let mut report = rtcp();
        sender.protect_rtcp(&mut report).expect("room");
        assert_eq!(next.unprotect_rtcp(&mut report), Ok(()));
        assert_eq!(sender.positions().next().map(|it| it.rtcp), Some(110));
    }
}

#[test]
fn a_stream_whose_first_packets_before_a_wrap_were_lost_is_heard() {
    let suite = Suite::AesCm128HmacSha1_80;
    let mut sender = Sender::new(&master(suite));
    sender.protect_rtp(&mut rtp(0xffff)).expect("room");
    let mut packet = rtp(0);
    sender.protect_rtp(&mut packet).expect("room");
    let mut receiver = Receiver::new(&master(suite), 0);
    assert_eq!(receiver.unprotect_rtp(&mut packet), Ok(()));
}

#[test]
fn a_phone_with_ever_new_sources_is_heard_and_a_sender_never_forgets() {
    let suite = Suite::AesCm128HmacSha1_32;
    let with = |ssrc: u8| {
        let mut packet = rtp(1);
        packet[11] = ssrc;
        packet
    };
    let mut receiver = Receiver::new(&master(suite), 0);
    for ssrc in 0..200 {
        let mut sender = Sender::new(&master(suite));
        let mut packet = with(ssrc);
        sender.protect_rtp(&mut packet).expect("room");
        assert_eq!(receiver.unprotect_rtp(&mut packet), Ok(()));
    }
    assert_eq!(receiver.positions().count(), STREAMS_MAX);
    let mut sender = Sender::new(&master(suite));
    for ssrc in 0..32 {
        assert_eq!(sender.protect_rtp(&mut with(ssrc)), Ok(()));
    }
    assert_eq!(sender.protect_rtp(&mut with(99)), Err(Refused::KeyUsedUp));
}

#[test]
fn a_key_is_not_used_more_often_than_it_may_be() {
    let mut sender = Sender::new(&master(Suite::AesCm128HmacSha1_80));
    sender.resume(Position {
        ssrc: 0xcafe_babe,
        rollovers: u32::MAX,
        sequence: 0xffff,
        rtcp: (1 << 31) - 1,
    });
    let mut packet = rtp(0);
    assert_eq!(sender.protect_rtp(&mut packet), Err(Refused::KeyUsedUp));
    assert_eq!(packet, rtp(0));
    assert_eq!(sender.protect_rtcp(&mut rtcp()), Err(Refused::KeyUsedUp));
}

#[test]
fn keys_are_not_shown() {
    let master = master(Suite::AesCm128HmacSha1_80);
    let (sender, receiver) = (Sender::new(&master), Receiver::new(&master, 0));
    let shown = format!("{master:?} {sender:?} {receiver:?}");
    assert_eq!(
        shown,
        "Master(AES_CM_128_HMAC_SHA1_80, ..) Sender(AES_CM_128_HMAC_SHA1_80, ..) \
         Receiver(AES_CM_128_HMAC_SHA1_80, ..)"
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..100), mki in 0_usize..130
    ) {
        for suite in Suite::ALL {
            let mut receiver = Receiver::new(&master(suite), mki);
            prop_assert!(receiver.unprotect_rtp(&mut bytes.clone()).is_err());
            prop_assert!(receiver.unprotect_rtcp(&mut bytes.clone()).is_err());
            let mut sender = Sender::new(&master(suite));
            let _ = sender.protect_rtp(&mut bytes.clone());
            let _ = sender.protect_rtcp(&mut bytes.clone());
        }
    }

    #[test]
    fn reordering_and_loss_across_wraps_are_survived(
        steps in proptest::collection::vec(0_u16..900, 1..80)
    ) {
        let suite = Suite::AesCm128HmacSha1_80;
        let mut sender = Sender::new(&master(suite));
        let mut receiver = Receiver::new(&master(suite), 0);
        let mut sequence = 64_000_u16;
        let mut held: Option<Vec<u8>> = None;
        for (at, step) in steps.into_iter().enumerate() {
            sequence = sequence.wrapping_add(step + 1);
            let mut packet = rtp(sequence);
            sender.protect_rtp(&mut packet).expect("room");
            // Every third packet comes after the next one; it is in the window when close.
            if at % 3 == 2 {
                held = Some(packet);
                continue;
            }
            prop_assert_eq!(receiver.unprotect_rtp(&mut packet), Ok(()));
            if let Some(mut late) = held.take() {
                let passes = receiver.unprotect_rtp(&mut late).is_ok();
                prop_assert_eq!(passes, step < 63);
            }
        }
    }
}
