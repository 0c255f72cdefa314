//! The rules in a real kernel. One thread is the box, in a network namespace of its own with a card
//! and the end of a tunnel; at the other ends, in another namespace, is everybody else.

mod bans;
mod forms;
mod zones;

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::{Duration, Instant};

use config::Network;
use firewall::{Family, Firewall};
use nix::sched::{CloneFlags, setns, unshare};

use crate::{Listed, TABLE, elements, ruleset};

/// Longer than anything takes; a failing test ends by it.
const PATIENCE: Duration = Duration::from_secs(20);
/// A packet may be overtaken by one that another processor has sent.
const OVERTAKEN: Duration = Duration::from_millis(20);
const SIP: u16 = 5060;
/// Names in the network: from private addresses always open.
const MARKER_PORT: u16 = 5353;

/// The addresses of one version of IP.
#[derive(Clone, Copy)]
struct Addresses {
    own: IpAddr,
    phone: IpAddr,
    stranger: IpAddr,
    other_stranger: IpAddr,
    /// The box in the grid, and somebody there.
    own_in_grid: IpAddr,
    in_grid: IpAddr,
}

/// Both versions of IP: what holds for one must hold for the other.
fn versions() -> [Addresses; 2] {
    let address = |text: &str| -> IpAddr { text.parse().expect("an address") };
    let four = Addresses {
        own: address("192.168.0.7"),
        phone: address("192.168.0.9"),
        stranger: address("203.0.113.5"),
        other_stranger: address("203.0.113.6"),
        own_in_grid: address("10.200.0.5"),
        in_grid: address("10.200.0.1"),
    };
    let six = Addresses {
        own: address("fd00::7"),
        phone: address("fd00::9"),
        stranger: address("2001:db8::5"),
        other_stranger: address("2001:db8::6"),
        own_in_grid: address("fd77:200::5"),
        in_grid: address("fd77:200::1"),
    };
    [four, six]
}

fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        println!("skipped: network namespaces can only be made by root");
    }
    root
}

fn ip(arguments: &str) {
    let output = Command::new("ip")
        .args(arguments.split(' '))
        .output()
        .expect("iproute2 is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {said}");
}

fn own_namespace() -> File {
    File::open("/proc/thread-self/ns/net").expect("a namespace")
}

/// Everybody else.
struct World {
    namespace: File,
}

impl World {
    /// The calling thread becomes the box, with its rules.
    fn plug_in() -> (Self, Firewall) {
        unshare(CloneFlags::CLONE_NEWNET).expect("we are root");
        let namespace = own_namespace();
        unshare(CloneFlags::CLONE_NEWNET).expect("we are root");
        ip("link set lo up");
        let path = format!("/proc/{}/fd/{}", std::process::id(), namespace.as_raw_fd());
        for (here, there) in [("eth0", "lan0"), ("grid0", "hub0")] {
            ip(&format!("link add {here} type veth peer name {there}"));
            ip(&format!("link set {there} netns {path}"));
            ip(&format!("link set {here} up"));
        }
        let world = Self { namespace };
        world.run(|| {
            for link in ["lo", "lan0", "hub0"] {
                ip(&format!("link set {link} up"));
            }
            for it in versions() {
                for address in [it.phone, it.stranger, it.other_stranger] {
                    add_address("lan0", address);
                }
                add_address("hub0", it.in_grid);
            }
        });
        for it in versions() {
            add_address("eth0", it.own);
            add_address("grid0", it.own_in_grid);
        }
        ip("route add 203.0.113.0/24 dev eth0");
        ip("-6 route add 2001:db8::/64 dev eth0");
        // Who knows each other's cards already sends at once, and in the order of sending.
        for it in versions() {
            let pairs = [
                (it.own, it.phone),
                (it.own, it.stranger),
                (it.own, it.other_stranger),
                (it.own_in_grid, it.in_grid),
            ];
            for (own, other) in pairs {
                let (here, there) = (udp(own, 9_999), world.run(|| udp(other, 9_999)));
                here.send_to(b"hello", (other, 9_999)).expect("sent");
                receive(&there).expect("heard");
                there.send_to(b"hello", (own, 9_999)).expect("sent");
                receive(&here).expect("heard");
            }
        }
        let firewall = Firewall::open(TABLE).expect("netfilter");
        firewall.load(&ruleset()).expect("taken");
        (world, firewall)
    }

    /// Has somebody else do something, and waits for it.
    fn run<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let acting = scope.spawn(|| {
                setns(&self.namespace, CloneFlags::CLONE_NEWNET).expect("it is there");
                act()
            });
            acting.join().expect("done")
        })
    }

    /// Whether what `from` sends to a port of the box arrives there.
    fn arrives(&self, from: IpAddr, own: IpAddr, port: u16) -> bool {
        self.does_arrive(from, own, port, || {
            let sender = self.run(|| udp(from, 0));
            sender.send_to(b"asked", (own, port)).expect("sent");
        })
    }

    /// Whether what is sent by that arrives. Packets come in the order in which they are sent, so
    /// that one that arrives behind it says when to stop waiting.
    fn does_arrive(&self, from: IpAddr, own: IpAddr, port: u16, send: impl FnOnce()) -> bool {
        let asked = udp(own, port);
        send();
        let is_ours = |it: &Addresses| port == MARKER_PORT && it.own.is_ipv4() == own.is_ipv4();
        versions()
            .iter()
            .filter(|it| !is_ours(it))
            .for_each(|it| self.mark_by(it));
        asked.set_read_timeout(Some(OVERTAKEN)).expect("set");
        match receive(&asked) {
            Ok((_, by)) => {
                assert_eq!(by.ip(), from);
                true
            }
            Err(_) => false,
        }
    }

    /// Waits until all that was sent has come.
    fn mark(&self) {
        versions().iter().for_each(|it| self.mark_by(it));
        std::thread::sleep(OVERTAKEN);
    }

    fn mark_by(&self, it: &Addresses) {
        let marker = udp(it.own, MARKER_PORT);
        let sender = self.run(|| udp(it.phone, 0));
        sender
            .send_to(b"marker", (it.own, MARKER_PORT))
            .expect("sent");
        receive(&marker).expect("the marker comes");
    }
}

fn add_address(interface: &str, address: IpAddr) {
    let rest = if address.is_ipv6() { "64" } else { "24" };
    let nodad = if address.is_ipv6() { " nodad" } else { "" };
    ip(&format!("addr add {address}/{rest} dev {interface}{nodad}"));
}

/// A program that another test starts holds copies of all sockets until it has begun, so that a
/// port may be taken a moment longer than its socket is there.
fn udp(address: IpAddr, port: u16) -> UdpSocket {
    let begun = Instant::now();
    let socket = loop {
        match UdpSocket::bind(SocketAddr::new(address, port)) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                assert!(begun.elapsed() < PATIENCE, "{address} {port}: {error}");
                std::thread::sleep(Duration::from_millis(5));
            }
            done => break done.expect("bound"),
        }
    };
    socket.set_read_timeout(Some(PATIENCE)).expect("set");
    socket
}

/// Whatever comes next: its length, and from whom. A machine that was halted and goes on interrupts
/// whoever waits with a limit (signal(7)).
fn receive(socket: &UdpSocket) -> io::Result<(usize, SocketAddr)> {
    let mut into = [0; 4096];
    loop {
        match socket.recv_from(&mut into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

fn network(text: &str) -> Network {
    Network::parse(text).expect(text)
}

/// Has a list hold these, and nothing else.
fn list(firewall: &Firewall, listed: Listed, networks: &[Network]) {
    for family in [Family::Ipv4, Family::Ipv6] {
        let replaced = firewall.replace(&listed.set(family), &elements(networks, family));
        replaced.expect("taken");
    }
}
