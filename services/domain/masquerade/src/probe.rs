//! What a probe from outside shows: the verdict matrix of the research on security, §3.2.

use std::net::{IpAddr, SocketAddr};

use ipc::masquerade::Listener;

use crate::around::{Around, Role};

/// A probe that has ended: two kinds of packets from two places on the Internet, and what the
/// router said of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probe {
    /// What was probed.
    pub listener: Listener,
    /// Where the packets were sent: the box's public address as others see it, and the port.
    pub public: SocketAddr,
    /// From where, with what came of it; two at least, or nothing can be said of restrictions.
    pub vantages: Vec<Vantage>,
    /// What the router says of the port (UPnP IGD, RFC 6886, RFC 6887).
    pub mapping: Mapping,
}

/// A place on the Internet from which was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vantage {
    /// Its address.
    pub address: IpAddr,
    /// Bytes that no router takes for anything.
    pub opaque: Leg,
    /// A real INVITE with a session description; `None` where the place does not speak SIP.
    pub invite: Option<Leg>,
}

/// What came of one kind of packet; of repeated ones the best.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Leg {
    /// How it arrived at the box, if it did.
    pub seen: Option<Seen>,
    /// How the answer arrived at the vantage.
    pub reply: Reply,
}

/// How a packet arrived at the box.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Its sender.
    pub source: IpAddr,
    /// It is byte for byte what was sent.
    pub is_same: bool,
}

/// How an answer of the box arrived at the vantage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reply {
    /// Not at all.
    #[default]
    None,
    /// From there.
    From {
        /// Its sender.
        source: SocketAddr,
        /// It is byte for byte what the box answered.
        is_same: bool,
    },
}

/// What the router says of the port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mapping {
    /// It was not asked, or does not say.
    Unknown,
    /// It leads nowhere.
    Closed,
    /// It leads to the box.
    Leads {
        /// The address it has on its outside.
        external: IpAddr,
    },
}

/// What it is, and so what is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Senders arrive as they are, from everywhere, and get their answers.
    Correct,
    /// The same, from some places only: well done.
    RestrictedBySource,
    /// A router writes its own address as the sender.
    Masquerade {
        /// The address that it writes.
        address: IpAddr,
    },
    /// There is another NAT before the router, of the customer's.
    DoubleNat {
        /// The address of the outer side of the inner one, or that senders arrive with.
        address: IpAddr,
    },
    /// There is another NAT before the router, of the carrier's (RFC 6598).
    CarrierNat {
        /// The address that the carrier lends, or that senders arrive with.
        address: IpAddr,
    },
    /// Something between rewrites SIP.
    SipAlg,
    /// Answers leave through another router than questions come in.
    AsymmetricReturn,
    /// The router leads it to the box, and nothing arrives: somebody before it keeps it back.
    Blocked,
    /// Nothing arrives, as it ought to be where nobody shall come from outside (R80).
    Closed,
}

impl Verdict {
    /// As programs know it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Correct => "correct",
            Self::RestrictedBySource => "restricted-by-source",
            Self::Masquerade { .. } => "masquerade",
            Self::DoubleNat { .. } => "double-nat",
            Self::CarrierNat { .. } => "carrier-nat",
            Self::SipAlg => "sip-alg",
            Self::AsymmetricReturn => "asymmetric-return",
            Self::Blocked => "blocked",
            Self::Closed => "closed",
        }
    }
}

impl Probe {
    /// What it is. What hides senders comes first, as it takes away all that depends on them; then
    /// what breaks calls; then who may come in.
    #[must_use]
    pub fn verdict(&self, around: &Around) -> Verdict {
        if !self.legs().any(|(_, leg)| leg.seen.is_some()) {
            return self.unseen();
        }
        if let Some(hidden) = self.hidden(around) {
            return hidden;
        }
        if self.is_rewritten() {
            return Verdict::SipAlg;
        }
        let is_answered = |leg: &Leg| match leg.reply {
            Reply::None => false,
            Reply::From { source, .. } => same(source, self.public),
        };
        let mut came = self.legs().filter(|(_, leg)| leg.seen.is_some());
        if !came.all(|(_, leg)| is_answered(leg)) {
            return Verdict::AsymmetricReturn;
        }
        match self.vantages.iter().all(Vantage::is_seen) {
            true => Verdict::Correct,
            false => Verdict::RestrictedBySource,
        }
    }

    fn legs(&self) -> impl Iterator<Item = (IpAddr, &Leg)> {
        self.vantages.iter().flat_map(|vantage| {
            let legs = std::iter::once(&vantage.opaque).chain(&vantage.invite);
            legs.map(|leg| (vantage.address, leg))
        })
    }

    /// Senders that did not arrive as they are: whose address they had instead.
    fn hidden(&self, around: &Around) -> Option<Verdict> {
        let others = self.legs().filter_map(|(address, leg)| {
            let source = leg.seen?.source.to_canonical();
            (source != address.to_canonical()).then_some(source)
        });
        let mut others: Vec<_> = others.collect();
        others.sort_unstable_by_key(|it| (around.role(*it), *it));
        let address = others.first().copied()?;
        Some(match around.role(address) {
            Role::Router | Role::Kin | Role::Neighbour => Verdict::Masquerade { address },
            Role::Other => upstream(address),
        })
    }

    /// Whether what is SIP arrived otherwise than it was sent, or not at all where other bytes did.
    fn is_rewritten(&self) -> bool {
        let is_other = |leg: &Leg| {
            let is_answer_other = matches!(leg.reply, Reply::From { is_same: false, .. });
            leg.seen.is_some_and(|seen| !seen.is_same) || is_answer_other
        };
        let is_kept_back = |vantage: &Vantage| {
            let invite = vantage.invite.as_ref();
            vantage.opaque.seen.is_some() && invite.is_some_and(|leg| leg.seen.is_none())
        };
        self.legs().any(|(_, leg)| is_other(leg)) || self.vantages.iter().any(is_kept_back)
    }

    /// Nothing arrived.
    fn unseen(&self) -> Verdict {
        match self.mapping {
            Mapping::Unknown | Mapping::Closed => Verdict::Closed,
            Mapping::Leads { external } if external.to_canonical() == self.public.ip() => {
                Verdict::Blocked
            }
            Mapping::Leads { external } => upstream(external.to_canonical()),
        }
    }
}

impl Vantage {
    fn is_seen(&self) -> bool {
        self.opaque.seen.is_some() || self.invite.is_some_and(|leg| leg.seen.is_some())
    }
}

/// The NAT before the customer's router, by an address on its inner side.
fn upstream(address: IpAddr) -> Verdict {
    // 100.64.0.0/10, RFC 6598.
    let is_of_a_carrier = matches!(address, IpAddr::V4(it)
        if it.octets()[0] == 100 && it.octets()[1] & 0xc0 == 64);
    match is_of_a_carrier {
        true => Verdict::CarrierNat { address },
        false => Verdict::DoubleNat { address },
    }
}

fn same(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && one.ip().to_canonical() == other.ip().to_canonical()
}
