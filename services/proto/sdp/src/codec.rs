//! Formats of sound: payload type, name, clock (RFC 3551 §6, RFC 8866 §6.6).

use ipc::sound::Codec;

use crate::media::Media;

/// Name of DTMF events among the formats, upper case.
pub(crate) const EVENT_NAME: &str = "TELEPHONE-EVENT";
/// Comfort noise (RFC 3389).
const NOISE_NAME: &str = "CN";
/// Opus, and the clock it always has (RFC 7587 §4.1).
const OPUS_NAME: &str = "OPUS";
const OPUS_CLOCK: u32 = 48_000;
/// First payload type without a meaning of its own.
const DYNAMIC_FIRST: u8 = 96;
/// Last payload type.
const DYNAMIC_LAST: u8 = 127;

/// Payload types that need no `a=rtpmap`: name and clock, all of one channel (RFC 3551 §6).
const STATIC: [(u8, &str, u32); 9] = [
    (0, "PCMU", 8000),
    (3, "GSM", 8000),
    (4, "G723", 8000),
    (7, "LPC", 8000),
    (8, "PCMA", 8000),
    (9, "G722", 8000),
    (13, NOISE_NAME, 8000),
    (15, "G728", 8000),
    (18, "G729", 8000),
];

/// Names as they are registered, where upper case is not it. Some phones compare by letter.
const REGISTERED: [(&str, &str); 4] = [
    (OPUS_NAME, "opus"),
    ("SPEEX", "speex"),
    ("ILBC", "iLBC"),
    (EVENT_NAME, "telephone-event"),
];

/// A format listed in an `m=` line; `None` when it is no payload type or nothing says what it is.
pub(crate) fn read(media: &Media, format: &str) -> Option<Codec> {
    let payload_type: u8 = format.parse().ok().filter(|number| *number <= 127)?;
    let attribute = |wanted: &str| {
        media.lines.iter().find_map(|line| {
            let (name, value) = line.attribute()?;
            let (number, rest) = value?.split_once([' ', '\t'])?;
            (name == wanted && number == format).then_some(rest.trim())
        })
    };
    let (name, clock, channels) = match attribute("rtpmap") {
        Some(map) => {
            let mut parts = map.split('/').map(str::trim);
            let name = parts.next()?.to_ascii_uppercase();
            let clock = parts.next()?.parse().ok().filter(|clock| *clock > 0)?;
            let channels = parts.next().and_then(|text| text.parse().ok());
            (name, clock, channels.unwrap_or(1).max(1))
        }
        None => {
            let known = STATIC.iter().find(|(number, _, _)| *number == payload_type);
            let (_, name, clock) = known?;
            ((*name).to_owned(), *clock, 1)
        }
    };
    Some(Codec {
        payload_type,
        name,
        clock,
        channels,
        parameters: attribute("fmtp").unwrap_or_default().to_owned(),
    })
}

/// `rtpmap:0 PCMU/8000`: also for static types, as RFC 3264 §5.1 recommends.
pub(crate) fn rtpmap(codec: &Codec) -> String {
    let registered = REGISTERED.iter().find(|(upper, _)| *upper == codec.name);
    let name = registered.map_or(codec.name.as_str(), |(_, name)| name);
    let (number, clock) = (codec.payload_type, codec.clock);
    match codec.channels {
        0 | 1 => format!("rtpmap:{number} {name}/{clock}"),
        channels => format!("rtpmap:{number} {name}/{clock}/{channels}"),
    }
}

/// Whether both are the same encoding, whatever their payload types and parameters.
#[must_use]
pub fn same_encoding(one: &Codec, two: &Codec) -> bool {
    one.name == two.name && one.clock == two.clock && one.channels.max(1) == two.channels.max(1)
}

/// Comfort noise (RFC 3389): no codec, and nothing without one.
#[must_use]
pub fn is_noise(codec: &Codec) -> bool {
    codec.name == NOISE_NAME
}

/// What `media` converts to and from at next to no cost: G.711 and G.722.
#[must_use]
pub fn is_convertible(codec: &Codec) -> bool {
    matches!(codec.name.as_str(), "PCMA" | "PCMU" | "G722") && codec.clock == 8000
}

/// Opus (RFC 7587): `media` converts it too, but for half a per cent of a core, so only for whoever
/// has nothing else.
#[must_use]
pub fn is_opus(codec: &Codec) -> bool {
    codec.name == OPUS_NAME && codec.clock == OPUS_CLOCK
}

/// What `media` converts to and from at any cost.
#[must_use]
pub fn is_decoded(codec: &Codec) -> bool {
    is_convertible(codec) || is_opus(codec)
}

/// Opus as we offer it.
#[must_use]
pub fn opus() -> Codec {
    Codec {
        payload_type: DYNAMIC_FIRST,
        name: OPUS_NAME.to_owned(),
        clock: OPUS_CLOCK,
        channels: 2,
        parameters: String::new(),
    }
}

/// What `media` converts to and from at next to no cost, under the payload types of RFC 3551.
#[must_use]
pub fn convertible() -> Vec<Codec> {
    STATIC
        .iter()
        .map(|(number, name, clock)| Codec {
            payload_type: *number,
            name: (*name).to_owned(),
            clock: *clock,
            channels: 1,
            parameters: String::new(),
        })
        .filter(is_convertible)
        .collect()
}

/// Gives each codec a payload type: its static one, the one it had in `before`, the one it comes
/// with, or the next free one. `taken` is not given away.
pub(crate) fn number(codecs: &mut [Codec], before: &[Codec], taken: &[u8]) {
    let mut used: Vec<u8> = taken.to_vec();
    used.extend(before.iter().map(|known| known.payload_type));
    for codec in codecs {
        let fixed = STATIC.iter().find(|(_, name, clock)| {
            *name == codec.name && *clock == codec.clock && codec.channels <= 1
        });
        let known = before.iter().find(|known| same_encoding(known, codec));
        let own = codec.payload_type;
        codec.payload_type = if let Some((number, _, _)) = fixed {
            *number
        } else if let Some(known) = known {
            known.payload_type
        } else if (DYNAMIC_FIRST..=DYNAMIC_LAST).contains(&own) && !used.contains(&own) {
            own
        } else {
            let free = |number: &u8| !used.contains(number);
            (DYNAMIC_FIRST..=DYNAMIC_LAST).find(free).unwrap_or(own)
        };
        used.push(codec.payload_type);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(formats: &str, lines: &[&str]) -> Media {
        let mut media = Media::parse(&format!("audio 4000 RTP/AVP {formats}")).expect("valid");
        media.lines = lines
            .iter()
            .map(|value| crate::Line::new('a', *value))
            .collect();
        media
    }

    #[test]
    fn static_types_need_no_map_and_maps_win() {
        let check = |lines: &[&str], format: &str, expected: Option<(&str, u32, u8)>| {
            let read = read(&media("0", lines), format);
            let read = read.as_ref();
            assert_eq!(
                read.map(|one| (one.name.as_str(), one.clock, one.channels)),
                expected
            );
        };
        check(&[], "0", Some(("PCMU", 8000, 1)));
        check(&[], "18", Some(("G729", 8000, 1)));
        check(&["rtpmap:0 pcma/8000"], "0", Some(("PCMA", 8000, 1)));
        check(
            &["rtpmap:111 opus/48000/2"],
            "111",
            Some(("OPUS", 48000, 2)),
        );
        check(&["rtpmap:96 x/0"], "96", None);
        check(&["rtpmap:96 x"], "96", None);
        check(&[], "96", None);
        check(&[], "128", None);
        check(&[], "x", None);
    }

    #[test]
    fn parameters_belong_to_their_format_only() {
        let media = media("18", &["fmtp:180 x", "fmtp:18 annexb=no", "fmtp:18"]);
        let read = read(&media, "18").expect("static");
        assert_eq!(read.parameters, "annexb=no");
    }

    #[test]
    fn a_map_is_written_as_registered() {
        let opus = Codec {
            payload_type: 111,
            name: "OPUS".to_owned(),
            clock: 48000,
            channels: 2,
            parameters: String::new(),
        };
        assert_eq!(rtpmap(&opus), "rtpmap:111 opus/48000/2");
    }

    #[test]
    fn numbers_stay_what_they_were_and_never_meet() {
        // RFC 3264 §8.3.2: a number keeps its meaning for the whole session.
        let dynamic = |name: &str, payload_type| Codec {
            payload_type,
            name: name.to_owned(),
            clock: 8000,
            channels: 1,
            parameters: String::new(),
        };
        let mut codecs = vec![
            dynamic("ILBC", 101),
            dynamic("SPEEX", 99),
            dynamic("PCMA", 120),
            dynamic("X", 120),
            dynamic("Y", 5),
        ];
        number(&mut codecs, &[dynamic("SPEEX", 97)], &[101]);
        let numbers: Vec<u8> = codecs.iter().map(|one| one.payload_type).collect();
        assert_eq!(numbers, [96, 97, 8, 120, 98]);
    }
}
