//! What a rule asks and does, in the order it stands there.

use std::time::Duration;

use crate::field::{Field, Key, Transport};
use crate::kind::{Family, Value, protocol};

/// One step of a rule. A rule ends at the first step that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Statement {
    /// `udp dport 5060`: goes on where it holds.
    Match(Field, Test),
    /// `ip saddr . udp sport @rtp`: goes on where the set has it.
    In {
        /// What is looked for, as many as the set's key has.
        fields: Vec<Field>,
        /// The set's name.
        set: String,
        /// Goes on where the set does not have it.
        negated: bool,
    },
    /// `update @meter { ip saddr limit rate over 20/second }`: puts it into the set, and goes on
    /// where the limit of its element holds.
    Update {
        /// What is put there.
        fields: Vec<Field>,
        /// The set's name; it is [`crate::Set::dynamic`].
        set: String,
        /// How long it stays; without one, as long as the set says.
        timeout: Option<Duration>,
        /// An element that is there already lives as long again.
        renew: bool,
        /// A limit for each element.
        limit: Option<Limit>,
    },
    /// `limit rate 10/second`: goes on as long as it holds.
    Limit(Limit),
    /// `counter`: counts what comes this far.
    Counter,
    /// `counter name x`: the same, in a counter of the ruleset.
    Count(String),
    /// `meta mark set`, `ct mark set`.
    SetMark(Mark, MarkSource),
    /// `notrack`: no connection is made of it; before the priority of connection tracking.
    Notrack,
    /// `log group 1 prefix "x"`: to whoever listens to that group.
    Log {
        /// The group.
        group: u16,
        /// What is put before it, at most 127 bytes.
        prefix: String,
        /// How many bytes of the packet.
        bytes: u32,
    },
    /// `reject`: refused with an answer. Ends the rule and the packet.
    Reject(Reject),
    /// What becomes of the packet. Ends the rule.
    Verdict(Verdict),
}

/// What a field is held against.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Test {
    /// Is that.
    Is(Value),
    /// Is anything else.
    IsNot(Value),
    /// Is one of a range, ends included.
    Between(Value, Value),
}

/// How much may pass in how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    /// Packets.
    pub rate: u64,
    /// In how long.
    pub per: Per,
    /// How many at once.
    pub burst: u32,
    /// Holds for what is over it, and not for what is within it.
    pub over: bool,
}

/// In how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Per {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl Per {
    pub(crate) const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }
}

/// A mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// Of the packet.
    Packet,
    /// Of its connection.
    Connection,
}

/// What a mark is set to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MarkSource {
    /// That.
    Value(u32),
    /// Another mark, of which `keep` stays and `set` is put to it: `ct mark & keep | set`.
    Of {
        /// Which.
        mark: Mark,
        /// The bits that stay.
        keep: u32,
        /// The bits that are set.
        set: u32,
    },
}

/// How something is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reject {
    /// `icmpx port-unreachable`: as if nobody listened there.
    PortUnreachable,
    /// `icmpx admin-prohibited`.
    Prohibited,
    /// `tcp reset`; of TCP only.
    TcpReset,
}

/// What becomes of a packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It passes this hook's chain.
    Accept,
    /// It is gone.
    Drop,
    /// The rules of another chain, then the next rule.
    Jump(String),
    /// The rules of another chain, and not the next rule.
    Goto(String),
    /// Back to where the chain was jumped to from; of a base chain, its policy.
    Return,
}

/// The shorthand in which rulesets are written.
impl Statement {
    /// Goes on where `key` is `value`.
    #[must_use]
    pub fn is(key: impl Into<Field>, value: Value) -> Self {
        Self::Match(key.into(), Test::Is(value))
    }

    /// Goes on where the connection has one of these states (bits of [`crate::ct_state`]).
    #[must_use]
    pub fn state(states: u32) -> Self {
        let field = Key::State.masked(Value::State(states));
        Self::Match(field, Test::IsNot(Value::State(0)))
    }

    /// Goes on for what came in by that interface.
    #[must_use]
    pub fn from_interface(name: &str) -> Self {
        Self::is(Key::InputInterface, Value::Interface(name.to_owned()))
    }

    /// Goes on for what is sent to that port.
    #[must_use]
    pub fn to_port(transport: Transport, port: u16) -> Self {
        Self::is(Key::DestinationPort(transport), Value::Port(port))
    }

    /// Goes on where the set has the sender.
    #[must_use]
    pub fn from_set(family: Family, set: &str) -> Self {
        Self::found([Key::Source(family)], set)
    }

    /// Goes on where the set has these together.
    #[must_use]
    pub fn found(keys: impl IntoIterator<Item = impl Into<Field>>, set: &str) -> Self {
        Self::In {
            fields: keys.into_iter().map(Into::into).collect(),
            set: set.to_owned(),
            negated: false,
        }
    }

    /// Goes on for that protocol above IP.
    #[must_use]
    pub const fn protocol(number: u8) -> Self {
        let field = Field {
            key: Key::Protocol,
            mask: None,
        };
        Self::Match(field, Test::Is(Value::Protocol(number)))
    }

    /// It passes.
    #[must_use]
    pub const fn accept() -> Self {
        Self::Verdict(Verdict::Accept)
    }

    /// It is gone.
    #[must_use]
    pub const fn drop() -> Self {
        Self::Verdict(Verdict::Drop)
    }

    /// The rules of that chain first.
    #[must_use]
    pub fn jump(chain: &str) -> Self {
        Self::Verdict(Verdict::Jump(chain.to_owned()))
    }

    /// Which protocol above IP it needs.
    pub(crate) fn needed_protocol(&self) -> Option<u8> {
        (*self == Self::Reject(Reject::TcpReset)).then_some(protocol::TCP)
    }

    /// What it looks at.
    pub(crate) fn fields(&self) -> &[Field] {
        match self {
            Self::Match(field, _) => std::slice::from_ref(field),
            Self::In { fields, .. } | Self::Update { fields, .. } => fields,
            Self::Limit(_)
            | Self::Counter
            | Self::Count(_)
            | Self::SetMark(..)
            | Self::Notrack
            | Self::Log { .. }
            | Self::Reject(_)
            | Self::Verdict(_) => &[],
        }
    }
}
