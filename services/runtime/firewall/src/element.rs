//! What stands in a set.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::kind::Value;

/// One entry of a set: a value for each part of the set's key, or a range of values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Element {
    /// In the order of the set's key.
    pub key: Vec<Span>,
    /// How long it stays from now on; without one, as long as the set says, or for ever. Whole
    /// milliseconds.
    pub timeout: Option<Duration>,
}

/// A value, or all from one to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// The first.
    pub first: Value,
    /// The last; the same where it is one value.
    pub last: Value,
}

impl Span {
    /// One value alone.
    #[must_use]
    pub fn one(value: Value) -> Self {
        Self {
            first: value.clone(),
            last: value,
        }
    }

    /// All addresses of a network; bits behind the length do not count.
    #[must_use]
    pub fn network(address: IpAddr, length: u8) -> Self {
        match address {
            IpAddr::V4(address) => {
                let host = host_bits(u32::MAX.checked_shr(length.into()));
                let first = address.to_bits() & !host;
                Self {
                    first: Value::Ipv4(first.into()),
                    last: Value::Ipv4((first | host).into()),
                }
            }
            IpAddr::V6(address) => {
                let host = host_bits(u128::MAX.checked_shr(length.into()));
                let first = address.to_bits() & !host;
                Self {
                    first: Value::Ipv6(first.into()),
                    last: Value::Ipv6((first | host).into()),
                }
            }
        }
    }

    /// Whether it is one value.
    #[must_use]
    pub fn is_one(&self) -> bool {
        self.first == self.last
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_one() {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

fn host_bits<T: Default>(bits: Option<T>) -> T {
    bits.unwrap_or_default()
}

impl From<Value> for Span {
    fn from(value: Value) -> Self {
        Self::one(value)
    }
}

impl From<IpAddr> for Span {
    fn from(address: IpAddr) -> Self {
        Self::one(address.into())
    }
}

impl Element {
    /// One that stays.
    #[must_use]
    pub fn new(key: impl IntoIterator<Item = impl Into<Span>>) -> Self {
        Self {
            key: key.into_iter().map(Into::into).collect(),
            timeout: None,
        }
    }

    /// One that goes by itself.
    #[must_use]
    pub fn for_time(key: impl IntoIterator<Item = impl Into<Span>>, timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..Self::new(key)
        }
    }
}
