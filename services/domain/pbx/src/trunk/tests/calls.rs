use config::FromUser;
use ipc::site::{InboundNumber, InboundRewrite, Privacy, TrunkTransport};
use sip::{NameAddr, Uri};

use super::*;
use crate::leg::Peer;
use crate::scripted::REALM;
use crate::trunk::{CallOut, Caller, Diverted, Unavailable};

fn flow(remote: &str, transport: Transport) -> Flow {
    Flow {
        transport,
        local: ([10, 0, 0, 1], 5060).into(),
        remote: remote.parse().expect("an address"),
        stream: None,
    }
}

fn udp(remote: &str) -> Flow {
    flow(remote, Transport::Udp)
}

fn invite(target: &str, to: &str, from: &str, fields: &[(HeaderName, &str)]) -> Request {
    let uri = Uri::parse(target.as_bytes()).expect("a URI");
    let address = |text: &str| NameAddr::parse(text.as_bytes()).expect("an address");
    let from = address(from).with_tag("x");
    let mut request = Request::new(Method::Invite, uri, &from, &address(to), "call", 1);
    for (name, value) in fields {
        request.headers.push(name.clone(), *value);
    }
    request
}

fn plain(target: &str) -> Request {
    invite(target, "<sip:to@x>", "<sip:+5511987654321@x>", &[])
}

fn whose(carrier: &Carrier, flow: Flow, request: &Request) -> Option<String> {
    let inbound = carrier.trunks.identify(&carrier.core, flow, request);
    inbound.map(|inbound| inbound.trunk)
}

/// pbx trap 23: by address and transport, never by what the request says of itself.
#[test]
fn a_peer_is_known_by_its_network_and_transport() {
    let mut only_tls = peer("tls", "198.51.100.1", &["198.51.100.0/24"]);
    only_tls.transport = TrunkTransport::Tls;
    let mut off = peer("off", "203.0.113.1", &["203.0.113.0/24"]);
    off.enabled = false;
    let carrier = Carrier::new(vec![
        peer("office", "192.0.2.1", &["192.0.2.0/24"]),
        only_tls,
        off,
    ]);
    let request = plain("sip:100@10.0.0.1");
    let check = |flow, expected: Option<&str>| {
        assert_eq!(
            whose(&carrier, flow, &request).as_deref(),
            expected,
            "{flow:?}"
        );
    };
    check(udp("192.0.2.77:5060"), Some("office"));
    check(udp("192.0.3.77:5060"), None);
    check(udp("198.51.100.7:5060"), None);
    check(flow("198.51.100.7:5061", Transport::Tls), Some("tls"));
    check(udp("203.0.113.1:5060"), None);
    let claims = invite(
        "sip:100@10.0.0.1",
        "<sip:100@x>",
        "<sip:office@192.0.2.1>",
        &[],
    );
    assert_eq!(whose(&carrier, udp("203.0.113.99:5060"), &claims), None);
}

#[test]
fn of_two_trunks_the_narrower_network_and_then_the_port_decides() {
    let carrier = Carrier::new(vec![
        peer("wide", "192.0.2.1", &["192.0.0.0/16"]),
        peer("one", "192.0.2.1:5060", &["192.0.2.0/24"]),
        peer("two", "192.0.2.1:5080", &["192.0.2.0/24"]),
    ]);
    let request = plain("sip:100@10.0.0.1");
    let check = |remote, expected: &str| {
        assert_eq!(
            whose(&carrier, udp(remote), &request).as_deref(),
            Some(expected)
        );
    };
    check("192.0.9.1:5060", "wide");
    check("192.0.2.1:5060", "one");
    check("192.0.2.1:5080", "two");
    check("192.0.2.1:9999", "one");
}

/// A phone behind the same address as a trunk stays a phone.
#[test]
fn who_brings_credentials_of_ours_is_a_phone() {
    let carrier = Carrier::new(vec![peer("office", "192.0.2.1", &["192.0.2.0/24"])]);
    let value = |realm: &str| {
        format!(
            "Digest username=\"100\", realm=\"{realm}\", nonce=\"n\", uri=\"u\", response=\"r\""
        )
    };
    let with = |value: &str| {
        let fields = [(HeaderName::Authorization, value)];
        invite("sip:101@10.0.0.1", "<sip:101@x>", "<sip:100@x>", &fields)
    };
    let source = udp("192.0.2.7:5060");
    assert_eq!(whose(&carrier, source, &with(&value(REALM))), None);
    let other = whose(&carrier, source, &with(&value("elsewhere")));
    assert_eq!(other.as_deref(), Some("office"));
}

#[test]
fn an_account_is_known_by_its_contact_or_by_where_it_is_registered() {
    let mut other = registering();
    other.name = "second".to_owned();
    if let TrunkAccess::Registering { user, .. } = &mut other.access {
        *user = "551133334444".to_owned();
    }
    let mut carrier = Carrier::new(vec![registering(), other]);
    for id in carrier.questions() {
        carrier
            .trunks
            .resolved(&mut carrier.core, id, &[hop(1)], 60);
    }
    carrier.settle();
    let registers = carrier.take(&Method::Register);
    let contact = |user: &str| {
        let mut of_user = registers.iter().filter_map(|(_, request)| {
            let contact = request.headers.text(&HeaderName::Contact)?;
            contact.contains(user).then_some(contact)
        });
        let contact = of_user.next().expect("a Contact");
        let contact = NameAddr::parse(contact.as_bytes()).expect("legible");
        contact.uri.to_string()
    };
    let anywhere = udp("203.0.113.50:5060");
    let by_token = whose(&carrier, anywhere, &plain(&contact("551133334444")));
    assert_eq!(by_token.as_deref(), Some("second"));
    let forged = contact("551133334444").replace("line=", "line=0");
    assert_eq!(whose(&carrier, anywhere, &plain(&forged)), None);
    let server = udp("192.0.2.1:5060");
    let by_server = |target: &str| whose(&carrier, server, &plain(target));
    assert_eq!(
        by_server("sip:551133334444@10.0.0.1").as_deref(),
        Some("second")
    );
    assert_eq!(
        by_server("sip:551132345678@10.0.0.1").as_deref(),
        Some("carrier")
    );
    assert_eq!(by_server("sip:1234@10.0.0.1").as_deref(), Some("carrier"));
}

#[test]
fn the_called_number_stands_where_the_settings_say_and_is_rewritten() {
    let check = |place, target: &str, to: &str, expected: &str| {
        let mut trunk = registering();
        trunk.inbound_number = place;
        trunk.inbound_rewrites = vec![InboundRewrite {
            pattern: "55113234XXXX".to_owned(),
            strip: 8,
            prefix: "1".to_owned(),
        }];
        let carrier = Carrier::at(trunk, &[hop(1)]);
        let request = invite(target, to, "<sip:x@y>", &[]);
        let inbound = carrier
            .trunks
            .identify(&carrier.core, udp("192.0.2.1:5060"), &request);
        assert_eq!(
            inbound.expect("the trunk's").number,
            expected,
            "{place:?} {target} {to}"
        );
    };
    let account = "sip:551132345678@10.0.0.1";
    check(
        InboundNumber::Auto,
        "sip:1133@10.0.0.1",
        "<sip:9@x>",
        "1133",
    );
    check(
        InboundNumber::Auto,
        account,
        "<sip:+551133330000@x>",
        "+551133330000",
    );
    check(
        InboundNumber::Auto,
        account,
        "<sip:551132345678@x>",
        "15678",
    );
    check(InboundNumber::RequestUri, account, "<sip:9@x>", "15678");
    check(
        InboundNumber::To,
        "sip:1133@10.0.0.1",
        "<tel:+55-11-3333>",
        "+55113333",
    );
    check(
        InboundNumber::Auto,
        "sip:+5511;ext=1@10.0.0.1;user=phone",
        "<sip:9@x>",
        "+5511",
    );
}

/// Who calls by an INVITE with this From and these fields.
fn believed(trusted: bool, from: &str, fields: &[(HeaderName, &str)]) -> Caller {
    let mut trunk = peer("office", "192.0.2.1", &["192.0.2.0/24"]);
    trunk.identity.trusted = trusted;
    let carrier = Carrier::new(vec![trunk]);
    let request = invite("sip:100@x", "<sip:100@x>", from, fields);
    let inbound = carrier
        .trunks
        .identify(&carrier.core, udp("192.0.2.1:5060"), &request);
    inbound.expect("the trunk's").caller
}

fn called_by(number: Option<&str>, name: &str, withheld: bool) -> Caller {
    Caller {
        number: number.map(str::to_owned),
        name: name.to_owned(),
        withheld,
    }
}

/// RFC 3325 §5: an identity counts from a trusted peer only.
#[test]
fn who_calls_is_believed_of_trusted_trunks() {
    let from = "\"Ana\" <sip:1199@x>";
    let ana = called_by(Some("1199"), "Ana", false);
    let bia = called_by(Some("+5511988887777"), "Bia", false);
    let asserted = (
        HeaderName::PAssertedIdentity,
        "\"Bia\" <tel:+55-11-98888-7777>",
    );
    let party = (
        HeaderName::RemotePartyId,
        "<sip:1188@x>;party=calling;privacy=full",
    );
    let called = (HeaderName::RemotePartyId, "<sip:1177@x>;party=called");
    assert_eq!(believed(true, from, &[]), ana);
    assert_eq!(believed(true, from, std::slice::from_ref(&asserted)), bia);
    assert_eq!(believed(false, from, std::slice::from_ref(&asserted)), ana);
    let hidden = called_by(Some("1188"), "Ana", true);
    assert_eq!(
        believed(true, from, &[party.clone(), called.clone()]),
        hidden
    );
    assert_eq!(believed(true, from, &[asserted, party]), bia);
    assert_eq!(believed(true, from, &[called]), ana);
}

/// RFC 3323 §4.1: who withholds his number is not shown, even when the carrier tells it.
#[test]
fn a_caller_who_withholds_his_number_is_known_as_such() {
    let anonymous = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
    let fields = [
        (
            HeaderName::PAssertedIdentity,
            "\"Bia\" <tel:+5511988887777>",
        ),
        (HeaderName::Privacy, "id"),
    ];
    let told = called_by(Some("+5511988887777"), "Bia", true);
    assert_eq!(believed(true, anonymous, &fields), told);
    assert_eq!(believed(false, anonymous, &[]), called_by(None, "", true));
}

fn caller(withheld: bool) -> Caller {
    Caller {
        number: Some("+551132345678".to_owned()),
        name: "Ana".to_owned(),
        withheld,
    }
}

/// What the trunk is told: From, then the other fields.
fn told(trunk: RawTrunk, caller: &Caller, diverted: Option<&Diverted>) -> Vec<String> {
    let carrier = Carrier::at(trunk, &[hop(1)]);
    let name = carrier.trunks.status(carrier.core.now).remove(0).name;
    let call = CallOut {
        number: "011999",
        caller,
        diverted,
        urgent: true,
    };
    let attempts = carrier
        .trunks
        .outgoing(&carrier.core, &name, &call)
        .expect("a way");
    let attempt = attempts.into_iter().next().expect("a way");
    let mut core = carrier.core;
    let outgoing = attempt.dial(&mut core, 69, Vec::new());
    assert_eq!(outgoing.peer, Peer::Trunk(name));
    assert_eq!(outgoing.hops, 69);
    let fields = outgoing
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"));
    std::iter::once(outgoing.from.to_string())
        .chain(fields)
        .collect()
}

#[test]
fn a_trunk_is_told_who_calls_as_its_settings_want_it() {
    let number = "<sip:+551132345678@sip.example.com>";
    assert_eq!(
        told(registering(), &caller(false), None),
        [
            format!("\"Ana\" {number}"),
            format!("P-Asserted-Identity: \"Ana\" {number}")
        ]
    );
    let mut account = registering();
    account.identity.from_user = FromUser::Account;
    account.identity.asserted = false;
    account.identity.remote_party = true;
    assert_eq!(
        told(account, &caller(false), None),
        [
            "\"Ana\" <sip:551132345678@sip.example.com>".to_owned(),
            format!("Remote-Party-ID: \"Ana\" {number};party=calling;privacy=off;screen=yes"),
        ]
    );
    let peer = peer("office", "192.0.2.1", &["192.0.2.0/24"]);
    let diverted = Diverted {
        number: "100".to_owned(),
        reason: "no-answer",
    };
    assert_eq!(
        told(peer, &caller(false), Some(&diverted)),
        [
            "\"Ana\" <sip:+551132345678@10.0.0.1>",
            "P-Asserted-Identity: \"Ana\" <sip:+551132345678@10.0.0.1>",
            "Diversion: <sip:100@10.0.0.1>;reason=no-answer;counter=1",
        ]
    );
}

/// RFC 3323 §4.1.1.3, RFC 3325 §9.3.
#[test]
fn a_caller_who_does_not_want_to_be_shown_is_not() {
    let anonymous = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
    assert_eq!(
        told(registering(), &caller(true), None),
        [
            anonymous,
            "P-Asserted-Identity: \"Ana\" <sip:+551132345678@sip.example.com>",
            "Privacy: id",
        ]
    );
    let mut withheld = registering();
    withheld.identity.privacy = Privacy::Withheld;
    withheld.identity.remote_party = true;
    assert_eq!(
        told(withheld, &caller(true), None),
        [anonymous, "Privacy: id"]
    );
    let nobody = Caller::default();
    assert_eq!(told(registering(), &nobody, None), [anonymous]);
}

#[test]
fn a_call_goes_by_the_carriers_route_with_the_password_for_its_realm_only() {
    let mut trunk = registering();
    trunk.outbound_proxy = "proxy.example.net".to_owned();
    let mut carrier = Carrier::at(trunk, &[hop(1), hop(2)]);
    let first = carrier.register();
    let service = [(HeaderName::ServiceRoute, "<sip:orig@s.example;lr>")];
    carrier.answer(&first, 200, &service);
    let call = CallOut {
        number: "5511999#1",
        caller: &caller(false),
        diverted: None,
        urgent: false,
    };
    let attempts = carrier
        .trunks
        .outgoing(&carrier.core, "carrier", &call)
        .expect("registered");
    let ways: Vec<_> = attempts.iter().map(|attempt| attempt.hop).collect();
    assert_eq!(ways, [hop(1), hop(2)]);
    let attempt = attempts.into_iter().next().expect("a way");
    let outgoing = attempt.dial(&mut carrier.core, 70, Vec::new());
    assert_eq!(
        outgoing.target.to_string(),
        "sip:5511999%231@sip.example.com"
    );
    let route: Vec<_> = outgoing.route.iter().map(ToString::to_string).collect();
    assert_eq!(
        route,
        ["<sip:proxy.example.net;lr>", "<sip:orig@s.example;lr>"]
    );
    let login = outgoing.login.expect("an account");
    assert_eq!(
        (&*login.user, login.realm.as_deref()),
        ("login", Some(CARRIER))
    );
    assert!(!format!("{login:?}").contains("geheim"));
}

#[test]
fn a_trunk_that_is_not_up_says_why_and_an_emergency_is_tried_all_the_same() {
    let mut off = peer("off", "192.0.2.1", &["192.0.2.0/24"]);
    off.enabled = false;
    let mut carrier = Carrier::new(vec![
        registering(),
        off,
        peer("new", "a.example", &["192.0.2.0/24"]),
    ]);
    let id = carrier.questions().first().copied().expect("a question");
    carrier
        .trunks
        .resolved(&mut carrier.core, id, &[hop(1)], 60);
    let ask = |trunk: &str, urgent| {
        let caller = caller(false);
        let call = CallOut {
            number: "190",
            caller: &caller,
            diverted: None,
            urgent,
        };
        let attempts = carrier.trunks.outgoing(&carrier.core, trunk, &call);
        attempts.map(|attempts| attempts.len())
    };
    assert_eq!(ask("carrier", false), Err(Unavailable::NotRegistered));
    assert_eq!(ask("carrier", true), Ok(1));
    assert_eq!(ask("off", true), Err(Unavailable::Disabled));
    assert_eq!(ask("new", true), Err(Unavailable::Down));
    assert_eq!(ask("none", true), Err(Unavailable::Unknown));
}

/// Through the whole node: a trunk that connects to us has proven itself by where it comes from.
#[test]
fn the_connection_of_a_trunk_stays_open_after_its_call() {
    use crate::interface::Input;
    use crate::scripted::Rig;
    let trunk = peer("office", "192.0.2.1", &["192.0.2.0/24"]);
    let mut rig = Rig::with_site(site(|raw| raw.trunks = vec![trunk]));
    let (trunk, stranger) = (1, 2);
    let mut closed = |stream, remote: &str| {
        rig.open(stream, remote);
        let request = plain("sip:999@10.0.0.1");
        let request = rig.with_via(remote, Transport::Tcp, &request);
        let bytes = request.to_bytes();
        rig.handle(Input::StreamBytes { stream, bytes });
        rig.pass(secs(40));
        rig.outputs.contains(&Output::CloseStream(stream))
    };
    assert!(!closed(trunk, "192.0.2.7:40000"));
    assert!(closed(stranger, "198.51.100.7:40000"));
}

#[test]
fn a_trunk_with_a_port_of_its_own_sends_datagrams_from_no_other() {
    let mut fixed = peer("fixed", CARRIER, &["192.0.2.0/24"]);
    fixed.source_port = 5062;
    let carrier = Carrier::new(vec![fixed]);
    let request = plain("sip:100@10.0.0.1");
    let from = |address: &str| whose(&carrier, udp(address), &request);
    assert_eq!(from("192.0.2.9:5062").as_deref(), Some("fixed"));
    assert_eq!(from("192.0.2.9:5060"), None);
    // A connection has a port of its own.
    let connected = Flow {
        stream: Some(1),
        transport: Transport::Tcp,
        ..udp("192.0.2.9:40000")
    };
    assert_eq!(
        whose(&carrier, connected, &request).as_deref(),
        Some("fixed")
    );
}
