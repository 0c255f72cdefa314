//! Digits towards a peer: as telephone events or as tones, while other audio waits.

use ipc::sound::Dtmf;
use rtp::dtmf::{DIGIT_MILLIS, EventSender, TelephoneEvent, TonePlayer};
use rtp::{Digit, Header, Rate};
use sansio::Instant;

use super::engine::Heard;
use super::hearing::{Route, World};
use super::leg::Leg;

/// Digits on their way to a peer.
#[derive(Debug)]
pub(crate) enum Pressing {
    /// RFC 4733, under a payload type and a clock.
    Events(EventSender, u8, u32),
    /// In the audio.
    Tones(TonePlayer),
}

/// Digits of a peer that ended with one packet, and how many milliseconds each lasted: the one
/// before, whose end was lost, and this one.
pub(crate) type Ended = [Option<(Digit, u32)>; 2];

impl Leg {
    /// Whether digits are being sent, so that other audio has to wait.
    pub(crate) const fn is_pressing(&self) -> bool {
        self.ear.pressing.is_some()
    }

    /// Whether the peer takes digits as events.
    pub(crate) const fn takes_events(&self) -> bool {
        matches!(self.agreed.dtmf, Dtmf::Events { .. })
    }

    /// Sends digits, after those that wait already.
    pub(crate) fn dial(&mut self, digits: &str) {
        for digit in digits.chars().filter_map(Digit::from_char) {
            self.dial_one(digit, DIGIT_MILLIS);
        }
    }

    /// Sends a digit that was heard in the audio of whom the peer hears; only as an event: in the
    /// audio it is there already.
    pub(crate) fn dial_detected(&mut self, digit: Digit, millis: u32) {
        if self.takes_events() {
            self.dial_one(digit, millis);
        }
    }

    fn dial_one(&mut self, digit: Digit, millis: u32) {
        let pressing = match (self.ear.pressing.take(), self.agreed.dtmf) {
            (Some(pressing), _) => pressing,
            (None, Dtmf::Events { send, clock, .. }) => {
                Pressing::Events(EventSender::new(clock), send, clock)
            }
            (None, Dtmf::InBand) => Pressing::Tones(TonePlayer::new(Rate::Narrow)),
            // By SIP, which is not our business.
            (None, Dtmf::Elsewhere) => return,
        };
        // Digits beyond what may wait are lost, as from a keypad pressed too fast.
        let _ = self.ear.pressing.insert(pressing).press(digit, millis);
    }

    /// Sends what is due of the digits in this tick.
    pub(crate) fn press(&mut self, now: Instant, packet: &mut Vec<u8>, world: &mut impl World) {
        let Some(mut pressing) = self.ear.pressing.take() else {
            return;
        };
        if !self.may_be_sent() {
            return;
        }
        match &mut pressing {
            Pressing::Events(sender, payload_type, clock) => {
                if let Some(event) = sender.tick() {
                    let header = Header {
                        payload_type: *payload_type,
                        ..self.ear.out.event(now, DIGITS, *clock, event.first)
                    };
                    self.send(header, &event.payload, packet, world);
                }
            }
            Pressing::Tones(player) => {
                let mut frame = [0; Rate::Narrow.frame()];
                player.fill(&mut frame);
                self.say(now, DIGITS, (Rate::Narrow, &frame), packet, world);
            }
        }
        if !pressing.is_idle() {
            self.ear.pressing = Some(pressing);
        }
    }
}

impl Pressing {
    fn press(&mut self, digit: Digit, millis: u32) -> bool {
        match self {
            Self::Events(sender, ..) => sender.press(digit, millis),
            Self::Tones(player) => player.press(digit, millis),
        }
    }

    fn is_idle(&self) -> bool {
        match self {
            Self::Events(sender, ..) => sender.is_idle(),
            Self::Tones(player) => player.is_idle(),
        }
    }
}

impl Heard<'_> {
    /// Passes a telephone event on: as one with the hearer's payload type and clock (pbx trap 20),
    /// or as a tone once its length is known.
    pub(crate) fn event(
        &self,
        hearer: &mut Leg,
        ended: Ended,
        packet: &mut Vec<u8>,
        world: &mut impl World,
    ) {
        match hearer.ear.route(self.packet.payload_type) {
            Route::Event(payload_type, from, to) => {
                let Some(event) = TelephoneEvent::parse(self.packet.payload) else {
                    return;
                };
                let payload = in_clock(event, from, to).to_bytes();
                let content = (&self.header, payload.as_slice());
                let as_sent = (payload_type, to);
                hearer.forward(self.now, self.from, as_sent, content, packet, world);
            }
            Route::Tone => {
                for (digit, millis) in ended.into_iter().flatten() {
                    hearer.dial_one(digit, millis);
                }
            }
            Route::Drop | Route::Forward(..) | Route::Convert => {}
        }
    }
}

impl Leg {
    /// Makes a tone of a digit whose end never came, where the peer takes tones.
    pub(crate) fn dial_expired(&mut self, digit: Digit, millis: u32) {
        if self.agreed.dtmf == Dtmf::InBand {
            self.dial_one(digit, millis);
        }
    }
}

/// An event with its duration in another clock.
fn in_clock(event: TelephoneEvent, from: u32, to: u32) -> TelephoneEvent {
    if from == to || from == 0 {
        return event;
    }
    let duration = u64::from(event.duration) * u64::from(to) / u64::from(from);
    TelephoneEvent {
        duration: u16::try_from(duration).unwrap_or(u16::MAX),
        ..event
    }
}

/// Names digits as a speaker of [`rtp::Outgoing`].
const DIGITS: u64 = 1;
