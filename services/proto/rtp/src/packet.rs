//! The RTP header (RFC 3550 §5.1), and telling RTCP from it (RFC 5761 §4).

/// Why bytes are not an RTP or RTCP packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum Malformed {
    /// Fewer bytes than the header, its CSRC list or its extension says.
    #[error("the packet ends inside its header")]
    Short,
    /// The version is not 2: STUN, DTLS, ZRTP or noise.
    #[error("the version is not 2")]
    Version,
    /// The padding count is zero or longer than the payload.
    #[error("the padding count does not fit the packet")]
    Padding,
    /// RTCP where RTP was expected, or the other way round.
    #[error("the packet type does not belong here")]
    Type,
    /// The RTCP length field says more than there is.
    #[error("the RTCP length runs past the packet")]
    Length,
}

/// The header of an RTP packet, read and checked. The rest may be encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The M bit; the profile says what it means (start of a talk spurt, start of an event).
    pub marker: bool,
    /// The seven-bit payload type.
    pub payload_type: u8,
    /// Counts packets, wraps at 65,536.
    pub sequence: u16,
    /// Sampling instant of the first octet, in the payload's clock.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
    /// Octets before the payload: the fixed header, CSRCs and extension.
    pub length: usize,
    /// The P bit: the payload ends in padding.
    pub padded: bool,
}

impl Header {
    /// Reads and checks the header of a datagram as RTP.
    ///
    /// # Errors
    /// The rule of RFC 3550 §5.1 or Appendix A.1 the datagram breaks.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let (fixed, rest) = bytes.split_first_chunk::<12>().ok_or(Malformed::Short)?;
        let [first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        if first >> 6 != VERSION {
            return Err(Malformed::Version);
        }
        if is_rtcp_type(second) {
            return Err(Malformed::Type);
        }
        let csrc_length = usize::from(first & 0x0f) * 4;
        let rest = rest.get(csrc_length..).ok_or(Malformed::Short)?;
        let rest = if first & 0x10 == 0 {
            rest
        } else {
            after_extension(rest)?
        };
        Ok(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            length: bytes.len() - rest.len(),
            padded: first & 0x20 != 0,
        })
    }

    /// The twelve octets of a header without CSRCs, extension and padding.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; 12] {
        let marker = if self.marker { 0x80 } else { 0 };
        let second = marker | (self.payload_type & 0x7f);
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [c0, c1, c2, c3] = self.ssrc.to_be_bytes();
        [VERSION << 6, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3]
    }

    /// Writes marker, payload type, sequence number, timestamp and SSRC over those of a packet;
    /// CSRCs, extension and padding stay. Does nothing to what is shorter than a header.
    pub fn write_over(&self, packet: &mut [u8]) {
        if let Some((fixed, _)) = packet.split_first_chunk_mut::<12>() {
            let [first, ..] = *fixed;
            *fixed = self.to_bytes();
            let [place, ..] = fixed;
            *place = first;
        }
    }
}

/// An RTP packet with its header read and checked; borrows the payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// The M bit; the profile says what it means (start of a talk spurt, start of an event).
    pub marker: bool,
    /// The seven-bit payload type.
    pub payload_type: u8,
    /// Counts packets, wraps at 65,536.
    pub sequence: u16,
    /// Sampling instant of the first octet, in the payload's clock.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
    /// What is left after CSRCs, extension and padding.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads and checks a datagram as RTP.
    ///
    /// # Errors
    /// The rule of RFC 3550 §5.1 or Appendix A.1 the datagram breaks.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header = Header::parse(bytes)?;
        let rest = bytes.get(header.length..).ok_or(Malformed::Short)?;
        let payload = if header.padded {
            without_padding(rest)?
        } else {
            rest
        };
        Ok(Self {
            marker: header.marker,
            payload_type: header.payload_type,
            sequence: header.sequence,
            timestamp: header.timestamp,
            ssrc: header.ssrc,
            payload,
        })
    }
}

/// What follows a header extension: 16 bits of profile, 16 bits of length in 32-bit words (§5.3.1).
fn after_extension(rest: &[u8]) -> Result<&[u8], Malformed> {
    let ([_, _, high, low], rest) = rest.split_first_chunk::<4>().ok_or(Malformed::Short)?;
    let length = usize::from(u16::from_be_bytes([*high, *low])) * 4;
    rest.get(length..).ok_or(Malformed::Short)
}

/// The payload before its padding; the last octet counts the padding, itself included.
fn without_padding(rest: &[u8]) -> Result<&[u8], Malformed> {
    let count = usize::from(*rest.last().ok_or(Malformed::Padding)?);
    if count == 0 {
        return Err(Malformed::Padding);
    }
    let kept = rest.len().checked_sub(count).ok_or(Malformed::Padding)?;
    rest.get(..kept).ok_or(Malformed::Padding)
}

/// Whether a datagram is RTCP rather than RTP, told by its second octet (RFC 5761 §4).
#[must_use]
pub fn is_rtcp(bytes: &[u8]) -> bool {
    bytes.get(1).copied().is_some_and(is_rtcp_type)
}

/// Checks that a datagram can be RTCP: version, type, and a first length within the datagram.
///
/// # Errors
/// The rule of RFC 3550 §6.4.1 the datagram breaks.
pub fn check_rtcp(bytes: &[u8]) -> Result<(), Malformed> {
    let (header, _) = bytes.split_first_chunk::<8>().ok_or(Malformed::Short)?;
    let [first, second, high, low, ..] = *header;
    if first >> 6 != VERSION {
        return Err(Malformed::Version);
    }
    if !is_rtcp_type(second) {
        return Err(Malformed::Type);
    }
    let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
    if length > bytes.len() {
        Err(Malformed::Length)
    } else {
        Ok(())
    }
}

/// RFC 5761 §4 reserves these for RTCP: as RTP they would be payload types 64 to 95 with a marker.
const fn is_rtcp_type(second: u8) -> bool {
    matches!(second, 192..=223)
}

/// The only version in use (RFC 3550 §5.1).
pub(crate) const VERSION: u8 = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], expected: Result<&[u8], Malformed>) {
        assert_eq!(
            Packet::parse(bytes).map(|packet| packet.payload),
            expected,
            "{bytes:02x?}"
        );
    }

    #[test]
    fn the_fixed_header_is_read_whole() {
        let bytes = [
            0x80, 0x88, 0x12, 0x34, 0, 0, 0x10, 0, 0xde, 0xad, 0xbe, 0xef, 7, 8, 9,
        ];
        let expected = Packet {
            marker: true,
            payload_type: 8,
            sequence: 0x1234,
            timestamp: 0x1000,
            ssrc: 0xdead_beef,
            payload: &[7, 8, 9],
        };
        assert_eq!(Packet::parse(&bytes), Ok(expected));
    }

    #[test]
    fn csrc_extension_and_padding_are_taken_off_and_checked() {
        let header = |first: u8| [first, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].to_vec();
        let with = |first: u8, rest: &[u8]| [header(first).as_slice(), rest].concat();
        check(&with(0x80, &[]), Ok(&[]));
        check(&with(0x81, &[1, 2, 3, 4, 5]), Ok(&[5]));
        check(&with(0x82, &[1, 2, 3, 4, 5]), Err(Malformed::Short));
        check(&with(0x90, &[0, 0, 0, 1, 9, 9, 9, 9, 5]), Ok(&[5]));
        check(
            &with(0x90, &[0, 0, 0, 2, 9, 9, 9, 9, 5]),
            Err(Malformed::Short),
        );
        check(&with(0x90, &[0, 0]), Err(Malformed::Short));
        check(&with(0xa0, &[5, 6, 0, 2]), Ok(&[5, 6]));
        check(&with(0xa0, &[0]), Err(Malformed::Padding));
        check(&with(0xa0, &[2]), Err(Malformed::Padding));
        check(&with(0xa0, &[]), Err(Malformed::Padding));
    }

    #[test]
    fn what_is_not_rtp_is_told_apart() {
        let stun = [
            0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        check(&stun, Err(Malformed::Version));
        check(&[0x80; 11], Err(Malformed::Short));
        check(
            &[0x80, 200, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0],
            Err(Malformed::Type),
        );
        assert!(is_rtcp(&[0x80, 200]));
        assert!(!is_rtcp(&[0x80, 0x80]));
        assert!(!is_rtcp(&[]));
    }

    #[test]
    fn rtcp_is_checked_before_it_is_relayed() {
        let receiver_report = [0x80, 201, 0, 1, 1, 2, 3, 4];
        assert_eq!(check_rtcp(&receiver_report), Ok(()));
        assert_eq!(check_rtcp(&receiver_report[..7]), Err(Malformed::Short));
        assert_eq!(
            check_rtcp(&[0x80, 201, 0, 2, 1, 2, 3, 4]),
            Err(Malformed::Length)
        );
        assert_eq!(
            check_rtcp(&[0x40, 201, 0, 1, 1, 2, 3, 4]),
            Err(Malformed::Version)
        );
        assert_eq!(
            check_rtcp(&[0x80, 0, 0, 1, 1, 2, 3, 4]),
            Err(Malformed::Type)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(packet) = Packet::parse(&bytes) {
                prop_assert!(packet.payload.len() + 12 <= bytes.len());
            }
            let _ = (check_rtcp(&bytes), is_rtcp(&bytes));
        }
    }
}
