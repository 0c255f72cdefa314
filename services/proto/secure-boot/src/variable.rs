//! The variables that hold keys: how they are called, what is in them, and what is written to them.
//!
//! ```text
//!   written:  time │ length, revision, type │ kind │ PKCS #7 │ signature list
//!             (EFI_VARIABLE_AUTHENTICATION_2)                 │ (what the variable then holds)
//! ```

use slot::Guid;

/// A variable that holds keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// `db`: who signs programs.
    Programs,
    /// `KEK`: who may change `db`.
    Exchange,
    /// `PK`: whose the machine is. From when it is there, only what is signed is started.
    Platform,
}

impl Role {
    /// In the order they are written: up to the last one the machine stays as it is.
    pub const ALL: [Self; 3] = [Self::Programs, Self::Exchange, Self::Platform];

    /// The name of the variable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Programs => "db",
            Self::Exchange => "KEK",
            Self::Platform => "PK",
        }
    }

    /// Whose variable it is: UEFI's own or, for `db`, that of its image security.
    #[must_use]
    pub const fn vendor(self) -> Guid {
        match self {
            Self::Programs => Guid::new(0xd719b2cb_3d3a_4596_a3bc_dad00e67656f),
            Self::Exchange | Self::Platform => Guid::new(0x8be4df61_93ca_11d2_aa0d_00e098032b8c),
        }
    }
}

/// EFI_SIGNATURE_LIST with one X.509 certificate (UEFI 2.10 §32.4.1).
#[must_use]
pub fn signature_list(certificate: &[u8]) -> Vec<u8> {
    let entry = GUID_LENGTH + certificate.len();
    let parts: [&[u8]; 6] = [
        &X509.0,
        &number(LIST_HEADER + entry),
        &number(0),
        &number(entry),
        &OWNER.0,
        certificate,
    ];
    parts.concat()
}

/// EFI_TIME of a set of keys: the firmware takes a variable over from one with an earlier time
/// only, and an image has no clock. So the version of the set is the number of days since the first
/// of January 2020, each month of 28.
#[must_use]
pub fn time_of(version: u32) -> [u8; TIME_LENGTH] {
    let day = u8::try_from(version % 28 + 1).unwrap_or(1);
    let month = u8::try_from(version / 28 % 12 + 1).unwrap_or(1);
    let year = (version / (28 * 12)).saturating_add(2020).min(YEAR_MAX);
    let [low, high, ..] = year.to_le_bytes();
    let mut time = [0; TIME_LENGTH];
    let (date, _) = time.split_at_mut(4);
    date.copy_from_slice(&[low, high, month, day]);
    time
}

/// What the signature of a new value is over (UEFI 2.10 §8.2.2).
#[must_use]
pub fn signed_bytes(role: Role, time: &[u8; TIME_LENGTH], content: &[u8]) -> Vec<u8> {
    let name = role.name().encode_utf16().flat_map(u16::to_le_bytes);
    let mut bytes: Vec<u8> = name.collect();
    bytes.extend_from_slice(&role.vendor().0);
    bytes.extend_from_slice(&ATTRIBUTES.to_le_bytes());
    bytes.extend_from_slice(time);
    bytes.extend_from_slice(content);
    bytes
}

/// What is written to a variable: EFI_VARIABLE_AUTHENTICATION_2 with the signature (PKCS #7
/// SignedData), and the new content.
#[must_use]
pub fn authenticated(time: &[u8; TIME_LENGTH], signature: &[u8], content: &[u8]) -> Vec<u8> {
    let length = number(CERTIFICATE_HEADER + signature.len());
    let parts: [&[u8]; 6] = [
        time,
        &length,
        &REVISION_AND_TYPE,
        &PKCS7.0,
        signature,
        content,
    ];
    parts.concat()
}

/// What a variable holds when this was written to it.
#[must_use]
pub fn content_of(written: &[u8]) -> Option<&[u8]> {
    let length = number_at(written, TIME_LENGTH)?;
    let kind = written.get(TIME_LENGTH + 4..TIME_LENGTH + 8)?;
    let guid = written.get(TIME_LENGTH + 8..TIME_LENGTH + CERTIFICATE_HEADER)?;
    let is_ours = kind == REVISION_AND_TYPE && guid == PKCS7.0 && length >= CERTIFICATE_HEADER;
    written
        .get(TIME_LENGTH.checked_add(length)?..)
        .filter(|content| is_ours && !content.is_empty())
}

/// The certificate in a signature list of one.
#[must_use]
pub fn certificate_of(list: &[u8]) -> Option<&[u8]> {
    let is_x509 = list.get(..GUID_LENGTH)? == X509.0;
    let is_one = number_at(list, 16)? == list.len()
        && number_at(list, 20)? == 0
        && number_at(list, 24)? == list.len().checked_sub(LIST_HEADER)?;
    list.get(LIST_HEADER + GUID_LENGTH..)
        .filter(|it| is_x509 && is_one && !it.is_empty())
}

fn number_at(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

/// Certificates are some kilobytes.
fn number(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes()
}

/// Kept, read by boot programs and systems, written by who is entitled to (UEFI 2.10 §8.2).
pub const ATTRIBUTES: u32 = 0x27;

/// Bytes of EFI_TIME.
pub const TIME_LENGTH: usize = 16;

const YEAR_MAX: u32 = 9999;
const GUID_LENGTH: usize = 16;
/// EFI_CERT_X509_GUID.
const X509: Guid = Guid::new(0xa5c059a1_94e4_4aa7_87b5_ab155c2bf072);
/// EFI_CERT_TYPE_PKCS7_GUID.
const PKCS7: Guid = Guid::new(0x4aafd29d_68df_49ee_8aa9_347d375665a7);
/// By which people's tools tell our entries from others'.
const OWNER: Guid = Guid::new(0x7a2f1c64_0d5e_4b1a_9c37_52616d616cff);
/// Bytes of a list before its first entry.
const LIST_HEADER: usize = 28;
/// WIN_CERTIFICATE_UEFI_GUID without its data: length, revision, type, kind.
const CERTIFICATE_HEADER: usize = 24;
/// 2.0, and WIN_CERT_TYPE_EFI_GUID.
const REVISION_AND_TYPE: [u8; 4] = [0x00, 0x02, 0xf1, 0x0e];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let list = signature_list(b"a certificate");
        assert_eq!(certificate_of(&list), Some(&b"a certificate"[..]));
        let written = authenticated(&time_of(1), b"a signature", &list);
        assert_eq!(content_of(&written), Some(list.as_slice()));
        assert_eq!(content_of(&written[..written.len() - list.len()]), None);
        let mut longer = list.clone();
        longer.push(0);
        assert_eq!(certificate_of(&longer), None, "another entry may follow");
    }

    #[test]
    fn a_later_set_of_keys_has_a_later_time() {
        assert_eq!(time_of(0)[..4], [0xe4, 0x07, 1, 1]);
        assert_eq!(time_of(1)[..4], [0xe4, 0x07, 1, 2]);
        assert_eq!(time_of(28)[..4], [0xe4, 0x07, 2, 1]);
        let order = |version| {
            let [low, high, month, day, ..] = time_of(version);
            (u16::from_le_bytes([low, high]), month, day)
        };
        for version in 0..2000 {
            assert!(order(version) < order(version + 1), "{version}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = certificate_of(content_of(&bytes).unwrap_or(&bytes));
        }
    }
}
