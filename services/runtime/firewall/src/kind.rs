//! What a packet's part is and may be: kinds, and values of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::uapi;

/// What something of a packet is; a set's key is one of these or several.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A network card's address.
    Ether,
    /// A protocol above IP, see [`protocol`].
    Protocol,
    /// A port of TCP or UDP.
    Port,
    /// The name of an interface.
    Interface,
    /// A mark, of a packet or a connection.
    Mark,
    /// IPv4 or IPv6.
    Family,
    /// What is known of its connection, see [`ct_state`].
    State,
    /// Time to live, or hop limit.
    Hops,
    /// The type of an ICMP message.
    Icmp,
    /// The type of an ICMPv6 message.
    Icmp6,
    /// Which user's socket it leaves by.
    User,
}

impl Kind {
    /// How many bytes it takes.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::Ipv4 | Self::Mark | Self::State | Self::User => 4,
            Self::Ipv6 | Self::Interface => 16,
            Self::Ether => 6,
            Self::Port => 2,
            Self::Protocol | Self::Family | Self::Hops | Self::Icmp | Self::Icmp6 => 1,
        }
    }

    /// How many bytes of registers, which have four each.
    pub(crate) const fn padded(self) -> usize {
        self.width().next_multiple_of(4)
    }

    /// Whether a lower one is also lower byte by byte, so that there are ranges of it.
    #[must_use]
    pub const fn is_ordered(self) -> bool {
        match self {
            Self::Ipv4
            | Self::Ipv6
            | Self::Protocol
            | Self::Port
            | Self::Hops
            | Self::Icmp
            | Self::Icmp6 => true,
            Self::Ether
            | Self::Interface
            | Self::Mark
            | Self::Family
            | Self::State
            | Self::User => false,
        }
    }

    /// The number by which the `nft` program knows it again; the kernel only keeps it.
    pub(crate) const fn nft_type(self) -> u32 {
        match self {
            Self::Family => 2,
            Self::Hops => 4,
            Self::Ipv4 => 7,
            Self::Ipv6 => 8,
            Self::Ether => 9,
            Self::Protocol => 12,
            Self::Port => 13,
            Self::Icmp => 14,
            Self::Mark => 19,
            Self::User => 24,
            Self::State => 26,
            Self::Icmp6 => 29,
            Self::Interface => 41,
        }
    }
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Family {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Ipv4 => uapi::NFPROTO_IPV4,
            Self::Ipv6 => uapi::NFPROTO_IPV6,
        }
    }
}

/// Protocols above IP, by their numbers (IANA).
pub mod protocol {
    /// ICMP of IPv4.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
}

/// What is known of a packet's connection: bits, of which a packet has one.
pub mod ct_state {
    /// Belongs to none and can begin none.
    pub const INVALID: u32 = 1;
    /// Of one that was answered.
    pub const ESTABLISHED: u32 = 2;
    /// Of something that another connection brought about, as an ICMP error.
    pub const RELATED: u32 = 4;
    /// Begins one.
    pub const NEW: u32 = 8;
    /// Nobody looks ([`crate::Statement::Notrack`]).
    pub const UNTRACKED: u32 = 64;
}

/// A value that something of a packet is held against.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Value {
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// A network card's address.
    Ether([u8; 6]),
    /// A protocol above IP.
    Protocol(u8),
    /// A port.
    Port(u16),
    /// The name of an interface, at most 15 bytes.
    Interface(String),
    /// A mark.
    Mark(u32),
    /// IPv4 or IPv6.
    Family(Family),
    /// Bits of [`ct_state`].
    State(u32),
    /// Time to live, or hop limit.
    Hops(u8),
    /// The type of an ICMP message (RFC 792).
    Icmp(u8),
    /// The type of an ICMPv6 message (RFC 4443).
    Icmp6(u8),
    /// A user's id.
    User(u32),
}

impl Value {
    /// What it is a value of.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Ipv4(_) => Kind::Ipv4,
            Self::Ipv6(_) => Kind::Ipv6,
            Self::Ether(_) => Kind::Ether,
            Self::Protocol(_) => Kind::Protocol,
            Self::Port(_) => Kind::Port,
            Self::Interface(_) => Kind::Interface,
            Self::Mark(_) => Kind::Mark,
            Self::Family(_) => Kind::Family,
            Self::State(_) => Kind::State,
            Self::Hops(_) => Kind::Hops,
            Self::Icmp(_) => Kind::Icmp,
            Self::Icmp6(_) => Kind::Icmp6,
            Self::User(_) => Kind::User,
        }
    }

    /// The mask of a prefix of that length; too long a length is the longest.
    #[must_use]
    pub fn prefix_mask(family: Family, length: u8) -> Self {
        let length = u32::from(length);
        match family {
            Family::Ipv4 => {
                let host = u32::MAX.checked_shr(length).unwrap_or(0);
                Self::Ipv4(Ipv4Addr::from_bits(!host))
            }
            Family::Ipv6 => {
                let host = u128::MAX.checked_shr(length).unwrap_or(0);
                Self::Ipv6(Ipv6Addr::from_bits(!host))
            }
        }
    }

    /// Appends it as the kernel has it in a register: [`Kind::width`] bytes.
    pub(crate) fn write(&self, into: &mut Vec<u8>) {
        match self {
            Self::Ipv4(address) => into.extend_from_slice(&address.octets()),
            Self::Ipv6(address) => into.extend_from_slice(&address.octets()),
            Self::Ether(address) => into.extend_from_slice(address),
            Self::Port(port) => into.extend_from_slice(&port.to_be_bytes()),
            Self::Interface(name) => {
                let width = Kind::Interface.width();
                let filled = name.bytes().chain(std::iter::repeat(0)).take(width);
                into.extend(filled);
            }
            Self::Mark(number) | Self::State(number) | Self::User(number) => {
                into.extend_from_slice(&number.to_ne_bytes());
            }
            Self::Family(family) => into.push(family.number()),
            Self::Protocol(number)
            | Self::Hops(number)
            | Self::Icmp(number)
            | Self::Icmp6(number) => into.push(*number),
        }
    }

    /// The same, for a comparison or a mask.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.kind().width());
        self.write(&mut bytes);
        bytes
    }

    /// What the kernel has in a register; `bytes` may be longer than the value.
    pub(crate) fn read(kind: Kind, bytes: &[u8]) -> Option<Self> {
        let number = || Some(u32::from_ne_bytes(*bytes.first_chunk()?));
        let byte = || bytes.first().copied();
        Some(match kind {
            Kind::Ipv4 => Self::Ipv4((*bytes.first_chunk::<4>()?).into()),
            Kind::Ipv6 => Self::Ipv6((*bytes.first_chunk::<16>()?).into()),
            Kind::Ether => Self::Ether(*bytes.first_chunk()?),
            Kind::Port => Self::Port(u16::from_be_bytes(*bytes.first_chunk()?)),
            Kind::Interface => {
                let name = bytes.split(|byte| *byte == 0).next()?;
                Self::Interface(String::from_utf8_lossy(name).into_owned())
            }
            Kind::Mark => Self::Mark(number()?),
            Kind::State => Self::State(number()?),
            Kind::User => Self::User(number()?),
            Kind::Family => Self::Family(match byte()? {
                uapi::NFPROTO_IPV4 => Family::Ipv4,
                uapi::NFPROTO_IPV6 => Family::Ipv6,
                _ => return None,
            }),
            Kind::Protocol => Self::Protocol(byte()?),
            Kind::Hops => Self::Hops(byte()?),
            Kind::Icmp => Self::Icmp(byte()?),
            Kind::Icmp6 => Self::Icmp6(byte()?),
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(address) => write!(f, "{address}"),
            Self::Ipv6(address) => write!(f, "{address}"),
            Self::Ether([a, b, c, d, e, g]) => {
                write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
            }
            Self::Port(port) => write!(f, "{port}"),
            Self::Interface(name) => write!(f, "{name}"),
            Self::Family(Family::Ipv4) => write!(f, "IPv4"),
            Self::Family(Family::Ipv6) => write!(f, "IPv6"),
            Self::Mark(bits) | Self::State(bits) => write!(f, "{bits:#x}"),
            Self::User(id) => write!(f, "{id}"),
            Self::Protocol(number)
            | Self::Hops(number)
            | Self::Icmp(number)
            | Self::Icmp6(number) => write!(f, "{number}"),
        }
    }
}

impl From<IpAddr> for Value {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::Ipv4(address),
            IpAddr::V6(address) => Self::Ipv6(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_as_wide_as_its_kind_and_is_read_again() {
        let values = [
            Value::Ipv4([192, 0, 2, 1].into()),
            Value::Ipv6("2001:db8::1".parse().expect("an address")),
            Value::Ether([2, 0, 0, 0, 0, 9]),
            Value::Protocol(protocol::UDP),
            Value::Port(5060),
            Value::Interface("grid0".to_owned()),
            Value::Mark(0x0102_0304),
            Value::Family(Family::Ipv6),
            Value::State(ct_state::ESTABLISHED),
            Value::Hops(64),
            Value::Icmp(8),
            Value::Icmp6(128),
            Value::User(111),
        ];
        for value in values {
            let bytes = value.to_bytes();
            assert_eq!(bytes.len(), value.kind().width(), "{value:?}");
            assert_eq!(Value::read(value.kind(), &bytes), Some(value));
        }
    }

    #[test]
    fn a_prefix_has_its_mask() {
        let masks = [
            (Family::Ipv4, 0, "0.0.0.0"),
            (Family::Ipv4, 20, "255.255.240.0"),
            (Family::Ipv4, 200, "255.255.255.255"),
            (Family::Ipv6, 0, "::"),
            (Family::Ipv6, 56, "ffff:ffff:ffff:ff00::"),
            (Family::Ipv6, 128, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ];
        for (family, length, mask) in masks {
            let mask: IpAddr = mask.parse().expect("an address");
            assert_eq!(Value::prefix_mask(family, length), mask.into());
        }
    }
}
