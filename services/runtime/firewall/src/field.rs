//! What a rule looks at in a packet.

use crate::kind::{Family, Kind, Value, protocol};

/// Something of a packet. What must be so for it to be there at all (an IPv4 address needs an IPv4
/// packet) is asked for by the encoder, as the `nft` program does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// `iifname`: the interface it came in by.
    InputInterface,
    /// `oifname`: the interface it leaves by.
    OutputInterface,
    /// `meta nfproto`: IPv4 or IPv6.
    Family,
    /// `meta l4proto`: the protocol above IP, also behind IPv6 extension headers.
    Protocol,
    /// `meta mark`: the packet's mark.
    Mark,
    /// `meta skuid`: whose socket it leaves by; nothing before the output hook.
    User,
    /// `ip saddr`, `ip6 saddr`.
    Source(Family),
    /// `ip daddr`, `ip6 daddr`.
    Destination(Family),
    /// `ip ttl`, `ip6 hoplimit`.
    Hops(Family),
    /// `udp sport`, `tcp sport`, `th sport`.
    SourcePort(Transport),
    /// `udp dport`, `tcp dport`, `th dport`.
    DestinationPort(Transport),
    /// `icmp type`.
    IcmpType,
    /// `icmpv6 type`.
    Icmp6Type,
    /// `ether saddr`: who on the cable sent it; nothing where it came by something else.
    EtherSource,
    /// `ct state`: bits of [`crate::ct_state`].
    State,
    /// `ct mark`: the connection's mark.
    ConnectionMark,
}

/// Which protocol a port is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// Whatever stands there: to be used where the rule, or the same set, asks for the protocol.
    Any,
}

impl Key {
    /// What its values are.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::InputInterface | Self::OutputInterface => Kind::Interface,
            Self::Family => Kind::Family,
            Self::Protocol => Kind::Protocol,
            Self::Mark | Self::ConnectionMark => Kind::Mark,
            Self::User => Kind::User,
            Self::Source(Family::Ipv4) | Self::Destination(Family::Ipv4) => Kind::Ipv4,
            Self::Source(Family::Ipv6) | Self::Destination(Family::Ipv6) => Kind::Ipv6,
            Self::Hops(_) => Kind::Hops,
            Self::SourcePort(_) | Self::DestinationPort(_) => Kind::Port,
            Self::IcmpType => Kind::Icmp,
            Self::Icmp6Type => Kind::Icmp6,
            Self::EtherSource => Kind::Ether,
            Self::State => Kind::State,
        }
    }

    /// It, as far as a mask leaves it: `ip6 saddr & ffff:ffff:ffff:ffff::`.
    #[must_use]
    pub const fn masked(self, mask: Value) -> Field {
        Field {
            key: self,
            mask: Some(mask),
        }
    }

    /// Which version of IP it is of, where it is of one.
    pub(crate) const fn family(self) -> Option<Family> {
        match self {
            Self::Source(family) | Self::Destination(family) | Self::Hops(family) => Some(family),
            Self::IcmpType => Some(Family::Ipv4),
            Self::Icmp6Type => Some(Family::Ipv6),
            Self::InputInterface
            | Self::OutputInterface
            | Self::Family
            | Self::Protocol
            | Self::Mark
            | Self::User
            | Self::SourcePort(_)
            | Self::DestinationPort(_)
            | Self::EtherSource
            | Self::State
            | Self::ConnectionMark => None,
        }
    }

    /// Which protocol above IP it is of, where it is of one.
    pub(crate) const fn protocol(self) -> Option<u8> {
        match self {
            Self::SourcePort(transport) | Self::DestinationPort(transport) => match transport {
                Transport::Tcp => Some(protocol::TCP),
                Transport::Udp => Some(protocol::UDP),
                Transport::Any => None,
            },
            Self::IcmpType => Some(protocol::ICMP),
            Self::Icmp6Type => Some(protocol::ICMPV6),
            Self::InputInterface
            | Self::OutputInterface
            | Self::Family
            | Self::Protocol
            | Self::Mark
            | Self::User
            | Self::Source(_)
            | Self::Destination(_)
            | Self::Hops(_)
            | Self::EtherSource
            | Self::State
            | Self::ConnectionMark => None,
        }
    }
}

/// A [`Key`], or what a mask leaves of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Of the packet.
    pub key: Key,
    /// Which bits of it count; of the same kind.
    pub mask: Option<Value>,
}

impl From<Key> for Field {
    fn from(key: Key) -> Self {
        Self { key, mask: None }
    }
}
