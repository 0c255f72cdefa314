//! A second box with the same address: the first one says who it is, and keeps working.

use std::net::UdpSocket;
use std::time::Duration;

use e2e::{Failure, Proof, Site, alone, office, wait_until};
use image::progress;
use qemu::lan::{BOX_ADDRESS, BOX_MAC, ROUTER_ADDRESS};
use qemu::netns::Namespace;
use qemu::serial::{Line, Serial};

#[test]
fn a_second_box_with_the_same_address_is_named_on_the_console_and_in_the_status() -> Proof {
    let _turn = alone();
    let mut site = Site::around(office("second-box")?)?;
    let serial = site.office.lab.machine()?.serial().clone();
    let mark = serial.mark();
    let lan = site.office.lab.lan();
    // The others keep the right one, so that the tests still reach the box.
    let address = BOX_ADDRESS.to_string();
    let keep = [
        "neigh",
        "replace",
        &address,
        "lladdr",
        BOX_MAC,
        "nud",
        "permanent",
        "dev",
    ];
    lan.namespace().ip(&[&keep[..], &["lan0"]].concat())?;
    for desk in [&site.office.first, &site.office.second] {
        desk.seat().ip(&[&keep[..], &["eth0"]].concat())?;
    }
    let twin = lan.join("twin", BOX_ADDRESS)?;
    twin.ip(&["link", "set", "eth0", "address", TWIN_MAC])?;
    let told = format!("address {BOX_ADDRESS} is also used by {TWIN_MAC}");
    let mut line = ask_for_the_router(&twin, &serial, mark, &told);
    for _again in 1..ASKED_MAX {
        line = line.or_else(|_| ask_for_the_router(&twin, &serial, mark, &told));
    }
    let line = line?;
    progress::note(&format!("console: {}", line.text));
    wait_until("the conflict in the status", SAID_MAX, || {
        let status = site.office.api.status()?;
        let links = status["network"].as_array().cloned().unwrap_or_default();
        let found = links.iter().any(|link| link["conflict_with"] == TWIN_MAC);
        Ok(found.then_some(()))
    })?;
    // Whoever still has the right one on the line is served.
    site.prove_alive()?;
    site.office.prove_call()?;
    Ok(())
}

/// Has the twin do what every machine on a network does, and waits for what the box says of it.
fn ask_for_the_router(
    twin: &Namespace,
    serial: &Serial,
    mark: usize,
    told: &str,
) -> Result<Line, Failure> {
    // Whoever has not heard of the router asks all for it, and so tells them its own address.
    twin.ip(&["neigh", "flush", "dev", "eth0"])?;
    twin.run(|| UdpSocket::bind("0.0.0.0:0")?.send_to(b"?", (ROUTER_ADDRESS, 9)))??;
    Ok(serial.wait(mark, told, ASK_AGAIN)?)
}

/// Locally administered, and nobody else's.
const TWIN_MAC: &str = "52:54:00:77:00:ee";

/// The port of a switch that is new takes a moment to forward: the first question may get lost.
const ASK_AGAIN: Duration = Duration::from_secs(4);
const ASKED_MAX: u32 = 8;

/// The box hears it at once; the status is a moment behind.
const SAID_MAX: Duration = Duration::from_secs(20);
