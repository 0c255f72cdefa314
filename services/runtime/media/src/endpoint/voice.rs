//! What a peer says, as samples and as digits, for whoever cannot take its packets as they are.

use ipc::sound::Dtmf;
use rtp::codec::Decoder;
use rtp::dtmf::{EventReceiver, Heard, ToneDetector};
use rtp::playout::Playout;
use rtp::{Digit, Header, Packet, Rate};
use sansio::Instant;

use super::hearing::Hearing;
use super::leg::{Leg, format};
use super::press::Ended;
use super::tape::playout_of;

/// The decoding half of a [`Leg`]; idle while its packets are only relayed.
#[derive(Debug)]
pub(crate) struct Voice {
    /// The decoder and the place of its codec in `Agreed::receive`.
    decoder: Option<(u8, Decoder)>,
    is_converted: bool,
    is_mixed: bool,
    detector: Option<(Rate, ToneDetector)>,
    events: Option<EventReceiver>,
    playout: Option<Playout>,
    /// The last frame played out, and its rate.
    said: [i16; Rate::Wide.frame()],
    said_rate: Rate,
}

impl Default for Voice {
    fn default() -> Self {
        Self {
            decoder: None,
            is_converted: false,
            is_mixed: false,
            detector: None,
            events: None,
            playout: None,
            said: [0; Rate::Wide.frame()],
            said_rate: Rate::Narrow,
        }
    }
}

impl Voice {
    /// The last 20 ms played out.
    pub(crate) fn said(&self) -> (Rate, &[i16]) {
        let frame = self.said.get(..self.said_rate.frame());
        (self.said_rate, frame.unwrap_or_default())
    }

    /// The peer says that it is silent (RFC 3389).
    pub(crate) fn comfort_noise(&mut self, header: &Header, payload: &[u8]) {
        if let Some(playout) = &mut self.playout {
            playout.comfort_noise(header, payload);
        }
    }

    /// The codec may be another: decode anew.
    pub(crate) fn forget_codec(&mut self) {
        self.decoder = None;
    }

    /// Digits may come another way from now on.
    pub(crate) fn set_dtmf(&mut self, dtmf: Dtmf) {
        self.detector = None;
        self.events = match dtmf {
            Dtmf::Events { clock, .. } => Some(EventReceiver::new(clock)),
            Dtmf::InBand | Dtmf::Elsewhere => None,
        };
    }
}

impl Leg {
    /// Notes whether a mix hears the peer, and whether somebody needs its audio converted.
    pub(crate) const fn want(&mut self, is_mixed: bool, is_converted: bool) {
        self.voice.is_mixed = is_mixed;
        self.voice.is_converted = is_converted;
    }

    fn wants_samples(&self) -> bool {
        self.voice.is_converted || self.agreed.dtmf == Dtmf::InBand
    }

    /// Decodes a packet, if anybody wants its samples at once and it can be; their rate. Who wants
    /// them in step with the tick gets them by [`Voice::said`].
    pub(crate) fn decode(
        &mut self,
        place: u8,
        (header, payload): (&Header, &[u8]),
        samples: &mut Vec<i16>,
    ) -> Option<Rate> {
        if self.wants_frames()
            && let Some(codec) = format(self.format(place)?).codec()
        {
            playout_of(&mut self.voice.playout, codec).push(header, payload);
        }
        if !self.wants_samples() {
            return None;
        }
        if self.voice.decoder.as_ref().map(|(of, _)| *of) != Some(place) {
            let decoder = Decoder::new(&format(self.format(place)?));
            self.voice.decoder = Some((place, decoder?));
        }
        let (_, decoder) = self.voice.decoder.as_mut()?;
        samples.clear();
        decoder.decode(payload, samples);
        Some(decoder.rate())
    }

    /// Listens for a digit in the audio, where digits travel so; the one that ended.
    pub(crate) fn detect(&mut self, (rate, samples): (Rate, &[i16])) -> Option<(Digit, u32)> {
        if self.agreed.dtmf != Dtmf::InBand {
            return None;
        }
        if self.voice.detector.as_ref().map(|(of, _)| *of) != Some(rate) {
            self.voice.detector = Some((rate, ToneDetector::new(rate)));
        }
        let (_, detector) = self.voice.detector.as_mut()?;
        detector.push(samples)
    }

    /// Whether a digit is in the audio at the moment.
    pub(crate) fn is_in_tone(&self) -> bool {
        let detector = self.voice.detector.as_ref();
        detector.is_some_and(|(_, detector)| detector.is_active())
    }

    /// Reads a telephone event.
    pub(crate) fn observe_event(
        &mut self,
        now: Instant,
        header: &Header,
        packet: &Packet<'_>,
    ) -> Ended {
        let mut ended = [None; 2];
        if let Some(playout) = &mut self.voice.playout {
            playout.pass_over(header);
        }
        let Some(events) = &mut self.voice.events else {
            return ended;
        };
        let heard = events.packet(now, packet.ssrc, packet.timestamp, packet.payload);
        let over = heard.filter_map(|heard| match heard {
            Heard::Started(_) => None,
            Heard::Ended(digit, millis) => Some((digit, millis)),
        });
        for (place, digit) in ended.iter_mut().zip(over) {
            *place = Some(digit);
        }
        ended
    }

    /// The digit of which nothing more came.
    pub(crate) fn expire_event(&mut self, now: Instant) -> Option<(Digit, u32)> {
        match self.voice.events.as_mut()?.poll(now)? {
            Heard::Started(_) => None,
            Heard::Ended(digit, millis) => Some((digit, millis)),
        }
    }

    /// Takes the next 20 ms of what the peer says out of its buffer, if anybody wants them so.
    pub(crate) fn take_frame(&mut self) {
        if !self.wants_frames() {
            self.voice.playout = None;
            return;
        }
        let voice = &mut self.voice;
        voice.said.fill(0);
        let Some(playout) = &mut voice.playout else {
            return;
        };
        voice.said_rate = playout.rate();
        if let Some(frame) = voice.said.get_mut(..playout.rate().frame()) {
            playout.frame(frame);
        }
    }

    fn wants_frames(&self) -> bool {
        self.voice.is_mixed || self.recording().is_some()
    }

    /// Whether it needs [ticks](super::engine::Engine::tick).
    pub(crate) fn wants_tick(&self) -> bool {
        self.is_pressing()
            || self.recording().is_some()
            || matches!(self.ear.hears, Hearing::Clip(_))
    }
}
