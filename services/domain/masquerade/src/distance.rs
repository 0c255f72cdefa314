//! How many routers a packet has passed.

/// How far a packet came, by its TTL (IPv6: hop limit), which each router lessens by one (RFC 1812
/// §5.3.1, RFC 8200 §3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Distance {
    /// Through no router.
    Direct,
    /// Through one.
    One,
    /// Through more.
    Far,
}

/// How far a packet came that arrived with this TTL. Whoever sends it chooses the first value and
/// may choose one that hides how far he is: far is far, near may be anything.
#[must_use]
pub const fn distance(ttl: u8) -> Distance {
    let first = match ttl {
        ..=32 => 32,
        33..=64 => 64,
        65..=128 => 128,
        129.. => 255,
    };
    match first - ttl {
        0 => Distance::Direct,
        1 => Distance::One,
        _ => Distance::Far,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 255 for routers, 128 for Windows, 64 for nearly all others, 32 for small and old ones.
    #[test]
    fn a_ttl_tells_how_many_routers_were_passed() {
        for (ttl, expected) in [
            (255, Distance::Direct),
            (128, Distance::Direct),
            (64, Distance::Direct),
            (32, Distance::Direct),
            (254, Distance::One),
            (127, Distance::One),
            (63, Distance::One),
            (31, Distance::One),
            (253, Distance::Far),
            (129, Distance::Far),
            (126, Distance::Far),
            (65, Distance::Far),
            (62, Distance::Far),
            (33, Distance::Far),
            (1, Distance::Far),
            (0, Distance::Far),
        ] {
            assert_eq!(distance(ttl), expected, "{ttl}");
        }
    }
}
