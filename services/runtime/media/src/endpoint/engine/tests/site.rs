//! The harness: an engine, phones with codecs, and everything the engine sent.

use std::net::{IpAddr, SocketAddr};

use ipc::sound::{Agreed, Codec, Crypto, Dtmf, Event, MasterKey, Source};
use rtp::codec::{Decoder, Encoder};
use rtp::srtp;
use rtp::{Header, Packet, Rate};
use sansio::Rng;

use super::super::passing::Arrived;
use super::super::*;
use crate::endpoint::Channel;

pub(super) struct Site {
    pub(super) engine: Engine,
    pub(super) now: Instant,
    pub(super) outside: Outside,
    pub(super) events: Vec<Event>,
    next_tick: Instant,
    next_sweep: Instant,
}

/// What the engine sent and recorded.
#[derive(Default)]
pub(super) struct Outside {
    pub(super) sent: Vec<Sent>,
    pub(super) recorded: Vec<(u64, Vec<i16>)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sent {
    pub(super) slot: usize,
    pub(super) channel: Channel,
    pub(super) local: Option<IpAddr>,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

impl World for Outside {
    fn send(
        &mut self,
        slot: usize,
        channel: Channel,
        local: Option<IpAddr>,
        to: SocketAddr,
        bytes: &[u8],
    ) -> bool {
        let bytes = bytes.to_vec();
        self.sent.push(Sent {
            slot,
            channel,
            local,
            to,
            bytes,
        });
        true
    }

    fn record(&mut self, recording: u64, samples: Vec<i16>) -> bool {
        self.recorded.push((recording, samples));
        true
    }
}

/// A phone of this test.
pub(super) struct Phone {
    pub(super) id: EndpointId,
    pub(super) slot: usize,
    pub(super) address: SocketAddr,
    pub(super) agreed: Agreed,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
    keys: Option<(srtp::Sender, srtp::Receiver)>,
}

/// An RTP packet a phone heard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Got {
    pub(super) header: Header,
    pub(super) payload: Vec<u8>,
}

pub(super) fn codec(payload_type: u8, name: &str, clock: u32) -> Codec {
    Codec {
        payload_type,
        name: name.to_owned(),
        clock,
        channels: 1,
        parameters: String::new(),
    }
}

pub(super) fn pcma() -> Codec {
    codec(8, "PCMA", 8_000)
}

pub(super) fn g722() -> Codec {
    codec(9, "G722", 8_000)
}

impl Site {
    pub(super) fn new() -> Self {
        Self {
            engine: Engine::new(Rng::from_seed(7)),
            now: Instant::ORIGIN,
            outside: Outside::default(),
            events: Vec::new(),
            next_tick: Instant::ORIGIN + TICK,
            next_sweep: Instant::ORIGIN + SWEEP,
        }
    }

    /// A phone that takes and sends these codecs, with DTMF this way.
    pub(super) fn phone(&mut self, id: EndpointId, codecs: &[Codec], dtmf: Dtmf) -> Phone {
        let slot = (0..)
            .find(|slot| !self.engine.has(*slot))
            .expect("without end");
        self.engine.open(self.now, id, slot, false);
        let address = SocketAddr::from(([10, 0, 0, u8::try_from(id).expect("few")], 4000));
        let agreed = Agreed {
            remote: Some(address),
            signalling: Some(address),
            send: codecs.to_vec(),
            receive: codecs.to_vec(),
            dtmf,
            hears: true,
            speaks: true,
            ..Agreed::default()
        };
        let phone = Phone {
            id,
            slot,
            address,
            agreed,
            sequence: 1000 * u16::try_from(id).expect("few"),
            timestamp: 0,
            ssrc: 0xaa00 + u32::try_from(id).expect("few"),
            keys: None,
        };
        self.set(&phone);
        phone
    }

    pub(super) fn set(&mut self, phone: &Phone) {
        let agreed = phone.agreed.clone();
        let set = self.engine.set(self.now, phone.slot, agreed);
        assert_eq!(set, Ok(()));
    }

    pub(super) fn hear(&mut self, phone: &Phone, source: Source) {
        self.engine.hear(phone.slot, source);
    }

    pub(super) fn connect(&mut self, left: &Phone, right: &Phone) {
        self.hear(left, Source::Endpoint(right.id));
        self.hear(right, Source::Endpoint(left.id));
    }

    /// Lets time pass, with the ticks and sweeps that fall into it.
    pub(super) fn pass(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        loop {
            let next = self.next_tick.min(self.next_sweep);
            if next > end {
                break;
            }
            self.now = next;
            if next == self.next_tick {
                self.next_tick = next + TICK;
                if self.engine.is_ticking() {
                    self.engine.tick(next, &mut self.outside);
                }
            } else {
                self.next_sweep = next + SWEEP;
                self.engine.sweep(next, IDLE, &mut self.outside);
            }
            self.take_events();
        }
        self.now = end;
    }

    fn take_events(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            self.events.push(event);
        }
    }

    /// A datagram arrives.
    pub(super) fn arrive(
        &mut self,
        slot: usize,
        channel: Channel,
        source: SocketAddr,
        bytes: &[u8],
    ) {
        let arrived = Arrived {
            slot,
            channel,
            source,
            local: Some([127, 0, 0, 1].into()),
            bytes,
        };
        self.engine.datagram(self.now, arrived, &mut self.outside);
        self.take_events();
    }

    /// A phone sends a payload; its time goes on by `ticks`.
    pub(super) fn say(&mut self, phone: &mut Phone, payload_type: u8, payload: &[u8], ticks: u32) {
        let bytes = phone.packet(false, payload_type, payload);
        phone.timestamp = phone.timestamp.wrapping_add(ticks);
        self.arrive(phone.slot, Channel::Rtp, phone.address, &bytes);
    }

    /// A phone says samples for a while, encoded in 20 ms packets.
    pub(super) fn talk(&mut self, phone: &mut Phone, encoder: &mut Encoder, samples: &[i16]) {
        let payload_type = phone.agreed.receive[0].payload_type;
        let frame = encoder.rate().frame();
        for samples in samples.chunks_exact(frame) {
            let mut payload = Vec::new();
            encoder.encode(samples, &mut payload);
            let ticks = encoder.codec().clock() / 50;
            self.say(phone, payload_type, &payload, ticks);
            self.pass(20);
        }
    }

    /// The RTP a phone was sent since it was last asked.
    pub(super) fn heard(&mut self, phone: &mut Phone) -> Vec<Got> {
        let mut heard = Vec::new();
        self.outside.sent.retain(|sent| {
            if sent.slot != phone.slot || rtp::is_rtcp(&sent.bytes) {
                return true;
            }
            let mut bytes = sent.bytes.clone();
            if let Some((_, receiver)) = &mut phone.keys {
                receiver.unprotect_rtp(&mut bytes).expect("authentic");
            }
            let packet = Packet::parse(&bytes).expect("RTP");
            let header = Header::parse(&bytes).expect("RTP");
            let payload = packet.payload.to_vec();
            heard.push(Got { header, payload });
            false
        });
        heard
    }

    /// The samples a phone was sent, as decoded by it.
    pub(super) fn sound(&mut self, phone: &mut Phone) -> (Rate, Vec<i16>) {
        let told = self.heard(phone);
        let mut samples = Vec::new();
        let mut decoder: Option<Decoder> = None;
        for told in &told {
            let mut formats = phone.agreed.send.iter();
            let format = formats.find(|it| it.payload_type == told.header.payload_type);
            let Some(format) = format else { continue };
            let decoder = decoder.get_or_insert_with(|| {
                Decoder::new(&crate::endpoint::leg::format(format)).expect("decodable")
            });
            decoder.decode(&told.payload, &mut samples);
        }
        (decoder.map_or(Rate::Narrow, |it| it.rate()), samples)
    }
}

impl Phone {
    /// Agrees on SRTP with keys of these octets.
    pub(super) fn secure(&mut self, suite: ipc::sound::Suite, ours: u8, theirs: u8) {
        let (as_rtp, length) = match suite {
            ipc::sound::Suite::AesCm128HmacSha1_80 => (srtp::Suite::AesCm128HmacSha1_80, 30),
            ipc::sound::Suite::AesCm128HmacSha1_32 => (srtp::Suite::AesCm128HmacSha1_32, 30),
            ipc::sound::Suite::AeadAes128Gcm => (srtp::Suite::AeadAes128Gcm, 28),
        };
        let key = |octet| vec![octet; length];
        let master = |octet| srtp::Master::new(as_rtp, &key(octet)).expect("the right length");
        self.agreed.crypto = Some(Crypto {
            suite,
            send: ipc::Redacted::new(key(ours)),
            receive: vec![MasterKey {
                mki: 0,
                key: ipc::Redacted::new(key(theirs)),
            }],
            mki_length: 0,
        });
        let receiver = srtp::Receiver::new(&master(ours), 0);
        self.keys = Some((srtp::Sender::new(&master(theirs)), receiver));
    }

    /// The next packet of the phone.
    pub(super) fn packet(&mut self, marker: bool, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        let header = Header {
            marker,
            payload_type,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            length: 12,
            padded: false,
        };
        self.sequence = self.sequence.wrapping_add(1);
        let mut bytes = [&header.to_bytes()[..], payload].concat();
        if let Some((sender, _)) = &mut self.keys {
            sender.protect_rtp(&mut bytes).expect("a packet");
        }
        bytes
    }
}

/// A tone of so many hertz.
pub(super) fn tone(rate: Rate, hertz: f64, millis: usize) -> Vec<i16> {
    let step = std::f64::consts::TAU * hertz / f64::from(rate.hertz());
    (0..rate.samples(millis))
        .map(|at| {
            let at = f64::from(u32::try_from(at).expect("seconds"));
            #[expect(clippy::cast_possible_truncation, reason = "within 8,000")]
            let sample = ((step * at).sin() * 8_000.0) as i16;
            sample
        })
        .collect()
}

/// The amplitude of one frequency in samples.
pub(super) fn level(rate: Rate, samples: &[i16], hertz: f64) -> f64 {
    let step = std::f64::consts::TAU * hertz / f64::from(rate.hertz());
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let angle = step * f64::from(u32::try_from(at).expect("seconds"));
        real += f64::from(*sample) * angle.cos();
        imaginary += f64::from(*sample) * angle.sin();
    }
    let length = f64::from(u32::try_from(samples.len().max(1)).expect("seconds"));
    2.0 * f64::hypot(real, imaginary) / length
}
