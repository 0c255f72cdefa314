//! Addresses inside attributes, plain and masked (RFC 8489 §14.1 and §14.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::MAGIC_COOKIE;
use crate::message::TransactionId;

const FAMILY_IPV4: u8 = 1;
const FAMILY_IPV6: u8 = 2;

/// The mask of XOR-MAPPED-ADDRESS; nothing for MAPPED-ADDRESS.
#[derive(Clone, Copy)]
pub(crate) enum Mask {
    None,
    Of(TransactionId),
}

impl Mask {
    fn bytes(self) -> [u8; 16] {
        let mut mask = [0; 16];
        if let Self::Of(TransactionId(transaction)) = self {
            let source = MAGIC_COOKIE.iter().chain(&transaction);
            for (to, from) in mask.iter_mut().zip(source) {
                *to = *from;
            }
        }
        mask
    }
}

fn masked<const N: usize>(bytes: &[u8], mask: Mask) -> Option<[u8; N]> {
    let mut masked = <[u8; N]>::try_from(bytes).ok()?;
    for (byte, mask) in masked.iter_mut().zip(mask.bytes()) {
        *byte ^= mask;
    }
    Some(masked)
}

/// Reads an address attribute's value.
pub(crate) fn read(value: &[u8], mask: Mask) -> Option<SocketAddr> {
    let [_, family, high, low, address @ ..] = value else {
        return None;
    };
    let port = u16::from_be_bytes(masked(&[*high, *low], mask)?);
    let ip: IpAddr = match *family {
        FAMILY_IPV4 => Ipv4Addr::from(masked::<4>(address, mask)?).into(),
        FAMILY_IPV6 => Ipv6Addr::from(masked::<16>(address, mask)?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Writes an address attribute's value.
pub(crate) fn write(out: &mut Vec<u8>, address: SocketAddr, mask: Mask) {
    let port = masked::<2>(&address.port().to_be_bytes(), mask);
    let (family, ip) = match address.ip() {
        IpAddr::V4(ip) => (FAMILY_IPV4, ip.octets().to_vec()),
        IpAddr::V6(ip) => (FAMILY_IPV6, ip.octets().to_vec()),
    };
    out.extend_from_slice(&[0, family]);
    out.extend_from_slice(&port.unwrap_or_default());
    out.extend(ip.iter().zip(mask.bytes()).map(|(byte, mask)| byte ^ mask));
}
