//! Nonces that carry their own time, so none has to be stored until it is used.

use std::net::IpAddr;
use std::time::Duration;

use sansio::{Entropy, Instant};
use sha2::{Digest, Sha256};

use super::{Hex, hex};

/// How long a nonce may be used. Long enough for an INVITE and what follows it. A phone that comes
/// later gets `stale=true` and answers at once, and so does one without `nc` that comes again.
pub const NONCE_LIFETIME: Duration = Duration::from_secs(300);

/// 8 bytes of time, 4 of serial number, 16 of keyed hash: in hex.
const NONCE_LETTERS: usize = 56;

/// Makes and recognises nonces under one key.
pub(super) struct NonceMaker {
    /// HMAC-SHA-256 with the key already taken in (RFC 2104).
    inner: Sha256,
    outer: Sha256,
    serial: u32,
}

/// A nonce of ours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Issued {
    pub(super) at: Instant,
    pub(super) serial: u32,
}

impl NonceMaker {
    pub(super) fn new(key: &Entropy) -> Self {
        const BLOCK: usize = 64;
        let keyed = |pad: u8| {
            let mut block = [pad; BLOCK];
            for (byte, key) in block.iter_mut().zip(key.bytes()) {
                *byte ^= key;
            }
            let mut hash = Sha256::new();
            hash.update(block);
            hash
        };
        Self {
            inner: keyed(0x36),
            outer: keyed(0x5c),
            serial: 0,
        }
    }

    /// A nonce for one source, never given before: an address, or what stands for all addresses of
    /// one customer (RFC 8981).
    pub(super) fn issue(&mut self, now: Instant, source: IpAddr) -> String {
        self.serial = self.serial.wrapping_add(1);
        let issued = Issued {
            at: now,
            serial: self.serial,
        };
        let mut bytes = [0; NONCE_LETTERS / 2];
        let (head, tail) = bytes.split_at_mut(Issued::LENGTH);
        head.copy_from_slice(&issued.bytes());
        tail.copy_from_slice(&self.tag(issued, source));
        hex(&bytes)
    }

    /// Reads a nonce; `None` unless we gave it to this source under this key.
    pub(super) fn recognise(&self, nonce: &str, source: IpAddr) -> Option<Issued> {
        if nonce.len() != NONCE_LETTERS || !nonce.is_ascii() {
            return None;
        }
        let (at, rest) = nonce.split_at_checked(16)?;
        let (serial, tag) = rest.split_at_checked(8)?;
        let issued = Issued {
            at: Instant::from_nanos(u64::from_str_radix(at, 16).ok()?),
            serial: u32::from_str_radix(serial, 16).ok()?,
        };
        let expected = Hex::of(&self.tag(issued, source));
        super::verify::same(tag.as_bytes(), expected.as_bytes()).then_some(issued)
    }

    fn tag(&self, issued: Issued, source: IpAddr) -> [u8; 16] {
        let mut tag = [0; 16];
        let mac = match source.to_canonical() {
            IpAddr::V4(ip) => self.mac(&[&issued.bytes(), &ip.octets()]),
            IpAddr::V6(ip) => self.mac(&[&issued.bytes(), &ip.octets()]),
        };
        for (byte, mac) in tag.iter_mut().zip(mac) {
            *byte = mac;
        }
        tag
    }

    /// HMAC-SHA-256 (RFC 2104).
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        super::count_hash();
        let mut inner = self.inner.clone();
        for part in parts {
            inner.update(part);
        }
        let mut outer = self.outer.clone();
        outer.update(inner.finalize());
        outer.finalize().into()
    }
}

impl Issued {
    const LENGTH: usize = 12;

    fn bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let parts = self
            .at
            .as_nanos()
            .to_be_bytes()
            .into_iter()
            .chain(self.serial.to_be_bytes());
        for (byte, part) in bytes.iter_mut().zip(parts) {
            *byte = part;
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyed_hash_is_hmac_sha_256() {
        // RFC 4231 §4.4, test case 3, its key of 20 bytes padded with zeros as HMAC does.
        let mut key = [0; 32];
        key[..20].fill(0xaa);
        let maker = NonceMaker::new(&Entropy::new(key));
        assert_eq!(
            hex(&maker.mac(&[&[0xdd; 20], &[0xdd; 30]])),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        );
    }

    #[test]
    fn a_nonce_is_ours_only_for_its_source_and_key() {
        let source = IpAddr::from([192, 0, 2, 7]);
        let mut maker = NonceMaker::new(&Entropy::new([1; 32]));
        let now = Instant::from_nanos(5_000_000_000);
        let nonce = maker.issue(now, source);
        let issued = maker.recognise(&nonce, source).expect("ours");
        assert_eq!(issued.at, now);
        assert_eq!(maker.recognise(&nonce, IpAddr::from([192, 0, 2, 8])), None);
        assert_eq!(
            NonceMaker::new(&Entropy::new([2; 32])).recognise(&nonce, source),
            None
        );
        assert_eq!(maker.recognise(&nonce.replace('0', "1"), source), None);
        assert_eq!(maker.recognise("", source), None);
        let six = |text: &str| text.parse::<IpAddr>().expect("an address");
        let nonce6 = maker.issue(now, six("2001:db8::1"));
        assert!(maker.recognise(&nonce6, six("2001:db8::1")).is_some());
        assert_eq!(maker.recognise(&nonce6, six("2001:db8::ffff")), None);
        assert!(maker.recognise(&nonce, six("::ffff:192.0.2.7")).is_some());
        assert_ne!(maker.issue(now, source), nonce);
    }
}
