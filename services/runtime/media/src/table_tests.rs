//! The relay table on real sockets, without a pump.

use std::net::{Ipv4Addr, UdpSocket};

use super::*;

/// Each test has ports of its own, since tests run side by side.
fn table(range: &str) -> RelayTable {
    RelayTable::new(range.parse().expect("a range"), 0)
}

fn ask(table: &mut RelayTable, request: Request) -> Reply {
    table.answer(Instant::ORIGIN, request, |_, _| Ok(()))
}

fn ports(reply: &Reply) -> (u16, u16) {
    match reply {
        Reply::Opened {
            caller_port,
            callee_port,
        } => (*caller_port, *callee_port),
        other => panic!("not opened: {other:?}"),
    }
}

#[test]
fn opening_twice_gives_the_same_ports_and_closing_frees_them() {
    let mut table = table("14000-14003");
    let first = ask(&mut table, Request::Open(1));
    assert_eq!(ports(&first), (14000, 14002));
    assert_eq!(ask(&mut table, Request::Open(1)), first);
    assert!(matches!(
        ask(&mut table, Request::Open(2)),
        Reply::Failed { .. }
    ));
    assert!(matches!(
        ask(&mut table, Request::Close(1)),
        Reply::Closed(_)
    ));
    assert_eq!(ask(&mut table, Request::Close(1)), Reply::Unknown);
    assert_eq!(ports(&ask(&mut table, Request::Open(2))), (14000, 14002));
}

#[test]
fn a_failed_open_leaks_no_port() {
    let mut table = table("14010-14013");
    let reply = table.answer(Instant::ORIGIN, Request::Open(1), |_, _| {
        Err("no".to_owned())
    });
    assert_eq!(reply, failed("no".to_owned()));
    assert_eq!(ask(&mut table, Request::Status), Reply::Relays(Vec::new()));
    ports(&ask(&mut table, Request::Open(1)));
}

#[test]
fn a_port_somebody_else_holds_is_passed_over_with_its_pair() {
    let mut table = table("14020-14027");
    let _taken = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 14021)).expect("free");
    assert_eq!(ports(&ask(&mut table, Request::Open(1))), (14022, 14024));
}

#[test]
fn only_the_named_relays_are_kept() {
    let mut table = table("14030-14059");
    for id in 1..=3 {
        ask(&mut table, Request::Open(id));
    }
    assert_eq!(ask(&mut table, Request::KeepOnly(vec![2, 9])), Reply::Done);
    let Reply::Relays(left) = ask(&mut table, Request::Status) else {
        panic!("no status")
    };
    assert_eq!(left.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [2]);
    assert_eq!(table.slots.len(), 3);
    ask(&mut table, Request::Open(4));
    assert_eq!(table.slots.len(), 3, "a freed slot is used again");
}

#[test]
fn a_relay_comes_back_on_the_ports_it_had() {
    let mut table = table("14070-14079");
    assert_eq!(
        ports(&ask(&mut table, Request::Reopen(7, 14074, 14076))),
        (14074, 14076)
    );
    assert_eq!(
        ports(&ask(&mut table, Request::Reopen(7, 14070, 14072))),
        (14074, 14076)
    );
    for (caller, callee) in [(14074, 14078), (14071, 14078), (16000, 14078)] {
        let reply = ask(&mut table, Request::Reopen(8, caller, callee));
        assert!(matches!(reply, Reply::Failed { .. }), "{caller} {callee}");
    }
}

#[test]
fn media_may_not_be_sent_to_the_relay_itself() {
    let mut table = table("14060-14069");
    ask(&mut table, Request::Open(1));
    let to = |remote: &str| Leg {
        remote: remote.parse().ok(),
        ..Leg::default()
    };
    let mut set = |remote| ask(&mut table, Request::Set(1, WireSide::Caller, to(remote)));
    assert!(matches!(set("127.0.0.1:14062"), Reply::Failed { .. }));
    assert_eq!(set("127.0.0.1:4000"), Reply::Done);
    assert_eq!(set("192.0.2.1:14062"), Reply::Done);
    let unknown = Request::Set(9, WireSide::Caller, Leg::default());
    assert_eq!(ask(&mut table, unknown), Reply::Unknown);
}

#[test]
fn tokens_survive_epoll() {
    for token in Token::all(499) {
        assert_eq!(Token::from_u64(token.to_u64()), token);
    }
}
