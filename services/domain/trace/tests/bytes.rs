//! Whatever strangers send: nothing gets longer or shorter, and no secret is left.

use proptest::prelude::*;
use trace::{masked, redacted, summary};

proptest! {
    #[test]
    fn any_bytes_keep_their_length(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(redacted(&bytes).len(), bytes.len());
        prop_assert_eq!(masked(&bytes).len(), bytes.len());
        prop_assert!(summary(&bytes).what.chars().count() <= 200);
    }

    /// Credentials in any order, with any spaces and folds between them.
    #[test]
    fn no_proof_of_a_password_is_left(
        order in Just(vec!["nonce", "realm", "response", "cnonce", "opaque", "uri"]).prop_shuffle(),
        between in "[ \\t]{0,3}|\r\n[ \\t]{1,2}",
        quote in "\"?",
    ) {
        let value = |name: &&str| match *name {
            "realm" => format!("realm={quote}harmless{quote}"),
            "uri" => format!("uri={quote}sip:box{quote}"),
            name => format!("{name}={quote}5ec2e7{quote}"),
        };
        let values: Vec<String> = order.iter().map(value).collect();
        let values = values.join(&format!(",{between}"));
        let message = format!(
            "INVITE sip:box SIP/2.0\r\nProxy-Authorization: Digest {values}\r\nVia: x\r\n\r\n"
        );
        let clean = String::from_utf8_lossy(&redacted(message.as_bytes())).into_owned();
        prop_assert!(!clean.contains("5ec2e7"), "{}", clean);
        prop_assert!(clean.contains("harmless") && clean.contains("Via: x"), "{}", clean);
        prop_assert_eq!(clean.len(), message.len());
    }
}
