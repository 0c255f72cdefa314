//! A Kamailio as the carrier at the far end of a trunk, and SIPp as the world behind it.

use std::net::SocketAddr;

use ipc::Redacted;
use ipc::site::{Destination, NumberForm, Route, Site, Source, Trunk, TrunkAccess, TrunkTransport};
use native::{Kamailio, PASSWORD, number};
use netns::{Office, Phone};

use crate::office;

/// Who is outside the office: two carriers, and somebody behind them who calls and is called.
const CARRIER: u8 = 1;
const SECOND_CARRIER: u8 = 2;
const SOMEBODY: u8 = 3;
/// A carrier that takes calls by address alone, and one that is nobody's.
pub(crate) const PEER: u8 = 4;
const IMPOSTOR: u8 = 5;
/// The office's own number.
pub(crate) const OWN: &str = "+551130001000";

/// An account at a carrier.
fn line(office: &Office, name: &str, carrier: u8) -> Trunk {
    Trunk {
        name: name.into(),
        access: TrunkAccess::Registering {
            server: sip(office, carrier).to_string(),
            user: "customer".into(),
            auth_user: String::new(),
            password: Redacted::new(PASSWORD.into()),
            realm: "provider.example".into(),
            expires_secs: 600,
            contact_user: String::new(),
        },
        transport: TrunkTransport::Udp,
        number_form: NumberForm::E164,
        ..Trunk::default()
    }
}

/// A carrier that is known by its address.
pub(crate) fn peer(office: &Office) -> Trunk {
    Trunk {
        name: "peer".into(),
        access: TrunkAccess::Peer {
            server: sip(office, PEER).to_string(),
            networks: vec![format!("{}/32", office.outside(PEER))],
        },
        transport: TrunkTransport::Udp,
        number_form: NumberForm::E164,
        qualify_secs: 0,
        ..Trunk::default()
    }
}

fn sip(office: &Office, who: u8) -> SocketAddr {
    SocketAddr::new(office.outside(who), 5060)
}

fn outward(trunks: &[&str]) -> Route {
    Route {
        name: "out".into(),
        enabled: true,
        sources: vec![Source::Extensions],
        pattern: "0.".into(),
        destinations: trunks
            .iter()
            .map(|name| Destination::Trunk((*name).into()))
            .collect(),
        ..Route::default()
    }
}

fn inward() -> Route {
    Route {
        name: "in".into(),
        enabled: true,
        sources: vec![Source::Trunks],
        pattern: OWN.into(),
        destinations: vec![Destination::Extension(number(1))],
        ..Route::default()
    }
}

pub(crate) fn arrange(site: &mut Site, trunks: Vec<Trunk>, first: &[&str]) {
    site.trunks = trunks;
    site.routes = vec![outward(first), inward()];
    site.dialling.owned_numbers = vec![OWN.into()];
}

/// Starts a carrier; it is gone when this is dropped.
fn carrier(office: &Office, who: u8) -> Kamailio {
    let folder = office.folder().join(format!("carrier-{who}"));
    std::fs::create_dir(&folder).expect("a folder");
    let somebody = office.outside(SOMEBODY).to_string();
    let words = [("OUTSIDE", &*somebody)];
    Kamailio::start(&folder, &netns::provider(), sip(office, who), &words).expect("it starts")
}

/// An office with its line, up when this returns.
fn connected() -> (Office, Kamailio) {
    let mut office = office(|_| {});
    let carrier = carrier(&office, CARRIER);
    let line = line(&office, "carrier", CARRIER);
    enter(&mut office, vec![line], &["carrier"]);
    office.wait_for_trunk("carrier").expect("it registers");
    (office, carrier)
}

fn enter(office: &mut Office, trunks: Vec<Trunk>, first: &[&str]) {
    office
        .configure(|site| arrange(site, trunks, first))
        .expect("the site is taken");
}

fn somebody(office: &Office) -> Phone {
    office.stranger(office.outside(SOMEBODY))
}

/// Somebody in the office calls somebody outside, who answers and is hung up.
fn call_out(office: &Office) {
    let outside = somebody(office)
        .wait("answers_outside")
        .expect("SIPp starts");
    let caller = office.phone(0);
    caller.dial("calls", "011988887777").expect("the caller");
    outside.finish().expect("the outside");
}

#[test]
fn a_call_goes_out_by_a_registered_trunk() {
    let (office, _carrier) = connected();
    call_out(&office);
}

#[test]
fn a_call_comes_in_by_a_registered_trunk() {
    let (office, _carrier) = connected();
    let callee = office.registered(1).expect("it registers");
    let callee = callee.wait("answers").expect("SIPp starts");
    somebody(&office)
        .call_by(sip(&office, CARRIER), "calls_from_outside")
        .expect("the caller");
    callee.finish().expect("the callee");
}

#[test]
fn a_trunk_out_of_service_hands_the_call_to_the_next() {
    let (mut office, _carrier) = connected();
    let trunks = vec![peer(&office), line(&office, "carrier", CARRIER)];
    enter(&mut office, trunks, &["peer", "carrier"]);
    office.wait_for_trunk("carrier").expect("it registers");
    let down = office.stranger(office.outside(PEER));
    let down = down.wait("is_out_of_service").expect("SIPp starts");
    call_out(&office);
    down.finish().expect("the first trunk was asked");
}

#[test]
fn a_carrier_that_has_died_hands_the_call_to_the_next() {
    let (mut office, first) = connected();
    let _second = carrier(&office, SECOND_CARRIER);
    let trunks = vec![
        line(&office, "carrier", CARRIER),
        line(&office, "second", SECOND_CARRIER),
    ];
    enter(&mut office, trunks, &["carrier", "second"]);
    office.wait_for_trunk("carrier").expect("it registers");
    office.wait_for_trunk("second").expect("it registers");
    // It registered a moment ago, so nothing but the call itself can find out.
    drop(first);
    call_out(&office);
}

#[test]
fn a_call_comes_in_by_address_and_from_no_other_address() {
    let mut office = office(|_| {});
    let trunk = peer(&office);
    enter(&mut office, vec![trunk], &["peer"]);
    let callee = office.registered(1).expect("it registers");
    let callee = callee.wait("answers").expect("SIPp starts");
    let box_ = office.server();
    let impostor = office.stranger(office.outside(IMPOSTOR));
    impostor
        .call_by(box_, "is_asked_who_it_is")
        .expect("a stranger is challenged");
    let peer = office.stranger(office.outside(PEER));
    peer.call_by(box_, "calls_from_outside").expect("the peer");
    callee.finish().expect("the callee");
}
