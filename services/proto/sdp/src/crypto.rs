//! `a=crypto`: SRTP keys in a description (RFC 4568).

use std::fmt;

use ipc::Redacted;
use ipc::sound::Suite;

/// One usable `a=crypto` line: `1 AES_CM_128_HMAC_SHA1_80 inline:<key and salt>`.
///
/// Lines with an MKI are not usable: the peer would put it into every packet. A lifetime is read
/// and ignored: 2^48 packets (RFC 3711 §9.2) last longer than any call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CryptoLine {
    /// Names the line; an answer repeats the tag of the line it takes (RFC 4568 §5.1.2).
    pub tag: u32,
    /// Suite.
    pub suite: Suite,
    /// Master key and salt, [`key_length`] bytes.
    pub key: Redacted<Vec<u8>>,
}

/// Suites in the order we offer them. The long authentication tag comes before the short one, and
/// GCM last, since phones that do not know it have been seen to refuse the whole medium.
pub const SUITES: [Suite; 3] = [
    Suite::AesCm128HmacSha1_80,
    Suite::AesCm128HmacSha1_32,
    Suite::AeadAes128Gcm,
];

/// Bytes of master key and salt together.
#[must_use]
pub const fn key_length(suite: Suite) -> usize {
    match suite {
        Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => 30,
        Suite::AeadAes128Gcm => 28,
    }
}

impl CryptoLine {
    /// Reads the value after `crypto:`; `None` when it is not usable here.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next()?.parse().ok()?;
        let suite = suite(words.next()?)?;
        let inline = words.next()?;
        // Session parameters change how packets look; those that only inform are harmless
        // (RFC 4568 §6.3: an unknown one without `-` before its name refuses the line).
        if !words.all(|word| word.starts_with('-') || word.starts_with("WSH=")) {
            return None;
        }
        let method = inline.get(..7)?;
        let mut parts = inline.get(7..)?.split('|');
        let key = from_base64(parts.next()?)?;
        let usable = method.eq_ignore_ascii_case("inline:")
            && key.len() == key_length(suite)
            && parts.all(|part| !part.contains(':'));
        usable.then(|| Self {
            tag,
            suite,
            key: Redacted::new(key),
        })
    }
}

impl fmt::Display for CryptoLine {
    /// Writes the key: for descriptions only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = to_base64(self.key.reveal());
        write!(f, "{} {} inline:{key}", self.tag, name(self.suite))
    }
}

const fn name(suite: Suite) -> &'static str {
    match suite {
        Suite::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
        Suite::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        Suite::AeadAes128Gcm => "AEAD_AES_128_GCM",
    }
}

fn suite(text: &str) -> Option<Suite> {
    SUITES
        .into_iter()
        .find(|suite| name(*suite).eq_ignore_ascii_case(text))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for position in 0..4 {
            let sextet = (group >> (18 - 6 * position)) & 63;
            let letter = usize::try_from(sextet)
                .ok()
                .and_then(|index| ALPHABET.get(index));
            let padding = position > chunk.len();
            text.push(
                letter
                    .filter(|_| !padding)
                    .map_or('=', |one| char::from(*one)),
            );
        }
    }
    text
}

/// Padding may be missing: some phones leave it out.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut group, mut bits) = (0_u32, 0_u32);
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|one| *one == letter)?;
        group = (group << 6 | u32::try_from(value).ok()?) & 0x00ff_ffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((group >> bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_follows_rfc_4648_section_10() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(to_base64(plain.as_bytes()), coded);
            assert_eq!(from_base64(coded).as_deref(), Some(plain.as_bytes()));
            assert_eq!(
                from_base64(coded.trim_end_matches('=')).as_deref(),
                Some(plain.as_bytes())
            );
        }
        assert_eq!(from_base64("Zm9*"), None);
    }

    /// The key of the example in RFC 4568 §6.1.
    const KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    #[test]
    fn a_lifetime_is_ignored() {
        let line = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20");
        let read = CryptoLine::parse(&line).expect("usable");
        assert_eq!((read.tag, read.suite), (1, Suite::AesCm128HmacSha1_80));
        assert_eq!(
            read.to_string(),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")
        );
    }

    #[test]
    fn lines_we_could_not_honour_are_not_usable() {
        for line in [
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4"),
            format!("1 AES_256_CM_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 AEAD_AES_128_GCM inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
            format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            "1 AES_CM_128_HMAC_SHA1_80 inline:short".to_owned(),
            "1 AES_CM_128_HMAC_SHA1_80".to_owned(),
            String::new(),
        ] {
            assert_eq!(CryptoLine::parse(&line), None, "{line}");
        }
    }

    #[test]
    fn a_key_never_shows_in_debug_output() {
        let line = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}");
        let read = CryptoLine::parse(&line).expect("usable");
        assert!(!format!("{read:?}").contains("d0Rm"));
    }
}
