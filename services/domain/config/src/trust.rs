//! Whom a TLS server's certificate must come from.

use std::fmt;

use ipc::site::TrunkTrust as Raw;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::wrong::{Report, Wrong};

/// Longest list of authorities, bytes of PEM.
const PEM_LENGTH_MAX: usize = 64 * 1024;

/// Whom a TLS server's certificate must come from.
#[derive(Clone, PartialEq, Eq)]
pub enum Trust {
    /// A public authority, for the name connected to.
    Public,
    /// One of these private authorities, for the name connected to.
    Authorities {
        /// As written.
        pem: String,
        /// Each certificate, DER; at least one.
        der: Vec<Vec<u8>>,
    },
    /// The certificate with this SHA-256, whatever else it says.
    Fingerprint([u8; 32]),
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Authorities { der, .. } => write!(f, "{} own authorities", der.len()),
            Self::Fingerprint(bytes) => f.write_str(&hex(bytes)),
        }
    }
}

impl Trust {
    pub(crate) fn parse(raw: &Raw, report: &mut Report<'_>) -> Option<Self> {
        match raw {
            Raw::Public => Some(Self::Public),
            Raw::Authority(pem) => {
                let read = certificates(pem);
                if read.is_none() {
                    report.wrong("trust", Wrong::NotACertificate);
                }
                let pem = pem.clone();
                read.map(|der| Self::Authorities { pem, der })
            }
            Raw::Fingerprint(text) => report
                .take("trust", text, fingerprint, Wrong::NotAFingerprint)
                .map(Self::Fingerprint),
        }
    }

    pub(crate) fn to_ipc(&self) -> Raw {
        match self {
            Self::Public => Raw::Public,
            Self::Authorities { pem, .. } => Raw::Authority(pem.clone()),
            Self::Fingerprint(bytes) => Raw::Fingerprint(hex(bytes)),
        }
    }
}

fn certificates(pem: &str) -> Option<Vec<Vec<u8>>> {
    if pem.len() > PEM_LENGTH_MAX {
        return None;
    }
    let each = CertificateDer::pem_slice_iter(pem.as_bytes());
    let der: Result<Vec<Vec<u8>>, _> = each.map(|one| one.map(|it| it.to_vec())).collect();
    der.ok().filter(|all| !all.is_empty())
}

fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|sign| *sign != ':')
        .map(|sign| sign.to_digit(16).and_then(|it| u8::try_from(it).ok()))
        .collect();
    let bytes: Vec<u8> = digits?
        .chunks_exact(2)
        .filter_map(|pair| Some(pair.first()? << 4 | pair.last()?))
        .collect();
    let plain = text.chars().filter(|sign| *sign != ':').count() == 64;
    bytes.try_into().ok().filter(|_| plain)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &Raw) -> (Option<Trust>, usize) {
        let mut faults = Vec::new();
        let parsed = Trust::parse(raw, &mut Report::new("trunk".into(), &mut faults));
        (parsed, faults.len())
    }

    #[test]
    fn a_fingerprint_is_read_with_and_without_colons() {
        let plain = "0a".repeat(32);
        let colons = vec!["0A"; 32].join(":");
        for text in [plain.clone(), colons] {
            let (parsed, faults) = parse(&Raw::Fingerprint(text));
            assert_eq!((&parsed, faults), (&Some(Trust::Fingerprint([10; 32])), 0));
            let raw = parsed.map(|it| it.to_ipc());
            assert_eq!(raw, Some(Raw::Fingerprint(plain.clone())));
        }
        for bad in ["", "0a", &"0a".repeat(33), &"zz".repeat(32)] {
            assert_eq!(parse(&Raw::Fingerprint(bad.to_owned())), (None, 1), "{bad}");
        }
    }

    #[test]
    fn authorities_are_read_from_pem() {
        let pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".repeat(2);
        let raw = Raw::Authority(pem.clone());
        let der = vec![vec![0x30, 0]; 2];
        let (parsed, _) = parse(&raw);
        assert_eq!(parsed, Some(Trust::Authorities { pem, der }));
        assert_eq!(parsed.map(|it| it.to_ipc()), Some(raw));
        for bad in [
            "",
            "MAA=",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(parse(&Raw::Authority(bad.into())), (None, 1), "{bad}");
        }
    }
}
