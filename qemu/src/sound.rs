//! Sound as evidence: WAV files, pure tones, and what a recording contains.
//!
//! What this module must never do: play or record anything. It only makes the files a phone plays
//! and judges the files a phone recorded.
//! Read first: [`Wav`], then [`Expected::judge`].

mod tone;
mod wav;

#[cfg(test)]
mod tests;

pub use tone::{Expected, Heard, SILENCE_DBFS, SoundFault, Tone};
pub use wav::{Wav, WavError};
