//! A Kamailio as the carrier at the far end of a trunk, and SIPp as the world behind it.
#![expect(clippy::expect_used, reason = "a test may panic to fail")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipc::Redacted;
use ipc::site::{Destination, NumberForm, Route, Site, Source, Trunk, TrunkAccess, TrunkTransport};
use native::{Kamailio, NativeError, PASSWORD, number};
use netns::{Office, Phone};

const CARRIER: &str = "127.0.2.1:5060";
const SECOND_CARRIER: &str = "127.0.2.2:5060";
/// Where Kamailio sends what leaves, and what comes in comes from.
const OUTSIDE: &str = "127.0.3.1";
/// A carrier that takes calls by address alone.
const PEER: &str = "127.0.4.1";
/// The office's own number.
const OWN: &str = "+551130001000";

/// The office's line: registered at the carrier.
fn line() -> Trunk {
    Trunk {
        name: "carrier".into(),
        access: TrunkAccess::Registering {
            server: CARRIER.into(),
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

/// The same at another carrier.
fn second_line() -> Trunk {
    let mut second = line();
    second.name = "second".into();
    if let TrunkAccess::Registering { server, .. } = &mut second.access {
        *server = SECOND_CARRIER.into();
    }
    second
}

/// Another carrier, known by its address.
fn peer() -> Trunk {
    Trunk {
        name: "peer".into(),
        access: TrunkAccess::Peer {
            server: format!("{PEER}:5060"),
            networks: vec![format!("{PEER}/32")],
        },
        transport: TrunkTransport::Udp,
        number_form: NumberForm::E164,
        qualify_secs: 0,
        ..Trunk::default()
    }
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

fn arrange(site: &mut Site, trunks: Vec<Trunk>, first: &[&str]) {
    site.trunks = trunks;
    site.routes = vec![outward(first), inward()];
    site.dialling.owned_numbers = vec![OWN.into()];
    for extension in &mut site.extensions {
        extension.settings.caller_id = OWN.into();
    }
}

fn configuration() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/provider.cfg")
}

/// An office with its line, up when this returns.
fn connected() -> Result<(Office, Kamailio), NativeError> {
    let office = Office::open(|_| {})?;
    let address: SocketAddr = CARRIER.parse().expect("an address");
    let carrier = Kamailio::start(
        office.box_.folder(),
        &configuration(),
        address,
        &[("OUTSIDE", OUTSIDE)],
    )?;
    office
        .box_
        .configure(|site| arrange(site, vec![line()], &["carrier"]))?;
    office.wait_for_trunk("carrier")?;
    Ok((office, carrier))
}

fn outside(office: &Office) -> Phone {
    office.stranger(OUTSIDE.parse().expect("an address"))
}

#[test]
fn a_call_goes_out_by_a_registered_trunk() {
    let (office, _carrier) = connected().expect("an office with a line");
    let outside = outside(&office)
        .wait("answers_outside")
        .expect("SIPp starts");
    let caller = office.phone(0);
    caller.dial("calls", "011988887777").expect("the caller");
    outside.finish().expect("the outside");
}

#[test]
fn a_call_comes_in_by_a_registered_trunk() {
    let (office, _carrier) = connected().expect("an office with a line");
    let callee = office.registered(1).expect("it registers");
    let callee = callee.wait("answers").expect("SIPp starts");
    let stranger = outside(&office);
    stranger
        .call_by(CARRIER.parse().expect("an address"), "calls_from_outside")
        .expect("the caller");
    callee.finish().expect("the callee");
}

#[test]
fn a_trunk_out_of_service_hands_the_call_to_the_next() {
    let (office, _carrier) = connected().expect("an office with a line");
    let trunks = vec![peer(), line()];
    office
        .box_
        .configure(|site| arrange(site, trunks, &["peer", "carrier"]))
        .expect("the site is taken");
    let down = office.stranger(PEER.parse().expect("an address"));
    let down = down.wait("is_out_of_service").expect("SIPp starts");
    let outside = outside(&office)
        .wait("answers_outside")
        .expect("SIPp starts");
    let caller = office.phone(0);
    caller.dial("calls", "011988887777").expect("the caller");
    down.finish().expect("the first trunk was asked");
    outside.finish().expect("the outside");
}

#[test]
fn a_carrier_that_has_died_hands_the_call_to_the_next() {
    let (office, carrier) = connected().expect("an office with a line");
    let folder = office.box_.folder().join("second");
    std::fs::create_dir(&folder).expect("a folder");
    let address = SECOND_CARRIER.parse().expect("an address");
    let words = [("OUTSIDE", OUTSIDE)];
    let _second = Kamailio::start(&folder, &configuration(), address, &words).expect("it starts");
    let trunks = vec![line(), second_line()];
    office
        .box_
        .configure(|site| arrange(site, trunks, &["carrier", "second"]))
        .expect("the site is taken");
    office.wait_for_trunk("second").expect("it registers");
    // It registered a moment ago, so nothing but the call itself can find out.
    drop(carrier);
    let outside = outside(&office)
        .wait("answers_outside")
        .expect("SIPp starts");
    let caller = office.phone(0);
    caller.dial("calls", "011988887777").expect("the caller");
    outside.finish().expect("the outside");
}

#[test]
fn a_call_comes_in_by_address_and_from_no_other_address() {
    let office = Office::open(|site| arrange(site, vec![peer()], &["peer"])).expect("an office");
    let callee = office.registered(1).expect("it registers");
    let callee = callee.wait("answers").expect("SIPp starts");
    let box_ = office.box_.sip;
    let impostor = office.stranger("127.0.4.2".parse().expect("an address"));
    impostor
        .call_by(box_, "is_asked_who_it_is")
        .expect("a stranger is challenged");
    let peer = office.stranger(PEER.parse().expect("an address"));
    peer.call_by(box_, "calls_from_outside").expect("the peer");
    callee.finish().expect("the callee");
}
