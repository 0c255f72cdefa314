//! Whatever passes a network card: nothing panics, and of headers no more is kept than may be.

use capture::{SNAP_MAX, is_wanted, kept_length};
use ipc::capture::{Depth, What, Wish};
use proptest::prelude::*;

/// Frames that begin as real ones do, so that what follows is looked at.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop::sample::select(vec![[8, 0], [8, 6], [0x86, 0xdd], [0x81, 0], [0, 0]]);
    let rest = prop::collection::vec(any::<u8>(), 0..400);
    (kinds, rest).prop_map(|(kind, rest)| [&[0; 12][..], &kind, &rest].concat())
}

proptest! {
    #[test]
    fn no_frame_panics_and_headers_are_short(frame in frames(), port in any::<u16>()) {
        for what in [What::Telephony, What::Port(port), What::All] {
            let wish = Wish { what, ..Wish::default() };
            let _ = is_wanted(&wish, &frame);
        }
        let headers = kept_length(Depth::Headers, &frame);
        let whole = kept_length(Depth::Whole, &frame);
        prop_assert!(headers <= whole && whole <= frame.len().min(SNAP_MAX));
    }

    #[test]
    fn no_byte_of_a_voice_is_kept_of_headers(
        from in 16_384_u16..=32_767,
        to in any::<u16>(),
        voice in prop::collection::vec(Just(0x55_u8), 1..1400),
    ) {
        let ip = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        let ports = [from, to, 0, 0].map(u16::to_be_bytes).concat();
        let frame = [&[0; 12][..], &[8, 0], &ip, &ports, &[0x80; 12], &voice].concat();
        prop_assert_eq!(kept_length(Depth::Headers, &frame), frame.len() - voice.len());
    }
}
