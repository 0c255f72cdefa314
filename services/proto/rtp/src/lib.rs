//! RTP and what it carries: headers, audio, keys, reports and digits, as values and functions.
//!
//! What this crate must never do: touch a socket, read a clock, draw entropy, or allocate where a
//! packet is only relayed.
//! Read first, in the order a packet meets them: [`Latch`] (may it come in?), [`srtp::Receiver`],
//! [`Header`] and [`Packet`], [`Reception`] (how well it came), [`playout::Playout`] (its sound,
//! where somebody needs it), [`Outgoing`] (the one stream its hearer sees), [`srtp::Sender`].
//! Sources: RFC 3550 and 3551 (RTP), RFC 4733 (digits), RFC 3711 and 7714 (SRTP), RFC 5761 (RTP
//! and RTCP on one port), RFC 4961 (symmetric RTP), RFC 3389 (comfort noise), ITU-T G.711, G.722,
//! G.107, Q.23 and E.180.

pub mod any_rate;
pub mod codec;
pub mod dtmf;
pub mod latch;
pub mod mixer;
pub mod music;
pub mod noise;
mod oscillator;
mod outgoing;
mod packet;
mod pcm;
pub mod playout;
pub mod quality;
mod reception;
pub mod resample;
pub mod rtcp;
#[cfg(test)]
mod signal;
pub mod srtp;
pub mod tone;
pub mod wav;

pub use dtmf::{Digit, TelephoneEvent};
pub use latch::{Expected, Latch};
pub use outgoing::Outgoing;
pub use packet::{Header, Malformed, Packet, check_rtcp, is_rtcp};
pub use pcm::{FRAME_MILLIS, Rate};
pub use reception::Reception;
