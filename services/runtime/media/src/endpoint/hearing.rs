//! What a peer hears: one stream towards it, from whoever or whatever is heard.

use std::net::{IpAddr, SocketAddr};

use ipc::sound::{Agreed, Dtmf, EndpointId, MixId};
use rtp::codec::{Codec, Encoder, Format};
use rtp::resample::Resampler;
use rtp::{Header, Outgoing, Rate};
use sansio::Instant;

use super::Channel;
use super::leg::{Incoming, Leg, format};
use super::player::Player;
use super::press::Pressing;

/// The world outside the engine, for one cause.
pub(crate) trait World {
    /// Sends a datagram out of an endpoint's socket; whether the kernel took it.
    fn send(
        &mut self,
        slot: usize,
        channel: Channel,
        local: Option<IpAddr>,
        to: SocketAddr,
        bytes: &[u8],
    ) -> bool;

    /// Appends interleaved stereo samples to a recording; whether it could.
    fn record(&mut self, recording: u64, samples: Vec<i16>) -> bool;
}

/// What somebody hears.
#[derive(Debug, Default)]
pub(crate) enum Hearing {
    /// Nothing is sent.
    #[default]
    Silence,
    /// What the peer of another endpoint says; that one may be gone or not there yet.
    Endpoint(EndpointId),
    /// The others in this mix.
    Mix(MixId),
    /// Something the box plays.
    Clip(Box<Player>),
}

/// What becomes of a packet of the peer heard, by its payload type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    /// It is not passed on.
    Drop,
    /// It goes out as it is under this payload type and clock.
    Forward(u8, u32),
    /// A telephone event: under this payload type, with durations of the first clock turned into
    /// the second.
    Event(u8, u32, u32),
    /// A telephone event, to be made a tone.
    Tone,
    /// To be decoded, and encoded as this peer takes it.
    Convert,
}

/// The sending half of a [`Leg`].
#[derive(Debug)]
pub(crate) struct Ear {
    pub(crate) hears: Hearing,
    routes: Box<[Route; 128]>,
    pub(crate) out: Outgoing,
    pub(crate) speech: Option<Box<Speech>>,
    pub(crate) pressing: Option<Pressing>,
    /// Clock of the packet last sent, Hz.
    clock: u32,
    sent: u64,
    sent_octets: u64,
    undelivered: u64,
}

/// Samples made into packets.
#[derive(Debug)]
pub(crate) struct Speech {
    encoder: Encoder,
    payload_type: u8,
    clock: u32,
    from: Rate,
    resampler: Resampler,
    /// Samples that do not fill a packet yet.
    pending: Vec<i16>,
    /// Samples of one packet.
    packet: usize,
    payload: Vec<u8>,
}

impl Ear {
    pub(crate) fn new(out: Outgoing) -> Self {
        Self {
            hears: Hearing::Silence,
            routes: Box::new([Route::Drop; 128]),
            out,
            speech: None,
            pressing: None,
            clock: 8_000,
            sent: 0,
            sent_octets: 0,
            undelivered: 0,
        }
    }

    /// RTP packets sent.
    pub(crate) const fn sent(&self) -> u64 {
        self.sent
    }

    /// Packets and octets of payload sent, for sender reports.
    pub(crate) const fn sent_counts(&self) -> (u64, u64) {
        (self.sent, self.sent_octets)
    }

    /// Packets the kernel did not take.
    pub(crate) const fn undelivered(&self) -> u64 {
        self.undelivered
    }

    /// What happens to a packet of the peer heard.
    pub(crate) fn route(&self, payload_type: u8) -> Route {
        let route = self.routes.get(usize::from(payload_type));
        route.copied().unwrap_or(Route::Drop)
    }

    /// Takes new routes, from [`routes`].
    pub(crate) fn set_routes(&mut self, routes: Box<[Route; 128]>) {
        self.routes = routes;
    }

    /// Whether any packet of the peer heard takes this way.
    pub(crate) fn any_route(&self, route: Route) -> bool {
        self.routes.contains(&route)
    }

    /// Whether it hears this already, so that nothing begins again.
    pub(crate) fn is_same(&self, other: &Hearing) -> bool {
        match (&self.hears, other) {
            (Hearing::Silence, Hearing::Silence) => true,
            (Hearing::Endpoint(now), Hearing::Endpoint(then)) => now == then,
            (Hearing::Mix(now), Hearing::Mix(then)) => now == then,
            // A tone goes on; what has an end begins again.
            (Hearing::Clip(now), Hearing::Clip(then)) => now.is_same(then),
            (Hearing::Silence | Hearing::Endpoint(_) | Hearing::Mix(_) | Hearing::Clip(_), _) => {
                false
            }
        }
    }

    /// The clock of what is sent, for sender reports.
    pub(crate) const fn clock(&self) -> u32 {
        self.clock
    }

    /// The codec or the packet time may be another: encode anew.
    pub(crate) fn forget_encoder(&mut self) {
        self.speech = None;
    }
}

impl Leg {
    /// Whether audio may be sent to the peer now.
    pub(crate) fn may_be_sent(&self) -> bool {
        self.agreed.hears && self.latch.rtp_destination().is_some()
    }

    /// Passes a packet of the peer heard on as it is.
    pub(crate) fn forward(
        &mut self,
        now: Instant,
        from: EndpointId,
        (payload_type, clock): (u8, u32),
        (header, payload): (&Header, &[u8]),
        packet: &mut Vec<u8>,
        world: &mut impl World,
    ) {
        if !self.may_be_sent() || self.is_pressing() {
            return;
        }
        if let Some(header) = self.ear.out.forward(now, from, clock, header) {
            let header = Header {
                payload_type,
                ..header
            };
            self.send(header, payload, packet, world);
        }
    }

    /// Encodes samples of the peer heard, which came in one packet, into one packet, or into as
    /// many as the codec makes of them.
    pub(crate) fn convert(
        &mut self,
        now: Instant,
        from: EndpointId,
        (clock, header): (u32, &Header),
        (rate, samples): (Rate, &[i16]),
        packet: &mut Vec<u8>,
        world: &mut impl World,
    ) {
        if !self.may_be_sent() || self.is_pressing() {
            return;
        }
        let Some(mut speech) = self.take_speech(rate) else {
            return;
        };
        if !speech.encoder.codec().takes_any_length() {
            self.ear.speech = Some(speech);
            self.say(now, from, (rate, samples), packet, world);
            return;
        }
        speech.pending.clear();
        speech.resampler.convert(samples, &mut speech.pending);
        speech.payload.clear();
        speech.encoder.encode(&speech.pending, &mut speech.payload);
        speech.pending.clear();
        if let Some(header) = self.converted_stamp(now, from, (clock, header), &speech) {
            self.send(header, &speech.payload, packet, world);
        }
        self.ear.speech = Some(speech);
    }

    /// The header of a converted packet; `None` for one that came late or twice: encoded anew it is
    /// not what went out under its number.
    fn converted_stamp(
        &mut self,
        now: Instant,
        from: EndpointId,
        (clock, header): (u32, &Header),
        speech: &Speech,
    ) -> Option<Header> {
        let before = self.ear.out.sequence();
        let stamped = if clock == speech.clock {
            self.ear.out.forward(now, from, clock, header)?
        } else {
            let ticks = speech.ticks_of(speech.payload_samples());
            self.ear.out.made(now, from, speech.clock, ticks)
        };
        (self.ear.out.sequence() != before).then_some(Header {
            payload_type: speech.payload_type,
            ..stamped
        })
    }

    /// Sends samples made here, a packet whenever one is full. `maker` names what they belong to.
    pub(crate) fn say(
        &mut self,
        now: Instant,
        maker: u64,
        (rate, samples): (Rate, &[i16]),
        packet: &mut Vec<u8>,
        world: &mut impl World,
    ) {
        if !self.may_be_sent() {
            return;
        }
        let Some(mut speech) = self.take_speech(rate) else {
            return;
        };
        speech.resampler.convert(samples, &mut speech.pending);
        while speech.pending.len() >= speech.packet {
            speech.payload.clear();
            let Speech {
                encoder,
                pending,
                payload,
                packet: length,
                ..
            } = &mut *speech;
            encoder.encode(pending.get(..*length).unwrap_or_default(), payload);
            pending.drain(..*length);
            let ticks = speech.ticks_of(speech.packet);
            let header = Header {
                payload_type: speech.payload_type,
                ..self.ear.out.made(now, maker, speech.clock, ticks)
            };
            self.send(header, &speech.payload, packet, world);
        }
        self.ear.speech = Some(speech);
    }

    /// Sends an RTP packet to the peer.
    pub(crate) fn send(
        &mut self,
        header: Header,
        payload: &[u8],
        packet: &mut Vec<u8>,
        world: &mut impl World,
    ) {
        let Some(to) = self.latch.rtp_destination() else {
            return;
        };
        packet.clear();
        packet.extend_from_slice(&header.to_bytes());
        packet.extend_from_slice(payload);
        if self.secrecy.protect_rtp(packet).is_err() {
            self.ear.undelivered += 1;
            return;
        }
        if world.send(self.slot, Channel::Rtp, self.local, to, packet) {
            self.ear.sent += 1;
            self.ear.sent_octets += payload.len() as u64;
        } else {
            // A full send queue or a missing route loses the packet, as any router would.
            self.ear.undelivered += 1;
        }
        self.tape_heard(&header, payload);
    }

    /// The rate of the codec that what is made here is sent in.
    pub(crate) fn speech_rate(&self) -> Rate {
        spoken(&self.agreed).map_or(Rate::Narrow, |(_, codec)| codec.rate())
    }

    /// The encoder for samples of a rate; `None` when the peer takes nothing we can make.
    pub(crate) fn take_speech(&mut self, rate: Rate) -> Option<Box<Speech>> {
        let kept = self.ear.speech.take();
        if let Some(mut speech) = kept {
            if speech.from != rate {
                speech.resampler = Resampler::new(rate, speech.encoder.rate());
                speech.from = rate;
            }
            return Some(speech);
        }
        Speech::new(&self.agreed, rate).map(Box::new)
    }
}

impl Speech {
    fn new(agreed: &Agreed, from: Rate) -> Option<Self> {
        let (payload_type, codec) = spoken(agreed)?;
        let encoder = Encoder::of(codec);
        let rate = encoder.rate();
        let millis = match agreed.packet_time {
            0 => rtp::FRAME_MILLIS,
            wanted => usize::from(wanted).clamp(PACKET_MILLIS_MIN, PACKET_MILLIS_MAX),
        };
        Some(Self {
            payload_type,
            clock: encoder.codec().clock(),
            from,
            resampler: Resampler::new(from, rate),
            encoder,
            pending: Vec::new(),
            packet: rate.samples(codec.packet_millis(millis)),
            payload: Vec::new(),
        })
    }

    /// Samples in the payload just encoded.
    fn payload_samples(&self) -> usize {
        self.encoder.codec().samples(&self.payload)
    }

    /// Samples in the RTP clock, which is half the sampling rate for G.722, and 48 kHz for Opus.
    fn ticks_of(&self, samples: usize) -> u32 {
        let ticks = u32::try_from(samples)
            .unwrap_or(0)
            .saturating_mul(self.clock);
        ticks.checked_div(self.encoder.rate().hertz()).unwrap_or(0)
    }
}

/// What is encoded for a peer: the first codec agreed on that costs next to nothing, else Opus.
fn spoken(agreed: &Agreed) -> Option<(u8, Codec)> {
    let codecs = agreed.send.iter();
    let mut codecs = codecs.filter_map(|it| Some((it.payload_type, format(it).codec()?)));
    let first = codecs.clone().find(|(_, codec)| *codec != Codec::Opus);
    first.or_else(|| codecs.next())
}

/// What becomes of the packets of `speaker` on their way to the peer of `hearer`.
pub(crate) fn routes(speaker: &Leg, hearer: &Agreed) -> Box<[Route; 128]> {
    let mut routes = Box::new([Route::Drop; 128]);
    let taken: Vec<(u8, Format)> = hearer
        .send
        .iter()
        .map(|codec| (codec.payload_type, format(codec)))
        .collect();
    let converts = taken.iter().any(|(_, format)| format.is_transcodable());
    for (payload_type, route) in (0..=u8::MAX).zip(routes.iter_mut()) {
        let same = |place| {
            let said = format(speaker.format(place)?);
            let found = taken.iter().find(|(_, format)| format.matches(&said));
            Some((said, found.map(|(payload_type, _)| *payload_type)))
        };
        *route = match speaker.meaning(payload_type) {
            Incoming::Unknown => Route::Drop,
            Incoming::Audio(place) => match same(place) {
                Some((said, Some(sent))) => Route::Forward(sent, said.clock),
                Some((said, None)) if converts && said.is_transcodable() => Route::Convert,
                Some(_) | None => Route::Drop,
            },
            Incoming::Noise(place) => match same(place) {
                Some((said, Some(sent))) => Route::Forward(sent, said.clock),
                Some(_) | None => Route::Drop,
            },
            Incoming::Events => event_route(&speaker.agreed, hearer),
        };
    }
    routes
}

fn event_route(speaker: &Agreed, hearer: &Agreed) -> Route {
    let from = match speaker.dtmf {
        Dtmf::Events { clock, .. } => clock,
        Dtmf::InBand | Dtmf::Elsewhere => return Route::Drop,
    };
    match hearer.dtmf {
        Dtmf::Events { send, clock, .. } => Route::Event(send, from, clock),
        Dtmf::InBand => Route::Tone,
        Dtmf::Elsewhere => Route::Drop,
    }
}

/// The packet times made here; RFC 3551 §4.2 has receivers take up to 200 ms.
const PACKET_MILLIS_MIN: usize = 10;
const PACKET_MILLIS_MAX: usize = 200;
