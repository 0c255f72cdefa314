//! Calls outlive the processes that made them.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ipc::store::Outcome;
use native::number;
use netns::{Dialog, Office, Telephone};
use sip::{Method, StatusCode};

use crate::office_of;

/// Calls up at one time.
const CALLS: usize = 50;
/// Time between two packets of a stream.
const PACKET_TIME: Duration = Duration::from_millis(20);
/// Where a packet has its number in its sound.
const NUMBER: std::ops::Range<usize> = 12..14;

/// Both ends of a call.
struct Pair {
    caller: (Telephone, Dialog),
    callee: (Telephone, Dialog),
}

/// The longest gap that a call may have, and the most packets in a row that may be missing for it:
/// with nine of them gone the tenth comes 200 ms after the one before.
const GAP_MAX: Duration = Duration::from_millis(200);
const MISSING_MAX: u128 = GAP_MAX.as_millis() / PACKET_TIME.as_millis() - 1;

/// What the listeners heard of so many packets sent on each stream.
struct Heard {
    sent: u16,
    streams: Vec<Stream>,
    absence: Absence,
}

/// How long the listener itself was not there to listen, at most: a busy machine gives it no
/// processor, and what came meanwhile looks late.
#[derive(Clone, Copy)]
struct Absence {
    since: Instant,
    longest: Duration,
}

impl Absence {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            longest: Duration::ZERO,
        }
    }

    fn end(&mut self) {
        self.longest = self.longest.max(self.since.elapsed());
        self.since = Instant::now();
    }
}

/// What was heard of one stream. The packets are numbered in their sound, which goes through
/// unchanged, so that one that comes twice does not stand for another.
#[derive(Clone, Copy, Default)]
struct Stream {
    /// Packets heard.
    heard: u16,
    /// The number after that of the last one.
    next: u16,
    /// Most that are missing in a row.
    missing: u16,
    /// When the last one came, and the longest time between two.
    last: Duration,
    pause: Duration,
}

impl Stream {
    fn hear(&mut self, number: u16, now: Duration) {
        let Some(missing) = number.checked_sub(self.next) else {
            return;
        };
        if self.heard > 0 {
            self.pause = self.pause.max(now - self.last);
        }
        self.missing = self.missing.max(missing);
        (self.heard, self.next, self.last) = (self.heard + 1, number + 1, now);
    }

    fn end(&mut self, sent: u16) {
        self.missing = self.missing.max(sent - self.next);
    }
}

impl Heard {
    /// The longest time between two packets of any stream, which must be no longer than this: what
    /// waits in a socket is not lost and is late all the same.
    fn no_pause_above(&self, most: Duration) -> Duration {
        let pauses = self.streams.iter().map(|stream| stream.pause);
        let longest = pauses.max().expect("streams");
        let absent = self.absence.longest;
        assert!(
            longest <= most + absent,
            "a pause of {longest:?}, of which the listener was away for {absent:?} at most"
        );
        longest
    }
}

/// Sends 50 packets a second on every stream until told to stop, and listens at all of them.
fn talk(
    streams: Vec<(UdpSocket, SocketAddr, UdpSocket)>,
    stop: Arc<AtomicBool>,
) -> std::thread::JoinHandle<Heard> {
    std::thread::spawn(move || {
        for (_, _, ear) in &streams {
            ear.set_nonblocking(true).expect("a socket");
        }
        let start = Instant::now();
        let mut heard = vec![Stream::default(); streams.len()];
        let mut absence = Absence::new();
        let mut sent: u16 = 0;
        let mut packet = [0xd5; 172];
        while !stop.load(Ordering::Relaxed) {
            packet[..2].copy_from_slice(&[0x80, 8]);
            packet[2..4].copy_from_slice(&sent.to_be_bytes());
            packet[4..8].copy_from_slice(&(u32::from(sent) * 160).to_be_bytes());
            packet[8..12].copy_from_slice(&7_u32.to_be_bytes());
            packet[NUMBER].copy_from_slice(&sent.to_be_bytes());
            for (mouth, to, _) in &streams {
                mouth.send_to(&packet, to).expect("sent");
            }
            sent += 1;
            let next = start + PACKET_TIME * u32::from(sent);
            listen(&streams, &mut heard, &mut absence, start, next);
        }
        let until = Instant::now() + Duration::from_millis(200);
        listen(&streams, &mut heard, &mut absence, start, until);
        heard.iter_mut().for_each(|stream| stream.end(sent));
        Heard {
            sent,
            streams: heard,
            absence,
        }
    })
}

fn listen(
    streams: &[(UdpSocket, SocketAddr, UdpSocket)],
    heard: &mut [Stream],
    absence: &mut Absence,
    start: Instant,
    until: Instant,
) {
    let mut buffer = [0; 512];
    loop {
        absence.end();
        for ((_, _, ear), stream) in streams.iter().zip(heard.iter_mut()) {
            while let Ok(length) = ear.recv(&mut buffer) {
                if length == 172 {
                    let number = buffer[NUMBER].try_into().expect("two bytes");
                    stream.hear(u16::from_be_bytes(number), start.elapsed());
                }
            }
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::park_timeout(left.min(Duration::from_millis(2)));
    }
}

#[test]
fn a_packet_that_comes_twice_does_not_stand_for_one_that_is_missing() {
    let mut stream = Stream::default();
    for number in [0, 1, 1, 1, 5, 4] {
        stream.hear(number, Duration::ZERO);
    }
    stream.end(8);
    assert_eq!((stream.heard, stream.missing), (3, 3));
    stream.end(10);
    assert_eq!(stream.missing, 4, "the end of the call counts too");
}

/// An office with so many calls up, and one extension more.
fn talking(calls: usize) -> (Office, Vec<Pair>) {
    let begun = Instant::now();
    let office = office_of(2 * calls + 1, |_| {});
    let stood = begun.elapsed();
    let pairs = (0..calls).map(|index| {
        let mut callee = office.telephone(2 * index + 1).expect("a telephone");
        let registered = callee.register().expect("an answer");
        assert_eq!(registered.status, StatusCode::OK);
        let callee = std::thread::spawn(move || {
            let dialog = callee.answer().expect("a call");
            (callee, dialog)
        });
        let mut caller = office.telephone(2 * index).expect("a telephone");
        let dialog = caller.call(&number(2 * index + 1), &[]).expect("an answer");
        let callee = callee.join().expect("the callee");
        Pair {
            caller: (caller, dialog),
            callee,
        }
    });
    let pairs = pairs.collect();
    let up = begun.elapsed() - stood;
    native::say(&format!(
        "    measured: an office in {stood:?}, {calls} calls up in {up:?}"
    ));
    (office, pairs)
}

fn streams(pairs: &[Pair]) -> Vec<(UdpSocket, SocketAddr, UdpSocket)> {
    let copy = |socket: &UdpSocket| socket.try_clone().expect("a socket");
    pairs
        .iter()
        .flat_map(|pair| {
            let (caller, callee) = (&pair.caller, &pair.callee);
            [
                (copy(&caller.0.media), caller.1.media, copy(&callee.0.media)),
                (copy(&callee.0.media), callee.1.media, copy(&caller.0.media)),
            ]
        })
        .collect()
}

fn let_them_talk() {
    std::thread::park_timeout(Duration::from_secs(1));
}

fn say_pause(longest: Duration) {
    let streams = 2 * CALLS;
    native::say(&format!(
        "    measured: the longest pause of {streams} streams was {longest:?}"
    ));
}

#[test]
fn fifty_calls_survive_the_death_of_the_exchange() {
    let (mut office, pairs) = talking(CALLS);
    let mut third = office.telephone(2 * CALLS).expect("a telephone");
    assert_eq!(third.register().expect("an answer").status, StatusCode::OK);
    office
        .wait_for_registrations(CALLS + 1)
        .expect("they are kept");
    let stop = Arc::new(AtomicBool::new(false));
    let talk = talk(streams(&pairs), Arc::clone(&stop));
    let_them_talk();
    office.crash_pbx().expect("it starts again");
    let_them_talk();
    stop.store(true, Ordering::Relaxed);
    let heard = talk.join().expect("the talk");
    let pause = heard.no_pause_above(GAP_MAX);
    say_pause(pause);
    for stream in &heard.streams {
        // No sound is lost for as long as 200 ms.
        assert!(
            u128::from(stream.missing) <= MISSING_MAX,
            "{} packets in a row are missing",
            stream.missing
        );
        // Nor by the crash at all: the first packets may come before the other end is known.
        let heard_of_it = stream.heard;
        assert!(
            heard.sent - heard_of_it <= 2,
            "{heard_of_it} of {} packets were heard",
            heard.sent
        );
    }

    for (index, pair) in pairs.into_iter().enumerate() {
        third = go_on(index, pair, third, office.server());
    }
    let records = office.ended_records(2 * CALLS).expect("the store answers");
    assert_eq!(records.len(), 2 * CALLS, "the call, and the one after it");
    let of = |outcome: Outcome| {
        let with = records.iter().filter(|record| record.outcome == outcome);
        with.count()
    };
    assert_eq!(of(Outcome::Transferred), CALLS, "{records:?}");
    let by_third = (0..CALLS).filter(|index| is_ended_by_third(*index)).count();
    assert_eq!(of(Outcome::EndedByCallee), by_third, "{records:?}");
    assert_eq!(of(Outcome::EndedByCaller), CALLS - by_third, "{records:?}");
    for record in &records {
        assert!(record.lasted.is_some(), "{record:?}");
    }
}

/// Whether the third phone ends a call, or the party that was transferred to it.
const fn is_ended_by_third(index: usize) -> bool {
    index % 4 < 2
}

/// A call of another process is held and resumed, transferred to a third phone, and hung up: by
/// the caller's side and the callee's in turn.
fn go_on(index: usize, pair: Pair, mut third: Telephone, box_: SocketAddr) -> Telephone {
    let Pair { caller, callee } = pair;
    let (mut one, mut other) = match index % 2 {
        0 => (caller, callee),
        _ => (callee, caller),
    };
    for direction in ["sendonly", "sendrecv"] {
        let held = one
            .0
            .request(&mut one.1, Method::Invite, &[], Some(direction))
            .expect("an answer");
        assert_eq!(held.status, StatusCode::OK, "call {index}: {direction}");
    }
    let refer_to = format!("<sip:{}@{}>", third.number, box_.ip());
    let answering = std::thread::spawn(move || {
        let dialog = third.answer().expect("a call");
        (third, dialog)
    });
    let accepted = one
        .0
        .request(&mut one.1, Method::Refer, &[("Refer-To", &refer_to)], None)
        .expect("an answer");
    assert_eq!(
        accepted.status.code(),
        202,
        "call {index} can be transferred"
    );
    let (third, dialog) = answering.join().expect("the third");
    let left = one.0.request(&mut one.1, Method::Bye, &[], None);
    assert_eq!(left.expect("an answer").status, StatusCode::OK);
    let mut third = (third, dialog);
    let (ends, hears) = match is_ended_by_third(index) {
        true => (&mut third, &mut other),
        false => (&mut other, &mut third),
    };
    let ended = ends
        .0
        .request(&mut ends.1, Method::Bye, &[], None)
        .expect("an answer");
    assert_eq!(ended.status, StatusCode::OK, "call {index} can be hung up");
    hears.0.expect(&Method::Bye).expect("the other end is told");
    third.0
}

#[test]
fn sound_is_back_within_a_second_of_the_death_of_media() {
    let (mut office, pairs) = talking(CALLS);
    let stop = Arc::new(AtomicBool::new(false));
    let talk = talk(streams(&pairs), Arc::clone(&stop));
    let_them_talk();
    office.crash_media().expect("it starts again");
    let_them_talk();
    let_them_talk();
    stop.store(true, Ordering::Relaxed);
    let heard = talk.join().expect("the talk");
    let pause = heard.no_pause_above(Duration::from_secs(1));
    say_pause(pause);
    for Stream {
        heard: count,
        pause,
        ..
    } in &heard.streams
    {
        // A packet is 20 ms: at most one second of them is missing.
        assert!(
            heard.sent - count <= 50,
            "{count} of {} heard, pause {pause:?}",
            heard.sent
        );
    }
}
