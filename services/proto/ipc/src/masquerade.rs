//! Masquerade: a router between the box and others writes its own address as their sender, so that
//! everybody looks like the router (R67). What is seen of it, and what follows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the box listens.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Listener {
    /// SIP in datagrams.
    SipUdp,
    /// SIP over TCP, with TLS or without.
    SipTcp,
    /// The pages and the API.
    Web,
}

impl Listener {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::SipUdp, Self::SipTcp, Self::Web];

    /// As programs know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SipUdp => "sip-udp",
            Self::SipTcp => "sip-tcp",
            Self::Web => "web",
        }
    }
}

/// One packet, or the begin of one connection, as a service saw it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sighting {
    /// Where it came in.
    pub listener: Listener,
    /// The address it came from.
    pub source: String,
    /// Its TTL or hop limit as it arrived, where it is known.
    pub ttl: Option<u8>,
    /// The MSS that its SYN offered, where it is known.
    pub mss: Option<u16>,
    /// SIP in it names as the sender's own an address of another network than the box's.
    pub is_foreign: bool,
    /// A number that the same program on the same machine has each time, and others seldom.
    pub host: Option<u32>,
    /// The sender has been seen to get what was sent to him: nobody else wrote his address.
    pub is_proven: bool,
}

/// What speaks for masquerade, or against it; P1 to P9 of the research on security, §3.1.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// A packet with an address of the box's own network had passed two routers or more (P1).
    Far,
    /// Such packets had passed different numbers of them (P1): there are several senders.
    Distances,
    /// It had passed one router only (P2): a phone beside the box that calls its public address.
    /// Speaks against it.
    Hairpin,
    /// SIP from the router named an address of another network as the sender's own (P4).
    Foreign,
    /// Several programs speak from the router's one address (P5).
    Hosts,
    /// Segments are shorter than on a cable (P6): they came through a line of a carrier.
    Short,
    /// Somebody guesses or scans from the router's address (P8).
    Attack,
    /// The port is known to be open to the Internet for a day, and nobody ever came from an address
    /// of the Internet (P9).
    NeverOutside,
    /// A probe came from outside with the router's address as its sender (A1).
    Probed,
}

impl Signal {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Far,
        Self::Distances,
        Self::Hairpin,
        Self::Foreign,
        Self::Hosts,
        Self::Short,
        Self::Attack,
        Self::NeverOutside,
        Self::Probed,
    ];

    /// As programs know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Far => "far",
            Self::Distances => "distances",
            Self::Hairpin => "hairpin",
            Self::Foreign => "foreign",
            Self::Hosts => "hosts",
            Self::Short => "short",
            Self::Attack => "attack",
            Self::NeverOutside => "never-outside",
            Self::Probed => "probed",
        }
    }
}

/// How sure it is.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing speaks for it.
    #[default]
    None,
    /// It is more likely than not: 0.6 and more.
    Suspect,
    /// It is so: 0.95 and more, or a probe has shown it.
    Confirmed,
}

impl State {
    /// As programs know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Suspect => "suspect",
            Self::Confirmed => "confirmed",
        }
    }
}

/// One signal of one address, as people see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// What.
    pub signal: Signal,
    /// How often it was seen, at least; doors do not tell each packet.
    pub count: u32,
    /// Seconds since it was seen first.
    pub first_secs: u64,
    /// Seconds since it was seen last.
    pub last_secs: u64,
    /// TTLs of [`Signal::Far`] and [`Signal::Distances`], sizes of [`Signal::Short`], how many of
    /// [`Signal::Hosts`]; empty for others.
    pub values: Vec<u32>,
}

/// What is known of one address at one place where the box listens.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Case {
    /// Where the box listens.
    pub listener: Listener,
    /// The address on the box's own network.
    pub address: String,
    /// How sure it is.
    pub state: State,
    /// Why.
    pub evidence: Vec<Evidence>,
}

/// How it stands with masquerade.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// All cases of which anything is known, by place and address.
    pub cases: Vec<Case>,
}

impl Report {
    /// The worst of all cases.
    #[must_use]
    pub fn state(&self) -> State {
        let states = self.cases.iter().map(|case| case.state);
        states.max().unwrap_or_default()
    }

    /// Whether a country cannot be told by the sender's address, as senders from anywhere have the
    /// router's: what restricts countries has no effect on them.
    #[must_use]
    pub fn defeats_countries(&self) -> bool {
        self.state() == State::Confirmed
    }
}
