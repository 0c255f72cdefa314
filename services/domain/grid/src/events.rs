//! What goes into the tunnel's decisions and what comes out of them.

use std::net::{IpAddr, SocketAddr};

use config::{Network, Tunnel};
use sansio::Instant;

/// Everything that can happen to the tunnel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// What is set, or that nothing is; again whenever the site changes.
    Set(Option<Box<Tunnel>>),
    /// Something is set that this version cannot read, and why.
    Unreadable(String),
    /// The networks the box is in without the tunnel.
    Around(Vec<Network>),
    /// An [`Output::SetUp`] was carried out, and what the kernel stamps the last handshake with
    /// where an earlier process has left the tunnel; or why it was not.
    SetUp(Result<Option<u128>, String>),
    /// An [`Output::TakeDown`] was carried out, or was not.
    TakenDown(bool),
    /// The addresses of the hub's name; none when it has none or nobody can say.
    Resolved(Vec<IpAddr>),
    /// What the kernel stamps the last handshake with; `None` while there was none. What it says
    /// as a time is not believed, as the clock may jump: only that it is another one.
    Seen(Option<u128>),
    /// The deadline passed.
    Timer,
}

/// Everything the tunnel asks of the outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Have an interface with this peer, these addresses and routes; answer with
    /// [`Input::SetUp`]. What is so already stays as it is, with its session.
    SetUp(Box<Tunnel>),
    /// Have none; answer with [`Input::TakenDown`].
    TakeDown,
    /// Look up this name; answer with [`Input::Resolved`].
    Resolve(String),
    /// The hub is there: greet it.
    Point(SocketAddr),
    /// Ask the kernel for the last handshake and where else the box is; answer with
    /// [`Input::Seen`] and [`Input::Around`].
    Look,
    /// How it stands is another thing than before: people are told.
    Changed,
    /// What whoever judges the firmware has to know.
    Notice(Notice),
}

/// What whoever judges the firmware has to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// None is set, or it was set otherwise: that one was up before says nothing any more.
    Unset,
    /// The hub answers.
    Up,
    /// The hub answers no more.
    Down,
}

/// How the tunnel stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Standing {
    /// Nobody has said yet whether one is set.
    #[default]
    Unknown,
    /// None is set.
    Unset,
    /// What is set cannot be read, and why: a later version wrote it. What an earlier process or
    /// setting has left in the kernel stays.
    Unreadable(String),
    /// It would lead to a network the box is in: the one of the grid, and that one.
    Overlapping(Network, Network),
    /// The kernel refuses it, and why.
    Refused(String),
    /// There was no handshake yet, or none for too long.
    Down {
        /// Since when.
        since: Instant,
        /// The last handshake, if this process saw one.
        handshake: Option<Instant>,
    },
    /// The hub answers.
    Up {
        /// Since when.
        since: Instant,
        /// The last handshake.
        handshake: Instant,
    },
}

impl Standing {
    /// Whether the hub answers.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        matches!(self, Self::Up { .. })
    }
}
