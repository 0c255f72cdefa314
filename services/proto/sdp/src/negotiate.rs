//! Which formats two sides use (RFC 3264 §6.1), for one leg alone.

use ipc::sound::{Codec, Dtmf};

use crate::audio::{Audio, Ours};
use crate::codec::{is_convertible, is_decoded, is_noise, is_opus, number, same_encoding};
use crate::media::{Direction, TelephoneEvent};

/// Payload types of telephone-event in offers of ours: what most phones use themselves.
const EVENT_TYPES: [(u8, u32); 2] = [(101, 8000), (110, 48000)];

/// Codecs for an answer to `offered`: those of `prefer` in its order when the offer has one, so
/// that nothing is converted; else the convertible ones in the offer's order, or Opus when it has
/// none, when something in `prefer` can be converted to them. An empty `prefer` is `media` itself,
/// which plays what it can convert. Empty when nothing fits: 488.
///
/// Payload types are the offer's: each number means the same both ways (RFC 3264 §6.1). Parameters
/// are those of `prefer`: they say what the other party can take.
#[must_use]
pub fn choose(offered: &[Codec], prefer: &[Codec]) -> Vec<Codec> {
    let mut chosen: Vec<Codec> = prefer
        .iter()
        .filter(|wanted| !is_noise(wanted))
        .filter_map(|wanted| with_number_of(wanted, offered))
        .collect();
    if chosen.is_empty() && (prefer.is_empty() || prefer.iter().any(is_decoded)) {
        let bare = |codec: Codec| Codec {
            parameters: String::new(),
            ..codec
        };
        let cheap = offered.iter().filter(|codec| is_convertible(codec));
        chosen.extend(cheap.cloned().map(bare));
        if chosen.is_empty() {
            let opus = offered.iter().find(|codec| is_opus(codec));
            chosen.extend(opus.cloned().map(bare));
        }
        return chosen;
    }
    if !chosen.is_empty() {
        let noise = prefer.iter().find(|wanted| is_noise(wanted));
        chosen.extend(noise.and_then(|wanted| with_number_of(wanted, offered)));
    }
    chosen
}

fn with_number_of(wanted: &Codec, offered: &[Codec]) -> Option<Codec> {
    let known = offered.iter().find(|known| same_encoding(known, wanted))?;
    Some(Codec {
        payload_type: known.payload_type,
        ..wanted.clone()
    })
}

/// Codecs and events as we offer them: payload types as in `before` (the last description of
/// ours), else given now; with `events`, telephone-event for every clock in use.
#[must_use]
pub fn offered(
    mut codecs: Vec<Codec>,
    before: Option<&Ours>,
    events: bool,
) -> (Vec<Codec>, Vec<TelephoneEvent>) {
    let known_events = before.map_or(&[][..], |ours| &ours.events);
    let known_codecs = before.map_or(&[][..], |ours| &ours.codecs);
    let mut types: Vec<TelephoneEvent> = Vec::new();
    if events {
        for (payload_type, clock) in EVENT_TYPES {
            let used = clock == 8000 || codecs.iter().any(|codec| codec.clock == clock);
            let known = known_events.iter().find(|event| event.clock == clock);
            let free = !known_codecs
                .iter()
                .any(|codec| codec.payload_type == payload_type);
            match known {
                Some(known) => types.push(*known),
                None if used && free => types.push(TelephoneEvent {
                    payload_type,
                    clock,
                }),
                None => {}
            }
        }
    }
    let mut taken: Vec<u8> = types.iter().map(|event| event.payload_type).collect();
    taken.extend(known_events.iter().map(|event| event.payload_type));
    number(&mut codecs, known_codecs, &taken);
    (codecs, types)
}

/// The formats that an answer took of an offer of ours: as we send them (its numbers) and as it
/// sends them (ours), in its order.
#[must_use]
pub fn taken(ours: &Ours, answer: &Audio) -> (Vec<Codec>, Vec<Codec>) {
    let pairs = answer.codecs.iter().filter_map(|theirs| {
        let own = ours.codecs.iter().find(|own| same_encoding(own, theirs))?;
        Some((theirs.clone(), own.clone()))
    });
    pairs.unzip()
}

/// The telephone-event both sides have, for the clock of the codec in use; else one for 8 kHz,
/// which phones send beside wide-band codecs too.
#[must_use]
pub fn events(ours: &[TelephoneEvent], theirs: &[TelephoneEvent], codec: &Codec) -> Option<Dtmf> {
    let both = |clock: u32| {
        let send = theirs.iter().find(|event| event.clock == clock)?;
        let receive = ours.iter().find(|event| event.clock == clock)?;
        Some(Dtmf::Events {
            send: send.payload_type,
            receive: receive.payload_type,
            clock,
        })
    };
    both(codec.clock).or_else(|| both(8000))
}

impl Direction {
    /// The same flow seen from the other side; what an answer says to an offer.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::SendReceive => Self::SendReceive,
            Self::SendOnly => Self::ReceiveOnly,
            Self::ReceiveOnly => Self::SendOnly,
            Self::Inactive => Self::Inactive,
        }
    }

    /// Whether its writer sends.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendReceive | Self::SendOnly)
    }

    /// Whether its writer wants to be sent to.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendReceive | Self::ReceiveOnly)
    }
}

#[cfg(test)]
mod tests;
