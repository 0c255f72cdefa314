//! Which codecs a party is offered, given what the other one can do.

use ipc::sound::Codec;

/// What `media` can convert between, best first, under its static payload types (RFC 3551 §6).
const CONVERTIBLE: [(u8, &str); 3] = [(9, "G722"), (8, "PCMA"), (0, "PCMU")];

/// Whether `media` can decode and encode a codec.
pub(super) fn is_convertible(codec: &Codec) -> bool {
    CONVERTIBLE.iter().any(|(_, name)| *name == codec.name)
}

/// The first offer to a callee: what the caller can do, in his order, and what `media` can convert
/// that to. Nothing known, as with a late offer, means what `media` can convert.
pub(super) fn offer(caller: &[Codec]) -> Vec<Codec> {
    let mut codecs = caller.to_vec();
    if caller.is_empty() || caller.iter().any(is_convertible) {
        for (payload_type, name) in CONVERTIBLE {
            let known = codecs.iter().any(|codec| codec.name == name);
            // A caller may have given the number to something else.
            let taken = codecs
                .iter()
                .any(|codec| codec.payload_type == payload_type);
            if !known && !taken {
                codecs.push(Codec {
                    payload_type,
                    name: name.to_owned(),
                    clock: 8000,
                    channels: 1,
                    parameters: String::new(),
                });
            }
        }
    }
    codecs
}

/// Whether two parties can hear each other, straight or converted.
pub(super) fn go_together(one: &[Codec], other: &[Codec]) -> bool {
    let same = |a: &Codec| {
        other
            .iter()
            .any(|b| a.name == b.name && a.clock == b.clock && a.channels == b.channels)
    };
    one.iter().any(same) || (one.iter().any(is_convertible) && other.iter().any(is_convertible))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codec(payload_type: u8, name: &str, clock: u32) -> Codec {
        Codec {
            payload_type,
            name: name.to_owned(),
            clock,
            channels: 1,
            parameters: String::new(),
        }
    }

    fn names(codecs: &[Codec]) -> Vec<&str> {
        codecs.iter().map(|codec| codec.name.as_str()).collect()
    }

    #[test]
    fn an_offer_keeps_the_callers_order_and_adds_what_can_be_converted() {
        let caller = [codec(96, "OPUS", 48000), codec(8, "PCMA", 8000)];
        assert_eq!(names(&offer(&caller)), ["OPUS", "PCMA", "G722", "PCMU"]);
        assert_eq!(names(&offer(&[])), ["G722", "PCMA", "PCMU"]);
        assert_eq!(names(&offer(&[codec(96, "OPUS", 48000)])), ["OPUS"]);
    }

    #[test]
    fn what_shares_nothing_and_converts_to_nothing_does_not_go_together() {
        let (opus, g729) = (codec(96, "OPUS", 48000), codec(18, "G729", 8000));
        let (pcma, pcmu) = (codec(8, "PCMA", 8000), codec(0, "PCMU", 8000));
        assert!(go_together(std::slice::from_ref(&pcma), &[pcmu]));
        assert!(go_together(
            &[opus.clone(), pcma.clone()],
            &[codec(111, "OPUS", 48000)]
        ));
        assert!(!go_together(&[opus], &[pcma]));
        assert!(!go_together(&[g729], &[codec(0, "PCMU", 8000)]));
    }
}
