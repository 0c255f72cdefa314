//! The sets of networks that say which zone somebody is in.

use config::{Network, Networks};
use firewall::{Element, Family, Kind, Set, Span};

/// Networks that rules look senders up in: a set for each version of IP.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Listed {
    /// What lies behind the tunnel, and the box's own addresses there.
    Grid,
    /// The internal networks ([`Networks::inside`]).
    Office,
    /// Those and all private addresses, so that nobody can lock himself out of the pages by what he
    /// counts as internal.
    Near,
    /// Who may call from outside: carriers, and where phones outside are allowed, they.
    Callers,
    /// Who is never banned.
    Never,
}

impl Listed {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Grid,
        Self::Office,
        Self::Near,
        Self::Callers,
        Self::Never,
    ];

    /// Its name in the kernel.
    #[must_use]
    pub const fn name(self, family: Family) -> &'static str {
        match (self, family) {
            (Self::Grid, Family::Ipv4) => "grid4",
            (Self::Grid, Family::Ipv6) => "grid6",
            (Self::Office, Family::Ipv4) => "office4",
            (Self::Office, Family::Ipv6) => "office6",
            (Self::Near, Family::Ipv4) => "near4",
            (Self::Near, Family::Ipv6) => "near6",
            (Self::Callers, Family::Ipv4) => "callers4",
            (Self::Callers, Family::Ipv6) => "callers6",
            (Self::Never, Family::Ipv4) => "never4",
            (Self::Never, Family::Ipv6) => "never6",
        }
    }

    /// The set, with nothing in it.
    #[must_use]
    pub fn set(self, family: Family) -> Set {
        let kind = match family {
            Family::Ipv4 => Kind::Ipv4,
            Family::Ipv6 => Kind::Ipv6,
        };
        Set::new(self.name(family), [kind]).with_intervals()
    }

    /// What is in it from the start, before anybody has read what the site says.
    pub(crate) fn at_first(self) -> Vec<Network> {
        match self {
            Self::Office | Self::Near => Networks::default().inside(&[]),
            Self::Grid | Self::Callers | Self::Never => Vec::new(),
        }
    }
}

/// Those of one version of IP as entries of its set.
#[must_use]
pub fn elements(networks: &[Network], family: Family) -> Vec<Element> {
    let is_of = |it: &&Network| it.is_ipv4() == (family == Family::Ipv4);
    let span = |it: &Network| Span::network(it.address(), it.length());
    let networks = networks.iter().filter(is_of);
    networks.map(|it| Element::new([span(it)])).collect()
}
