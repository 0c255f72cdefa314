use std::net::IpAddr;
use std::time::Duration;

use sansio::{Entropy, Instant};

use super::*;
use crate::method::Method;
use crate::uri::Uri;

const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 10));
const URI: &str = "sip:101@box.example;transport=UDP";

fn authenticator() -> Authenticator {
    Authenticator::new("ramal", &Entropy::new([7; 32]))
}

fn alice() -> Ha1 {
    Ha1::from_password("100", "ramal", "right")
}

/// What a client with this password sends to the challenge.
fn answer(challenge: &Challenge, password: &str, nc: u32) -> Credentials {
    let sent = Challenge::parse(challenge.to_string().as_bytes()).expect("our own challenge");
    let ha1 = Ha1::from_password("100", "ramal", password);
    let value = sent.answer("100", &ha1, &Method::Invite, URI, nc, "0a4f113b");
    Credentials::parse(value.as_bytes()).expect("our own answer")
}

/// RFC 7616 §3.9.1.
#[test]
fn the_vectors_of_rfc_7616_hold() {
    let ha1 = Ha1::from_password("Mufasa", "http-auth@example.org", "Circle of Life");
    let check = |algorithm: &str, response: &str| {
        let value = format!(
            "Digest username=\"Mufasa\",\r\n realm=\"http-auth@example.org\", \
             uri=\"/dir/index.html\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
             cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, \
             response=\"{response}\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        )
        .replace("\r\n", "");
        let credentials = Credentials::parse(value.as_bytes()).expect("legible");
        let algorithm = credentials.algorithm.flatten().expect("one we speak");
        let get = Method::Other("GET".into());
        let expected = credentials.expected(&ha1, algorithm, &get);
        assert_eq!(expected.as_str(), response);
    };
    check("MD5", "8ca523f5e9506fed4657c9700eebdbec");
    check(
        "SHA-256",
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    );
}

#[test]
fn both_algorithms_are_offered_and_accepted() {
    let mut server = authenticator();
    let [first, second] = server.challenges(Instant::ORIGIN, SOURCE, false);
    assert_eq!(first.algorithm, Algorithm::Sha256);
    assert_eq!(second.algorithm, Algorithm::Md5);
    assert!(
        first
            .to_string()
            .contains("algorithm=SHA-256, qop=\"auth\"")
    );
    for (challenge, nc) in [(first, 1), (second, 2)] {
        let sent = answer(&challenge, "right", nc);
        let verdict = server.check(
            Instant::ORIGIN,
            SOURCE,
            &Method::Invite,
            &sent,
            Some(&alice()),
        );
        assert_eq!(verdict, Verdict::Accepted);
    }
}

/// rsip 0.4 reads `nc` as a decimal byte: the tenth request of a phone failed.
#[test]
fn nc_is_hexadecimal_and_only_grows() {
    let mut server = authenticator();
    let [challenge, _] = server.challenges(Instant::ORIGIN, SOURCE, false);
    let mut check = |nc: u32, expected: Verdict| {
        let sent = answer(&challenge, "right", nc);
        let verdict = server.check(
            Instant::ORIGIN,
            SOURCE,
            &Method::Invite,
            &sent,
            Some(&alice()),
        );
        assert_eq!(verdict, expected, "{nc:08x}");
    };
    check(0, Verdict::Stale(StaleCause::Replayed));
    check(9, Verdict::Accepted);
    check(0x0a, Verdict::Accepted);
    check(0x0a, Verdict::Stale(StaleCause::Replayed));
    check(9, Verdict::Stale(StaleCause::Replayed));
    check(0x10, Verdict::Accepted);
    check(0xffff_ffff, Verdict::Accepted);
}

#[test]
fn a_wrong_password_an_unknown_user_and_a_wrong_realm_are_refused_alike() {
    let mut server = authenticator();
    let [challenge, _] = server.challenges(Instant::ORIGIN, SOURCE, false);
    let mut check = |sent: &Credentials, ha1: Option<&Ha1>| {
        let verdict = server.check(Instant::ORIGIN, SOURCE, &Method::Invite, sent, ha1);
        assert_eq!(verdict, Verdict::Refused);
    };
    check(&answer(&challenge, "wrong", 1), Some(&alice()));
    check(&answer(&challenge, "right", 1), None);
    let mut other = answer(&challenge, "right", 1);
    other.realm = "elsewhere".to_owned();
    check(&other, Some(&alice()));
    let mut integrity = answer(&challenge, "right", 1);
    if let Some(qop) = &mut integrity.qop {
        qop.qop = "auth-int".to_owned();
    }
    let expected = integrity.expected(&alice(), Algorithm::Sha256, &Method::Invite);
    integrity.response = expected.as_str().to_owned();
    check(&integrity, Some(&alice()));
    let mut unknown = answer(&challenge, "right", 1);
    unknown.algorithm = Some(None);
    check(&unknown, Some(&alice()));
}

#[test]
fn a_refused_digest_leaves_the_nonce_usable() {
    let mut server = authenticator();
    let [challenge, _] = server.challenges(Instant::ORIGIN, SOURCE, false);
    let mut check = |password: &str| {
        let sent = answer(&challenge, password, 1);
        server.check(
            Instant::ORIGIN,
            SOURCE,
            &Method::Invite,
            &sent,
            Some(&alice()),
        )
    };
    assert_eq!(check("wrong"), Verdict::Refused);
    assert_eq!(check("right"), Verdict::Accepted);
}

#[test]
fn an_old_or_foreign_nonce_is_stale_whatever_the_password_is() {
    let mut server = authenticator();
    let [challenge, _] = server.challenges(Instant::ORIGIN, SOURCE, false);
    let late = Instant::ORIGIN + NONCE_LIFETIME + Duration::from_nanos(1);
    let elsewhere = IpAddr::from([192, 0, 2, 11]);
    let mut check = |now, source, password: &str, nc, expected: Verdict| {
        for ha1 in [Some(&alice()), None] {
            let sent = answer(&challenge, password, nc);
            let verdict = server.check(now, source, &Method::Invite, &sent, ha1);
            assert_eq!(verdict, expected, "{password} {nc}");
        }
    };
    let now = Instant::ORIGIN;
    for password in ["right", "wrong"] {
        check(
            late,
            SOURCE,
            password,
            1,
            Verdict::Stale(StaleCause::Expired),
        );
        check(
            now,
            elsewhere,
            password,
            1,
            Verdict::Stale(StaleCause::Unknown),
        );
        check(
            now,
            SOURCE,
            password,
            0,
            Verdict::Stale(StaleCause::Replayed),
        );
    }
    let sent = answer(&challenge, "right", 7);
    let last = now + NONCE_LIFETIME;
    let mut accepted = || server.check(last, SOURCE, &Method::Invite, &sent, Some(&alice()));
    assert_eq!(accepted(), Verdict::Accepted);
    assert_eq!(accepted(), Verdict::Stale(StaleCause::Replayed));
    let wrong = answer(&challenge, "wrong", 7);
    let replayed = server.check(last, SOURCE, &Method::Invite, &wrong, Some(&alice()));
    assert_eq!(replayed, Verdict::Stale(StaleCause::Replayed));
    let [again, _] = server.challenges(late, SOURCE, true);
    assert!(again.to_string().contains("stale=true"));
}

#[test]
fn the_legacy_digest_without_qop_is_accepted_once_for_each_nonce() {
    let mut server = authenticator();
    let [_, mut challenge] = server.challenges(Instant::ORIGIN, SOURCE, false);
    challenge.qop_auth = false;
    let sent = answer(&challenge, "right", 1);
    assert_eq!(sent.qop, None);
    let mut check = |expected| {
        let (now, alice) = (Instant::ORIGIN, alice());
        let verdict = server.check(now, SOURCE, &Method::Invite, &sent, Some(&alice));
        assert_eq!(verdict, expected);
    };
    check(Verdict::Accepted);
    check(Verdict::Stale(StaleCause::Replayed));
}

/// rsip 0.4 writes `transport=WS` where `ws` was sent, and the digest no longer fits.
#[test]
fn the_uri_counts_as_it_was_sent() {
    let mut server = authenticator();
    let [challenge, _] = server.challenges(Instant::ORIGIN, SOURCE, false);
    let mut sent = answer(&challenge, "right", 1);
    assert_eq!(sent.uri, URI);
    assert!(sent.covers(&Uri::parse(b"sip:101@BOX.example;transport=udp").expect("a URI")));
    assert!(!sent.covers(&Uri::parse(b"sip:102@box.example;transport=udp").expect("a URI")));
    sent.uri = URI.to_lowercase();
    let verdict = server.check(
        Instant::ORIGIN,
        SOURCE,
        &Method::Invite,
        &sent,
        Some(&alice()),
    );
    assert_eq!(verdict, Verdict::Refused);
}

#[test]
fn another_method_needs_another_digest() {
    let mut server = authenticator();
    let [challenge, _] = server.challenges(Instant::ORIGIN, SOURCE, false);
    let sent = answer(&challenge, "right", 1);
    let verdict = server.check(
        Instant::ORIGIN,
        SOURCE,
        &Method::Register,
        &sent,
        Some(&alice()),
    );
    assert_eq!(verdict, Verdict::Refused);
}

#[test]
fn credentials_that_are_no_digest_are_not_read() {
    let check = |value: &str| assert_eq!(Credentials::parse(value.as_bytes()), None, "{value}");
    check("");
    check("Digest");
    check("Basic dXNlcjpwYXNz");
    check("Digest username=\"a\"");
    check("Digest username=\"a, realm=b, nonce=c, uri=d, response=e");
    check("Digest username=a, realm=b, nonce=c, uri=d, response=e, qop=auth");
    check("Digest username=a, username=b, realm=b, nonce=c, uri=d, response=e");
    check(&format!("Digest {}", "x=y, ".repeat(2000)));
}

#[test]
fn a_comma_or_an_angle_in_quotes_ends_nothing() {
    let value = "digest USERNAME=\"a,<b\" , realm = \"r\\\"\",nonce=n,uri=\"sip:x\",response=\"f\"";
    let credentials = Credentials::parse(value.as_bytes()).expect("legible");
    assert_eq!(credentials.username, "a,<b");
    assert_eq!(credentials.realm, "r\"");
    assert_eq!(credentials.algorithm, None);
}

#[test]
fn secrets_do_not_print() {
    let mut server = authenticator();
    let [challenge, _] = server.challenges(Instant::ORIGIN, SOURCE, false);
    let sent = answer(&challenge, "right", 1);
    let printed = format!("{:?} {sent:?} {server:?}", alice());
    assert!(!printed.contains(alice().hex(Algorithm::Md5)));
    assert!(!printed.contains(&sent.response));
}

#[test]
fn stored_hashes_are_checked_for_their_form() {
    let ha1 = alice();
    let (md5, sha256) = (ha1.hex(Algorithm::Md5), ha1.hex(Algorithm::Sha256));
    assert_eq!(Ha1::from_hex(md5, sha256), Some(ha1.clone()));
    assert_eq!(
        Ha1::from_hex(&md5.to_uppercase(), sha256),
        Some(ha1.clone())
    );
    assert_eq!(Ha1::from_hex(sha256, md5), None);
    assert_eq!(Ha1::from_hex("", ""), None);
}

thread_local! {
    /// Hashes computed by this thread.
    pub(super) static HASHES: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// pbx trap 33: what a guesser is told and how long it takes must not depend on what he guessed.
#[test]
fn every_refusal_costs_as_many_hashes_as_an_acceptance() {
    let mut server = authenticator();
    let mut work = |password: &str, ha1: Option<&Ha1>, now, expected| {
        let [challenge, _] = server.challenges(Instant::ORIGIN, SOURCE, false);
        let sent = answer(&challenge, password, 1);
        HASHES.with(|hashes| hashes.set(0));
        let verdict = server.check(now, SOURCE, &Method::Invite, &sent, ha1);
        assert_eq!(verdict, expected);
        HASHES.with(std::cell::Cell::get)
    };
    let (now, alice) = (Instant::ORIGIN, alice());
    let accepted = work("right", Some(&alice), now, Verdict::Accepted);
    assert!(accepted > 0);
    assert_eq!(work("wrong", Some(&alice), now, Verdict::Refused), accepted);
    assert_eq!(work("wrong", None, now, Verdict::Refused), accepted);
    assert_eq!(work("right", None, now, Verdict::Refused), accepted);
    // With a nonce that cannot be used nothing is compared at all.
    let late = now + NONCE_LIFETIME + Duration::from_secs(1);
    let stale = Verdict::Stale(StaleCause::Expired);
    let cheap = work("right", Some(&alice), late, stale);
    assert!(cheap < accepted);
    assert_eq!(work("wrong", Some(&alice), late, stale), cheap);
    assert_eq!(work("wrong", None, late, stale), cheap);
}
