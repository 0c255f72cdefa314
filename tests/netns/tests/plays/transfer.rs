//! Two calls at one phone become one between the others (RFC 3515, RFC 3891).

use std::net::SocketAddr;

use native::number;
use netns::{Dialog, Office, Telephone};
use sip::{Method, StatusCode};

use crate::office;

/// A telephone that answers one call, on a thread of its own on the same network.
fn answering(office: &Office, index: usize) -> std::thread::JoinHandle<(Telephone, Dialog)> {
    let mut phone = office.telephone(index).expect("a telephone");
    let registered = phone.register().expect("an answer");
    assert_eq!(registered.status, StatusCode::OK);
    std::thread::spawn(move || {
        let dialog = phone.answer().expect("a call");
        (phone, dialog)
    })
}

/// A sends RTP until B hears some of it.
fn hears(from: &Telephone, to_box: SocketAddr, at: &Telephone) -> bool {
    let mut packet = [0xd5; 172];
    packet[..12].copy_from_slice(&[0x80, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]);
    let wait = Some(std::time::Duration::from_millis(20));
    at.media.set_read_timeout(wait).expect("a socket");
    (0..100u8).any(|count| {
        packet[3] = count;
        packet[6] = count.to_be_bytes()[0];
        from.media.send_to(&packet, to_box).expect("sent");
        let mut heard = [0; 256];
        let length = at.media.recv(&mut heard).unwrap_or(0);
        let sound = heard.get(..length).unwrap_or_default();
        sound.ends_with(&[0xd5; 160])
    })
}

#[test]
fn an_attended_transfer_joins_the_other_two() {
    let office = office(|_| {});
    let first = answering(&office, 1);
    let second = answering(&office, 2);
    let mut phone = office.telephone(0).expect("a telephone");

    let mut to_first = phone.call(&number(1), &[]).expect("the first call");
    let (mut first, mut with_first) = first.join().expect("the first");
    let held = phone
        .request(&mut to_first, Method::Invite, &[], Some("sendonly"))
        .expect("an answer");
    assert_eq!(held.status, StatusCode::OK);
    let to_second = phone.call(&number(2), &[]).expect("the second call");
    let (mut second, mut with_second) = second.join().expect("the second");

    // As the phone sees the second dialog (RFC 3891 §3): its remote tag is to-tag.
    let refer_to = format!(
        "<sip:{}@{}?Replaces={}%3Bto-tag%3D{}%3Bfrom-tag%3D{}>",
        number(2),
        office.server().ip(),
        to_second.call_id.replace('@', "%40"),
        to_second.remote.tag().unwrap_or_default(),
        to_second.local.tag().unwrap_or_default(),
    );
    let accepted = phone
        .request(
            &mut to_first,
            Method::Refer,
            &[("Refer-To", &refer_to)],
            None,
        )
        .expect("an answer");
    assert_eq!(accepted.status.code(), 202);
    let mut told = phone.expect(&Method::Notify).expect("progress");
    while !told.body.starts_with(b"SIP/2.0 200") {
        told = phone.expect(&Method::Notify).expect("progress");
    }
    phone.expect(&Method::Bye).expect("the end of a call");
    phone.expect(&Method::Bye).expect("the end of the other");

    assert!(
        hears(&first, with_first.media, &second),
        "the second hears the first"
    );
    assert!(
        hears(&second, with_second.media, &first),
        "and the first the second"
    );
    let ended = first
        .request(&mut with_first, Method::Bye, &[], None)
        .expect("an answer");
    assert_eq!(ended.status, StatusCode::OK);
    second.expect(&Method::Bye).expect("the end");
    let _ = &mut with_second;
}
