//! Keys in SDP: the value of `a=crypto` (RFC 4568 §9).
//!
//! ```text
//! 1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4
//! tag suite                        key and salt in base64                   lifetime MKI:length
//! ```
//! A lifetime is not counted: it only asks for a re-INVITE in time, and 2^31 packets last a year.
//! The MKI only matters by its length, as no line with two keys is taken.

use std::fmt;

use super::{Master, Suite, WrongLength};

/// One usable `a=crypto` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Crypto {
    /// Names the line; an answer repeats the one it takes (RFC 4568 §5.1.2).
    pub tag: u32,
    /// The sender's key.
    pub master: Master,
    /// Octets of MKI in every packet of this sender; 0 without MKI.
    pub mki_length: usize,
}

impl Crypto {
    /// Reads what follows `a=crypto:`.
    ///
    /// # Errors
    /// Why the line cannot be used. Other lines of the same description may be usable.
    pub fn parse(value: &str) -> Result<Self, Unusable> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next().ok_or(Unusable::Syntax)?;
        let tag = tag.parse().map_err(|_| Unusable::Syntax)?;
        let suite = words.next().ok_or(Unusable::Syntax)?;
        let suite = Suite::named(suite).ok_or(Unusable::Suite)?;
        let keys = words.next().ok_or(Unusable::Syntax)?;
        // "WSH" is the only parameter that may be overlooked, and those marked so (§6.3.7).
        if words.any(|word| !word.starts_with("WSH=") && !word.starts_with('-')) {
            return Err(Unusable::Parameter);
        }
        if keys.contains(';') {
            return Err(Unusable::SeveralKeys);
        }
        let key = keys.strip_prefix("inline:").ok_or(Unusable::Syntax)?;
        let mut parts = key.split('|');
        let octets = parts.next().and_then(from_base64).ok_or(Unusable::Syntax)?;
        let master = Master::new(suite, &octets)?;
        let mut mki_length = 0;
        for part in parts {
            if let Some((_, length)) = part.split_once(':') {
                mki_length = length.parse().map_err(|_| Unusable::Syntax)?;
            }
        }
        // RFC 4568 §6.1: an MKI has 1 to 128 octets.
        if mki_length > 128 {
            return Err(Unusable::Syntax);
        }
        Ok(Self {
            tag,
            master,
            mki_length,
        })
    }

    /// What to write behind `a=crypto:`. It holds the key: nobody logs it.
    #[must_use]
    pub fn to_value(&self) -> String {
        let key = to_base64(&self.master.key_and_salt());
        format!("{} {} inline:{key}", self.tag, self.master.suite())
    }
}

/// Why an `a=crypto` line is passed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unusable {
    /// It is not of the form of RFC 4568 §9.1.
    #[error("the a=crypto line is malformed")]
    Syntax,
    /// Its suite is not one of [`Suite::ALL`].
    #[error("the suite is not known")]
    Suite,
    /// Its key has the wrong length.
    #[error(transparent)]
    Key(#[from] WrongLength),
    /// It has more than one key.
    #[error("the line has more than one key")]
    SeveralKeys,
    /// It asks for something a session must not overlook (RFC 4568 §6.3).
    #[error("the line has a session parameter that is not supported")]
    Parameter,
}

/// Octets of base64 text (RFC 4648 §4), its padding present or left out.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let mut octets = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for digit in digits.bytes() {
        let value = ALPHABET.iter().position(|it| *it == digit)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            let [.., octet] = (bits >> count).to_be_bytes();
            octets.push(octet);
            bits &= (1 << count) - 1;
        }
    }
    // What is left over is less than a digit, and zero.
    (count < 6 && bits == 0).then_some(octets)
}

fn to_base64(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for chunk in octets.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| {
            (bits << 8) | chunk.get(at).map_or(0, |octet| usize::from(*octet))
        });
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = ALPHABET.get((bits >> shift) & 0x3f).copied();
            let digit = digit.filter(|_| at <= chunk.len()).unwrap_or(b'=');
            text.push(char::from(digit));
        }
    }
    text
}

impl fmt::Display for Crypto {
    /// Tag and suite; not the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.tag, self.master.suite())
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn check(value: &str, expected: Result<(u32, usize), Unusable>) {
        let parsed = Crypto::parse(value).map(|crypto| (crypto.tag, crypto.mki_length));
        assert_eq!(parsed, expected, "{value}");
    }

    #[test]
    fn the_lines_of_the_rfc_are_read() {
        // RFC 4568 §5.1.1 and §9.1; lifetime and MKI are ignored safely (pbx trap 21).
        let with = |end: &str| format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}{end}");
        check(&with(""), Ok((1, 0)));
        check(&with("|2^20|1:4"), Ok((1, 4)));
        check(&with("|1:4"), Ok((1, 4)));
        check(&with("|2^20"), Ok((1, 0)));
        check(&with("|1048576 WSH=64"), Ok((1, 0)));
        check(&with("|2^20 -EXTRA=1"), Ok((1, 0)));
        check(&with(" UNENCRYPTED_SRTP"), Err(Unusable::Parameter));
        check(&with(" KDR=1"), Err(Unusable::Parameter));
        check(&with("|1:129"), Err(Unusable::Syntax));
        check(
            &with(&format!("|2^20|1:4;{KEY}|2^20|2:4")),
            Err(Unusable::SeveralKeys),
        );
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        check(
            &format!("1 F8_128_HMAC_SHA1_80 {KEY}"),
            Err(Unusable::Suite),
        );
        check("1 AES_CM_128_HMAC_SHA1_80", Err(Unusable::Syntax));
        check("x AES_CM_128_HMAC_SHA1_80 inline:", Err(Unusable::Syntax));
        let suite = Suite::AesCm128HmacSha1_32;
        let wrong = WrongLength { suite, length: 3 };
        check(
            "2 AES_CM_128_HMAC_SHA1_32 inline:AAAA",
            Err(Unusable::Key(wrong)),
        );
        check("2 AES_CM_128_HMAC_SHA1_32 inline:A*", Err(Unusable::Syntax));
    }

    #[test]
    fn a_key_comes_back_as_it_was_written_and_is_not_shown() {
        for suite in Suite::ALL {
            let octets: Vec<u8> = (0..suite.master_length())
                .map(|at| u8::try_from(at * 7 + 1).expect("small"))
                .collect();
            let master = Master::new(suite, &octets).expect("the right length");
            let crypto = Crypto {
                tag: 3,
                master,
                mki_length: 0,
            };
            let value = crypto.to_value();
            assert_eq!(Crypto::parse(&value).as_ref(), Ok(&crypto));
            // Some leave the padding out.
            assert_eq!(
                Crypto::parse(value.trim_end_matches('=')),
                Ok(crypto.clone())
            );
            let shown = format!("{crypto:?} {crypto}");
            assert!(!shown.contains("AQg") && !shown.contains("1, 8"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,120}") {
            let _ = Crypto::parse(&text);
        }

        #[test]
        fn base64_comes_back(octets in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert_eq!(from_base64(&to_base64(&octets)), Some(octets));
        }
    }
}
