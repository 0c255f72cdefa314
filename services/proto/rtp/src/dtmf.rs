//! DTMF: as telephone events (RFC 4733) and as tones in the audio.
//!
//! ```text
//!            packets ──> EventReceiver ──┐                ┌──> EventSender ──> packets
//!                                        ├──> Digit, once ┤
//!            samples ──> ToneDetector ───┘                └──> TonePlayer ───> samples
//! ```
//! Read first: [`EventReceiver::packet`], [`EventSender::tick`], [`ToneDetector::push`].

mod detector;
mod event;
mod player;
mod receiver;
mod sender;

pub use detector::ToneDetector;
pub use event::{Digit, TelephoneEvent};
pub use player::TonePlayer;
pub use receiver::{EventReceiver, Heard};
pub use sender::{EventPacket, EventSender};

/// How long a digit lasts when nobody says: twice what any receiver needs (ITU-T Q.24: 40 ms).
pub const DIGIT_MILLIS: u32 = 100;
/// Silence between two digits (ITU-T Q.24 asks for 40 ms at least).
pub const GAP_MILLIS: u32 = 80;
/// Digits that may wait to be sent: more than any number has.
pub const DIGITS_MAX: usize = 32;
/// The lower tones in Hz, row by row (ITU-T Q.23).
const ROWS: [u16; 4] = [697, 770, 852, 941];
/// The upper tones in Hz, column by column (ITU-T Q.23).
const COLUMNS: [u16; 4] = [1209, 1336, 1477, 1633];
