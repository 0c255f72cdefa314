//! The firewall in a real kernel. One thread is the box, in a network namespace of its own with a
//! card; at the other end of the cable, in another namespace, is everybody else: phones of the
//! office, and strangers.

mod changes;
mod figures;
mod listing;
mod packets;
mod refusals;
mod reload;

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns, unshare};

use crate::kind::{Family, Kind, Value};
use crate::ruleset::{Base, Chain, ChainKind, Hook, Policy, Rule, Ruleset, Set, priority};
use crate::statement::Statement;
use crate::{Element, Firewall, Key, Transport, ct_state, protocol};

/// Longer than anything takes; a failing test ends by it.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const TABLE: &str = "ramal";
/// Whatever is sent here arrives, under every ruleset of these tests.
const MARKER_PORT: u16 = 7999;
pub(super) const SIP: u16 = 5060;
pub(super) const PHONE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

/// The addresses of one version of IP.
#[derive(Clone, Copy)]
pub(super) struct Addresses {
    pub(super) family: Family,
    /// The box.
    pub(super) own: IpAddr,
    /// Phones of the office.
    pub(super) phone: IpAddr,
    pub(super) other_phone: IpAddr,
    /// Not of the office.
    pub(super) stranger: IpAddr,
    pub(super) other_stranger: IpAddr,
    /// The office, as a network.
    pub(super) office: (IpAddr, u8),
}

/// Both versions of IP: what holds for one must hold for the other.
pub(super) fn versions() -> [Addresses; 2] {
    let address = |text: &str| -> IpAddr { text.parse().expect("an address") };
    let four = Addresses {
        family: Family::Ipv4,
        own: address("192.168.0.7"),
        phone: address("192.168.0.9"),
        other_phone: address("192.168.0.10"),
        stranger: address("203.0.113.5"),
        other_stranger: address("203.0.113.6"),
        office: (address("192.168.0.0"), 24),
    };
    let six = Addresses {
        family: Family::Ipv6,
        own: address("fd00::7"),
        phone: address("fd00::9"),
        other_phone: address("fd00::10"),
        stranger: address("2001:db8::5"),
        other_stranger: address("2001:db8::6"),
        office: (address("fd00::"), 64),
    };
    [four, six]
}

pub(super) fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        println!("skipped: network namespaces can only be made by root");
    }
    root
}

pub(super) fn ip(arguments: &str) {
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
pub(super) struct World {
    namespace: File,
}

impl World {
    /// The calling thread becomes the box.
    pub(super) fn plug_in() -> Self {
        unshare(CloneFlags::CLONE_NEWNET).expect("we are root");
        let namespace = own_namespace();
        unshare(CloneFlags::CLONE_NEWNET).expect("we are root");
        ip("link set lo up");
        ip("link add eth0 type veth peer name lan0");
        let path = format!("/proc/{}/fd/{}", std::process::id(), namespace.as_raw_fd());
        ip("link set lan0 address 02:00:00:00:00:09");
        ip(&format!("link set lan0 netns {path}"));
        ip("link set eth0 up");
        let world = Self { namespace };
        world.run(|| {
            ip("link set lo up");
            ip("link set lan0 up");
            for it in versions() {
                for address in [it.phone, it.other_phone] {
                    add_address("lan0", address, it.office.1);
                }
                for address in [it.stranger, it.other_stranger] {
                    add_address(
                        "lan0",
                        address,
                        64.min(u8::from(address.is_ipv6()) * 40 + 24),
                    );
                }
            }
        });
        for it in versions() {
            add_address("eth0", it.own, it.office.1);
        }
        ip("route add 203.0.113.0/24 dev eth0");
        ip("-6 route add 2001:db8::/64 dev eth0");
        world
    }

    /// Has somebody else do something, and waits for it.
    pub(super) fn run<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let acting = scope.spawn(|| {
                setns(&self.namespace, CloneFlags::CLONE_NEWNET).expect("it is there");
                act()
            });
            acting.join().expect("done")
        })
    }

    /// A socket of somebody else.
    pub(super) fn socket(&self, address: IpAddr, port: u16) -> UdpSocket {
        self.run(|| udp(address, port))
    }

    /// Whether what `from` sends to a port of the box arrives there. Packets come in the order in
    /// which they are sent, so that one that arrives behind it says when to stop waiting.
    pub(super) fn arrives(&self, from: IpAddr, own: IpAddr, port: u16) -> bool {
        self.how_many_arrive(from, own, port, 1) == 1
    }

    /// How many of `count` packets arrive.
    pub(super) fn how_many_arrive(&self, from: IpAddr, own: IpAddr, port: u16, count: u32) -> u32 {
        let (asked, marker) = (udp(own, port), udp(own, MARKER_PORT));
        let sender = self.socket(from, 0);
        for _ in 0..count {
            sender.send_to(b"asked", (own, port)).expect("sent");
        }
        sender.send_to(b"marker", (own, MARKER_PORT)).expect("sent");
        let mut heard = [0; 16];
        receive(&marker, &mut heard).expect("the marker comes");
        asked.set_nonblocking(true).expect("set");
        let mut arrived = 0;
        while let Ok((_, by)) = receive(&asked, &mut heard) {
            assert_eq!(by.ip(), from);
            arrived += 1;
        }
        arrived
    }
}

fn add_address(interface: &str, address: IpAddr, length: u8) {
    let nodad = if address.is_ipv6() { " nodad" } else { "" };
    ip(&format!(
        "addr add {address}/{length} dev {interface}{nodad}"
    ));
}

/// A program that another test starts holds copies of all sockets until it has begun, so that a
/// port may be taken a moment longer than its socket is there.
pub(super) fn udp(address: IpAddr, port: u16) -> UdpSocket {
    let mut bound = None;
    until("the port free", || {
        bound = match UdpSocket::bind(SocketAddr::new(address, port)) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => None,
            done => Some(done.expect("bound")),
        };
        bound.is_some()
    });
    let socket = bound.expect("bound");
    socket.set_read_timeout(Some(PATIENCE)).expect("set");
    socket
}

/// Whatever comes next, and from whom. A machine that was halted and goes on interrupts whoever
/// waits with a limit (signal(7)).
pub(super) fn receive(socket: &UdpSocket, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    loop {
        match socket.recv_from(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Waits until something is so, looking again and again.
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} was never so");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(super) fn firewall() -> Firewall {
    Firewall::open(TABLE).expect("netfilter")
}

/// A ruleset with these sets and input rules; what is not accepted is dropped.
pub(super) fn guarded(sets: Vec<Set>, rules: Vec<Rule>) -> Ruleset {
    let always = [
        Rule::named(
            "own",
            [Statement::from_interface("lo"), Statement::accept()],
        ),
        // RFC 4861: without these nobody finds anybody by IPv6, as by ARP, which is not looked at.
        Rule::named(
            "neighbours",
            [
                Statement::found([Key::Icmp6Type], "neighbours"),
                Statement::accept(),
            ],
        ),
        Rule::named(
            "marker",
            [
                Statement::to_port(Transport::Udp, MARKER_PORT),
                Statement::accept(),
            ],
        ),
    ];
    let discovery = (133..=136).map(|number| Element::new([Value::Icmp6(number)]));
    let neighbours = Set::new("neighbours", [Kind::Icmp6]).with(discovery.collect());
    Ruleset {
        table: TABLE.to_owned(),
        sets: sets.into_iter().chain([neighbours]).collect(),
        counters: Vec::new(),
        chains: vec![Chain {
            name: "input".to_owned(),
            base: Some(base(Hook::Input, priority::FILTER, Policy::Drop)),
            rules: always.into_iter().chain(rules).collect(),
        }],
    }
}

pub(super) fn base(hook: Hook, priority: i32, policy: Policy) -> Base {
    Base {
        kind: ChainKind::Filter,
        hook,
        priority,
        policy,
    }
}

pub(super) fn established() -> Rule {
    Rule::named(
        "established",
        [
            Statement::state(ct_state::ESTABLISHED | ct_state::RELATED),
            Statement::accept(),
        ],
    )
}

/// What asks for a connection by TCP, by itself or refused.
pub(super) fn connect(to: SocketAddr) -> io::Result<std::net::TcpStream> {
    std::net::TcpStream::connect_timeout(&to, PATIENCE)
}

pub(super) fn kind_of(family: Family) -> Kind {
    match family {
        Family::Ipv4 => Kind::Ipv4,
        Family::Ipv6 => Kind::Ipv6,
    }
}

/// `lan4` or `lan6`.
pub(super) fn of(name: &str, family: Family) -> String {
    match family {
        Family::Ipv4 => format!("{name}4"),
        Family::Ipv6 => format!("{name}6"),
    }
}

pub(super) const UDP: u8 = protocol::UDP;
