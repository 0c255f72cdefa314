//! Phones on loopback, with the real pump between them.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic to fail"
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread::JoinHandle;
use std::time::Duration;

use ipc::sound::{
    Agreed, Clip, Codec, Crypto, Dtmf, Event, Family, MasterKey, Reply, Request, Source, Stats,
    Suite,
};
use media::{Control, Pump, PumpError};
use rtp::{Header, Packet, srtp};
use run_loop::clock::Clock;

/// A pump of this test's own, on ports of its own.
fn pump(range: &str) -> Control {
    pump_that_ends(range).0
}

/// The same, and its thread.
fn pump_that_ends(range: &str) -> (Control, JoinHandle<Result<(), PumpError>>) {
    let range = range.parse().expect("a range");
    let (pump, control) = Pump::new(Clock::start(), range, 5).expect("epoll");
    let thread = std::thread::spawn(move || pump.run(|| {}));
    (control, thread)
}

struct Phone {
    socket: UdpSocket,
    keys: Option<(srtp::Sender, srtp::Receiver)>,
    sequence: u16,
}

const KEY_OF_OURS: [u8; 30] = [3; 30];
const KEY_OF_THEIRS: [u8; 30] = [4; 30];

impl Phone {
    fn at(host: IpAddr) -> Self {
        let socket = UdpSocket::bind((host, 0)).expect("loopback");
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .expect("a time-out");
        Self {
            socket,
            keys: None,
            sequence: 7,
        }
    }

    /// A phone on one of the loopback addresses, so that hosts differ.
    fn on(host: u8) -> Self {
        Self::at(Ipv4Addr::new(127, 0, 0, host).into())
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("bound")
    }

    fn agreed(&self) -> Agreed {
        let codec = Codec {
            payload_type: 8,
            name: "PCMA".to_owned(),
            clock: 8_000,
            channels: 1,
            parameters: String::new(),
        };
        let address = Some(self.address());
        let key = |key: [u8; 30]| ipc::Redacted::new(key.to_vec());
        Agreed {
            remote: address,
            signalling: address,
            send: vec![codec.clone()],
            receive: vec![codec],
            dtmf: Dtmf::Events {
                send: 101,
                receive: 101,
                clock: 8_000,
            },
            hears: true,
            speaks: true,
            crypto: self.keys.as_ref().map(|_| Crypto {
                suite: Suite::AesCm128HmacSha1_80,
                send: key(KEY_OF_OURS),
                receive: vec![MasterKey {
                    mki: 0,
                    key: key(KEY_OF_THEIRS),
                }],
                mki_length: 0,
            }),
            ..Agreed::default()
        }
    }

    fn secure(&mut self) {
        let suite = srtp::Suite::AesCm128HmacSha1_80;
        let master = |key| srtp::Master::new(suite, key).expect("the right length");
        let receiver = srtp::Receiver::new(&master(&KEY_OF_OURS), 0);
        self.keys = Some((srtp::Sender::new(&master(&KEY_OF_THEIRS)), receiver));
    }

    fn say(&mut self, port: u16, payload_type: u8, word: &[u8]) {
        let header = Header {
            marker: false,
            payload_type,
            sequence: self.sequence,
            timestamp: u32::from(self.sequence) * 160,
            ssrc: 9,
            length: 12,
            padded: false,
        };
        self.sequence += 1;
        let mut packet = [&header.to_bytes()[..], word].concat();
        if let Some((sender, _)) = &mut self.keys {
            sender.protect_rtp(&mut packet).expect("a packet");
        }
        let ours: IpAddr = match self.address().ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        self.socket.send_to(&packet, (ours, port)).expect("sent");
    }

    /// The next RTP packet: payload type, payload and where it came from.
    fn hear(&mut self) -> (u8, Vec<u8>, SocketAddr) {
        let mut buffer = [0; 512];
        loop {
            let (length, from) = self.socket.recv_from(&mut buffer).expect("heard");
            let mut packet = buffer[..length].to_vec();
            if rtp::is_rtcp(&packet) {
                continue;
            }
            if let Some((_, receiver)) = &mut self.keys {
                receiver.unprotect_rtp(&mut packet).expect("authentic");
            }
            let packet = Packet::parse(&packet).expect("RTP");
            return (packet.payload_type, packet.payload.to_vec(), from);
        }
    }

    fn hear_word(&mut self) -> Vec<u8> {
        self.hear().1
    }
}

fn ask(control: &Control, request: Request) -> Reply {
    control.ask(request).expect("the pump runs")
}

fn open_at(control: &Control, id: u64, family: Family, port: Option<u16>) -> u16 {
    match ask(control, Request::Open { id, family, port }) {
        Reply::Opened { port } => port,
        other => panic!("not opened: {other:?}"),
    }
}

fn open(control: &Control, id: u64) -> u16 {
    open_at(control, id, Family::V4, None)
}

fn done(control: &Control, request: Request) {
    assert_eq!(ask(control, request), Reply::Done);
}

fn set(control: &Control, id: u64, phone: &Phone) {
    done(control, Request::Set(id, Box::new(phone.agreed())));
}

fn connect(control: &Control, left: u64, right: u64) {
    done(control, Request::Hear(left, Source::Endpoint(right)));
    done(control, Request::Hear(right, Source::Endpoint(left)));
}

fn close(control: &Control, id: u64) -> Stats {
    match ask(control, Request::Close(id)) {
        Reply::Closed(stats) => *stats,
        other => panic!("not closed: {other:?}"),
    }
}

/// Two endpoints that hear each other, and their ports.
fn call(control: &Control, caller: &Phone, callee: &Phone) -> (u16, u16) {
    let family = |phone: &Phone| {
        if phone.address().is_ipv4() {
            Family::V4
        } else {
            Family::V6
        }
    };
    let ports = (
        open_at(control, 1, family(caller), None),
        open_at(control, 2, family(callee), None),
    );
    set(control, 1, caller);
    set(control, 2, callee);
    connect(control, 1, 2);
    ports
}

#[test]
fn two_phones_hear_each_other_and_a_stranger_neither() {
    let control = pump("14300-14319");
    let (mut caller, mut callee, mut stranger) = (Phone::on(2), Phone::on(3), Phone::on(4));
    let (caller_port, callee_port) = call(&control, &caller, &callee);
    caller.say(caller_port, 8, b"hello");
    let (payload_type, word, from) = callee.hear();
    assert_eq!((payload_type, word.as_slice()), (8, b"hello".as_slice()));
    assert_eq!(from.port(), callee_port);
    stranger.say(caller_port, 8, b"gotcha");
    stranger.say(callee_port, 8, b"gotcha");
    callee.say(callee_port, 8, b"good day");
    assert_eq!(caller.hear_word(), b"good day");
    let stats = close(&control, 1);
    assert_eq!((stats.received, stats.sent, stats.dropped), (1, 1, 1));
    assert_eq!(stats.strangers, [stranger.address()]);
    assert_eq!(stats.source, Some(caller.address()));
}

#[test]
fn a_phone_on_ipv6_talks_to_one_on_ipv4() {
    let control = pump("14320-14339");
    let (mut caller, mut callee) = (Phone::at(Ipv6Addr::LOCALHOST.into()), Phone::on(3));
    let (caller_port, callee_port) = call(&control, &caller, &callee);
    caller.say(caller_port, 8, b"six");
    assert_eq!(callee.hear_word(), b"six");
    callee.say(callee_port, 8, b"four");
    assert_eq!(caller.hear_word(), b"four");
}

#[test]
fn a_secret_phone_talks_to_a_plain_one() {
    let control = pump("14340-14359");
    let (mut secret, mut plain) = (Phone::on(2), Phone::on(3));
    secret.secure();
    let (secret_port, plain_port) = call(&control, &secret, &plain);
    secret.say(secret_port, 8, b"secret");
    assert_eq!(plain.hear_word(), b"secret");
    plain.say(plain_port, 8, b"plain");
    assert_eq!(secret.hear_word(), b"plain");
}

#[test]
fn a_thousand_calls_one_after_another_leak_no_socket() {
    let control = pump("14360-14367");
    let descriptors = || std::fs::read_dir("/proc/self/fd").expect("/proc").count();
    open(&control, 0);
    close(&control, 0);
    let before = descriptors();
    for id in 1..=1000 {
        open(&control, id);
        close(&control, id);
    }
    // Other tests of this process may hold a few sockets; a leak would be two thousand.
    assert!(
        descriptors() < before + 100,
        "{before} then {}",
        descriptors()
    );
}

#[test]
fn ports_run_out_with_words_and_come_back() {
    let control = pump("14368-14371");
    let first = open(&control, 1);
    assert_eq!(
        open(&control, 1),
        first,
        "opening twice gives the same port"
    );
    assert_ne!(open(&control, 2), first);
    let family = Family::V4;
    let third = Request::Open {
        id: 3,
        family,
        port: None,
    };
    let Reply::Failed { reason } = ask(&control, third) else {
        panic!("a third pair of two")
    };
    assert!(reason.contains("--ports"), "{reason}");
    // The other family has ports of its own.
    open_at(&control, 4, Family::V6, None);
    close(&control, 1);
    assert_eq!(open(&control, 5), first);
    assert_eq!(ask(&control, Request::Close(1)), Reply::Unknown);
}

#[test]
fn a_restarted_pbx_finds_its_calls_still_talking() {
    let control = pump("14372-14389");
    let (mut caller, mut callee) = (Phone::on(2), Phone::on(3));
    let (caller_port, _) = call(&control, &caller, &callee);
    open(&control, 8);
    done(&control, Request::KeepOnly(vec![1, 2]));
    assert_eq!(ask(&control, Request::Close(8)), Reply::Unknown);
    caller.say(caller_port, 8, b"still here");
    assert_eq!(callee.hear_word(), b"still here");
    assert_eq!(open(&control, 1), caller_port);
}

#[test]
fn a_restarted_media_goes_on_where_the_old_one_was() {
    let (mut caller, mut callee) = (Phone::on(2), Phone::on(3));
    caller.secure();
    let ports = {
        let (old, thread) = pump_that_ends("14390-14409");
        let ports = call(&old, &caller, &callee);
        caller.say(ports.0, 8, b"before");
        assert_eq!(callee.hear_word(), b"before");
        // Its process is gone, and its ports with it.
        let end = std::io::Error::other("a restart");
        old.stop(end).expect("it runs");
        thread.join().expect("no panic").expect_err("the reason");
        ports
    };
    let new = pump("14390-14409");
    let before = std::time::Instant::now();
    assert_eq!(open_at(&new, 1, Family::V4, Some(ports.0)), ports.0);
    assert_eq!(open_at(&new, 2, Family::V4, Some(ports.1)), ports.1);
    set(&new, 1, &caller);
    set(&new, 2, &callee);
    connect(&new, 1, 2);
    caller.say(ports.0, 8, b"after");
    assert_eq!(callee.hear_word(), b"after");
    callee.say(ports.1, 8, b"heard");
    assert_eq!(caller.hear_word(), b"heard");
    assert!(before.elapsed() < Duration::from_secs(1));
    for port in [14391, 16000] {
        let id = 3;
        let family = Family::V4;
        let port = Some(port);
        let reply = ask(&new, Request::Open { id, family, port });
        assert!(matches!(reply, Reply::Failed { .. }), "{port:?}");
    }
}

#[test]
fn an_endpoint_is_not_its_own_peer() {
    let control = pump("14410-14419");
    let port = open(&control, 1);
    let phone = Phone::on(2);
    for own in [port, port + 1] {
        let agreed = Agreed {
            remote: Some(SocketAddr::from(([127, 0, 0, 1], own))),
            ..phone.agreed()
        };
        let reply = ask(&control, Request::Set(1, Box::new(agreed)));
        assert!(matches!(reply, Reply::Failed { .. }));
    }
    set(&control, 1, &phone);
    let unknown = Request::Set(9, Box::new(phone.agreed()));
    assert_eq!(ask(&control, unknown), Reply::Unknown);
}

#[test]
fn a_digit_is_told_to_every_watcher() {
    let control = pump("14420-14429");
    let mut phone = Phone::on(2);
    let port = open(&control, 1);
    set(&control, 1, &phone);
    let watchers = [control.watch(), control.watch()].map(|it| it.expect("the pump runs"));
    phone.say(port, 101, &[5, 0x8a, 3, 32]);
    for watcher in watchers {
        let event = watcher.recv_timeout(Duration::from_secs(5));
        let told = Event::Digit {
            id: 1,
            digit: '5',
            millis: 100,
        };
        assert_eq!(event, Ok(told));
    }
}

#[test]
fn music_comes_every_20_ms() {
    let control = pump("14430-14439");
    let mut phone = Phone::on(2);
    open(&control, 1);
    set(&control, 1, &phone);
    done(&control, Request::Hear(1, Source::Clip(Clip::MusicOnHold)));
    phone.hear();
    let before = std::time::Instant::now();
    for _ in 0..50 {
        let (payload_type, payload, _) = phone.hear();
        assert_eq!((payload_type, payload.len()), (8, 160));
    }
    let elapsed = before.elapsed().as_millis();
    // The machine may be busy; the mean must hold all the same.
    assert!((900..1_500).contains(&elapsed), "{elapsed} ms for a second");
    let dial = Request::Dial {
        id: 1,
        digits: "5".to_owned(),
    };
    done(&control, dial);
    while phone.hear().0 != 101 {}
}

#[test]
fn a_peer_that_fell_silent_is_told() {
    let range = "14440-14449".parse().expect("a range");
    let (pump, control) = Pump::new(Clock::start(), range, 5).expect("epoll");
    let pump = pump.idle_after(Duration::from_millis(300));
    std::thread::spawn(move || pump.run(|| {}));
    let events = control.watch().expect("the pump runs");
    let mut phone = Phone::on(2);
    let port = open(&control, 1);
    set(&control, 1, &phone);
    phone.say(port, 8, b"last words");
    let event = events.recv_timeout(Duration::from_secs(5));
    assert_eq!(event, Ok(Event::Idle { id: 1, seconds: 0 }));
}
