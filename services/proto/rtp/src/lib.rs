//! RTP and what it carries: headers, audio, keys, reports and digits, as plain values and functions.
//!
//! What this crate must never do: touch a socket, read a clock, draw entropy, or allocate where a
//! packet is only relayed.
//! Read first: [`Relay`], whose [`forward`](Relay::forward) is the whole decision; then [`Packet`]
//! and [`DigitCounter`].
//! Sources: RFC 3550 (RTP), RFC 4733 (telephone-event), RFC 5761 (RTP and RTCP on one port),
//! RFC 4961 (symmetric RTP).

pub mod codec;
pub mod dtmf;
pub mod latch;
pub mod mixer;
pub mod music;
pub mod noise;
mod oscillator;
mod outgoing;
mod packet;
mod payload_types;
mod pcm;
pub mod playout;
pub mod quality;
mod reception;
mod relay;
pub mod resample;
pub mod rtcp;
#[cfg(test)]
mod signal;
pub mod srtp;
pub mod tone;
pub mod wav;

pub use dtmf::{Digit, DigitCounter, TelephoneEvent};
pub use latch::{Expected, Latch};
pub use outgoing::Outgoing;
pub use packet::{Header, Malformed, Packet, check_rtcp, is_rtcp};
pub use payload_types::PayloadTypes;
pub use pcm::{FRAME_MILLIS, Rate};
pub use reception::Reception;
pub use relay::{Channel, DropReason, Leg, Relay, Side, Stats, Verdict};
