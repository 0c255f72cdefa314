//! Which codecs a party is offered, given what the other one can do.

use ipc::sound::Codec;

/// What `media` can convert between at next to no cost, best first, under its static payload
/// types (RFC 3551 §6).
const CONVERTIBLE: [(u8, &str); 3] = [(9, "G722"), (8, "PCMA"), (0, "PCMU")];

/// Whether `media` can decode and encode a codec at next to no cost.
pub(super) fn is_convertible(codec: &Codec) -> bool {
    CONVERTIBLE.iter().any(|(_, name)| *name == codec.name)
}

/// The first offer to a callee: what the caller can do, in his order, and what `media` can convert
/// that to. Nothing known, as with a late offer, means what `media` can convert. Opus is offered to
/// nobody whose caller has none: a phone that likes it best would have all its calls converted.
pub(super) fn offer(caller: &[Codec]) -> Vec<Codec> {
    let mut codecs = caller.to_vec();
    if caller.is_empty() || caller.iter().any(sdp::is_decoded) {
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

/// Whether whatever a party may send reaches another one, straight or converted at next to no cost.
/// A peer sends any of the formats agreed on, so one that goes nowhere, or to Opus and back, is one
/// too many.
pub(super) fn reaches(from: &[Codec], to: &[Codec]) -> bool {
    let converts = to.iter().any(is_convertible);
    let arrives = |a: &Codec| {
        let same = |b: &Codec| a.name == b.name && a.clock == b.clock && a.channels == b.channels;
        // Comfort noise is made anew where it cannot pass.
        a.name == "CN" || to.iter().any(same) || (converts && is_convertible(a))
    };
    from.iter().all(arrives)
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
        let opus = offer(&[codec(96, "OPUS", 48000)]);
        assert_eq!(names(&opus), ["OPUS", "G722", "PCMA", "PCMU"]);
        assert_eq!(names(&offer(&[codec(18, "G729", 8000)])), ["G729"]);
    }

    #[test]
    fn what_is_not_shared_and_cannot_be_converted_does_not_arrive() {
        let (opus, g729) = (codec(96, "OPUS", 48000), codec(18, "G729", 8000));
        let (pcma, pcmu) = (codec(8, "PCMA", 8000), codec(0, "PCMU", 8000));
        let check = |from: &[&Codec], to: &[&Codec], expected| {
            let list = |codecs: &[&Codec]| codecs.iter().copied().cloned().collect::<Vec<_>>();
            assert_eq!(reaches(&list(from), &list(to)), expected, "{from:?} {to:?}");
        };
        check(&[&pcma], &[&pcmu], true);
        check(&[&opus, &pcma], &[&codec(111, "OPUS", 48000), &pcmu], true);
        check(&[&opus, &pcma], &[&pcma], false);
        check(&[&opus], &[&pcma], false);
        check(&[&pcma], &[&opus], false);
        check(&[&g729], &[&pcmu], false);
        check(&[&pcma, &codec(13, "CN", 8000)], &[&pcma], true);
    }
}
