//! The service against a real DHCP server and a real kernel, in namespaces of its own.
//!
//! One thread is the box: it unshares its network. A child process is the router, with dnsmasq. A
//! second thread enters the router's namespace and is the machine with the same address.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Ipv4Addr;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns, unshare};
use tokio::sync::{oneshot, watch};

use crate::arp::{Arp, Mac};
use crate::packet::PacketSocket;
use crate::{Fixed, Setting, SharedStatus, World, run};

/// Longer than anything takes; a failing test ends by it.
const PATIENCE: Duration = Duration::from_secs(20);

const INTRUDER: Mac = Mac([2, 0, 0, 0, 0, 0x99]);

/// A router with dnsmasq, killed with the test.
struct Router {
    process: Child,
    log: BufReader<ChildStderr>,
}

impl Router {
    /// Starts the namespace; the calling thread becomes the box, with `eth0` plugged in.
    fn plug_in() -> Self {
        unshare(CloneFlags::CLONE_NEWNET).expect("we are root");
        // The first word says that the namespace is there, the answer that the cable is in.
        let script = "echo namespace && read cable && ip link set lo up \
             && ip addr add 10.77.0.1/24 dev lan0 && ip addr add fd77::1/64 dev lan0 nodad \
             && ip link set lan0 up && echo up \
             && exec dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=lan0 \
                --bind-interfaces --leasefile-ro --log-dhcp --no-ping --user=root --pid-file= \
                --dhcp-range=10.77.0.50,10.77.0.60,255.255.255.0,1h --dhcp-option=3,10.77.0.1 \
                --dhcp-option=6,10.77.0.1 --enable-ra --dhcp-range=fd77::,ra-only";
        let mut process = Command::new("unshare")
            .args(["--net", "--kill-child=KILL", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("util-linux is installed");
        let mut said = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let mut next = || said.next().expect("the script runs").expect("it is text");
        assert_eq!(next(), "namespace");
        let pid = process.id().to_string();
        ip(&[
            "link", "add", "eth0", "type", "veth", "peer", "name", "lan0",
        ]);
        ip(&["link", "set", "lan0", "netns", &pid]);
        process
            .stdin
            .take()
            .expect("it is piped")
            .write_all(b"cable\n")
            .expect("it reads");
        assert_eq!(next(), "up");
        let log = BufReader::new(process.stderr.take().expect("it is piped"));
        Self { process, log }
    }

    /// The namespace, for the machine with the same address.
    fn namespace(&self) -> File {
        File::open(format!("/proc/{}/ns/net", self.process.id())).expect("it runs")
    }

    /// Reads dnsmasq's log until it says this.
    fn expect(&mut self, word: &str) -> String {
        let found = self.log.by_ref_lines().find(|line| line.contains(word));
        found.unwrap_or_else(|| panic!("dnsmasq never said {word}"))
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Lines of a reader that stays ours.
trait Lines {
    fn by_ref_lines(&mut self) -> impl Iterator<Item = String>;
}

impl Lines for BufReader<ChildStderr> {
    fn by_ref_lines(&mut self) -> impl Iterator<Item = String> {
        std::iter::from_fn(|| {
            let mut line = String::new();
            let length = self.read_line(&mut line).ok()?;
            (length > 0).then_some(line)
        })
    }
}

fn ip(arguments: &[&str]) -> String {
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .expect("iproute2 is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn can_make_namespaces() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("skipped: network namespaces can only be made by root");
    }
    let dnsmasq = Command::new("dnsmasq").arg("--version").output().is_ok();
    if !dnsmasq {
        println!("skipped: dnsmasq is not installed");
    }
    root && dnsmasq
}

/// Runs the service until `check` is done with it.
fn with_service(check: impl AsyncFnOnce(SharedStatus)) {
    with_set(None, async |status, _| check(status).await);
}

/// The same with an address that people have set, and change.
fn with_set(fixed: Option<Fixed>, check: impl AsyncFnOnce(SharedStatus, watch::Sender<Setting>)) {
    with_links(&["eth0"], of(fixed), check);
}

/// What people have set, for whichever card is the first.
fn of(fixed: Option<Fixed>) -> Setting {
    Setting { fixed, card: None }
}

/// The same with these links.
fn with_links(
    links: &[&str],
    setting: Setting,
    check: impl AsyncFnOnce(SharedStatus, watch::Sender<Setting>),
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let status = SharedStatus::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let (setting, set) = watch::channel(setting);
        let world = World {
            now: clock(),
            set,
            beat: || {},
            stop: async {
                let _ = stopped.await;
            },
        };
        let links = links.iter().map(|it| (*it).to_owned()).collect();
        let service = run(links, status.clone(), world);
        let checking = async {
            check(status, setting).await;
            drop(stop);
        };
        let (served, ()) = tokio::join!(service, checking);
        served.expect("it serves");
    });
}

/// Runs the service until `check` is done with it, and then as if it was killed.
fn with_killed_service(check: impl AsyncFnOnce(SharedStatus)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let status = SharedStatus::default();
        let world = World {
            now: clock(),
            set: watch::channel(Setting::default()).1,
            beat: || {},
            stop: std::future::pending(),
        };
        tokio::select! {
            ended = run(vec!["eth0".into()], status.clone(), world) => panic!("{ended:?}"),
            () = check(status.clone()) => {}
        }
    });
}

fn clock() -> impl Fn() -> sansio::Instant {
    let started = Instant::now();
    move || sansio::Instant::from_nanos(started.elapsed().as_nanos().try_into().expect("short"))
}

/// Waits until the status of `eth0` is as wanted.
async fn until(status: &SharedStatus, wanted: impl Fn(&ipc::net::Link) -> bool) -> ipc::net::Link {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let seen = tokio::time::timeout(PATIENCE, async {
        loop {
            look.tick().await;
            let links = status.lock().expect("no panic").links.clone();
            if let Some(link) = links.into_iter().find(|link| wanted(link)) {
                return link;
            }
        }
    });
    seen.await
        .unwrap_or_else(|_| panic!("still {:?}", status.lock()))
}

/// A thread in the router's namespace that sends and sees ARP.
fn intruder(namespace: File, act: impl AsyncFnOnce(PacketSocket) + Send + 'static) {
    let thread = std::thread::spawn(move || {
        setns(namespace, CloneFlags::CLONE_NEWNET).expect("we are root");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let socket = PacketSocket::open("lan0").expect("it is there");
            tokio::time::timeout(PATIENCE, act(socket))
                .await
                .expect("in time");
        });
    });
    thread.join().expect("the intruder is content");
}

async fn see(socket: &PacketSocket, wanted: impl Fn(&Arp) -> bool) -> Arp {
    loop {
        let frame = socket.receive().await.expect("the link is up");
        if let Some(arp) = Arp::parse(&frame).filter(&wanted) {
            return arp;
        }
    }
}

#[test]
fn a_lease_is_taken_defended_and_given_back() {
    if !can_make_namespaces() {
        return;
    }
    let mut router = Router::plug_in();
    with_service(async |status| {
        let link = until(&status, |link| !link.address.is_empty()).await;
        let (address, prefix) = link.address.split_once('/').expect("with its prefix");
        let address: Ipv4Addr = address.parse().expect("an address");
        assert_eq!((&address.octets()[..3], prefix), (&[10, 77, 0][..], "24"));
        assert_eq!((link.gateway.as_str(), link.up), ("10.77.0.1", true));
        assert_eq!(
            (link.dns, link.conflict_with),
            (vec!["10.77.0.1".into()], String::new())
        );
        let shown = ip(&["-4", "addr", "show", "dev", "eth0"]);
        assert!(shown.contains(&format!("{address}/24")), "{shown}");
        assert!(
            shown.contains("valid_lft 3") && !shown.contains("forever"),
            "{shown}"
        );
        let routes = ip(&["route"]);
        assert!(
            routes.contains("default via 10.77.0.1 dev eth0"),
            "{routes}"
        );

        let namespace = router.namespace();
        let attack = tokio::task::spawn_blocking(move || {
            intruder(namespace, async move |socket| {
                // The first frame may meet a socket that tokio does not know to be writable yet.
                let mut again = tokio::time::interval(Duration::from_millis(50));
                let claim = Arp::announcement(INTRUDER, address).to_frame();
                let defended = see(&socket, |arp| {
                    arp.sender_ip == address
                        && arp.sender_mac != INTRUDER
                        && arp.target_ip == address
                });
                let mut defended = std::pin::pin!(defended);
                loop {
                    tokio::select! {
                        _ = &mut defended => break,
                        _ = again.tick() => socket.send(&claim).expect("the link is up"),
                    }
                }
            });
        });
        let link = until(&status, |link| !link.conflict_with.is_empty()).await;
        assert_eq!(link.conflict_with, INTRUDER.to_string());
        assert_eq!(link.address, format!("{address}/24"), "it is kept");
        attack.await.expect("it was answered");
    });
    router.expect("DHCPRELEASE");
    let shown = ip(&["-4", "addr", "show", "dev", "eth0"]);
    assert!(!shown.contains("10.77.0."), "{shown}");
}

#[test]
fn a_leased_address_that_is_taken_is_declined() {
    if !can_make_namespaces() {
        return;
    }
    let mut router = Router::plug_in();
    with_service(async |status| {
        let namespace = router.namespace();
        let attack = tokio::task::spawn_blocking(move || {
            intruder(namespace, async |socket| {
                let probe = see(&socket, |arp| {
                    arp.sender_ip.is_unspecified() && arp.target_ip.octets()[3] >= 50
                });
                let probe = probe.await;
                let claim = Arp::announcement(INTRUDER, probe.target_ip).to_frame();
                socket.send(&claim).expect("the link is up");
            });
        });
        let link = until(&status, |link| !link.conflict_with.is_empty()).await;
        assert_eq!(
            (link.conflict_with, link.address),
            (INTRUDER.to_string(), String::new())
        );
        attack.await.expect("it saw the probe");
    });
    let line = router.expect("DHCPDECLINE");
    assert!(line.contains("10.77.0."), "{line}");
}

#[test]
fn a_service_that_is_killed_and_started_again_keeps_its_address() {
    if !can_make_namespaces() {
        return;
    }
    let router = Router::plug_in();
    let mut first = String::new();
    with_killed_service(async |status| {
        first = until(&status, |link| !link.gateway.is_empty())
            .await
            .address;
    });
    let shown = ip(&["-4", "addr", "show", "dev", "eth0"]);
    assert!(shown.contains(&first), "{shown}");
    with_killed_service(async |status| {
        let link = until(&status, |link| !link.address.is_empty()).await;
        assert_eq!(
            (link.address.as_str(), link.gateway.as_str()),
            (first.as_str(), "")
        );
        let link = until(&status, |link| !link.gateway.is_empty()).await;
        assert_eq!(link.address, first, "the lease is for the same address");
    });
    drop(router);
}

#[test]
fn what_a_router_gives_over_ipv6_is_told() {
    if !can_make_namespaces() {
        return;
    }
    let _router = Router::plug_in();
    with_service(async |status| {
        let of = |link: &ipc::net::Link, net: &str| {
            let mut found = link.ipv6.iter();
            found.any(|address| address.starts_with(net) && address.ends_with("/64"))
        };
        until(&status, |link| of(link, "fd77:") && of(link, "fe80:")).await;
        ip(&["link", "set", "eth0", "addrgenmode", "none"]);
        ip(&["-6", "addr", "flush", "dev", "eth0"]);
        until(&status, |link| link.ipv6.is_empty()).await;
    });
}

#[test]
fn an_address_that_was_set_is_held_without_asking_and_given_to_nobody() {
    if !can_make_namespaces() {
        return;
    }
    let router = Router::plug_in();
    let fixed = Fixed {
        address: Ipv4Addr::new(10, 77, 0, 9),
        prefix: 24,
        gateway: Some(Ipv4Addr::new(10, 77, 0, 1)),
        dns: vec![[192, 0, 2, 53].into(), "2001:db8::53".parse().expect("one")],
    };
    with_set(Some(fixed), async |status, _setting| {
        let link = until(&status, |link| !link.address.is_empty()).await;
        assert_eq!(
            (link.address.as_str(), link.gateway.as_str()),
            ("10.77.0.9/24", "10.77.0.1")
        );
        assert_eq!(link.dns, ["192.0.2.53", "2001:db8::53"]);
        let shown = ip(&["-4", "addr", "show", "dev", "eth0"]);
        assert!(shown.contains("10.77.0.9/24"), "{shown}");
        assert!(shown.contains("valid_lft forever"), "{shown}");
        let routes = ip(&["route"]);
        assert!(
            routes.contains("default via 10.77.0.1 dev eth0"),
            "{routes}"
        );
    });
    drop(router);
}

#[test]
fn what_people_set_takes_effect_at_once_and_the_same_address_stays_in_place() {
    if !can_make_namespaces() {
        return;
    }
    let mut router = Router::plug_in();
    let shown = || ip(&["-4", "addr", "show", "dev", "eth0"]);
    with_set(None, async |status, setting| {
        let leased = until(&status, |link| !link.gateway.is_empty()).await;
        let (address, _) = leased.address.split_once('/').expect("with its prefix");
        let mut fixed = Fixed {
            address: address.parse().expect("an address"),
            prefix: 24,
            gateway: None,
            dns: vec![[192, 0, 2, 53].into()],
        };
        let watching = tokio::task::spawn_blocking(|| {
            Command::new("ip")
                .args(["monitor", "address"])
                .stdout(Stdio::piped())
                .spawn()
                .expect("iproute2 is installed")
        });
        let mut watching = watching.await.expect("it runs");
        setting.send_replace(of(Some(fixed.clone())));
        until(&status, |link| {
            link.dns == ["192.0.2.53"] && link.gateway.is_empty()
        })
        .await;
        assert!(shown().contains("valid_lft forever"), "{}", shown());
        assert!(!ip(&["route"]).contains("default"), "{}", ip(&["route"]));

        fixed.address = Ipv4Addr::new(10, 77, 0, 9);
        fixed.gateway = Some(Ipv4Addr::new(10, 77, 0, 1));
        setting.send_replace(of(Some(fixed)));
        until(&status, |link| link.address == "10.77.0.9/24").await;
        assert!(!shown().contains(address), "{}", shown());
        assert!(ip(&["route"]).contains("default via 10.77.0.1"));

        setting.send_replace(Setting::default());
        let again = until(&status, |link| link.address == leased.address).await;
        assert_eq!(again.dns, ["10.77.0.1"]);
        assert!(!shown().contains("10.77.0.9/"), "{}", shown());
        let _ = watching.kill();
        let output = watching.wait_with_output().expect("it ended");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let dropped = said.lines().filter(|line| line.starts_with("Deleted"));
        let dropped: Vec<&str> = dropped.filter(|line| line.contains(" inet ")).collect();
        assert_eq!(dropped.len(), 2, "each address once: {said}");
    });
    router.expect("DHCPRELEASE");
}

#[test]
fn a_lease_is_given_back_when_another_address_was_set() {
    if !can_make_namespaces() {
        return;
    }
    let mut router = Router::plug_in();
    with_set(None, async |status, setting| {
        let leased = until(&status, |link| !link.gateway.is_empty()).await;
        let fixed = Fixed {
            address: Ipv4Addr::new(10, 77, 0, 9),
            prefix: 24,
            gateway: None,
            dns: vec![],
        };
        setting.send_replace(of(Some(fixed)));
        until(&status, |link| link.address == "10.77.0.9/24").await;
        let (address, _) = leased.address.split_once('/').expect("with its prefix");
        let line = tokio::task::spawn_blocking(move || router.expect("DHCPRELEASE"));
        let line = line.await.expect("it was said");
        assert!(line.contains(address), "{line}");
    });
}

#[test]
fn the_address_that_was_set_stays_on_its_card_when_another_is_added() {
    if !can_make_namespaces() {
        return;
    }
    let router = Router::plug_in();
    let add = |name: &str, mac: &str| {
        let other = format!("far-{name}");
        let pair = ["type", "veth", "peer", "name", other.as_str()];
        ip(&[&["link", "add", name, "address", mac][..], &pair].concat());
        ip(&["link", "set", &other, "up"]);
    };
    add("eth1", "02:00:00:00:00:05");
    let fixed = Fixed {
        address: Ipv4Addr::new(10, 77, 0, 9),
        prefix: 24,
        gateway: None,
        dns: vec![],
    };
    let has_it = |link: &ipc::net::Link| link.address == "10.77.0.9/24";
    let on = |name: &'static str| move |link: &ipc::net::Link| link.name == name && has_it(link);
    let links = ["eth1", "eth2"];
    with_links(&links, of(Some(fixed.clone())), async |status, setting| {
        until(&status, on("eth1")).await;
        let first = || status.lock().expect("no panic").first.clone();
        assert_eq!(first(), "02:00:00:00:00:05");
        add("eth2", "02:00:00:00:00:01");
        until(&status, |link| link.name == "eth2").await;
        until(&status, on("eth1")).await;
        assert_eq!(first(), "02:00:00:00:00:05");
        // The store was late with which card it is for.
        let card = Some(Mac([2, 0, 0, 0, 0, 1]));
        let fixed = Some(fixed.clone());
        setting.send_replace(Setting { fixed, card });
        until(&status, on("eth2")).await;
        assert_eq!(first(), "02:00:00:00:00:01");
        let shown = ip(&["-4", "addr", "show", "dev", "eth1"]);
        assert!(!shown.contains("10.77.0.9/"), "{shown}");
    });
    // At the next start the card with the lowest hardware address is not asked for.
    let card = Some(Mac([2, 0, 0, 0, 0, 5]));
    let setting = Setting {
        fixed: Some(fixed),
        card,
    };
    with_links(&links, setting, async |status, _setting| {
        until(&status, on("eth1")).await;
        ip(&["link", "del", "eth1"]);
        until(&status, on("eth2")).await;
    });
    drop(router);
}
