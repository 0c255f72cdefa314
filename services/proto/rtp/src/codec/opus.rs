//! Opus (RFC 6716), by the `opus-pure` crate: mono at 16 kHz, which is all that other phones and
//! the box's own sounds have to give.
//!
//! RTP says `opus/48000/2` whatever is inside (RFC 7587 §4.1): a packet names its own bandwidth and
//! channels, and the decoder makes mono of them.

use std::fmt;

use opus_pure::{Application, OpusDecoder, OpusEncoder};

use crate::pcm::Rate;

/// Decodes packets of one stream.
pub(super) struct Decoder(Option<Box<OpusDecoder>>);

/// Encodes one stream.
pub(super) struct Encoder(Option<Box<OpusEncoder>>);

impl Decoder {
    pub(super) fn new() -> Self {
        Self(OpusDecoder::new(HERTZ, 1).ok().map(Box::new))
    }

    /// Appends the samples of a packet; none when it is malformed.
    pub(super) fn decode(&mut self, packet: &[u8], samples: &mut Vec<i16>) {
        let before = samples.len();
        let length = length(packet);
        let Some(decoder) = self.0.as_mut().filter(|_| length > 0) else {
            return;
        };
        samples.resize(before.saturating_add(length), 0);
        let place = samples.get_mut(before..).unwrap_or_default();
        let decoded = decoder.decode_s16(packet, length, place);
        if decoded.ok() != Some(length) {
            samples.truncate(before);
        }
    }
}

impl Encoder {
    pub(super) fn new() -> Self {
        let mut encoder = OpusEncoder::new(HERTZ, 1, Application::Voip)
            .ok()
            .map(Box::new);
        if let Some(encoder) = &mut encoder {
            encoder.bitrate_bps = BITS_A_SECOND;
            encoder.complexity = COMPLEXITY;
        }
        Self(encoder)
    }

    /// Appends the packet of a frame of samples; nothing when they are not [as many as a packet
    /// can have](frame_millis).
    pub(super) fn encode(&mut self, samples: &[i16], packet: &mut Vec<u8>) {
        let before = packet.len();
        packet.resize(before.saturating_add(opus_pure::MAX_PACKET_BYTES), 0);
        let place = packet.get_mut(before..).unwrap_or_default();
        let encoder = self.0.as_mut().filter(|_| is_frame(samples.len()));
        let written = encoder.and_then(|it| it.encode_s16(samples, samples.len(), place).ok());
        packet.truncate(before.saturating_add(written.unwrap_or(0)));
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus::Decoder(..)")
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus::Encoder(..)")
    }
}

/// The time of a packet, milliseconds, that is nearest below the wanted one and an Opus frame.
pub(super) const fn frame_millis(wanted: usize) -> usize {
    match wanted {
        0..20 => 10,
        20..40 => 20,
        40..60 => 40,
        _ => 60,
    }
}

fn is_frame(samples: usize) -> bool {
    [10, 20, 40, 60]
        .iter()
        .any(|millis| Rate::Wide.samples(*millis) == samples)
}

/// Samples at 16 kHz in a packet, by its first octets (RFC 6716 §3.1, §3.2); 0 when it says more
/// than a packet may have, or nothing.
pub(super) fn length(packet: &[u8]) -> usize {
    let Some(toc) = packet.first() else { return 0 };
    let (configuration, code) = (toc >> 3, toc & 3);
    // In steps of 2.5 ms.
    let frame: usize = match (configuration, configuration & 3) {
        (0..12, 0) => 4,
        (0..12, 1) => 8,
        (0..12, 2) => 16,
        (0..12, _) => 24,
        (12..16, 0 | 2) => 4,
        (12..16, _) => 8,
        (_, size) => 1 << size,
    };
    let frames = match code {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1).map_or(0, |octet| usize::from(octet & 63)),
    };
    let steps = frame.saturating_mul(frames);
    if steps <= STEPS_MAX {
        steps.saturating_mul(STEP)
    } else {
        0
    }
}

/// Samples of 2.5 ms at 16 kHz.
const STEP: usize = 40;
/// 120 ms, the longest packet (RFC 6716 §3.2.5).
const STEPS_MAX: usize = 48;
/// The rate both are run at.
#[expect(clippy::cast_possible_wrap, reason = "16,000")]
const HERTZ: i32 = Rate::Wide.hertz() as i32;
/// What speech at 16 kHz wants; music on hold sounds well enough.
const BITS_A_SECOND: i32 = 24_000;
/// Of 0 to 10: a third of the work of the highest, for a difference that a call does not show.
const COMPLEXITY: i32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_says_how_long_it_is() {
        for (packet, millis) in [
            (&[0x08_u8, 0][..], 20),
            (&[0x18, 0], 60),
            (&[0x48, 0], 20),
            (&[0x60, 0], 10),
            (&[0x68, 0], 20),
            (&[0xf8, 0], 20),
            (&[0xf9, 0], 40),
            (&[0xfb, 3, 0], 60),
            (&[0xfb, 6, 0], 120),
            (&[0x1b, 2, 0], 120),
            // More than 120 ms, no frame, nothing.
            (&[0xfb, 7, 0], 0),
            (&[0x1b, 3, 0], 0),
            (&[0xfb, 0], 0),
            (&[0xfb], 0),
            (&[], 0),
        ] {
            assert_eq!(length(packet), Rate::Wide.samples(millis), "{packet:x?}");
        }
        assert_eq!(length(&[0xe0, 0]), STEP, "2.5 ms");
    }

    #[test]
    fn a_frame_survives_and_what_is_none_makes_nothing() {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new());
        for millis in [10, 20, 40, 60] {
            let (mut packet, mut back) = (Vec::new(), Vec::new());
            encoder.encode(&vec![100; Rate::Wide.samples(millis)], &mut packet);
            assert_eq!(length(&packet), Rate::Wide.samples(millis));
            decoder.decode(&packet, &mut back);
            assert_eq!(back.len(), Rate::Wide.samples(millis));
        }
        let mut packet = Vec::new();
        encoder.encode(&[0; 333], &mut packet);
        assert!(packet.is_empty());
        let mut samples = vec![1];
        decoder.decode(&[0xfb, 0x83, 0xff, 0xff], &mut samples);
        assert_eq!(samples, [1]);
    }

    /// Silence suppression (RFC 7587 §3.1.3): a packet of one octet lasts as long as any.
    #[test]
    fn a_packet_of_nothing_but_its_kind_is_as_long_as_it_says() {
        let mut samples = Vec::new();
        Decoder::new().decode(&[0x48], &mut samples);
        assert_eq!(samples.len(), 320);
        assert!(samples.iter().all(|sample| sample.abs() < 100));
    }
}
