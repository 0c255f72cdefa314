//! From the master key to session keys (RFC 3711 §4.3), at key derivation rate 0: once.

use aes::Aes128;
use aes::cipher::KeyInit as _;

use super::cipher::key_stream;
use super::{KEY_LENGTH, Master, SALT_ROOM};

/// What a key is for: its label in RFC 3711 §4.3.2.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Rtp,
    Rtcp,
}

impl Purpose {
    const fn labels(self) -> [u8; 3] {
        match self {
            Self::Rtp => [0, 1, 2],
            Self::Rtcp => [3, 4, 5],
        }
    }
}

/// The session keys of RTP or of RTCP.
pub(super) struct Session {
    pub(super) encryption: [u8; KEY_LENGTH],
    pub(super) authentication: [u8; 20],
    pub(super) salt: [u8; SALT_ROOM],
}

impl Session {
    pub(super) fn derive(master: &Master, purpose: Purpose) -> Self {
        let [encryption, authentication, salt] = purpose.labels();
        Self {
            encryption: derive(master, encryption),
            authentication: derive(master, authentication),
            salt: derive(master, salt),
        }
    }
}

/// The key of one label: the key stream at (label * 2^48 XOR salt) * 2^16.
fn derive<const N: usize>(master: &Master, label: u8) -> [u8; N] {
    let mut start = [0; 16];
    for (place, octet) in start.iter_mut().zip(master.salt) {
        *place = octet;
    }
    let [_, _, _, _, _, _, _, label_place, ..] = &mut start;
    *label_place ^= label;
    let mut key = [0; N];
    key_stream(&Aes128::new(&master.key.into()), start, &mut key);
    key
}

#[cfg(test)]
mod tests {
    use super::super::Suite;
    use super::*;

    #[test]
    fn the_keys_of_the_rfc_come_out() {
        // RFC 3711 appendix B.3.
        let master = hex::decode("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6")
            .expect("hex");
        let master = Master::new(Suite::AesCm128HmacSha1_80, &master).expect("30 octets");
        let session = Session::derive(&master, Purpose::Rtp);
        assert_eq!(
            hex::encode(session.encryption),
            "c61e7a93744f39ee10734afe3ff7a087"
        );
        assert_eq!(hex::encode(session.salt), "30cbbc08863d8c85d49db34a9ae1");
        assert_eq!(
            hex::encode(session.authentication),
            "cebe321f6ff7716b6fd4ab49af256a156d38baa4"
        );
    }
}
