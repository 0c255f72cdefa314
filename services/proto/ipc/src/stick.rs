//! `stick`: the update files and backups on a memory stick that was put into the running box, and
//! what is in them.

use serde::{Deserialize, Serialize};

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// A part of a file. Answer: [`Reply::Part`] or [`Reply::Unreadable`].
    Read {
        /// Its name, as it was offered.
        file: String,
        /// Where the part begins, bytes.
        offset: u64,
        /// Bytes, at most [`PART_MAX`].
        length: u32,
    },
}

/// What `stick` answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The part; shorter than was asked for where the file ends.
    Part(Vec<u8>),
    /// The stick was taken out, or is damaged, or the file is not there any more.
    Unreadable,
}

/// Bytes of a part.
pub const PART_MAX: u32 = 256 * 1024;

/// Files of each kind that are offered: more do not fit on a screen.
pub const OFFERS_MAX: usize = 8;

/// An update file or a backup on a stick: what `stick` tells PID 1, a line each.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Offer {
    /// Its name, in the top folder.
    pub file: String,
    /// Bytes.
    pub bytes: u64,
}

impl Offer {
    /// One that people can be shown and that fits on a line; `None` for a name that does not, or
    /// that has other signs than those of ASCII and Latin letters. What else there is may be
    /// invisible, or show a name as another one, or not be in the console's font.
    #[must_use]
    pub fn of(file: &str, bytes: u64) -> Option<Self> {
        let is_plain = |sign: char| matches!(sign, ' '..='~' | '\u{c0}'..='\u{17f}');
        let is_shown = !file.is_empty() && file.len() <= NAME_MAX && file.chars().all(is_plain);
        is_shown.then(|| Self {
            file: file.to_owned(),
            bytes,
        })
    }

    /// Whether it is a backup; else it is an update file.
    #[must_use]
    pub fn is_backup(&self) -> bool {
        self.file.to_ascii_lowercase().ends_with(".backup")
    }

    /// As it is written to the pipe, without the end of the line.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("{OFFER}{} {}", self.bytes, self.file)
    }

    /// The same read again; `None` for anything else.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        let (bytes, file) = line.strip_prefix(OFFER)?.split_once(' ')?;
        Self::of(file, bytes.parse().ok()?)
    }
}

const OFFER: &str = "OFFER=";

/// Bytes of a name: as long as FAT has it, in UTF-8.
const NAME_MAX: usize = 255 * 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_read_as_it_was_told() {
        for file in ["ramal-1.5.0.update", "versão nova.update"] {
            let offer = Offer::of(file, u64::MAX).expect("plain");
            assert_eq!(Offer::from_line(&offer.to_line()), Some(offer));
        }
        for line in ["", "OFFER=", "OFFER=7", "OFFER=x a", "OFFER=7 ", "READY=1"] {
            assert_eq!(Offer::from_line(line), None, "{line}");
        }
    }

    #[test]
    fn a_name_that_would_command_a_terminal_or_read_as_another_is_not_offered() {
        for file in [
            "a\u{1b}[2J.update",
            "a\nOFFER=7 b",
            "a\u{202e}etadpu",
            "a\u{2028}",
            "a\u{ad}.update",
            "a\u{200b}.update",
            "a\u{61c}.update",
            "\u{430}.update",
            "a\u{fe0f}.update",
            "a\u{3164}.update",
        ] {
            assert_eq!(Offer::of(file, 1), None, "{file:?}");
        }
        assert_eq!(Offer::of(&"x".repeat(NAME_MAX + 1), 1), None);
    }
}
