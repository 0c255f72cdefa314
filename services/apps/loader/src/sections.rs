//! Sections of a program as it lies in memory (PE32+; Microsoft PE format, "Section table").
//!
//! The image builder puts what a program must know of itself into sections of it, where the
//! signature of the program covers it.

/// The content of the section `name`, of at most eight characters.
#[must_use]
pub fn find<'a>(image: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let number = |at: usize, length: usize| {
        let bytes = image.get(at..at.checked_add(length)?)?;
        let value = bytes
            .iter()
            .rev()
            .fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
        Some(value)
    };
    let header = number(0x3c, 4)?;
    if image.get(header..header.checked_add(4)?)? != b"PE\0\0" {
        return None;
    }
    let count = number(header + 6, 2)?;
    let table = header + 24 + number(header + 20, 2)?;
    let mut entries = (0..count).map(|place| table + place * 40);
    let entry = entries.find(|at| has_name(image, *at, name))?;
    let (length, start) = (number(entry + 8, 4)?, number(entry + 12, 4)?);
    image.get(start..start.checked_add(length)?)
}

fn has_name(image: &[u8], at: usize, name: &str) -> bool {
    let found = image.get(at..at + 8).unwrap_or_default();
    let found = found.split(|byte| *byte == 0).next().unwrap_or_default();
    found == name.as_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    use super::*;

    /// A program of two sections, whose optional header is empty.
    fn image() -> Vec<u8> {
        let mut image = vec![0; 0x200];
        image[0x3c] = 0x40;
        image[0x40..0x44].copy_from_slice(b"PE\0\0");
        image[0x46] = 2;
        let sections = [(".text", 4u8, 0x100u16), (".cmdline", 3, 0x180)];
        for (place, (name, length, start)) in sections.into_iter().enumerate() {
            let entry = &mut image[0x58 + place * 40..][..40];
            entry[..name.len()].copy_from_slice(name.as_bytes());
            entry[8] = length;
            entry[12..14].copy_from_slice(&start.to_le_bytes());
        }
        image[0x180..0x184].copy_from_slice(b"abcd");
        image
    }

    #[test]
    fn a_section_is_found_by_its_whole_name() {
        let image = image();
        assert_eq!(find(&image, ".cmdline"), Some(&b"abc"[..]));
        assert_eq!(find(&image, ".cmd"), None);
        assert_eq!(find(&image, ".linux"), None);
        assert_eq!(find(&image[..0x182], ".cmdline"), None);
        assert_eq!(find(&[], ".cmdline"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_searched_without_a_panic(
            mut bytes in vec(any::<u8>(), 0x40..0x300), at in 0u8..=255
        ) {
            let _ = find(&bytes, ".linux");
            bytes[0x3c..0x40].copy_from_slice(&[at, 0, 0, 0]);
            if let Some(place) = bytes.get_mut(usize::from(at)..usize::from(at) + 4) {
                place.copy_from_slice(b"PE\0\0");
            }
            let _ = find(&bytes, ".linux");
        }
    }
}
