//! ARP for IPv4 over Ethernet (RFC 826), as far as address conflicts need it (RFC 5227).

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// A hardware address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Everybody on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// Nobody in particular.
    pub const ZERO: Self = Self([0; 6]);
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// As it is shown: six pairs of hexadecimal digits with colons.
impl FromStr for Mac {
    type Err = NoMac;

    fn from_str(text: &str) -> Result<Self, NoMac> {
        let mut mac = [0; 6];
        let mut pairs = text.split(':');
        for octet in &mut mac {
            let is_pair = |it: &&str| it.len() == 2 && it.bytes().all(|it| it.is_ascii_hexdigit());
            let pair = pairs.next().filter(is_pair).ok_or(NoMac)?;
            *octet = u8::from_str_radix(pair, 16).map_err(|_| NoMac)?;
        }
        match pairs.next() {
            None => Ok(Self(mac)),
            Some(_) => Err(NoMac),
        }
    }
}

/// A text is no hardware address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a hardware address is six pairs of hexadecimal digits, as 02:00:00:00:00:01")]
pub struct NoMac;

/// One ARP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arp {
    /// A question, as opposed to an answer.
    pub request: bool,
    /// Who sent it.
    pub sender_mac: Mac,
    /// The address the sender says it has; unspecified in a probe.
    pub sender_ip: Ipv4Addr,
    /// Whom it is for; zero in a question.
    pub target_mac: Mac,
    /// The address it is about.
    pub target_ip: Ipv4Addr,
}

/// Length of an ARP packet with its Ethernet header.
pub(crate) const FRAME_LENGTH: usize = 42;

/// Ethernet type ARP, hardware type Ethernet, protocol IPv4, address lengths 6 and 4.
const ETHERNET_TYPE: [u8; 2] = [0x08, 0x06];
const FORMAT: [u8; 6] = [0, 1, 0x08, 0, 6, 4];

impl Arp {
    /// "Does anybody have this address?" RFC 5227 §2.1.1.
    #[must_use]
    pub const fn probe(mac: Mac, address: Ipv4Addr) -> Self {
        Self {
            request: true,
            sender_mac: mac,
            sender_ip: Ipv4Addr::UNSPECIFIED,
            target_mac: Mac::ZERO,
            target_ip: address,
        }
    }

    /// "I have this address." RFC 5227 §2.3.
    #[must_use]
    pub const fn announcement(mac: Mac, address: Ipv4Addr) -> Self {
        Self {
            request: true,
            sender_mac: mac,
            sender_ip: address,
            target_mac: Mac::ZERO,
            target_ip: address,
        }
    }

    /// The packet as a broadcast Ethernet frame.
    #[must_use]
    pub fn to_frame(&self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(FRAME_LENGTH);
        frame.extend(Mac::BROADCAST.0);
        frame.extend(self.sender_mac.0);
        frame.extend(ETHERNET_TYPE);
        frame.extend(FORMAT);
        frame.extend([0, if self.request { 1 } else { 2 }]);
        frame.extend(self.sender_mac.0);
        frame.extend(self.sender_ip.octets());
        frame.extend(self.target_mac.0);
        frame.extend(self.target_ip.octets());
        frame
    }

    /// The ARP packet in an Ethernet frame; `None` when there is none.
    #[must_use]
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let (_, rest) = frame.split_at_checked(12)?;
        let rest = rest.strip_prefix(&ETHERNET_TYPE)?.strip_prefix(&FORMAT)?;
        let (operation, rest) = rest.split_first_chunk::<2>()?;
        let request = match operation {
            [0, 1] => true,
            [0, 2] => false,
            _ => return None,
        };
        let (sender_mac, rest) = rest.split_first_chunk::<6>()?;
        let (sender_ip, rest) = rest.split_first_chunk::<4>()?;
        let (target_mac, rest) = rest.split_first_chunk::<6>()?;
        let (target_ip, _) = rest.split_first_chunk::<4>()?;
        Some(Self {
            request,
            sender_mac: Mac(*sender_mac),
            sender_ip: Ipv4Addr::from(*sender_ip),
            target_mac: Mac(*target_mac),
            target_ip: Ipv4Addr::from(*target_ip),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardware_address_reads_as_it_is_shown() {
        let mac = Mac([2, 0, 0xab, 0, 0, 0xff]);
        assert_eq!(mac.to_string().parse(), Ok(mac));
        for wrong in [
            "",
            "02:00:00:00:00",
            "02:00:00:00:00:01:02",
            "2:0:0:0:0:1",
            "+2:00:00:00:00:01",
        ] {
            assert_eq!(wrong.parse::<Mac>(), Err(NoMac), "{wrong}");
        }
    }

    #[test]
    fn a_frame_survives_and_every_cut_of_it_is_refused() {
        let arp = Arp {
            request: false,
            sender_mac: Mac([2, 0, 0, 0, 0, 1]),
            sender_ip: Ipv4Addr::new(10, 77, 0, 50),
            target_mac: Mac([2, 0, 0, 0, 0, 2]),
            target_ip: Ipv4Addr::new(10, 77, 0, 1),
        };
        let frame = arp.to_frame();
        assert_eq!(frame.len(), FRAME_LENGTH);
        assert_eq!(Arp::parse(&frame), Some(arp));
        for length in 0..FRAME_LENGTH {
            assert_eq!(Arp::parse(&frame[..length]), None, "{length} bytes");
        }
        assert_eq!(arp.sender_mac.to_string(), "02:00:00:00:00:01");
    }

    #[test]
    fn another_protocol_is_not_arp() {
        let mut frame = Arp::probe(Mac::ZERO, Ipv4Addr::LOCALHOST).to_frame();
        frame[21] = 3;
        assert_eq!(Arp::parse(&frame), None, "operation 3");
        frame[21] = 1;
        frame[13] = 0;
        assert_eq!(Arp::parse(&frame), None, "IPv4");
    }
}
