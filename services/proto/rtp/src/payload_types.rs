//! From the payload types one peer sends to those another one takes.

use crate::codec::Format;

/// Under which payload type a packet goes out, by the one it came under.
///
/// Numbers belong to each direction of each leg (RFC 3264 §5.1): 101 may be telephone-event here
/// and Opus there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PayloadTypes {
    sent: [Option<u8>; 128],
}

impl PayloadTypes {
    /// A map under which nothing passes.
    #[must_use]
    pub const fn none() -> Self {
        Self { sent: [None; 128] }
    }

    /// The map between formats one peer sends and formats the other takes, by their payload types.
    /// What the other does not take does not pass; of two that match, the first is taken.
    #[must_use]
    pub fn between<'a>(
        received: impl IntoIterator<Item = (u8, &'a Format)>,
        taken: impl IntoIterator<Item = (u8, &'a Format), IntoIter: Clone>,
    ) -> Self {
        let mut map = Self::none();
        let taken = taken.into_iter();
        for (payload_type, format) in received {
            let matching = taken.clone().find(|(_, other)| other.matches(format));
            if let Some((sent, _)) = matching {
                map.set(payload_type, sent);
            }
        }
        map
    }

    /// Lets what is `received` pass as `sent`. Numbers above 127 are none and change nothing.
    pub fn set(&mut self, received: u8, sent: u8) {
        if let Some(place) = self.sent.get_mut(usize::from(received)) {
            *place = (sent < 128).then_some(sent);
        }
    }

    /// What a packet goes out under; `None` when it does not pass.
    #[must_use]
    pub fn sent(&self, received: u8) -> Option<u8> {
        self.sent.get(usize::from(received)).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_matched_by_name_and_what_the_other_lacks_does_not_pass() {
        // pbx traps 8 and 20: numbers belong to a direction; events of another clock do not match.
        let pcma = Format::of_static(8).expect("static");
        let opus = Format::new("opus", 48_000);
        let (event, wide_event) = (
            Format::new("telephone-event", 8_000),
            Format::new("telephone-event", 48_000),
        );
        let received = [(8, &pcma), (96, &opus), (101, &event), (102, &wide_event)];
        let taken = [(101, &opus), (8, &pcma), (110, &wide_event)];
        let map = PayloadTypes::between(received, taken);
        assert_eq!(map.sent(8), Some(8));
        assert_eq!(map.sent(96), Some(101));
        assert_eq!(map.sent(101), None);
        assert_eq!(map.sent(102), Some(110));
        assert_eq!(map.sent(0), None);
        assert_eq!(map.sent(200), None);
    }
}
