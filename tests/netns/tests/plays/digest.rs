//! Credentials as phones use them for a long time (RFC 7616, pbx trap 6).

use netns::{Office, Telephone};
use sip::{HeaderName, Method, NameAddr, Request, StatusCode, Uri};

use crate::office;

fn register(office: &Office, phone: &Telephone, cseq: u32) -> Request {
    let host = sip::Host::from_ip(office.server().ip());
    let own = NameAddr::new(Uri::sip(Some(&phone.number), host.clone(), None));
    let uri = Uri::sip(None, host, None);
    let from = own.clone().with_tag("one");
    let mut request = Request::new(Method::Register, uri, &from, &own, "digest", cseq);
    request.headers.push(HeaderName::Contact, phone.contact());
    request
}

#[test]
fn a_nonce_serves_for_many_requests_and_its_count_is_hexadecimal() {
    let office = office(|_| {});
    let mut phone = office.telephone(0).expect("a telephone");
    let asked = phone
        .once(&register(&office, &phone, 1))
        .expect("an answer");
    let challenge = Telephone::challenge(&asked).expect("a challenge");
    let mut with = |cseq, nc| {
        let mut request = register(&office, &phone, cseq);
        let value = phone.credentials(&challenge, &request, nc);
        request.headers.push(HeaderName::Authorization, value);
        phone.once(&request).expect("an answer")
    };
    for nc in 1..=40 {
        let status = with(nc + 1, nc).status;
        assert_eq!(status, StatusCode::OK, "nc={nc:08x}");
    }
    let repeated = with(60, 10);
    assert_ne!(repeated.status, StatusCode::OK, "a count used before");
    let again = Telephone::challenge(&repeated).expect("a challenge");
    assert!(
        again.stale,
        "the password was right, so only the nonce is old"
    );
}

#[test]
fn a_nonce_of_an_earlier_process_is_stale_and_the_phone_goes_on() {
    let mut office = office(|_| {});
    let mut phone = office.telephone(0).expect("a telephone");
    let asked = phone
        .once(&register(&office, &phone, 1))
        .expect("an answer");
    let challenge = Telephone::challenge(&asked).expect("a challenge");
    office.crash_pbx().expect("it starts again");
    let mut request = register(&office, &phone, 2);
    let value = phone.credentials(&challenge, &request, 1);
    request.headers.push(HeaderName::Authorization, value);
    let refused = phone.once(&request).expect("an answer");
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let fresh = Telephone::challenge(&refused).expect("a challenge");
    assert!(fresh.stale);
    let mut request = register(&office, &phone, 3);
    let value = phone.credentials(&fresh, &request, 1);
    request.headers.push(HeaderName::Authorization, value);
    let accepted = phone.once(&request).expect("an answer");
    assert_eq!(accepted.status, StatusCode::OK);
}

#[test]
fn sipp_counts_in_hexadecimal_under_one_nonce() {
    let office = office(|_| {});
    office
        .phone(0)
        .play("registers_forty_times", &[])
        .expect("each is let in");
    let messages = office.messages("registers_forty_times").expect("a trace");
    for nc in ["nc=00000009", "nc=0000000a", "nc=00000010", "nc=00000028"] {
        assert!(messages.contains(nc), "{nc} was not sent");
    }
}

#[test]
fn sipp_goes_on_when_its_nonce_is_stale() {
    let mut office = office(|_| {});
    let phone = office.phone(0);
    let registering = std::thread::spawn(move || phone.play("registers_until_stale", &[]));
    office.wait_for_registrations(1).expect("it is let in");
    office.crash_pbx().expect("it starts again");
    let registered = registering.join().expect("a thread");
    registered.expect("it is let in again");
}
