//! SRTP by keys in the description (RFC 4568; pbx trap 21).

use ipc::sound::Suite;

use super::*;

const KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

fn encrypting(srtp: Encryption) -> Profile {
    Profile { srtp, ..profile() }
}

fn secure_offer(protocol: &str, lines: &str) -> String {
    let offer = OFFER.replace("RTP/AVP", protocol);
    format!("{offer}{lines}")
}

fn crypto(tag: u32, suite: &str) -> String {
    format!("a=crypto:{tag} {suite} inline:{KEY}|2^31\r\n")
}

#[test]
fn a_secure_offer_is_answered_with_a_key_of_ours_under_its_tag() {
    // Even when we do not encrypt by ourselves: the peer insists.
    for srtp in [Encryption::Off, Encryption::Optional, Encryption::Required] {
        let mut bench = Bench::new(encrypting(srtp));
        let mut caller = Remote::caller();
        let lines = crypto(1, "AES_256_CM_HMAC_SHA1_80") + &crypto(2, "AES_CM_128_HMAC_SHA1_32");
        let offer = secure_offer("RTP/SAVP", &lines);
        let leg = bench.incoming(&mut caller, "", &offer);
        bench.command(|legs, core| legs.answer(core, leg, &[]));
        let text = body(&bench.response(200).body);
        assert!(
            text.contains("m=audio 20000 RTP/SAVP 8 0 101\r\n"),
            "{text}"
        );
        assert!(text.contains("a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:"));
        assert!(!text.contains(KEY), "our own key");
        let agreed = bench.agreed().crypto.expect("keys");
        assert_eq!(agreed.suite, Suite::AesCm128HmacSha1_32);
        assert_eq!(agreed.send.reveal().len(), 30);
        assert_ne!(agreed.send, agreed.receive[0].key);
    }
}

/// RFC 4568 §6.1: what names a key in packets is taken as it comes, but a line without is better.
#[test]
fn a_line_with_an_mki_is_taken_when_there_is_none_without() {
    let check = |lines: &str, tag: &str, mki: (u64, u8)| {
        let mut bench = Bench::new(encrypting(Encryption::Optional));
        let mut caller = Remote::caller();
        let leg = bench.incoming(&mut caller, "", &secure_offer("RTP/SAVP", lines));
        bench.command(|legs, core| legs.answer(core, leg, &[]));
        let text = body(&bench.response(200).body);
        let line = text.lines().find(|line| line.starts_with("a=crypto:"));
        let line = line.expect("a line of ours");
        assert!(line.starts_with(&format!("a=crypto:{tag} ")), "{line}");
        assert!(!line.contains('|'), "ours has no MKI: {line}");
        let agreed = bench.agreed().crypto.expect("keys");
        assert_eq!((agreed.receive[0].mki, agreed.mki_length), mki);
    };
    let named = crypto(1, "AES_CM_128_HMAC_SHA1_80").replace("|2^31", "|2^31|1:4");
    check(&named, "1", (1, 4));
    let bare = crypto(2, "AES_CM_128_HMAC_SHA1_32");
    check(&(named + &bare), "2", (0, 0));
}

#[test]
fn keys_beside_plain_rtp_are_taken_when_we_encrypt() {
    let check = |srtp, encrypted: bool| {
        let mut bench = Bench::new(encrypting(srtp));
        let mut caller = Remote::caller();
        let lines = crypto(1, "AES_CM_128_HMAC_SHA1_80");
        let leg = bench.incoming(&mut caller, "", &secure_offer("RTP/AVP", &lines));
        bench.command(|legs, core| legs.answer(core, leg, &[]));
        let text = body(&bench.response(200).body);
        assert!(text.contains("RTP/AVP 8 0 101"));
        assert_eq!(text.contains("a=crypto:1 "), encrypted);
        assert_eq!(bench.agreed().crypto.is_some(), encrypted);
    };
    check(Encryption::Off, false);
    check(Encryption::Optional, true);
    check(Encryption::Required, true);
}

#[test]
fn what_must_be_encrypted_and_is_not_is_488() {
    let check = |srtp, offer: &str| {
        let mut bench = Bench::new(encrypting(srtp));
        let mut caller = Remote::caller();
        bench.receive(&caller.invite("", offer));
        let (id, flow, request) = bench.arrived.pop_front().expect("an INVITE");
        let (peer, profile) = (Peer::Trunk("t".to_owned()), encrypting(srtp));
        let refused =
            bench.command(|legs, core| legs.incoming(core, id, flow, &request, peer, profile));
        assert_eq!(refused, Err(StatusCode::NOT_ACCEPTABLE_HERE));
    };
    check(Encryption::Required, OFFER);
    check(Encryption::Off, &secure_offer("RTP/SAVP", ""));
    let unknown = crypto(1, "AES_256_CM_HMAC_SHA1_80");
    check(Encryption::Optional, &secure_offer("RTP/SAVP", &unknown));
}

#[test]
fn our_offers_have_keys_as_the_profile_says() {
    let offer = |srtp| {
        let mut bench = Bench::new(encrypting(srtp));
        let (_, invite) = bench.outgoing(None);
        body(&invite.body)
    };
    assert!(!offer(Encryption::Off).contains("crypto"));
    let optional = offer(Encryption::Optional);
    assert!(
        optional.contains("RTP/AVP ") && optional.contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80")
    );
    let required = offer(Encryption::Required);
    assert_eq!(optional.matches("a=crypto:").count(), 2);
    assert!(required.contains("RTP/SAVP ") && required.matches("a=crypto:").count() == 3);
}

#[test]
fn an_answer_with_a_key_is_used_and_one_without_refused_when_it_must_be() {
    let check = |srtp, protocol: &str, lines: &str, agreed: Option<bool>| {
        let mut bench = Bench::new(encrypting(srtp));
        let (_, invite) = bench.outgoing(None);
        let callee = Remote::callee(&invite, "b1");
        let text = format!("{}{lines}", answer("8").replace("RTP/AVP", protocol));
        bench.receive(&callee.answer(&invite, 200, &[], &text));
        bench.request(Method::Ack);
        match agreed {
            Some(encrypted) => {
                assert_eq!(bench.event(), LegEvent::Answered);
                assert_eq!(bench.agreed().crypto.is_some(), encrypted);
            }
            None => drop(bench.request(Method::Bye)),
        }
    };
    let taken = crypto(1, "AES_CM_128_HMAC_SHA1_80");
    check(Encryption::Optional, "RTP/AVP", &taken, Some(true));
    let named = taken.replace("|2^31", "|2^31|7:1");
    check(Encryption::Optional, "RTP/AVP", &named, Some(true));
    check(Encryption::Optional, "RTP/AVP", "", Some(false));
    check(Encryption::Required, "RTP/SAVP", &taken, Some(true));
    check(Encryption::Required, "RTP/SAVP", "", None);
    // A line that does not answer any of ours.
    let other = crypto(2, "AES_CM_128_HMAC_SHA1_80");
    check(Encryption::Required, "RTP/SAVP", &other, None);
}

#[test]
fn a_re_invite_keeps_our_key_and_takes_a_new_one_of_the_peers() {
    // pbx trap 21: nothing starts anew that need not.
    let mut bench = Bench::new(encrypting(Encryption::Optional));
    let mut caller = Remote::caller();
    let lines = crypto(1, "AES_CM_128_HMAC_SHA1_80");
    let offer = secure_offer("RTP/SAVP", &lines);
    let leg = bench.incoming(&mut caller, "", &offer);
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    bench.response(200);
    bench.receive(&caller.ack(""));
    let first = bench.agreed().crypto.expect("keys");
    let changed = offer.replace("inline:d0", "inline:e0");
    bench.receive(&caller.request("INVITE", "", &changed));
    bench.response(200);
    let second = bench.agreed().crypto.expect("keys");
    assert_eq!(first.send, second.send);
    assert_ne!(first.receive, second.receive);
}

#[test]
fn the_keys_of_the_media_are_in_no_debug_text() {
    let mut bench = Bench::new(encrypting(Encryption::Optional));
    let mut caller = Remote::caller();
    let lines = crypto(1, "AES_CM_128_HMAC_SHA1_80");
    let leg = bench.incoming(&mut caller, "", &secure_offer("RTP/SAVP", &lines));
    bench.command(|legs, core| legs.answer(core, leg, &[]));
    let text = body(&bench.response(200).body);
    let ours = text.split("inline:").nth(1).expect("our key");
    let ours = ours.split(['|', '\r']).next().expect("our key");
    assert!(ours.len() >= 40, "{}", ours.len());
    let row = saved(&bench, leg).expect("confirmed");
    let row = format!("{row:?}");
    assert!(!row.contains(ours) && !row.contains(KEY), "{row}");
    let legs = format!("{:?}", bench.legs);
    assert!(!legs.contains(ours), "{legs}");
}
