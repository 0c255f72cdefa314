//! What somebody brings as the certificate of the pages: PEM, and the DER in it.

use admin::{CertificateFacts, Chain};
use data_encoding::BASE64;
use web_server::certificate::{Signed, check, facts};

/// The day on which the corpus is valid, 2026-11-24; milliseconds since 1970.
const NOW: i64 = 1_795_446_000_000;
/// What it is for.
const NAME: &str = "pbx.example.com";
/// The key that the first certificates of the corpus are for: of these tests, and of nothing else.
const KEY: [u8; 138] = *b"\
    \x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\
    \xce\x3d\x03\x01\x07\x04\x6d\x30\x6b\x02\x01\x01\x04\x20\x20\x14\xd4\x9f\x68\x5f\xa5\xcd\
    \x57\xe6\xdd\x99\xa9\x82\x55\xb2\x93\xdf\x60\xf3\xaf\x33\x74\x8c\x50\x65\xdb\x7a\x50\x63\
    \xa2\x49\xa1\x44\x03\x42\x00\x04\x97\x0d\x05\x44\x3a\x97\xbf\xca\x5e\xf9\x39\x37\xc4\xf9\
    \xe4\x29\x79\x48\xae\xa5\x04\x06\xb8\xf3\x72\xdb\x15\xb5\x18\x5c\xf5\x33\x60\xb6\x39\x13\
    \xbd\x0b\x23\xe5\x74\x38\x4c\x91\xe3\x4d\xe8\x56\x81\x22\xdc\xf8\x44\x65\x89\x30\xe7\x90\
    \x06\xba\xa3\xac\x0a\x43";
/// Most characters of a text of a certificate, and most names, that people are shown.
const TEXT_LENGTH_MAX: usize = 256;
const NAMES_MAX: usize = 32;

/// What is taken is for the key that the box has, can be served, and is taken again as a renewal;
/// what is shown of it is short and plain. Certificates follow each other, each behind its length
/// in two bytes; the whole is tried as a text too.
pub fn certificate(bytes: &[u8]) {
    judge(written(bytes));
    judge(String::from_utf8_lossy(bytes).into_owned());
}

/// The certificates, as a file has them; what is shown of each is looked at.
fn written(bytes: &[u8]) -> String {
    let (mut pem, mut rest) = (String::new(), bytes);
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (der, after) = after.split_at(length);
        if let Some(facts) = facts(der) {
            can_be_shown(&facts);
        }
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        pem.push_str(&BASE64.encode(der));
        pem.push_str("\n-----END CERTIFICATE-----\n");
        rest = after;
    }
    pem
}

fn can_be_shown(facts: &CertificateFacts) {
    assert!(facts.names.len() <= NAMES_MAX, "too many names");
    for text in facts.names.iter().chain([&facts.subject, &facts.issuer]) {
        assert!(text.chars().count() <= TEXT_LENGTH_MAX, "too long");
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

/// Whether it is taken.
fn judge(pem: String) -> bool {
    let served = Signed {
        key: KEY.to_vec(),
        name: NAME.to_owned(),
        chain: Vec::new(),
    };
    let mut chain = Chain {
        pem,
        now_millis: Some(NOW),
        is_confirmed: false,
    };
    let Ok(signed) = check(&chain, None, Some(&served)) else {
        return false;
    };
    assert_eq!((&*signed.key, &*signed.name), (KEY.as_slice(), NAME));
    assert!(
        signed.server_config().is_ok(),
        "taken, and not to be served"
    );
    assert!(
        signed.chain.iter().all(|it| facts(it).is_some()),
        "no facts"
    );
    let again = check(&chain, None, Some(&signed));
    assert_eq!(again.as_ref(), Ok(&signed), "a renewal");
    chain.now_millis = None;
    let without_clock = check(&chain, None, Some(&served));
    assert_eq!(without_clock, again, "without a clock");
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_of_the_certificates_are_chains_that_are_taken() {
        for seed in [
            include_bytes!("../corpus/certificate/alone").as_slice(),
            include_bytes!("../corpus/certificate/chain"),
            include_bytes!("../corpus/certificate/extensions"),
        ] {
            assert!(judge(written(seed)));
        }
    }
}
