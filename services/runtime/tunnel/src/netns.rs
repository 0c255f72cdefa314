//! The ways into the grid in a real kernel. One thread is the box, in a network namespace of its
//! own, and another its neighbour in the grid; a cable between two namespaces stands for the
//! tunnel, as routes and rules are the same.

use std::fs::File;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use config::Tunnel;
use nix::sched::{CloneFlags, setns, unshare};

use crate::routes;

/// Longer than anything takes; a failing test ends by it.
const PATIENCE: Duration = Duration::from_secs(20);

fn ip(arguments: &str) -> String {
    let output = Command::new("ip")
        .args(arguments.split(' '))
        .output()
        .expect("iproute2 is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn own_namespace() -> File {
    File::open("/proc/thread-self/ns/net").expect("a namespace")
}

fn tunnel(allowed: &[&str]) -> Tunnel {
    let raw = ipc::site::Tunnel {
        addresses: vec!["10.200.0.5".into(), "fd77:200::5".into()],
        hub_key: "hDZB5mbl0bYhe2sFcEfCHIiBuQ5dP+Tq5UsFBpYDkgY=".into(),
        endpoint: "198.51.100.7".into(),
        allowed: allowed.iter().map(ToString::to_string).collect(),
        ..ipc::site::Tunnel::default()
    };
    Tunnel::parse(&raw).expect("right")
}

/// The calling thread becomes the box, with an office network and a cable into the grid; a thread
/// in the grid then does what `neighbour` says.
fn plug_in() -> File {
    unshare(CloneFlags::CLONE_NEWNET).expect("we are root");
    let grid = own_namespace();
    ip("link set lo up");
    ip("addr add 10.200.0.1/24 dev lo");
    unshare(CloneFlags::CLONE_NEWNET).expect("we are root");
    ip("link set lo up");
    ip("link add eth0 type veth peer name lan0");
    ip("addr add 192.168.0.7/24 dev eth0");
    ip("addr add fd00::7/64 dev eth0 nodad");
    ip("link set lan0 up");
    ip("link set eth0 up");
    ip("route add default via 192.168.0.1");
    ip("-6 route add default via fd00::1");
    ip("link add grid0 type veth peer name box0");
    let box_side = own_namespace();
    // A number that `ip` can reach while it works in the box's namespace.
    let pid = std::os::fd::AsRawFd::as_raw_fd(&grid);
    ip(&format!(
        "link set box0 netns /proc/{}/fd/{pid}",
        std::process::id()
    ));
    setns(&grid, CloneFlags::CLONE_NEWNET).expect("it is there");
    ip("link set box0 up");
    ip("route add 10.200.0.5 dev box0 src 10.200.0.1");
    ip("route add 192.168.0.7 dev box0 src 10.200.0.1");
    ip("addr add fd77:200::1/64 dev box0 nodad");
    ip("-6 route add fd00::7 via fd77:200::5 dev box0");
    setns(&box_side, CloneFlags::CLONE_NEWNET).expect("it is there");
    grid
}

fn with_handle<T>(act: impl AsyncFnOnce(rtnetlink::Handle) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (connection, handle, _) = rtnetlink::new_connection().expect("rtnetlink");
        let connection = tokio::spawn(connection);
        let done = act(handle).await;
        connection.abort();
        done
    })
}

fn index() -> u32 {
    let shown = ip("-o link show grid0");
    let (index, _) = shown.split_once(':').expect("a number first");
    index.parse().expect("a number")
}

fn set_up(tunnel: &Tunnel) {
    with_handle(async |handle| {
        routes::set_up(&handle, index(), tunnel)
            .await
            .expect("taken")
    });
}

/// The interface on the way to an address, and the address of the box on it.
fn way(to: &str) -> (String, String) {
    let shown = ip(&format!("-o route get {to}"));
    let after = |word: &str| {
        let mut words = shown.split_whitespace().skip_while(|it| *it != word);
        words.nth(1).unwrap_or_default().to_owned()
    };
    (after("dev"), after("src"))
}

fn udp(address: &str) -> UdpSocket {
    let address: IpAddr = address.parse().expect("an address");
    let socket = UdpSocket::bind(SocketAddr::new(address, 0)).expect("bound");
    socket.set_read_timeout(Some(PATIENCE)).expect("set");
    socket
}

fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        println!("skipped: network namespaces can only be made by root");
    }
    root
}

#[test]
fn a_grid_takes_no_route_of_the_customers_network_and_leaves_nothing_behind() {
    if !is_root() {
        return;
    }
    let _grid = plug_in();
    let (main, rules) = (ip("route show table main"), ip("rule show"));
    let six = (ip("-6 route show table main"), ip("-6 rule show"));
    // As if the router had given the box its address after the tunnel was set.
    let greedy = [
        "10.200.0.0/24",
        "192.168.0.0/24",
        "fd77:200::/64",
        "fd00::/64",
    ];
    for _ in 0..2 {
        set_up(&tunnel(&greedy));
    }
    let pair = |dev: &str, src: &str| (dev.to_owned(), src.to_owned());
    assert_eq!(way("10.200.0.1"), pair("grid0", "10.200.0.5"));
    assert_eq!(way("fd77:200::1"), pair("grid0", "fd77:200::5"));
    assert_eq!(way("192.168.0.9"), pair("eth0", "192.168.0.7"));
    assert_eq!(way("fd00::9"), pair("eth0", "fd00::7"));
    assert_eq!(way("203.0.113.1"), pair("eth0", "192.168.0.7"));
    assert_eq!(
        ip("route show table main"),
        main,
        "nothing of the grid is there"
    );
    assert!(ip("-o route show table 51820").contains("10.200.0.0/24"));
    ip("link del grid0");
    with_handle(async |handle| {
        for _ in 0..2 {
            routes::take_down(&handle).await.expect("gone");
        }
    });
    assert_eq!(ip("rule show"), rules);
    assert_eq!((ip("-6 route show table main"), ip("-6 rule show")), six);
}

#[test]
fn whoever_asks_through_the_grid_for_another_address_of_the_box_hears_nothing() {
    if !is_root() {
        return;
    }
    let grid = plug_in();
    let tunnel = tunnel(&["10.200.0.0/24", "fd77:200::/64"]);
    set_up(&tunnel);
    let cases = [
        ("0.0.0.0", "10.200.0.1", "192.168.0.7", "10.200.0.5"),
        ("::", "fd77:200::1", "fd00::7", "fd77:200::5"),
    ];
    for (any, neighbour, elsewhere, own) in cases {
        let socket = udp(any);
        let port = socket.local_addr().expect("bound").port();
        let to = |address: &str| SocketAddr::new(address.parse().expect("one"), port);
        let (elsewhere, own) = (to(elsewhere), to(own));
        let grid = grid.try_clone().expect("ours");
        let asking = std::thread::spawn(move || {
            setns(grid, CloneFlags::CLONE_NEWNET).expect("it is there");
            let socket = udp(neighbour);
            socket.send_to(b"elsewhere", elsewhere).expect("sent");
            socket.send_to(b"own", own).expect("sent");
            let mut answer = [0; 16];
            let (length, by) = socket.recv_from(&mut answer).expect("one answer");
            (answer[..length].to_vec(), by)
        });
        let mut heard = [0; 16];
        let (mut length, mut from) = socket.recv_from(&mut heard).expect("one question");
        if &heard[..length] == b"elsewhere" {
            assert!(from.is_ipv6(), "IPv4 drops it as it arrives");
            // As a service does that answers from where it was asked.
            let there = UdpSocket::bind((elsewhere.ip(), 0)).expect("ours");
            assert!(there.send_to(b"leak", from).is_err(), "there is no way");
            (length, from) = socket.recv_from(&mut heard).expect("the other question");
        }
        assert_eq!(&heard[..length], b"own");
        socket.send_to(b"answer", from).expect("there is a way");
        let (answer, by) = asking.join().expect("answered");
        assert_eq!((answer.as_slice(), by), (&b"answer"[..], own));
    }
}
