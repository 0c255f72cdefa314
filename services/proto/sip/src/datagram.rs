//! What a datagram on the SIP port is, told by its first bytes.

/// What came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DatagramKind {
    /// A keep-alive that wants no answer: nothing, line ends (RFC 5626 §3.5.1), or the NULs that
    /// some phones send instead.
    KeepAlive,
    /// A STUN message (RFC 5626 §3.5.2): its first two bits are 0 and it has the magic cookie.
    Stun,
    /// Anything else: give it to [`parse_datagram`](crate::parse_datagram).
    Sip,
}

impl DatagramKind {
    /// Tells a datagram's kind.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        const STUN_COOKIE: &[u8] = &[0x21, 0x12, 0xa4, 0x42];
        const STUN_BELOW: u8 = 0b0100_0000;
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Self::KeepAlive;
        }
        let first = bytes.first().copied().unwrap_or_default();
        match bytes.get(4..8) {
            Some(STUN_COOKIE) if first < STUN_BELOW => Self::Stun,
            Some(_) | None => Self::Sip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_alives_stun_and_sip_are_told_apart() {
        // pbx trap 22.
        let check = |bytes: &[u8], kind| assert_eq!(DatagramKind::of(bytes), kind, "{bytes:?}");
        check(b"", DatagramKind::KeepAlive);
        check(b"\r\n\r\n", DatagramKind::KeepAlive);
        check(b"\0\0\0\0", DatagramKind::KeepAlive);
        check(b"\0", DatagramKind::KeepAlive);
        check(b"\0\x01\0\0\x21\x12\xa4\x42", DatagramKind::Stun);
        check(b"\0\x01\0\0\x21\x12\xa4\x43", DatagramKind::Sip);
        check(b"\x80\x01\0\0\x21\x12\xa4\x42", DatagramKind::Sip);
        check(b"OPTI\x21\x12\xa4\x42", DatagramKind::Sip);
        check(b"\r\nOPTIONS sip:a@b SIP/2.0\r\n\r\n", DatagramKind::Sip);
    }
}
