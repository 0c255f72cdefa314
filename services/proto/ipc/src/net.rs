//! `net`: the box's place on the network.

use serde::{Deserialize, Serialize};

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Interfaces and addresses. Answer: [`Reply::Status`].
    Status,
}

/// What `net` answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Interfaces and addresses now.
    Status(Status),
    /// The peer may not ask this.
    Refused {
        /// The user id that asked.
        uid: u32,
    },
}

/// Interfaces and addresses now.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// Interfaces that carry traffic, by name.
    pub links: Vec<Link>,
}

/// One interface.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Link {
    /// Name in the kernel.
    pub name: String,
    /// Hardware address.
    pub mac: String,
    /// A cable is in and the peer answers.
    pub up: bool,
    /// IPv4 address with prefix length; empty while none.
    pub address: String,
    /// IPv6 addresses with prefix length, from router advertisements and of the link itself.
    pub ipv6: Vec<String>,
    /// IPv4 gateway; empty while none.
    pub gateway: String,
    /// DNS servers.
    pub dns: Vec<String>,
    /// Hardware address of another machine that uses our address; empty while none does.
    pub conflict_with: String,
}
