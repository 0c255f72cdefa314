//! What is written compared with what the established tool writes: efitools 1.9.2,
//!
//! ```text
//! cert-to-efi-sig-list -g 7a2f1c64-0d5e-4b1a-9c37-52616d616cff certificate.pem db.esl
//! sign-efi-sig-list -t "2020-01-02 00:00:00" -k key.pem -c certificate.pem db db.esl db.auth
//! ```
//! with the key beside the files, which is for this test alone, and its certificate of ours. The
//! same for `KEK` and `PK`.

use secure_boot::{Role, certificate_of, content_of};

use super::*;

fn key() -> SecureBootKey {
    let pem = include_str!("reference/key.pem");
    SecureBootKey::read(pem, "Ramal reference").expect("a key")
}

#[test]
fn what_is_written_is_what_efitools_writes() {
    let references: [(Role, &[u8]); 3] = [
        (Role::Programs, include_bytes!("reference/db.auth")),
        (Role::Exchange, include_bytes!("reference/KEK.auth")),
        (Role::Platform, include_bytes!("reference/PK.auth")),
    ];
    for (role, reference) in references {
        let ours = written(&key(), 1, role).expect("signed");
        assert!(
            ours == reference,
            "{role:?}: {} and {} bytes",
            ours.len(),
            reference.len()
        );
    }
}

#[test]
fn the_certificate_in_it_is_that_of_the_key_and_a_later_set_changes_only_time_and_signature() {
    let key = key();
    let [first, later] =
        [1, 2].map(|version| written(&key, version, Role::Programs).expect("signed"));
    for written in [&first, &later] {
        let content = content_of(written).expect("content");
        assert_eq!(certificate_of(content), Some(key.certificate()));
    }
    assert_eq!(first.len(), later.len());
    assert_ne!(first[..16], later[..16]);
}
