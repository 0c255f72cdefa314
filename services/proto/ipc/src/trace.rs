//! A trace of SIP messages: what `pbx` is to keep of what passes by it, and what it gives out.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::Redacted;

/// What may be asked of the trace; see [`crate::pbx::Request::Trace`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// Begin one in the place of the one before, whose messages are forgotten.
    Begin {
        /// Which messages.
        filter: Filter,
        /// For how long.
        secs: u32,
    },
    /// End it. What it has stays for a while.
    End,
    /// Give out messages that were kept, oldest first.
    Read {
        /// Only those of one call; `None` for all.
        of: Option<Of>,
        /// From this one on; `None` for the newest.
        from: Option<u64>,
        /// At most so many; long ones make it fewer.
        most: u32,
    },
}

/// A call, with all its legs: each leg has a Call-ID of its own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Of {
    /// The call with this record.
    Call(String),
    /// Whatever the message with this number belongs to: a call, or a registration and the like.
    Message(u64),
}

/// Which messages are kept: those that one of its parts means, and with neither all.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Filter {
    /// Those of this extension.
    pub extension: Option<String>,
    /// Those of a trunk.
    pub trunk: Option<Trunk>,
}

/// By what messages of a trunk are known.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Trunk {
    /// Its name, for people.
    pub name: String,
    /// Host names and addresses of its servers.
    pub hosts: Vec<String>,
    /// User parts that are ours there.
    pub users: Vec<String>,
}

/// How the trace stands, and what was read of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Trace {
    /// Seconds until it ends by itself; `None` when none is on.
    pub left_secs: Option<u32>,
    /// Which messages it keeps, or has kept.
    pub filter: Filter,
    /// Messages that are there.
    pub kept: u64,
    /// Messages that had to make room for newer ones.
    pub dropped: u64,
    /// Those that were asked for.
    pub messages: Vec<Traced>,
}

/// A SIP message that was sent or received, without what authenticates or encrypts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Traced {
    /// Its place among all of this trace, from 0.
    pub number: u64,
    /// When, milliseconds since 1970.
    pub at_millis: i64,
    /// By the box, and not to it.
    pub is_sent: bool,
    /// `UDP`, `TCP` or `TLS`.
    pub transport: String,
    /// The box's end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// The records of the calls that it is part of; none where it is part of no call.
    pub calls: Vec<String>,
    /// As it was on the wire, or within TLS.
    pub bytes: Redacted<Vec<u8>>,
}

/// A trace ends by itself after no longer than this.
pub const SECS_MAX: u32 = 60 * 60;
