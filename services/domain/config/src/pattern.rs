//! Patterns of dialled numbers.
//!
//! The grammar is the one installers know, without its corners: digits, `*`, `#` and `+` stand for
//! themselves, `X` for 0-9, `Z` for 1-9, `N` for 2-9, `[1-57]` for one of these; at the end `.`
//! stands for one or more of anything and `!` for nothing or more. A leading `_` is let go.
//! A pattern without any of that is an exact number.

use std::fmt;

/// Most elements of a pattern, and most characters of a dialled number: E.164 with a carrier
/// selection, an access code and some room.
pub const DIALLED_LENGTH_MAX: usize = 32;

/// Which numbers a rule takes.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    elements: Vec<Element>,
    tail: Tail,
    text: String,
}

/// What may stand after the elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tail {
    Nothing,
    OneOrMore,
    Any,
}

/// One place of a pattern, as a set of [`SYMBOLS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Element(u16);

/// What a number may consist of; the place in this list is the bit in an [`Element`].
const SYMBOLS: [char; 13] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', '+',
];

/// Why a text is not a pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PatternFault {
    /// Nothing is in it.
    #[error("is empty; write the number, or digits and X, Z, N, [1-5], with . or ! at the end")]
    Empty,
    /// Longer than any number.
    #[error("has more than {DIALLED_LENGTH_MAX} places; shorten it")]
    TooLong,
    /// A sign without a meaning here.
    #[error("holds {0:?}, which means nothing; use 0-9 * # + X Z N [1-5] and . or ! at the end")]
    Sign(char),
    /// `.` or `!` before the end.
    #[error("has . or ! before its end; remove what follows")]
    TailInside,
    /// `[` without `]`, nothing between them, or a range that runs backwards.
    #[error("has a [...] that is not digits or ranges like 1-5 with a closing bracket; correct it")]
    Set,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternFault`] says what to change.
    pub fn parse(text: &str) -> Result<Self, PatternFault> {
        let text = text.strip_prefix('_').unwrap_or(text).to_ascii_uppercase();
        let mut elements = Vec::new();
        let mut tail = Tail::Nothing;
        let mut signs = text.chars();
        while let Some(sign) = signs.next() {
            if tail != Tail::Nothing {
                return Err(PatternFault::TailInside);
            }
            match sign {
                '.' => tail = Tail::OneOrMore,
                '!' => tail = Tail::Any,
                '[' => elements.push(set(&mut signs)?),
                'X' => elements.push(Element::range(0, 9)),
                'Z' => elements.push(Element::range(1, 9)),
                'N' => elements.push(Element::range(2, 9)),
                other => elements.push(Element::of(other).ok_or(PatternFault::Sign(other))?),
            }
        }
        if elements.is_empty() && tail == Tail::Nothing {
            return Err(PatternFault::Empty);
        }
        if elements.len() > DIALLED_LENGTH_MAX {
            return Err(PatternFault::TooLong);
        }
        Ok(Self {
            elements,
            tail,
            text,
        })
    }

    /// As written, in capitals.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it takes this number.
    #[must_use]
    pub fn matches(&self, dialled: &str) -> bool {
        let mut signs = dialled.chars();
        let fits = self.elements.iter().all(|element| {
            signs
                .next()
                .and_then(Element::of)
                .is_some_and(|sign| element.0 & sign.0 != 0)
        });
        let mut rest = signs.map(Element::of);
        match self.tail {
            _ if !fits => false,
            Tail::Nothing => rest.next().is_none(),
            Tail::Any => rest.all(|sign| sign.is_some()),
            Tail::OneOrMore => {
                let known: Option<Vec<_>> = rest.collect();
                known.is_some_and(|rest| !rest.is_empty())
            }
        }
    }

    /// Whether it takes every number the other one takes.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let longer = other.length_min() >= self.length_min();
        let length = match (self.tail, other.tail) {
            (Tail::Nothing, Tail::Nothing) => self.elements.len() == other.elements.len(),
            (Tail::Nothing, Tail::OneOrMore | Tail::Any) => false,
            (Tail::OneOrMore | Tail::Any, _) => longer,
        };
        let mut theirs = other.elements.iter();
        let places = self.elements.iter().all(|ours| {
            let theirs = theirs.next().map_or(Element::ANY, |element| element.0);
            ours.0 & theirs == theirs
        });
        length && places
    }

    /// Whether some number is taken by both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let length = self.length_min().max(other.length_min());
        let fits = |it: &Self| it.is_open() || it.elements.len() == length;
        let bits = |element: &Element| element.0;
        let ours = self
            .elements
            .iter()
            .map(bits)
            .chain(std::iter::repeat(Element::ANY));
        let theirs = other
            .elements
            .iter()
            .map(bits)
            .chain(std::iter::repeat(Element::ANY));
        let mut places = ours.zip(theirs).take(length);
        fits(self) && fits(other) && places.all(|(ours, theirs)| ours & theirs != 0)
    }

    /// Fewest digits of a number it takes.
    #[must_use]
    pub fn length_min(&self) -> usize {
        self.elements.len() + usize::from(self.tail == Tail::OneOrMore)
    }

    /// It ends in `.` or `!`, so that it takes numbers of any length (R65).
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.tail != Tail::Nothing
    }

    /// The signs in front that stand for themselves alone.
    #[must_use]
    pub fn fixed(&self) -> String {
        self.elements
            .iter()
            .map_while(|element| element.only())
            .collect()
    }

    /// The one number it takes, when it is exact.
    #[must_use]
    pub fn exact(&self) -> Option<String> {
        let fixed = self.fixed();
        (!self.is_open() && fixed.len() == self.elements.len()).then_some(fixed)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl Element {
    const ANY: u16 = (1 << SYMBOLS.len()) - 1;

    fn of(sign: char) -> Option<Self> {
        let place = SYMBOLS.iter().position(|symbol| *symbol == sign)?;
        Some(Self(1 << place))
    }

    fn range(from: u16, to: u16) -> Self {
        Self((from..=to).fold(0, |bits, digit| bits | 1 << digit))
    }

    fn only(self) -> Option<char> {
        let place = usize::try_from(self.0.trailing_zeros()).ok()?;
        (self.0.count_ones() == 1)
            .then(|| SYMBOLS.get(place).copied())
            .flatten()
    }
}

/// Reads what follows a `[` up to its `]`.
fn set(signs: &mut std::str::Chars<'_>) -> Result<Element, PatternFault> {
    let mut bits = 0;
    let mut last: Option<u16> = None;
    loop {
        match signs.next().ok_or(PatternFault::Set)? {
            ']' if bits != 0 => return Ok(Element(bits)),
            '-' => {
                let digit = |sign: char| sign.to_digit(10).and_then(|it| u16::try_from(it).ok());
                let to = signs.next().and_then(digit).ok_or(PatternFault::Set)?;
                let from = last
                    .take()
                    .filter(|from| *from <= to)
                    .ok_or(PatternFault::Set)?;
                bits |= Element::range(from, to).0;
            }
            sign => {
                bits |= Element::of(sign).ok_or(PatternFault::Set)?.0;
                last = sign.to_digit(10).and_then(|it| u16::try_from(it).ok());
            }
        }
    }
}

/// Whether a text can be dialled: 1 to [`DIALLED_LENGTH_MAX`] of 0-9, `*`, `#` and `+`.
#[must_use]
pub fn is_dialled(text: &str) -> bool {
    (1..=DIALLED_LENGTH_MAX).contains(&text.len()) && text.chars().all(|c| SYMBOLS.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, takes: &[&str], leaves: &[&str]) {
        let parsed = Pattern::parse(pattern).expect(pattern);
        for number in takes {
            assert!(parsed.matches(number), "{pattern} takes {number}");
        }
        for number in leaves {
            assert!(!parsed.matches(number), "{pattern} leaves {number}");
        }
    }

    #[test]
    fn patterns_take_what_their_grammar_says() {
        check("190", &["190"], &["19", "1900", "191", ""]);
        check("0800!", &["0800", "08001234567"], &["0801", "080"]);
        check("0800.", &["08001"], &["0800"]);
        check("_NXXX", &["2000", "9999"], &["1000", "200", "20000"]);
        check("zx", &["10"], &["00"]);
        check("0[1-37]X", &["015", "075"], &["045", "0"]);
        check("[*#]1", &["*1", "#1"], &["11"]);
        check("+55.", &["+551132345678"], &["551132345678", "+55"]);
        check(".", &["1", "*8"], &["", "a"]);
        check("0XX!", &["011"], &["011a", "ã11"]);
    }

    #[test]
    fn what_is_not_a_pattern_is_told_with_the_fix() {
        let bad = |text| Pattern::parse(text).expect_err(text);
        assert_eq!(bad(""), PatternFault::Empty);
        assert_eq!(bad("_"), PatternFault::Empty);
        assert_eq!(bad("0.1"), PatternFault::TailInside);
        assert_eq!(bad("0.!"), PatternFault::TailInside);
        assert_eq!(bad("0A"), PatternFault::Sign('A'));
        assert_eq!(bad("0]"), PatternFault::Sign(']'));
        for set in ["[", "[]", "[1", "[5-1]", "[1-]", "[-1]", "[1-3-5]", "[X]"] {
            assert_eq!(bad(set), PatternFault::Set, "{set}");
        }
        assert_eq!(bad(&"X".repeat(33)), PatternFault::TooLong);
    }

    #[test]
    fn one_pattern_covers_another_when_it_takes_all_of_it() {
        let covers = |one: &str, other: &str| {
            let parse = |text| Pattern::parse(text).expect("a pattern");
            parse(one).covers(&parse(other))
        };
        for (one, other) in [
            ("0.", "0800."),
            ("0!", "0"),
            ("X.", "NXXX"),
            ("NXXX", "2000"),
            ("[1-5]X", "[23]9"),
            (".", "+55."),
            ("!", "."),
            ("X", "X"),
        ] {
            assert!(covers(one, other), "{one} covers {other}");
        }
        for (one, other) in [
            ("0.", "0"),
            ("0800.", "0."),
            ("NXXX", "1000"),
            ("NXXX", "NXX"),
            ("XX", "X."),
            ("X.", "*8"),
            (".", "!"),
            ("0X!", "0!"),
        ] {
            assert!(!covers(one, other), "{one} does not cover {other}");
        }
    }

    #[test]
    fn patterns_overlap_when_some_number_fits_both() {
        let overlaps = |one: &str, other: &str| {
            let parse = |text| Pattern::parse(text).expect("a pattern");
            parse(one).overlaps(&parse(other)) && parse(other).overlaps(&parse(one))
        };
        for (one, other) in [
            ("0.", "0800XXXXXXX"),
            ("[1-3]X", "[3-5]X"),
            (".", "190"),
            ("!", "!"),
        ] {
            assert!(overlaps(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("0800.", "0900."),
            ("XX", "XXX"),
            ("190.", "190"),
            ("X", "*"),
        ] {
            assert!(!overlaps(one, other), "{one} {other}");
        }
    }

    #[test]
    fn an_exact_pattern_knows_its_number() {
        let exact = |text| Pattern::parse(text).expect("a pattern").exact();
        assert_eq!(exact("190"), Some("190".to_owned()));
        assert_eq!(exact("[1]90"), Some("190".to_owned()));
        assert_eq!(exact("19X"), None);
        assert_eq!(exact("190!"), None);
    }
}
