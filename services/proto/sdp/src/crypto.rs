//! `a=crypto`: SRTP keys in a description (RFC 4568).

use std::fmt;

use ipc::Redacted;
use ipc::sound::{MasterKey, Suite};

/// One usable `a=crypto` line: `1 AES_CM_128_HMAC_SHA1_80 inline:<key and salt>`.
///
/// A lifetime is read and ignored: 2^48 packets (RFC 3711 §9.2) last longer than any call, and one
/// that is shorter binds only whoever sends with the key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CryptoLine {
    /// Names the line; an answer repeats the tag of the line it takes (RFC 4568 §5.1.2).
    pub tag: u32,
    /// Suite.
    pub suite: Suite,
    /// Master keys with their salts, [`key_length`] bytes each, at most [`KEYS_MAX`]. Lines of ours
    /// have one.
    pub keys: Vec<MasterKey>,
    /// Bytes of MKI in every packet that these keys protect; 0 when there is none, as in lines of
    /// ours. With several keys it says which.
    pub mki_length: u8,
}

/// Most keys of one line that are read; one is what phones write.
pub const KEYS_MAX: usize = 4;
/// The longest MKI in a packet, bytes (RFC 4568 §6.1).
const MKI_LENGTH_MAX: u8 = 128;

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
    /// A line of ours: one key, and no MKI.
    #[must_use]
    pub fn ours(tag: u32, suite: Suite, key: Redacted<Vec<u8>>) -> Self {
        Self {
            tag,
            suite,
            keys: vec![MasterKey { mki: 0, key }],
            mki_length: 0,
        }
    }

    /// Reads the value after `crypto:`; `None` when it is not usable here.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next()?.parse().ok()?;
        let suite = suite(words.next()?)?;
        let (keys, mki_length) = keys(suite, words.next()?)?;
        // Session parameters change how packets look; those that only inform are harmless
        // (RFC 4568 §6.3: an unknown one without `-` before its name refuses the line).
        let harmless =
            |word: &str| word.starts_with('-') || word.starts_with("WSH=") || word == "KDR=0";
        words.all(harmless).then_some(Self {
            tag,
            suite,
            keys,
            mki_length,
        })
    }

    /// Its first key: the only one of a line of ours.
    #[must_use]
    pub fn key(&self) -> Option<&Redacted<Vec<u8>>> {
        self.keys.first().map(|first| &first.key)
    }
}

/// The keys of a line, and how long their MKI is in packets: `inline:...;inline:...`.
fn keys(suite: Suite, parameters: &str) -> Option<(Vec<MasterKey>, u8)> {
    let mut keys: Vec<MasterKey> = Vec::new();
    let mut length = None;
    for parameter in parameters.split(';') {
        let (key, own) = key(suite, parameter)?;
        // One length for all, and no MKI twice (RFC 4568 §6.1), or a packet would not say which
        // key it is for.
        let again = keys.iter().any(|known| known.mki == key.mki);
        if again || *length.get_or_insert(own) != own || keys.len() >= KEYS_MAX {
            return None;
        }
        keys.push(key);
    }
    let length = length?;
    (keys.len() == 1 || length > 0).then_some((keys, length))
}

/// `inline:<key and salt>|<lifetime>|<MKI>:<its length>`, the latter two optional.
fn key(suite: Suite, parameter: &str) -> Option<(MasterKey, u8)> {
    let (method, info) = parameter.split_at_checked(7)?;
    let mut parts = info.split('|');
    let key = from_base64(parts.next()?)?;
    if !method.eq_ignore_ascii_case("inline:") || key.len() != key_length(suite) {
        return None;
    }
    let mut last = parts.next();
    if last.is_some_and(is_lifetime) {
        last = parts.next();
    }
    let (mki, length) = last.map_or(Some((0, 0)), mki)?;
    let key = Redacted::new(key);
    parts
        .next()
        .is_none()
        .then_some((MasterKey { mki, key }, length))
}

/// `2^20` or `1048576`.
fn is_lifetime(text: &str) -> bool {
    let digits = text.strip_prefix("2^").unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// `1:4`: a number, and the bytes it has in a packet. One that does not fit them cannot be found
/// there.
fn mki(text: &str) -> Option<(u64, u8)> {
    let (value, length) = text.split_once(':')?;
    let value: u64 = value.parse().ok()?;
    let length: u8 = length.parse().ok()?;
    let bits = u32::from(length).saturating_mul(8);
    let fits = value.checked_shr(bits).unwrap_or(0) == 0;
    (fits && (1..=MKI_LENGTH_MAX).contains(&length)).then_some((value, length))
}

impl fmt::Display for CryptoLine {
    /// Writes the keys: for descriptions only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.tag, name(self.suite))?;
        for (place, key) in self.keys.iter().enumerate() {
            let separator = if place == 0 { "" } else { ";" };
            write!(f, "{separator}inline:{}", to_base64(key.key.reveal()))?;
            if self.mki_length > 0 {
                write!(f, "|{}:{}", key.mki, self.mki_length)?;
            }
        }
        Ok(())
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

    /// What a line says of MKIs: each one's number, and their length.
    fn mkis(parameters: &str) -> Option<(Vec<u64>, u8)> {
        let line = CryptoLine::parse(&format!("1 AES_CM_128_HMAC_SHA1_80 {parameters}"))?;
        let again = CryptoLine::parse(&line.to_string());
        assert_eq!(again.as_ref(), Some(&line), "{parameters}");
        let numbers = line.keys.iter().map(|key| key.mki).collect();
        Some((numbers, line.mki_length))
    }

    #[test]
    fn an_mki_is_read_with_and_without_a_lifetime() {
        for (parameters, read) in [
            (format!("inline:{KEY}"), (vec![0], 0)),
            (format!("inline:{KEY}|1048576"), (vec![0], 0)),
            (format!("inline:{KEY}|2^31|1:1"), (vec![1], 1)),
            (format!("inline:{KEY}|1:4"), (vec![1], 4)),
            (format!("inline:{KEY}|66051:4"), (vec![66_051], 4)),
            (
                format!("inline:{KEY}|18446744073709551615:128"),
                (vec![u64::MAX], 128),
            ),
        ] {
            assert_eq!(mkis(&parameters), Some(read), "{parameters}");
        }
    }

    /// RFC 4568 §6.1: several keys, told apart by the MKI.
    #[test]
    fn a_line_may_have_several_keys() {
        let two = format!("inline:{KEY}|2^20|1:4;inline:e{}|2^20|2:4", &KEY[1..]);
        assert_eq!(mkis(&two), Some((vec![1, 2], 4)));
        let same = two.replace("2:4", "1:4");
        let uneven = two.replace("2:4", "2:3");
        let bare = format!("inline:{KEY};inline:{KEY}");
        let many = (1..=5).map(|mki| format!("inline:{KEY}|{mki}:1"));
        let many = many.collect::<Vec<_>>().join(";");
        for refused in [same, uneven, bare, many] {
            assert_eq!(mkis(&refused), None, "{refused}");
        }
    }

    #[test]
    fn lines_we_could_not_honour_are_not_usable() {
        for line in [
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:0"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|256:1"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:129"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|x:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4|"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|2^20"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=8"),
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
