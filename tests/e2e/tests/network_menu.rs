//! The network as an installer sets it who stands before the box: a wrong line is told with its
//! fix, an address takes effect without a restart and outlives one, and DHCP can be had back. And
//! from afar, where an address is tried before it is kept.

#![expect(
    clippy::indexing_slicing,
    reason = "what JSON does not hold reads as null"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use e2e::{Failure, Proof, check_certificate, converse, switched_on, wait_until};
use image::progress;
use qemu::box_api::BoxApi;
use qemu::forward::Forwarder;
use qemu::lab::{ADMINISTRATOR, Lab};
use qemu::lan::BOX_ADDRESS;
use serde_json::{Value, json};

/// One box for all of it: each part begins with what the one before has left behind.
#[test]
fn an_address_is_typed_at_the_box_takes_effect_outlives_a_restart_and_gives_way_to_dhcp() -> Proof {
    let mut lab = switched_on("network-menu")?;
    lab.machine()?.wait_ready()?;
    let (_, password) = lab.first_sign_in()?;

    set_an_address(&mut lab)?;
    let way_in = way_in(&lab, ADDRESS)?;
    check_moved(&lab, &way_in, &password)?;
    restart(&mut lab)?;
    check_moved(&lab, &way_in, &password)?;
    set_one_that_is_taken(&mut lab)?;
    check_moved(&lab, &way_in, &password)?;
    back_to_dhcp(&mut lab, &password)?;
    try_from_afar(&lab, &password)
}

/// With every line wrong once.
fn set_an_address(lab: &mut Lab) -> Proof {
    let text = ADDRESS.to_string();
    let whole = format!("{ADDRESS}/24");
    let mark = converse(
        lab,
        &[
            ("menu", "screen:   6  Rede / Network"),
            ("6", "screen: Agora / Now: DHCP"),
            ("2", "with the network's length"),
            (&text, "screen: No good: an IPv4 address of the box's own"),
            (&whole, "Type the gateway"),
            (
                "10.78.0.1",
                "screen: No good: another IPv4 address in the same",
            ),
            ("10.77.0.1", "Type up to three DNS servers"),
            (
                "dns.example",
                "at most three IPv4 or IPv6 addresses, not names",
            ),
            ("10.77.0.1", "Type YES to confirm"),
            ("YES", "kept"),
        ],
        ANSWER_MAX,
    )?;
    let serial = lab.machine()?.serial().clone();
    serial.wait(mark, &format!("network {whole}: kept"), ANSWER_MAX)?;
    let page = serial.wait(mark, &format!("https://{ADDRESS}/"), PAGE_MAX)?;
    progress::note(&format!("console: {}", page.text));
    serial.wait(mark, &format!("{whole} fixo / fixed"), PAGE_MAX)?;
    // The card that has it is kept, or one that is added could take it at the next start.
    let kept = format!("{ADDRESS} belongs to ");
    serial.wait(mark, &kept, ANSWER_MAX)?;
    Ok(())
}

/// The box is at the address and nowhere else, its certificate names it, and it is on record who
/// wanted that.
fn check_moved(lab: &Lab, way_in: &Forwarder, password: &str) -> Proof {
    let mut api = BoxApi::new(way_in.port());
    wait_until(
        "the web admin at the address that was set",
        ANSWER_MAX,
        || Ok(api.sign_in(ADMINISTRATOR, password).ok()),
    )?;
    let status = api.status()?;
    is(&status, "/network/0/address", &format!("{ADDRESS}/24"));
    is(&status, "/network/0/gateway", "10.77.0.1");
    wait_until("a certificate for the address", ANSWER_MAX, || {
        Ok(check_certificate(way_in.port(), &ADDRESS.to_string()).ok())
    })?;
    let trail = api.get("/api/audit")?;
    let entry = entry(&trail, &format!("network set to {ADDRESS}/24"))?;
    is(entry, "/who", "at the box");
    is(entry, "/before", "DHCP");
    let old = lab.api().sign_in(ADMINISTRATOR, password);
    assert!(old.is_err(), "it still answers at {BOX_ADDRESS}");
    Ok(())
}

fn restart(lab: &mut Lab) -> Proof {
    converse(
        lab,
        &[("menu", "2  Reiniciar / Restart"), ("2", "Type YES")],
        ANSWER_MAX,
    )?;
    let machine = lab.machine()?;
    machine.expect_restart();
    machine.type_line("YES")?;
    machine.wait_services()?;
    let bound = format!("address {ADDRESS}/24 on ");
    let line = machine.wait_line(&bound, ANSWER_MAX)?;
    assert!(line.text.contains("as it was set"), "{}", line.text);
    Ok(())
}

/// The one the box has stays, and the screen says whose the other is.
fn set_one_that_is_taken(lab: &mut Lab) -> Proof {
    let _other = lab.lan().join("other", TAKEN)?;
    let whole = format!("{TAKEN}/24");
    let mark = converse(
        lab,
        &[
            ("menu", "6  Rede / Network"),
            ("6", &format!("fixed address {ADDRESS}/24")),
            ("2", "with the network's length"),
            (&whole, "Type the gateway"),
            ("-", "Type up to three DNS servers"),
            ("-", "Type YES to confirm"),
            ("SIM", &format!("network {whole}: kept")),
        ],
        ANSWER_MAX,
    )?;
    let serial = lab.machine()?.serial().clone();
    let said = serial.wait(mark, "usado também por / also used by", PAGE_MAX)?;
    progress::note(&format!("console: {}", said.text));
    serial.wait(mark, &format!("{whole} ainda não / not yet"), PAGE_MAX)?;
    serial.wait(mark, &format!("https://{ADDRESS}/"), PAGE_MAX)?;
    Ok(())
}

fn back_to_dhcp(lab: &mut Lab, password: &str) -> Proof {
    let mark = converse(
        lab,
        &[
            ("menu", "6  Rede / Network"),
            ("6", "1  DHCP (automático / automatic)"),
            ("1", "screen: Novo / New: DHCP"),
            ("SIM", "network DHCP: kept"),
        ],
        ANSWER_MAX,
    )?;
    let serial = lab.machine()?.serial().clone();
    serial.wait(mark, &format!("https://{BOX_ADDRESS}/"), PAGE_MAX)?;
    let mut api = lab.api();
    wait_until(
        "the web admin at the address of the router",
        ANSWER_MAX,
        || Ok(api.sign_in(ADMINISTRATOR, password).ok()),
    )?;
    let address = format!("{BOX_ADDRESS}/24");
    is(&api.status()?, "/network/0/address", &address);
    let trail = api.get("/api/audit")?;
    is(entry(&trail, "network set to DHCP")?, "/after", "DHCP");
    Ok(())
}

/// The box leaves the address that it is asked by, goes back when that is wanted, and stays where
/// somebody keeps it.
fn try_from_afar(lab: &Lab, password: &str) -> Proof {
    let way = way_in(lab, ADDRESS)?;
    let (at_router, tried) = (lab.web_port(), way.port());
    let wish = json!({ "address": format!("{ADDRESS}/24"), "gateway": "10.77.0.1" });
    let try_it = |from: u16| -> Result<BoxApi, Failure> {
        signed_in(from, password)?.post("/api/network/trial", &wish)?;
        signed_in(tried, password)
    };
    let api = try_it(at_router)?;
    let seen = api.get("/api/network")?;
    assert!(
        seen["set"].is_null() && seen["trial"]["left_secs"].is_u64(),
        "{seen}"
    );
    // The answer may be lost with the address.
    let _maybe = api.delete("/api/network/trial");
    let api = try_it(at_router)?;
    let meant = json!({ "address": format!("{ADDRESS}/24") });
    let kept = api.post("/api/network/keep", &meant)?;
    assert_eq!(kept["set"]["address"], format!("{ADDRESS}/24"), "{kept}");
    let trail = api.get("/api/audit")?;
    for action in ["tried", "trial ended"] {
        let text = trail.to_string();
        assert!(text.contains(action), "{action}: {text}");
    }
    entry(&trail, &format!("network set to {ADDRESS}/24"))?;
    Ok(())
}

fn signed_in(port: u16, password: &str) -> Result<BoxApi, Failure> {
    let mut api = BoxApi::new(port);
    wait_until("the web admin where the box has moved", ANSWER_MAX, || {
        Ok(api.sign_in(ADMINISTRATOR, password).ok())
    })?;
    Ok(api)
}

fn is(value: &Value, pointer: &str, wanted: &str) {
    let found = value.pointer(pointer);
    assert_eq!(found, Some(&wanted.into()), "{pointer}: {value}");
}

/// The newest entry of the audit trail with this action.
fn entry<'a>(trail: &'a Value, action: &str) -> Result<&'a Value, Failure> {
    let mut entries = trail.as_array().into_iter().flatten();
    let found = entries.find(|it| it.get("action").is_some_and(|it| it == action));
    found.ok_or_else(|| Failure::new(format!("no {action:?} in {trail}")))
}

/// From the host to the web admin at this address.
fn way_in(lab: &Lab, address: Ipv4Addr) -> Result<Forwarder, Failure> {
    let inside = Arc::clone(lab.lan().namespace());
    let to = SocketAddr::from((address, 443));
    Ok(Forwarder::start(0, inside, to)?)
}

/// Another one than the router would give.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 160);
/// One that somebody else has.
const TAKEN: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 161);
/// A page waits until things have settled, and some seconds after the one before.
const PAGE_MAX: Duration = Duration::from_secs(60);
const ANSWER_MAX: Duration = Duration::from_secs(60);
