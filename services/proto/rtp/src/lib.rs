//! RTP as a relay needs it: read the header, count the digits, decide where a packet goes.
//!
//! What this crate must never do: touch a socket, allocate per packet, or decode audio.
//! Read first: [`Relay`], whose [`forward`](Relay::forward) is the whole decision; then [`Packet`]
//! and [`DigitCounter`].
//! Sources: RFC 3550 (RTP), RFC 4733 (telephone-event), RFC 5761 (RTP and RTCP on one port),
//! RFC 4961 (symmetric RTP).

mod event;
mod latch;
mod packet;
mod relay;

pub use event::{Digit, DigitCounter, TelephoneEvent};
pub use packet::{Malformed, Packet, check_rtcp, is_rtcp};
pub use relay::{Channel, DropReason, Leg, Relay, Side, Stats, Verdict};
