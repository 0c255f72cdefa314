//! Who reaches what.

use std::net::{TcpListener, TcpStream};

use super::*;

/// What connecting comes to: `Some(true)` when it is taken, `Some(false)` when somebody says no.
fn connects(world: &World, from: IpAddr, to: SocketAddr) -> Option<bool> {
    world.run(|| {
        // Who asks is chosen by the route: the other's own address is no argument of `connect`.
        let source = format!("src {from}");
        let version = if from.is_ipv6() { "-6" } else { "-4" };
        ip(&format!(
            "{version} route replace {} dev lan0 {source}",
            to.ip()
        ));
        match TcpStream::connect_timeout(&to, Duration::from_millis(400)) {
            Ok(_) => Some(true),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Some(false),
            Err(_) => None,
        }
    })
}

#[test]
fn each_zone_reaches_the_ports_that_are_declared_for_it() {
    if !is_root() {
        return;
    }
    let (world, firewall) = World::plug_in();
    for it in versions() {
        let office = [5060, 5353, 16_384, 20_000, 32_767];
        for port in office.into_iter().chain([5061, 16_383, 32_768, 123, 500]) {
            let is_open = office.contains(&port);
            assert_eq!(world.arrives(it.phone, it.own, port), is_open, "{port}");
            assert!(!world.arrives(it.stranger, it.own, port), "{port}");
        }
    }
    let callers = [network("203.0.113.5"), network("2001:db8::5")];
    list(&firewall, Listed::Callers, &callers);
    for it in versions() {
        for (port, is_open) in [(5060, true), (5353, false), (16_384, true), (32_768, false)] {
            assert_eq!(world.arrives(it.stranger, it.own, port), is_open, "{port}");
            assert!(!world.arrives(it.other_stranger, it.own, port), "{port}");
        }
    }
    list(
        &firewall,
        Listed::Callers,
        &[network("0.0.0.0/0"), network("::/0")],
    );
    for it in versions() {
        assert!(
            world.arrives(it.other_stranger, it.own, SIP),
            "all may call"
        );
    }
    list(&firewall, Listed::Callers, &[]);
    // Where others are internal, private addresses reach the pages and nothing else.
    list(
        &firewall,
        Listed::Office,
        &[network("203.0.113.0/24"), network("2001:db8::/64")],
    );
    for it in versions() {
        assert!(world.arrives(it.stranger, it.own, SIP));
        assert!(!world.arrives(it.phone, it.own, SIP));
        assert!(world.arrives(it.phone, it.own, MARKER_PORT));
    }
}

#[test]
fn who_listens_where_nothing_is_declared_is_not_reached_by_tcp_either() {
    if !is_root() {
        return;
    }
    let (world, _firewall) = World::plug_in();
    for it in versions() {
        let ports = [22, 80, 443, 3000, 5060, 5061, 8080];
        let _listeners = ports.map(|port| TcpListener::bind((it.own, port)).expect("bound"));
        for port in ports {
            let to = SocketAddr::new(it.own, port);
            let is_open = [80, 443, 5060, 5061].contains(&port);
            assert_eq!(connects(&world, it.phone, to), Some(is_open), "{port}");
            assert_eq!(connects(&world, it.stranger, to), None, "{port}");
        }
    }
}

#[test]
fn the_grid_is_what_comes_by_the_tunnel_whoever_else_says_so() {
    if !is_root() {
        return;
    }
    let (world, firewall) = World::plug_in();
    for it in versions() {
        let said = world.arrives(it.in_grid, it.own_in_grid, SIP);
        assert!(!said, "before there is a grid nobody is in it");
    }
    let grid = [network("10.200.0.0/24"), network("fd77:200::/64")];
    list(&firewall, Listed::Grid, &grid);
    for it in versions() {
        assert!(world.arrives(it.in_grid, it.own_in_grid, SIP));
        assert!(!world.arrives(it.in_grid, it.own_in_grid, MARKER_PORT + 1));
        // A conversation by the tunnel, which nobody beside it may go on with.
        let here = udp(it.own_in_grid, 40_000);
        here.send_to(b"asked", (it.in_grid, 40_001)).expect("sent");
        let sends = |by: &str| {
            let version = if it.in_grid.is_ipv6() { "-6" } else { "-4" };
            world.run(|| {
                ip(&format!(
                    "{version} route replace {} dev {by}",
                    it.own_in_grid
                ));
                let socket = udp(it.in_grid, 40_001);
                socket
                    .send_to(b"said", (it.own_in_grid, 40_000))
                    .expect("sent");
            });
        };
        sends("hub0");
        receive(&here).expect("the answer by the tunnel");
        sends("lan0");
        world.mark();
        here.set_nonblocking(true).expect("set");
        assert!(receive(&here).is_err(), "by the cable");
    }
    // What comes by the tunnel and says it is from the office is not.
    for it in versions() {
        let version = if it.phone.is_ipv6() { "-6" } else { "-4" };
        let own = it.own_in_grid;
        world.run(|| ip(&format!("{version} route replace {own} dev hub0")));
        assert!(!world.arrives(it.phone, own, SIP));
        assert!(!world.arrives(it.stranger, own, SIP));
    }
}

#[test]
fn an_answer_comes_in_and_so_does_word_that_there_is_none() {
    if !is_root() {
        return;
    }
    let (world, _firewall) = World::plug_in();
    for it in versions() {
        let here = udp(it.own, 0);
        let there = world.run(|| udp(it.stranger, 3478));
        here.send_to(b"question", (it.stranger, 3478))
            .expect("sent");
        let (_, by) = receive(&there).expect("asked");
        there.send_to(b"answer", by).expect("sent");
        receive(&here).expect("answered");
        // Nobody is at this port: ICMP says so.
        let here = udp(it.own, 0);
        here.connect((it.stranger, 3479)).expect("connected");
        here.send(b"question").expect("sent");
        let error = here.recv(&mut [0; 16]).expect_err("nobody");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
