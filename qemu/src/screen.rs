//! What is on the screen of a box: the cells of a text console, from a picture of it.
//!
//! Letters are not read but compared: the same letter always has the same picture.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use crate::qmp::{Qmp, QmpError};

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// QEMU.
    #[error(transparent)]
    Qmp(#[from] QmpError),
    /// The picture cannot be read.
    #[error("the picture of the screen cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// It is no picture.
    #[error("what QEMU wrote is no picture (PPM)")]
    NotPicture,
}

/// A letter as it is shown: 16 rows of 8 points, a bit each.
type Letter = [u8; 16];

/// The screen, row by row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Screen {
    rows: Vec<Vec<Letter>>,
}

impl Screen {
    /// Takes a picture of the screen by way of a file in `scratch`.
    ///
    /// # Errors
    /// QEMU refuses.
    pub fn take(qmp: &mut Qmp, scratch: &Path) -> Result<Self, ScreenError> {
        let path = scratch.join("screen.ppm");
        qmp.execute("screendump", &json!({ "filename": path }))?;
        let picture = std::fs::read(&path)?;
        Self::parse(&picture).ok_or(ScreenError::NotPicture)
    }

    /// Reads a picture: PPM of the raw kind, 8 bits a colour. Source: netpbm's ppm(5).
    fn parse(picture: &[u8]) -> Option<Self> {
        let mut words = picture.splitn(4, |byte| byte.is_ascii_whitespace());
        let kind = words.next()?;
        let mut number = || {
            std::str::from_utf8(words.next()?)
                .ok()?
                .parse::<usize>()
                .ok()
        };
        let (width, height) = (number()?, number()?);
        let rest = words.next()?;
        let points = rest.strip_prefix(b"255\n")?;
        if kind != b"P6" || points.len() < width * height * 3 {
            return None;
        }
        let is_lit = |x: usize, y: usize| {
            let at = (y * width + x) * 3;
            let point = points.get(at..at + 3).unwrap_or_default();
            point.iter().any(|colour| *colour > DARK)
        };
        let line = |x: usize, y: usize| {
            (0..8).fold(0, |bits, column| {
                bits << 1 | u8::from(is_lit(x + column, y))
            })
        };
        let letter = |x: usize, y: usize| std::array::from_fn(|row| line(x * 8, y * 16 + row));
        let row = |y| (0..width / 8).map(|x| letter(x, y)).collect();
        Some(Self {
            rows: (0..height / 16).map(row).collect(),
        })
    }

    /// Whether a text of the form of this one is somewhere in a row: where it has the same letter
    /// the screen has the same picture, and another one where it has another. Of a text of some
    /// length, nothing else has the form.
    #[must_use]
    pub fn shows(&self, text: &str) -> bool {
        let mut places = self.rows.iter().flat_map(|row| row.windows(text.len()));
        places.any(|place| has_form_of(place, text))
    }
}

fn has_form_of(place: &[Letter], text: &str) -> bool {
    let pairs: BTreeSet<_> = text.bytes().zip(place).collect();
    let letters: BTreeSet<u8> = text.bytes().collect();
    let pictures: BTreeSet<&Letter> = place.iter().collect();
    let is_alike = pairs.len() == letters.len() && pictures.len() == letters.len();
    let blank: Letter = [0; 16];
    is_alike
        && pairs
            .iter()
            .all(|(letter, picture)| (*letter == b' ') == (**picture == blank))
}

/// A colour up to this is background.
const DARK: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// A screen of 10 by 3 letters, each with a picture of its own.
    fn picture(rows: [&str; 3]) -> Vec<u8> {
        let mut picture = b"P6\n80 48\n255\n".to_vec();
        for y in 0..48 {
            for x in 0..80 {
                let letter = rows[y / 16].as_bytes()[x / 8];
                let is_lit = letter != b' ' && y % 16 == 3 && letter >> (x % 8) & 1 == 1;
                picture.extend([if is_lit { 0xaa } else { 0 }; 3]);
            }
        }
        picture
    }

    #[test]
    fn a_text_is_known_by_its_form_wherever_it_stands() {
        let screen = Screen::parse(&picture(["a ramal: x", "b lamar: x", "          "]));
        let screen = screen.expect("a picture");
        assert!(screen.shows("ramal: x"));
        assert!(
            !screen.shows("ramar: x"),
            "another letter in place of the same"
        );
        assert!(!screen.shows("ramal  x"), "nothing in place of a letter");
        let blank = Screen::parse(&picture(["          "; 3])).expect("a picture");
        assert!(!blank.shows("ramal: x"));
        assert_eq!(Screen::parse(b"P6\n80 48\n255\n"), None);
    }
}
