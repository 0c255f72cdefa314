//! Commands and the frame of answers, and the public areas of the two objects.

use sha2::{Digest as _, Sha256};

use crate::Fault;
use crate::wire::{Reader, Writer};

/// A command of Part 3: its code, and its name for people.
#[derive(Clone, Copy)]
pub(crate) struct Command {
    pub(crate) code: u32,
    pub(crate) name: &'static str,
}

pub(crate) const CREATE_PRIMARY: Command = named(0x131, "CreatePrimary");
pub(crate) const CREATE: Command = named(0x153, "Create");
pub(crate) const LOAD: Command = named(0x157, "Load");
pub(crate) const UNSEAL: Command = named(0x15e, "Unseal");
pub(crate) const START_AUTH_SESSION: Command = named(0x176, "StartAuthSession");

const fn named(code: u32, name: &'static str) -> Command {
    Command { code, name }
}

impl Command {
    /// The command with what comes behind its head; `tag` says whether there are authorisations.
    pub(crate) fn frame(self, tag: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEAD + body.len()).unwrap_or(u32::MAX);
        let head = Writer::default().u16(tag).u32(length).u32(self.code);
        head.bytes(body).0
    }

    /// What comes behind the head of an answer.
    ///
    /// # Errors
    /// The TPM refuses, or it is no answer.
    pub(crate) fn body(self, tag: u16, answer: &[u8]) -> Result<&[u8], Fault> {
        let malformed = Fault::Malformed(self.name);
        let mut reader = Reader(answer);
        let head = (reader.u16(), reader.u32(), reader.u32());
        let (Some(found), Some(length), Some(code)) = head else {
            return Err(malformed);
        };
        if usize::try_from(length) != Ok(answer.len()) {
            return Err(malformed);
        }
        if code != SUCCESS {
            return Err(Fault::Refused {
                command: self.name,
                code,
            });
        }
        if found == tag {
            Ok(reader.0)
        } else {
            Err(malformed)
        }
    }
}

/// The public area of the storage key: ECC P-256, restricted to decrypting what it wraps, without
/// an authorisation. TCG TPM v2.0 Provisioning Guidance §7.5.1, table 3 (Template H-2 without the
/// zeros, as Linux distributions have it).
pub(crate) fn storage_key() -> Vec<u8> {
    let fixed = FIXED_TPM | FIXED_PARENT | USER_WITH_AUTH | NO_DA;
    let area = Writer::default()
        .u16(ALG_ECC)
        .u16(ALG_SHA256)
        .u32(fixed | SENSITIVE_DATA_ORIGIN | RESTRICTED | DECRYPT)
        .sized(&[]);
    let aes = area.u16(ALG_AES).u16(128).u16(ALG_CFB);
    let scheme = aes.u16(ALG_NULL).u16(CURVE_P256).u16(ALG_NULL);
    scheme.sized(&[]).sized(&[]).0
}

/// The public area of the sealed secret: bound to its storage key, no policy, and never subject to
/// the lockout after wrong authorisations.
pub(crate) fn sealed_object() -> Vec<u8> {
    let area = Writer::default()
        .u16(ALG_KEYED_HASH)
        .u16(ALG_SHA256)
        .u32(FIXED_TPM | FIXED_PARENT | USER_WITH_AUTH | NO_DA);
    area.sized(&[]).u16(ALG_NULL).sized(&[]).0
}

/// The point in the public area of a storage key, when the area is what [`storage_key`] asked for.
pub(crate) fn point(area: &[u8]) -> Option<(&[u8], &[u8])> {
    let template = storage_key();
    let (fixed, _) = template.split_at_checked(template.len().checked_sub(4)?)?;
    let mut reader = Reader(area.strip_prefix(fixed)?);
    let point = (reader.sized()?, reader.sized()?);
    reader.end()?;
    Some(point)
}

/// What an object is called: the hash of its public area (Part 1 §16).
pub(crate) fn name(area: &[u8]) -> Vec<u8> {
    let hash = Sha256::digest(area);
    Writer::default().u16(ALG_SHA256).bytes(&hash).0
}

/// `TPM_ST_NO_SESSIONS` and `TPM_ST_SESSIONS`, Part 2 §6.9.
pub(crate) const NO_SESSIONS: u16 = 0x8001;
pub(crate) const SESSIONS: u16 = 0x8002;

/// Bytes of a head: tag, length, code.
const HEAD: usize = 10;
const SUCCESS: u32 = 0;

// Algorithms and curves, Part 2 §6.3 and §6.4.
pub(crate) const ALG_AES: u16 = 0x0006;
pub(crate) const ALG_SHA256: u16 = 0x000b;
pub(crate) const ALG_CFB: u16 = 0x0043;
const ALG_KEYED_HASH: u16 = 0x0008;
const ALG_NULL: u16 = 0x0010;
const ALG_ECC: u16 = 0x0023;
const CURVE_P256: u16 = 0x0003;

// Attributes of an object, Part 2 §8.3.
const FIXED_TPM: u32 = 1 << 1;
const FIXED_PARENT: u32 = 1 << 4;
const SENSITIVE_DATA_ORIGIN: u32 = 1 << 5;
const USER_WITH_AUTH: u32 = 1 << 6;
const NO_DA: u32 = 1 << 10;
const RESTRICTED: u32 = 1 << 16;
const DECRYPT: u32 = 1 << 17;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &[u8], expected: Result<&[u8], Fault>) {
        assert_eq!(LOAD.body(SESSIONS, answer), expected, "{answer:x?}");
    }

    #[test]
    fn an_answer_has_a_head_that_fits() {
        let malformed = Err(Fault::Malformed("Load"));
        check(b"\x80\x02\0\0\0\x0c\0\0\0\0ok", Ok(b"ok"));
        check(b"\x80\x02\0\0\0\x0d\0\0\0\0ok", malformed);
        check(b"\x80\x01\0\0\0\x0c\0\0\0\0ok", malformed);
        check(b"\x80\x02\0\0\0", malformed);
        check(b"", malformed);
        let refused = Fault::Refused {
            command: "Load",
            code: 0x1df,
        };
        check(b"\x80\x01\0\0\0\x0a\0\0\x01\xdf", Err(refused));
    }

    #[test]
    fn a_storage_key_of_another_kind_is_not_taken() {
        let template = storage_key();
        let mut area = template[..template.len() - 4].to_vec();
        area.extend_from_slice(b"\0\x02xx\0\x01y");
        assert_eq!(point(&area), Some((&b"xx"[..], &b"y"[..])));
        let mut exportable = area.clone();
        exportable[7] ^= 0x02;
        assert_eq!(point(&exportable), None);
        area.push(0);
        assert_eq!(point(&area), None);
    }
}
