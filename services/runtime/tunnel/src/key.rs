//! The box's own key, which nobody is shown.

use config::TunnelKey;
use ipc::Redacted;
use wireguard_control::Key;

/// The box's own key: 32 bytes that only it has (X25519, RFC 7748).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrivateKey(Redacted<[u8; 32]>);

impl PrivateKey {
    /// Makes one of 32 bytes that the kernel's generator gave (RFC 7748 §5: the bits that are set
    /// in every key).
    #[must_use]
    pub fn of_entropy(mut bytes: [u8; 32]) -> Self {
        let [first, .., last] = &mut bytes;
        *first &= 0b1111_1000;
        *last = *last & 0b0111_1111 | 0b0100_0000;
        Self(Redacted::new(bytes))
    }

    /// One that was kept; `None` when it is not one.
    #[must_use]
    pub fn of_kept(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 32] = bytes.try_into().ok()?;
        let key = Self::of_entropy(bytes);
        (*key.reveal() == bytes).then_some(key)
    }

    /// The key itself.
    #[must_use]
    pub const fn reveal(&self) -> &[u8; 32] {
        self.0.reveal()
    }

    /// The one that goes with it, and that the hub has to know.
    #[must_use]
    pub fn public(&self) -> TunnelKey {
        TunnelKey(Key(*self.reveal()).get_public().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_key_is_what_wireguards_own_tool_makes_of_it() {
        // `wg genkey | tee private | wg pubkey`, wireguard-tools 1.0.20210914.
        let private = TunnelKey::parse("6J8iEA9BN7QUFf1IAM2gEu86n5oS4vbgfzUHStWC+mE=");
        let private = PrivateKey::of_kept(&private.expect("a key").0).expect("as made");
        let public = private.public().to_text();
        assert_eq!(public, "T/+M/s5yCIh4L3FZ7GxLB5eyy8aul/bgQ3QI/2O7/WI=");
    }

    #[test]
    fn a_key_is_kept_and_never_printed() {
        let key = PrivateKey::of_entropy([0xff; 32]);
        assert_eq!(PrivateKey::of_kept(key.reveal()), Some(key.clone()));
        assert_eq!(
            PrivateKey::of_kept(&[0xff; 32]),
            None,
            "it was not made by us"
        );
        assert_eq!(PrivateKey::of_kept(&[]), None);
        assert_eq!(format!("{key:?}"), "PrivateKey((secret))");
    }
}
