//! A box in a grid: what comes up with its tunnel and what does not pass through it, a version with
//! which it comes up, and one with which it does not.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use e2e::wait_until;
use qemu::forward::Forwarder;
use qemu::hub::{BOX_IN_GRID, ENDPOINT, GRID, HUB_ADDRESS, HUB_KEY, Hub};
use qemu::lan::BOX_ADDRESS;
use qemu::netns::Namespace;

use super::*;

pub(super) fn prove() -> Proof {
    let turn = alone_early();
    let mut stand = Stand::new("tunnel", version("1.0.0", 0, |_, _| Ok(()))?)?;
    let next = file_of(&version("1.1.0", 0, |_, _| Ok(()))?)?;
    let without = file_of(&nameless("1.2.0-nameless", stand.lab.scratch())?)?;
    let mut api = stand.start()?;
    let internet = Arc::new(stand.lab.lan().join_internet()?);
    let key = public_key(&api)?;
    let office = format!("{DESK}/32");
    let start = || Hub::start(Arc::clone(&internet), &key, &[&office]);
    let hub = start()?;
    let set = api.post("/api/grid/tunnel", &tunnel())?;
    progress::note(&format!("set: {set}"));
    stand.wait_up(0)?;
    assert!(hub.last_handshake()? > 0, "the hub has seen no handshake");
    let way_in = SocketAddr::from((BOX_IN_GRID, 443));
    let way_in = Forwarder::start(0, Arc::clone(&internet), way_in)?;
    let mut from_grid = BoxApi::new(way_in.port());
    from_grid.sign_in(ADMINISTRATOR, &stand.password)?;
    let seen = from_grid.get("/api/grid")?;
    assert_eq!(seen.get("state"), Some(&json!("up")), "{seen}");
    prove_apart(&stand.lab, &hub)?;

    // The next version has the tunnel too, and its hub begins anew while it proves good.
    upload::send(&api, &next, 0, u64::MAX)?;
    let mark = stand.mark()?;
    api = stand.restart(&api)?;
    stand.wait_up(mark)?;
    drop(hub);
    let hub = start()?;
    drop(turn);
    stand.serial()?.wait(mark, "has proved good", PROOF_MAX)?;
    let answers = || Ok(Some(()).filter(|()| hub.last_handshake().is_ok_and(|it| it > 0)));
    wait_until(
        "a handshake with the hub that was started anew",
        BACK_MAX,
        answers,
    )?;
    let mut from_grid = BoxApi::new(way_in.port());
    from_grid.sign_in(ADMINISTRATOR, &stand.password)?;

    let kept = api.get("/api/grid")?.get("tunnel").cloned();
    upload::send(&api, &without, 0, u64::MAX)?;
    let mark = stand.mark()?;
    let _turn = alone();
    stand.ask_restart(&api)?;
    let left = stand.serial()?;
    let left = left.wait(mark, "firmware in slot a is left", LEFT_MAX)?;
    progress::note(&format!("console: {}", left.text));
    assert!(
        left.text.contains("the tunnel did not come up"),
        "{}",
        left.text
    );
    stand.lab.machine()?.expect_restart();
    stand.wait_up(mark)?;
    let api = stand.sign_in()?;
    let seen = api.get("/api/firmware")?;
    for (place, wanted) in [
        ("/slots/1/running", json!(true)),
        ("/slots/0/condition", json!("bad")),
        ("/journal/0/reason", json!("tunnel-did-not-come-up")),
    ] {
        assert_eq!(seen.pointer(place), Some(&wanted), "{place} of {seen}");
    }
    assert_eq!(api.get("/api/grid")?.get("tunnel").cloned(), kept);
    assert_eq!(public_key(&api)?, key);
    Ok(())
}

/// Nothing passes through the box, neither from its cable into the grid nor back, even where both
/// ends do all for it.
fn prove_apart(lab: &Lab, hub: &Hub) -> Proof {
    let desk = lab.lan().join("desk", DESK)?;
    let at_desk = SocketAddr::from((DESK, OPEN_PORT));
    let in_grid = SocketAddr::from((HUB_ADDRESS, OPEN_PORT));
    let _desk_listens = listen(&desk, at_desk)?;
    let _hub_listens = listen(hub.place(), in_grid)?;
    desk.ip(&["route", "add", GRID, "via", &BOX_ADDRESS.to_string()])?;
    assert!(
        reaches(lab.lan().namespace(), at_desk)?,
        "nobody listens at the desk"
    );
    assert!(reaches(hub.place(), in_grid)?, "nobody listens in the grid");
    assert!(
        !reaches(hub.place(), at_desk)?,
        "the grid reaches the customer's network"
    );
    assert!(
        !reaches(&desk, in_grid)?,
        "the customer's network reaches the grid"
    );
    // Where they end, and not because the way is not there.
    assert!(reaches(hub.place(), SocketAddr::from((BOX_IN_GRID, 443)))?);
    Ok(())
}

fn listen(place: &Namespace, address: SocketAddr) -> Result<TcpListener, Failure> {
    Ok(place.run(move || TcpListener::bind(address))??)
}

fn reaches(place: &Namespace, to: SocketAddr) -> Result<bool, Failure> {
    let connected = place.run(move || TcpStream::connect_timeout(&to, CONNECT_MAX))?;
    Ok(connected.is_ok())
}

/// The box's key, which it makes by itself.
fn public_key(api: &BoxApi) -> Result<String, Failure> {
    let mut key = String::new();
    wait_until("the box's public key", ANSWER_MAX, || {
        let seen = api.get("/api/grid")?;
        let found = seen.get("public_key").and_then(serde_json::Value::as_str);
        key = found.unwrap_or_default().to_owned();
        Ok(Some(()).filter(|()| key.len() == 44))
    })?;
    Ok(key)
}

fn tunnel() -> serde_json::Value {
    json!({
        "addresses": [BOX_IN_GRID],
        "hub_key": HUB_KEY,
        "endpoint": ENDPOINT,
        "allowed": [GRID],
    })
}

/// A version that gives its tunnel a name the kernel does not take: everything else is well.
fn nameless(name: &str, scratch: &Path) -> Result<Product, Failure> {
    let root = scratch.join("nameless.squashfs");
    version(name, 0, |image, _| {
        let mut services = content_of(&image.root, SERVICES)?;
        let said = reword(&mut services, b"grid0", b"gr/d0");
        assert!(said > 0, "the name of the interface is not in the program");
        replace(&image.root, &root, SERVICES, services)?;
        image.root = root;
        Ok(())
    })
}

impl Stand {
    fn serial(&mut self) -> Result<qemu::serial::Serial, Failure> {
        Ok(self.lab.machine()?.serial().clone())
    }

    fn mark(&mut self) -> Result<usize, Failure> {
        Ok(self.serial()?.mark())
    }

    /// Waits until the box says that its tunnel is up.
    fn wait_up(&mut self, mark: usize) -> Proof {
        let said = self.serial()?.wait(mark, "the tunnel is up", BOOT_MAX)?;
        progress::note(&format!("console: {}", said.text));
        Ok(())
    }
}

/// Somebody in the office.
const DESK: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 150);
const OPEN_PORT: u16 = 7000;
/// What is not there within this time does not come.
const CONNECT_MAX: Duration = Duration::from_secs(3);
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// An emulated start.
const BOOT_MAX: Duration = Duration::from_secs(240);
/// A session is renewed after two minutes and a sign of life.
const BACK_MAX: Duration = Duration::from_secs(240);
