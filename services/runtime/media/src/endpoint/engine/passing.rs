//! What becomes of each packet, of each tick and of each sweep.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipc::sound::{EndpointId, Event};
use rtp::{Digit, Header, Packet, Rate};
use sansio::Instant;

use super::{EVENTS_MAX, Engine};
use crate::endpoint::Channel;
use crate::endpoint::hearing::{Route, World};
use crate::endpoint::leg::{Incoming, Leg};

/// A datagram as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived<'a> {
    pub(crate) slot: usize,
    pub(crate) channel: Channel,
    pub(crate) source: SocketAddr,
    /// Which of our addresses it was sent to, when that was asked.
    pub(crate) local: Option<IpAddr>,
    pub(crate) bytes: &'a [u8],
}

impl Engine {
    /// Takes a datagram.
    pub(crate) fn datagram(&mut self, now: Instant, arrived: Arrived<'_>, world: &mut impl World) {
        match (arrived.channel, rtp::is_rtcp(arrived.bytes)) {
            (Channel::Rtp, false) => self.rtp(now, arrived, world),
            (Channel::Rtp, true) => self.rtcp(now, arrived, true),
            (Channel::Rtcp, _) => self.rtcp(now, arrived, false),
        }
    }

    fn rtcp(&mut self, now: Instant, arrived: Arrived<'_>, is_muxed: bool) {
        let Self { legs, scratch, .. } = self;
        let Some(leg) = legs.get_mut(arrived.slot).and_then(Option::as_mut) else {
            return;
        };
        let plain = &mut scratch.plain;
        if let Some(report) = leg.admit_rtcp(is_muxed, arrived.source, arrived.bytes, plain) {
            leg.note_alive(now);
            leg.reports.note_theirs(now, report);
        }
    }

    fn rtp(&mut self, now: Instant, arrived: Arrived<'_>, world: &mut impl World) {
        let Self {
            legs,
            hearers,
            scratch,
            events,
            is_ticking,
            ..
        } = self;
        let Some(leg) = legs.get_mut(arrived.slot).and_then(Option::as_mut) else {
            return;
        };
        let Some(packet) = leg.admit_rtp(arrived.source, arrived.bytes, &mut scratch.plain) else {
            return;
        };
        if arrived.local.is_some() {
            leg.local = arrived.local;
        }
        let header = header_of(&packet);
        let Some(meaning) = leg.note_packet(now, &header) else {
            return;
        };
        let hearers = hearers.get(arrived.slot).map_or(&[][..], Vec::as_slice);
        let mut told = Told { events, is_ticking };
        let heard = Heard {
            now,
            from: leg.id,
            packet,
            header,
            clock: leg.clock_of(meaning),
        };
        let out = &mut scratch.packet;
        match meaning {
            Incoming::Unknown => {}
            Incoming::Audio(place) => {
                let samples = &mut scratch.samples;
                let decoded = leg.decode(place, (&header, packet.payload), samples);
                let sound = decoded.map(|rate| (rate, samples.as_slice()));
                let digit = sound.and_then(|sound| leg.detect(sound));
                let is_tone = leg.is_in_tone();
                if let Some((digit, millis)) = digit {
                    told.digit(leg, digit, millis);
                }
                for_each(legs, hearers, |hearer| {
                    if let Some((digit, millis)) = digit {
                        hearer.dial_detected(digit, millis);
                        *told.is_ticking |= hearer.is_pressing();
                    }
                    if !(is_tone && hearer.takes_events()) {
                        heard.audio(hearer, sound, out, world);
                    }
                });
            }
            Incoming::Noise(_) => {
                leg.voice.comfort_noise(&header, packet.payload);
                for_each(legs, hearers, |hearer| {
                    heard.audio(hearer, None, out, world)
                });
            }
            Incoming::Events => {
                let ended = leg.observe_event(now, &header, &packet);
                for (digit, millis) in ended.into_iter().flatten() {
                    told.digit(leg, digit, millis);
                }
                for_each(legs, hearers, |hearer| {
                    heard.event(hearer, ended, out, world);
                    *told.is_ticking |= hearer.is_pressing();
                });
            }
        }
    }

    /// Does what is due every [`TICK`]: mixes, clips, digits, recordings.
    pub(crate) fn tick(&mut self, now: Instant, world: &mut impl World) {
        let Self {
            legs,
            mixes,
            scratch,
            events,
            ..
        } = self;
        let packet = &mut scratch.packet;
        for leg in legs.iter_mut().flatten() {
            leg.take_frame();
        }
        for (id, mix) in mixes.iter_mut() {
            mix.tick(now, *id, legs, packet, world);
        }
        let mut is_ticking = !mixes.is_empty();
        for leg in legs.iter_mut().flatten() {
            if leg.play(now, packet, world) && events.len() < EVENTS_MAX {
                events.push_back(Event::ClipEnded { id: leg.id });
            }
            leg.press(now, packet, world);
            leg.tape(world);
            is_ticking |= leg.wants_tick();
        }
        self.is_ticking = is_ticking;
    }

    /// Does what is due every [`SWEEP`]: reports, silences, events whose end was lost.
    pub(crate) fn sweep(&mut self, now: Instant, idle: Duration, world: &mut impl World) {
        let Self {
            legs,
            scratch,
            hearers,
            events,
            rng,
            is_ticking,
            ..
        } = self;
        let mut told = Told { events, is_ticking };
        for slot in 0..legs.len() {
            let Some(leg) = legs.get_mut(slot).and_then(Option::as_mut) else {
                continue;
            };
            leg.end_burst();
            if let Some(silence) = leg.idle_to_tell(now, idle) {
                let seconds = u32::try_from(silence.as_secs()).unwrap_or(u32::MAX);
                told.event(Event::Idle {
                    id: leg.id,
                    seconds,
                });
            }
            leg.report(now, rng, &mut scratch.report, world);
            if let Some((digit, millis)) = leg.expire_event(now) {
                told.digit(leg, digit, millis);
                let hearers = hearers.get(slot).map(Vec::as_slice).unwrap_or_default();
                for_each(legs, hearers, |hearer| {
                    hearer.dial_expired(digit, millis);
                    *told.is_ticking |= hearer.is_pressing();
                });
            }
        }
    }
}

/// Where a packet leaves word.
struct Told<'a> {
    events: &'a mut VecDeque<Event>,
    is_ticking: &'a mut bool,
}

impl Told<'_> {
    fn digit(&mut self, leg: &mut Leg, digit: Digit, millis: u32) {
        leg.count_digit();
        let (id, digit) = (leg.id, digit.as_char());
        self.event(Event::Digit { id, digit, millis });
    }

    fn event(&mut self, event: Event) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        }
    }
}

/// A packet of a peer, on its way to those who hear it.
pub(crate) struct Heard<'a> {
    pub(crate) now: Instant,
    pub(crate) from: EndpointId,
    pub(crate) packet: Packet<'a>,
    pub(crate) header: Header,
    /// Of its codec; 0 for events.
    clock: u32,
}

impl Heard<'_> {
    fn audio(
        &self,
        hearer: &mut Leg,
        sound: Option<(Rate, &[i16])>,
        packet: &mut Vec<u8>,
        world: &mut impl World,
    ) {
        match (hearer.ear.route(self.packet.payload_type), sound) {
            (Route::Forward(payload_type, clock), _) => {
                let as_sent = (payload_type, clock);
                let content = (&self.header, self.packet.payload);
                hearer.forward(self.now, self.from, as_sent, content, packet, world);
            }
            (Route::Convert, Some(sound)) => {
                let stamp = (self.clock, &self.header);
                hearer.convert(self.now, self.from, stamp, sound, packet, world);
            }
            (Route::Convert, None) | (Route::Drop | Route::Event(..) | Route::Tone, _) => {}
        }
    }
}

/// Does something with each endpoint of a list of slots.
fn for_each(legs: &mut [Option<Box<Leg>>], slots: &[usize], mut act: impl FnMut(&mut Leg)) {
    for slot in slots {
        if let Some(leg) = legs.get_mut(*slot).and_then(Option::as_deref_mut) {
            act(leg);
        }
    }
}

/// The header of a packet, as passed on: without extension and padding.
const fn header_of(packet: &Packet<'_>) -> Header {
    Header {
        marker: packet.marker,
        payload_type: packet.payload_type,
        sequence: packet.sequence,
        timestamp: packet.timestamp,
        ssrc: packet.ssrc,
        length: 12,
        padded: false,
    }
}
