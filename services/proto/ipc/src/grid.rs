//! `grid`: the box's tunnel into a grid.

use serde::{Deserialize, Serialize};

/// The kernel's name of the tunnel's interface.
pub const INTERFACE: &str = "grid0";

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// How the tunnel stands. Answer: [`Reply::Status`].
    Status,
}

/// What `grid` answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// How the tunnel stands now.
    Status(Status),
    /// The peer may not ask this.
    Refused {
        /// The user id that asked.
        uid: u32,
    },
}

/// How the tunnel stands now.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// The box's own public key, as the hub has to know it; empty until the box has one.
    pub public_key: String,
    /// In a word.
    pub state: State,
    /// Seconds it has been up or down.
    pub since_secs: Option<u64>,
    /// Seconds since the last handshake; `None` when `grid` has seen none.
    pub handshake_secs: Option<u64>,
    /// Which networks overlap, the grid's first; what the kernel said; what of the setting cannot
    /// be read; else empty.
    pub reason: String,
}

/// How the tunnel stands, in a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum State {
    /// The store has not said yet what is set.
    #[default]
    Unknown,
    /// None is set.
    Unset,
    /// What is set cannot be read by this version.
    Unreadable,
    /// It would lead to a network the box is in.
    Overlapping,
    /// The kernel does not take it.
    Refused,
    /// The hub does not answer.
    Down,
    /// The hub answers.
    Up,
}

impl State {
    /// As programs know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unset => "not-set",
            Self::Unreadable => "unreadable",
            Self::Overlapping => "overlaps",
            Self::Refused => "refused",
            Self::Down => "down",
            Self::Up => "up",
        }
    }
}
