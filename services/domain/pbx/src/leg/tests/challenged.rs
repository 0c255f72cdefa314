//! Credentials of ours (RFC 3261 §22, RFC 7616, RFC 8760; pbx trap 6).

use sip::digest::{Algorithm, Authenticator, Credentials, Ha1, Verdict};

use super::*;

fn login(realm: Option<&str>) -> Login {
    Login {
        user: "box".to_owned(),
        password: ipc::Redacted::new("secret".to_owned()),
        realm: realm.map(str::to_owned),
    }
}

/// A carrier that checks what we send.
struct Carrier {
    authenticator: Authenticator,
    ha1: Ha1,
}

impl Carrier {
    fn new() -> Self {
        Self {
            authenticator: Authenticator::new("carrier", &Entropy::new([3; 32])),
            ha1: Ha1::from_password("box", "carrier", "secret"),
        }
    }

    fn challenges(&mut self, bench: &Bench, stale: bool) -> Vec<String> {
        let source = flow().local.ip();
        let all = self.authenticator.challenges(bench.core.now, source, stale);
        all.iter().map(ToString::to_string).collect()
    }

    fn verdict(&mut self, bench: &Bench, request: &Request) -> Verdict {
        let sent = credentials(request);
        let source = flow().local.ip();
        assert!(sent.covers(&request.uri));
        let (now, ha1) = (bench.core.now, Some(&self.ha1));
        self.authenticator
            .check(now, source, &request.method, &sent, ha1)
    }
}

fn credentials(request: &Request) -> Credentials {
    let name = HeaderName::Authorization;
    let mut all = request.headers.credentials(&name);
    all.next().expect("credentials")
}

fn unauthorized(challenges: &[String]) -> Vec<(HeaderName, &str)> {
    challenges
        .iter()
        .map(|one| (HeaderName::WwwAuthenticate, one.as_str()))
        .collect()
}

#[test]
fn a_challenge_is_answered_under_the_next_cseq_and_counted_on() {
    let mut bench = Bench::new(profile());
    let mut carrier = Carrier::new();
    let (leg, invite) = bench.outgoing(Some(login(None)));
    let callee = Remote::callee(&invite, "c1");
    let asked = carrier.challenges(&bench, false);
    bench.receive(&callee.answer(&invite, 401, &unauthorized(&asked), ""));
    bench.request(Method::Ack);
    let again = bench.request(Method::Invite);
    let number = |request: &Request| request.headers.cseq().expect("CSeq").number;
    assert_eq!(number(&again), number(&invite) + 1);
    assert_eq!(again.headers.call_id(), invite.headers.call_id());
    assert_eq!(again.body, invite.body);
    assert_eq!(carrier.verdict(&bench, &again), Verdict::Accepted);
    // RFC 8760 §2.4: the stronger algorithm.
    assert_eq!(credentials(&again).algorithm, Some(Some(Algorithm::Sha256)));
    bench.receive(&callee.answer(&again, 200, &[], &answer("8")));
    let ack = bench.request(Method::Ack);
    // RFC 3261 §22.1: the ACK has what its INVITE had.
    assert_eq!(credentials(&ack).response, credentials(&again).response);
    assert_eq!(bench.event(), LegEvent::Answered);
    bench.hang_up(leg);
    let bye = bench.request(Method::Bye);
    assert_eq!(carrier.verdict(&bench, &bye), Verdict::Accepted);
    let count = credentials(&bye).qop.expect("qop").nc;
    assert_eq!(count, "00000002");
}

#[test]
fn a_wrong_password_is_not_tried_for_ever() {
    let mut bench = Bench::new(profile());
    let mut carrier = Carrier::new();
    let (_, mut invite) = bench.outgoing(Some(login(None)));
    let callee = Remote::callee(&invite, "c1");
    let asked = carrier.challenges(&bench, false);
    bench.receive(&callee.answer(&invite, 401, &unauthorized(&asked), ""));
    bench.request(Method::Ack);
    invite = bench.request(Method::Invite);
    // The same nonce again, not stale: the credentials are wrong.
    bench.receive(&callee.answer(&invite, 401, &unauthorized(&asked), ""));
    bench.request(Method::Ack);
    bench.silent();
    let LegEvent::Failed { status, .. } = bench.event() else {
        panic!("it failed");
    };
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    bench.all_gone();

    // A new nonce each time does not help either.
    let (_, mut invite) = bench.outgoing(Some(login(None)));
    let mut rounds = 0;
    loop {
        rounds += 1;
        assert!(rounds < 10, "it gives up");
        bench.wait(seconds(1));
        let asked = carrier.challenges(&bench, false);
        bench.sent.clear();
        bench.receive(&callee.answer(&invite, 401, &unauthorized(&asked), ""));
        bench.request(Method::Ack);
        if bench.sent.is_empty() {
            break;
        }
        invite = bench.request(Method::Invite);
    }
    assert!(rounds <= 4);
}

#[test]
fn another_realm_gets_nothing() {
    // A server that names another realm would get hashes to guess the password from.
    let check = |realm: Option<&str>, asks: &str, answered: bool| {
        let mut bench = Bench::new(profile());
        let (_, invite) = bench.outgoing(Some(login(realm)));
        let callee = Remote::callee(&invite, "c1");
        let asked = [format!(
            "Digest realm=\"{asks}\", nonce=\"n\", qop=\"auth\""
        )];
        bench.receive(&callee.answer(&invite, 401, &unauthorized(&asked), ""));
        bench.request(Method::Ack);
        assert_eq!(!bench.sent.is_empty(), answered);
    };
    check(Some("carrier"), "carrier", true);
    check(Some("carrier"), "elsewhere", false);
    check(None, "anything", true);
}

#[test]
fn the_first_realm_that_asked_stays_the_only_one() {
    let mut bench = Bench::new(profile());
    let (leg, invite) = bench.outgoing(Some(login(None)));
    let callee = Remote::callee(&invite, "c1");
    let asks = |realm: &str| {
        [format!(
            "Digest realm=\"{realm}\", nonce=\"n\", qop=\"auth\""
        )]
    };
    bench.receive(&callee.answer(&invite, 401, &unauthorized(&asks("one")), ""));
    bench.request(Method::Ack);
    let again = bench.request(Method::Invite);
    bench.receive(&callee.answer(&again, 200, &[], &answer("8")));
    bench.request(Method::Ack);
    bench.hang_up(leg);
    let bye = bench.request(Method::Bye);
    bench.receive(&callee.answer(&bye, 401, &unauthorized(&asks("two")), ""));
    bench.silent();
    bench.all_gone();
}

#[test]
fn a_stale_nonce_is_replaced_in_the_middle_of_a_call() {
    let mut bench = Bench::new(profile());
    let mut carrier = Carrier::new();
    let (leg, invite) = bench.outgoing(Some(login(None)));
    let callee = Remote::callee(&invite, "c1");
    let asked = carrier.challenges(&bench, false);
    bench.receive(&callee.answer(&invite, 401, &unauthorized(&asked), ""));
    bench.request(Method::Ack);
    let again = bench.request(Method::Invite);
    bench.receive(&callee.answer(&again, 200, &[], &answer("8 101")));
    bench.request(Method::Ack);
    bench.wait(sip::digest::NONCE_LIFETIME + seconds(1));
    bench.command(|legs, core| legs.renegotiate(core, leg, &[codec("PCMU", 0)]));
    let stale = bench.request(Method::Invite);
    assert!(matches!(carrier.verdict(&bench, &stale), Verdict::Stale(_)));
    let asked = carrier.challenges(&bench, true);
    bench.receive(&callee.answer(&stale, 401, &unauthorized(&asked), ""));
    bench.request(Method::Ack);
    let fresh = bench.request(Method::Invite);
    assert_eq!(carrier.verdict(&bench, &fresh), Verdict::Accepted);
    let number = |request: &Request| request.headers.cseq().expect("CSeq").number;
    assert_eq!(number(&fresh), number(&stale) + 1);
    bench.receive(&callee.answer(&fresh, 200, &[], &answer("0 101")));
    assert_eq!(number(&bench.request(Method::Ack)), number(&fresh));
}

#[test]
fn a_proxy_and_a_server_may_both_ask() {
    let mut bench = Bench::new(profile());
    let (_, invite) = bench.outgoing(Some(login(None)));
    let callee = Remote::callee(&invite, "c1");
    let asks = |nonce: &str| format!("Digest realm=\"carrier\", nonce=\"{nonce}\", qop=\"auth\"");
    let proxy = asks("p");
    let by_proxy = [(HeaderName::ProxyAuthenticate, proxy.as_str())];
    bench.receive(&callee.answer(&invite, 407, &by_proxy, ""));
    bench.request(Method::Ack);
    let second = bench.request(Method::Invite);
    bench.receive(&callee.answer(&second, 401, &unauthorized(&[asks("s")]), ""));
    bench.request(Method::Ack);
    let third = bench.request(Method::Invite);
    for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
        assert_eq!(third.headers.credentials(&name).count(), 1);
    }
}

#[test]
fn without_a_login_the_challenge_is_passed_on() {
    let mut bench = Bench::new(profile());
    let (_, invite) = bench.outgoing(None);
    let callee = Remote::callee(&invite, "c1");
    let asked = ["Digest realm=\"r\", nonce=\"n\"".to_owned()];
    bench.receive(&callee.answer(&invite, 401, &unauthorized(&asked), ""));
    bench.request(Method::Ack);
    assert!(matches!(bench.event(), LegEvent::Failed { status, .. } if status.code() == 401));
}

#[test]
fn a_cancel_has_no_credentials() {
    // RFC 3261 §22.1.
    let mut bench = Bench::new(profile());
    let mut carrier = Carrier::new();
    let (leg, invite) = bench.outgoing(Some(login(None)));
    let callee = Remote::callee(&invite, "c1");
    let asked = carrier.challenges(&bench, false);
    bench.receive(&callee.answer(&invite, 401, &unauthorized(&asked), ""));
    bench.request(Method::Ack);
    let again = bench.request(Method::Invite);
    bench.receive(&callee.answer(&again, 180, &[], ""));
    bench.hang_up(leg);
    let cancel = bench.request(Method::Cancel);
    assert!(cancel.headers.first(&HeaderName::Authorization).is_none());
}
