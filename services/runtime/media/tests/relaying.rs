//! Two phones and a stranger on loopback, with the real pump between them.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic to fail"
)]

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use ipc::media::{Leg, Reply, Request, Side, Stats};
use media::{Control, Pump};
use run_loop::clock::Clock;

/// A pump of this test's own, on ports of its own.
fn pump(range: &str) -> Control {
    let range = range.parse().expect("a range");
    let (pump, control) = Pump::new(Clock::start(), range, 0).expect("epoll");
    std::thread::spawn(move || pump.run(|| {}));
    control
}

struct Phone(UdpSocket);

impl Phone {
    /// A phone on one of the loopback addresses, so that hosts differ.
    fn on(host: u8) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, host), 0)).expect("loopback");
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .expect("a time-out");
        Self(socket)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("bound")
    }

    fn leg(&self) -> Leg {
        let address = Some(self.address());
        Leg {
            remote: address,
            signalling: address,
            ..Leg::default()
        }
    }

    fn say(&self, port: u16, payload_type: u8, word: &[u8]) {
        let header = [0x80, payload_type, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4];
        let packet = [header.as_slice(), word].concat();
        self.0
            .send_to(&packet, (Ipv4Addr::LOCALHOST, port))
            .expect("sent");
    }

    fn hear(&self) -> (u8, Vec<u8>) {
        let mut buffer = [0; 64];
        let length = self.0.recv(&mut buffer).expect("something to hear");
        (buffer[1], buffer[12..length].to_vec())
    }
}

fn open(control: &Control, id: u64) -> (u16, u16) {
    match control.ask(Request::Open(id)).expect("the pump runs") {
        Reply::Opened {
            caller_port,
            callee_port,
        } => (caller_port, callee_port),
        other => panic!("not opened: {other:?}"),
    }
}

fn done(control: &Control, request: Request) {
    assert_eq!(control.ask(request), Ok(Reply::Done));
}

fn close(control: &Control, id: u64) -> Stats {
    match control.ask(Request::Close(id)).expect("the pump runs") {
        Reply::Closed(stats) => stats,
        other => panic!("not closed: {other:?}"),
    }
}

#[test]
fn two_phones_hear_each_other_and_a_stranger_neither() {
    let control = pump("14100-14119");
    let (caller, callee, stranger) = (Phone::on(2), Phone::on(3), Phone::on(4));
    let (caller_port, callee_port) = open(&control, 1);
    done(&control, Request::Set(1, Side::Caller, caller.leg()));
    let leg = Leg {
        payload_map: vec![(101, 96)],
        ..callee.leg()
    };
    done(&control, Request::Set(1, Side::Callee, leg));
    caller.say(caller_port, 8, b"hello");
    assert_eq!(callee.hear(), (8, b"hello".to_vec()));
    stranger.say(caller_port, 8, b"gotcha");
    stranger.say(callee_port, 8, b"gotcha");
    callee.say(callee_port, 8, b"good day");
    assert_eq!(caller.hear(), (8, b"good day".to_vec()));
    caller.say(caller_port, 101, b"event");
    assert_eq!(callee.hear(), (96, b"event".to_vec()));
    let stats = close(&control, 1);
    assert_eq!(
        (
            stats.packets_to_callee,
            stats.packets_to_caller,
            stats.dropped
        ),
        (2, 1, 2)
    );
}

#[test]
fn a_thousand_calls_one_after_another_leak_no_socket() {
    let control = pump("14120-14127");
    let descriptors = || std::fs::read_dir("/proc/self/fd").expect("/proc").count();
    open(&control, 0);
    close(&control, 0);
    let before = descriptors();
    for id in 1..=1000 {
        open(&control, id);
        close(&control, id);
    }
    // Other tests of this process may hold a few sockets; a leak would be four thousand.
    assert!(
        descriptors() < before + 100,
        "{before} then {}",
        descriptors()
    );
}

#[test]
fn a_restarted_pbx_finds_its_calls_still_talking() {
    let control = pump("14130-14149");
    let (caller, callee) = (Phone::on(2), Phone::on(3));
    let (caller_port, _) = open(&control, 7);
    open(&control, 8);
    done(&control, Request::Set(7, Side::Caller, caller.leg()));
    done(&control, Request::Set(7, Side::Callee, callee.leg()));
    done(&control, Request::KeepOnly(vec![7]));
    assert_eq!(control.ask(Request::Close(8)), Ok(Reply::Unknown));
    caller.say(caller_port, 0, b"still here");
    assert_eq!(callee.hear(), (0, b"still here".to_vec()));
    assert_eq!(open(&control, 7).0, caller_port);
}
