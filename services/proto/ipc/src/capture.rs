//! A capture of packets: what `net` is to keep of what passes a network card, and what it gives
//! out.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::Redacted;

/// What may be asked of the capture; see [`crate::net::Request::Capture`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// Begin one in the place of the one before, whose packets are forgotten.
    Begin(Wish),
    /// End it. What it has stays for a while.
    End,
    /// How it stands; with packets from a number on, oldest first, or without any.
    Read {
        /// From this one on; `None` for no packets at all.
        from: Option<u64>,
    },
}

/// What is to be captured.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Wish {
    /// The card, by the kernel's name for it; empty for the first that carries traffic.
    pub link: String,
    /// Only packets from or to this address.
    pub host: Option<IpAddr>,
    /// Only packets of this kind.
    pub what: What,
    /// How much of each.
    pub depth: Depth,
    /// It ends by itself after so long.
    pub secs: u32,
}

/// Which packets. Of one that was cut on its way the later parts have no ports: those of UDP are
/// kept whatever they are of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum What {
    /// Signalling and sound, and what says that they did not arrive.
    #[default]
    Telephony,
    /// From or to this port, of TCP or UDP.
    Port(u16),
    /// All.
    All,
}

/// How much of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Depth {
    /// Who sent what to whom and when: neither voices nor keys pressed, numbers or passwords.
    #[default]
    Headers,
    /// Everything, voices too.
    Whole,
}

/// How the capture stands, and what was read of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Capture {
    /// Which one it is: another number says that its packets are not those of before.
    pub run: u64,
    /// Seconds until it ends by itself; `None` when none is on.
    pub left_secs: Option<u32>,
    /// What it keeps, or has kept; `None` where there is none.
    pub wish: Option<Wish>,
    /// Packets that are there.
    pub kept: u64,
    /// Packets that had to make room for newer ones.
    pub dropped: u64,
    /// Packets that came faster than they could be looked at.
    pub missed: u64,
    /// Those that were asked for.
    pub packets: Vec<Packet>,
}

/// A packet, with its Ethernet header.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Packet {
    /// Its place among all of this capture, from 0.
    pub number: u64,
    /// When the kernel saw it, nanoseconds since 1970.
    pub at_nanos: i64,
    /// Bytes that it had.
    pub length: u32,
    /// Those that are kept.
    pub bytes: Redacted<Vec<u8>>,
}

/// A capture ends by itself after no longer than this.
pub const SECS_MAX: u32 = 10 * 60;
