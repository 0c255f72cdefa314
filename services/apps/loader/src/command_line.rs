//! What the stub tells the kernel: the signed command line, and of what came from outside only
//! the loader's handoff.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use slot::Handoff;

/// The command line for the kernel, UTF-16 with a zero at its end: `fixed` is the content of the
/// section, `options` the load options the stub was started with.
///
/// Who can set the load options (firmware settings, a shell of the firmware) could switch off all
/// that the command line secures, so that nothing of them is taken but a handoff, and that as it
/// was understood, not as it was written.
#[must_use]
pub fn command_line(fixed: &[u8], options: &[u8]) -> Vec<u16> {
    let fixed = fixed.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut line: String = String::from_utf8_lossy(fixed).trim().into();
    if let Some(handoff) = handoff(options) {
        // Into a string, which takes everything.
        let _written = write!(&mut line, " {handoff}");
    }
    wide(line.trim_start())
}

/// The load options by which the loader hands over.
#[must_use]
pub fn load_options(handoff: &Handoff) -> Vec<u16> {
    wide(&alloc::format!("{handoff}"))
}

/// The handoff in load options: UTF-16 with or without one zero at its end.
#[must_use]
pub fn handoff(options: &[u8]) -> Option<Handoff> {
    let (units, rest) = options.as_chunks();
    if !rest.is_empty() || units.len() > slot::handoff::LENGTH_MAX + 1 {
        return None;
    }
    let units: Vec<u16> = units.iter().copied().map(u16::from_le_bytes).collect();
    let units = units.strip_suffix(&[0]).unwrap_or(&units);
    Handoff::parse(&String::from_utf16(units).ok()?)
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

#[cfg(test)]
mod tests {
    use slot::Slot;
    use std::string::ToString;

    use super::*;

    fn options(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn check(fixed: &str, given: &[u8], expected: &str) {
        let line = command_line(fixed.as_bytes(), given);
        let (end, line) = line.split_last().unwrap();
        assert_eq!(*end, 0);
        assert_eq!(
            String::from_utf16(line).unwrap(),
            expected,
            "{fixed} {given:?}"
        );
    }

    const HANDOFF: &str = "ramal.slot=b ramal.disk=7a2f1c64-0d5e-4b1a-9c37-52616d616c0d";

    #[test]
    fn a_handoff_is_appended() {
        let expected = std::format!("quiet panic=10 {HANDOFF}");
        check("quiet panic=10\n", &options(HANDOFF), &expected);
        check(
            "quiet panic=10\0\0",
            &options(&std::format!("{HANDOFF}\0")),
            &expected,
        );
        check("", &options(HANDOFF), HANDOFF);
    }

    #[test]
    fn nothing_else_is_ever_appended() {
        for given in [
            "init=/bin/sh".to_string(),
            std::format!("{HANDOFF} init=/bin/sh"),
            std::format!("{HANDOFF}\0init=/bin/sh"),
            std::format!("{HANDOFF}\0\0"),
            std::format!("init=/bin/sh {HANDOFF}"),
            HANDOFF.to_string() + &" ".repeat(2000),
            String::new(),
        ] {
            check("quiet", &options(&given), "quiet");
        }
        // Eight-bit text, half a unit, and what is no text at all.
        check("quiet", HANDOFF.as_bytes(), "quiet");
        check("quiet", &options(HANDOFF)[1..], "quiet");
        check("quiet", &[0x00, 0xd8, 0x00, 0xd8], "quiet");
    }

    #[test]
    fn what_the_loader_hands_over_the_stub_understands() {
        let given = Handoff {
            slot: Some(Slot::A),
            disk: slot::partition::DATA,
        };
        let bytes: Vec<u8> = load_options(&given)
            .into_iter()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(handoff(&bytes), Some(given));
    }
}
