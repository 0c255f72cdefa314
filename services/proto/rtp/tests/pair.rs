//! Two ends of one encrypted stream over a network that loses, delays, swaps and repeats packets,
//! in virtual time: do they agree on what was said?
#![expect(clippy::expect_used, reason = "a test may panic to fail")]

use std::collections::BTreeMap;
use std::time::Duration;

use rtp::codec::{Codec, Encoder};
use rtp::dtmf::{Digit, EventReceiver, EventSender, Heard};
use rtp::playout::{self, Playout};
use rtp::rtcp::{self, Compound, Part, Sent};
use rtp::srtp::{Master, Receiver, Refused, Sender, Suite};
use rtp::{Header, Outgoing, Packet, Rate, Reception};
use sansio::{Instant, Rng};

/// What the network does to a hundred packets.
#[derive(Clone, Copy, Debug)]
struct Faults {
    lost: u8,
    repeated: u8,
    /// The most a packet is delayed beyond 30 ms.
    jitter: Duration,
}

/// Packets under way, by arrival and a number of their own.
struct Network {
    rng: Rng,
    faults: Faults,
    under_way: BTreeMap<(Instant, u64), Vec<u8>>,
    count: u64,
    lost: u64,
}

impl Network {
    fn new(seed: u64, faults: Faults) -> Self {
        Self {
            rng: Rng::from_seed(seed),
            faults,
            under_way: BTreeMap::new(),
            count: 0,
            lost: 0,
        }
    }

    fn send(&mut self, now: Instant, packet: &[u8]) {
        if self.rng.chance(self.faults.lost) {
            self.lost += 1;
            return;
        }
        let copies = if self.rng.chance(self.faults.repeated) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let jitter = u64::try_from(self.faults.jitter.as_nanos()).expect("short");
            let delay = DELAY + self.rng.below(jitter + 1);
            let arrival = Instant::from_nanos(now.as_nanos() + delay);
            self.count += 1;
            self.under_way
                .insert((arrival, self.count), packet.to_vec());
        }
    }

    fn arrive(&mut self, now: Instant) -> Option<(Instant, Vec<u8>)> {
        let (at, _) = *self.under_way.keys().next()?;
        let first = (at <= now).then(|| self.under_way.pop_first()).flatten();
        first.map(|((at, _), packet)| (at, packet))
    }
}

/// Who speaks: music, then a relayed voice, with digits in between.
struct Speaker {
    outgoing: Outgoing,
    sender: Sender,
    encoder: Encoder,
    digits: EventSender,
}

impl Speaker {
    fn new(master: &Master) -> Self {
        Self {
            // The sequence number wraps after two seconds, the timestamp soon after.
            outgoing: Outgoing::new(0xfeed, 65_436, u32::MAX - 20_000),
            sender: Sender::new(master),
            encoder: Encoder::of(Codec::Pcma),
            digits: EventSender::new(8_000),
        }
    }

    /// One packet of one tick.
    fn packet(&mut self, now: Instant, tick: u16) -> Vec<u8> {
        let mut payload = Vec::new();
        let header = if let Some(event) = self.digits.tick() {
            payload.extend(event.payload);
            let header = self.outgoing.event(now, DIGITS, 8_000, event.first);
            Header {
                payload_type: 101,
                ..header
            }
        } else {
            let level = i16::try_from(tick % 300).expect("small") * 100;
            self.encoder
                .encode(&[level; Rate::Narrow.frame()], &mut payload);
            let header = if tick < 200 {
                self.outgoing.made(now, MUSIC, 8_000, 160)
            } else {
                let theirs = Header {
                    marker: false,
                    payload_type: 8,
                    sequence: tick,
                    timestamp: u32::from(tick) * 160,
                    ssrc: 9,
                    length: 12,
                    padded: false,
                };
                let sent = self.outgoing.forward(now, VOICE, 8_000, &theirs);
                sent.expect("in order")
            };
            Header {
                payload_type: 8,
                ..header
            }
        };
        let mut packet = header.to_bytes().to_vec();
        packet.extend(payload);
        self.sender.protect_rtp(&mut packet).expect("a fresh key");
        packet
    }
}

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    audio: u32,
    concealed: u32,
    silent: u32,
    replayed: u64,
    digits: String,
    lost: u64,
    jitter: Duration,
}

fn run(seed: u64, suite: Suite, faults: Faults) -> (Outcome, Network) {
    let key: Vec<u8> = vec![0x5a; suite.master_length()];
    let master = Master::new(suite, &key).expect("the right length");
    let mut speaker = Speaker::new(&master);
    let mut network = Network::new(seed, faults);
    let mut receiver = Receiver::new(&master, 0);
    let mut reception = Reception::new(8_000);
    let mut playout = Playout::new(Codec::Pcma);
    let mut events = EventReceiver::new(8_000);
    let mut outcome = Outcome::default();
    let mut note = |heard: Heard| match heard {
        Heard::Ended(digit, _) => outcome.digits.push(digit.as_char()),
        Heard::Started(_) => {}
    };
    for tick in 0..TICKS + 20 {
        let now = Instant::from_nanos(u64::from(tick) * 20_000_000);
        if tick % 100 == 50 && tick < TICKS - 50 {
            let digit = Digit::from_char(
                "159#"[usize::from(tick / 100 % 4)..]
                    .chars()
                    .next()
                    .expect("a digit"),
            );
            assert!(speaker.digits.press(digit.expect("a digit"), 100));
        }
        if tick < TICKS {
            let packet = speaker.packet(now, tick);
            network.send(now, &packet);
        }
        while let Some((at, mut packet)) = network.arrive(now) {
            match receiver.unprotect_rtp(&mut packet) {
                Ok(()) => {}
                Err(Refused::Replayed) => {
                    outcome.replayed += 1;
                    continue;
                }
                Err(refused) => panic!("{refused}"),
            }
            let header = Header::parse(&packet).expect("RTP");
            let payload = Packet::parse(&packet).expect("RTP").payload;
            if header.payload_type == 101 {
                reception.untimed(at, &header);
                playout.pass_over(&header);
                let heard = events.packet(at, header.ssrc, header.timestamp, payload);
                heard.for_each(&mut note);
            } else {
                reception.packet(at, &header);
                playout.push(&header, payload);
            }
        }
        events.poll(now).into_iter().for_each(&mut note);
        let mut frame = [0; Rate::Narrow.frame()];
        match playout.frame(&mut frame) {
            playout::Heard::Audio => outcome.audio += 1,
            playout::Heard::Concealed => outcome.concealed += 1,
            playout::Heard::Silence | playout::Heard::Noise => outcome.silent += 1,
        }
    }
    outcome.lost = reception.lost();
    outcome.jitter = reception.jitter();
    (outcome, network)
}

#[test]
fn a_perfect_network_loses_nothing() {
    let faults = Faults {
        lost: 0,
        repeated: 0,
        jitter: Duration::ZERO,
    };
    for suite in Suite::ALL {
        let (outcome, _) = run(1, suite, faults);
        assert_eq!((outcome.lost, outcome.replayed), (0, 0));
        assert_eq!(
            outcome.concealed, 3,
            "the end of the stream only: {outcome:?}"
        );
        assert_eq!(outcome.digits, "159#159#15");
        assert_eq!(outcome.jitter, Duration::ZERO);
        assert!(outcome.audio > 900, "{outcome:?}");
    }
}

#[test]
fn repeated_packets_pass_once_and_swapped_ones_are_put_in_order() {
    let faults = Faults {
        lost: 0,
        repeated: 30,
        jitter: Duration::from_millis(30),
    };
    for seed in 0..20 {
        let (outcome, _) = run(seed, Suite::AesCm128HmacSha1_80, faults);
        assert_eq!(outcome.lost, 0, "seed {seed}");
        assert!(outcome.replayed > 200, "seed {seed}: {outcome:?}");
        assert_eq!(outcome.digits, "159#159#15", "seed {seed}");
        assert!(outcome.concealed < 10, "seed {seed}: {outcome:?}");
        assert!((3..15).contains(&outcome.jitter.as_millis()), "{outcome:?}");
    }
}

#[test]
fn every_loss_is_counted_and_concealed_and_digits_survive_it() {
    let faults = Faults {
        lost: 10,
        repeated: 5,
        jitter: Duration::from_millis(10),
    };
    for seed in 0..20 {
        let (outcome, network) = run(seed, Suite::AesCm128HmacSha1_32, faults);
        // Losses before the first packet that comes and after the last one nobody can know of.
        assert!(
            network.lost.abs_diff(outcome.lost) <= 3,
            "seed {seed}: {outcome:?}"
        );
        // A digit has seven packets and is heard by any of them.
        assert_eq!(outcome.digits, "159#159#15", "seed {seed}");
        assert!(
            u64::from(outcome.concealed) <= network.lost + 10,
            "{outcome:?}"
        );
        assert!(outcome.audio > 800, "seed {seed}: {outcome:?}");
    }
}

#[test]
fn reports_cross_encrypted_and_tell_the_round_trip() {
    let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
    let master = Master::new(Suite::AeadAes128Gcm, &[3; 28]).expect("28 octets");
    let mut sender = Sender::new(&master);
    let mut receiver = Receiver::new(&master, 0);
    let mut reception = Reception::new(8_000);
    // The peer has heard our stream and had our report 60 ms after it was sent.
    let ours = Sent {
        ntp: rtcp::ntp(at(1_000)),
        timestamp: 0,
        packets: 50,
        octets: 8_000,
    };
    let header = Header::parse(&[0x80, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]).expect("RTP");
    reception.packet(at(900), &header);
    reception.sender_report(at(1_060), &ours);
    let reports = [reception.report(at(3_000)).expect("packets came")];
    let mut datagram = Vec::new();
    let compound = Compound {
        ssrc: 8,
        sent: None,
        reports: &reports,
        cname: "someone",
        goodbye: false,
    };
    compound.write(&mut datagram);
    sender.protect_rtcp(&mut datagram).expect("a fresh key");
    receiver.unprotect_rtcp(&mut datagram).expect("authentic");
    let Some(Ok(Part::ReceiverReport { reports, .. })) = rtcp::parts(&datagram).next() else {
        panic!("no receiver report");
    };
    let trip = reports
        .of(7)
        .and_then(|report| report.round_trip(at(3_060)));
    let trip = trip.expect("a round trip").as_millis();
    assert!(trip.abs_diff(120) <= 1, "{trip}");
}

/// The least a packet takes, in nanoseconds.
const DELAY: u64 = 30_000_000;
/// Ticks of 20 ms somebody speaks.
const TICKS: u16 = 1_050;
const MUSIC: u64 = 1;
const VOICE: u64 = 2;
const DIGITS: u64 = 3;
