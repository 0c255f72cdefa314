//! A peer's name or address as people write it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Longest host name, bytes (RFC 1035 §2.3.4).
const NAME_LENGTH_MAX: usize = 253;

/// Host name or address, and a port when one was written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Host {
    /// The name, or the address without brackets.
    pub name: String,
    /// `None`: DNS or the transport says (RFC 3263 §4.2).
    pub port: Option<u16>,
}

impl Host {
    /// Reads `name`, `name:port`, `192.0.2.1:5060`, `2001:db8::1` or `[2001:db8::1]:5060`; `None`
    /// when it is none of these.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            let port = match rest {
                "" => None,
                _ => Some(port(rest.strip_prefix(':')?)?),
            };
            return Some(Self {
                name: address.to_string(),
                port,
            });
        }
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            let name = address.to_string();
            return Some(Self { name, port: None });
        }
        let (name, port) = match text.split_once(':') {
            Some((name, digits)) => (name, Some(port(digits)?)),
            None => (text, None),
        };
        is_name(name).then(|| Self {
            name: name.to_ascii_lowercase(),
            port,
        })
    }

    /// The address, when it is one and needs no DNS.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.name.parse().ok()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address(), self.port) {
            (Some(IpAddr::V6(address)), Some(port)) => write!(f, "[{address}]:{port}"),
            (_, Some(port)) => write!(f, "{}:{port}", self.name),
            (_, None) => f.write_str(&self.name),
        }
    }
}

fn port(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| plain && *port > 0)
}

/// Letters, digits and dashes between dots (RFC 1123 §2.1), or an IPv4 address.
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let numeric = name
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    name.len() <= NAME_LENGTH_MAX
        && name.split('.').all(label)
        && (!numeric || name.parse::<IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_and_written() {
        for (text, name, port) in [
            ("SIP.example.com", "sip.example.com", None),
            ("sip.example.com:5061", "sip.example.com", Some(5061)),
            ("192.0.2.1", "192.0.2.1", None),
            ("192.0.2.1:5070", "192.0.2.1", Some(5070)),
            ("2001:db8::1", "2001:db8::1", None),
            ("[2001:db8::1]:5060", "2001:db8::1", Some(5060)),
            ("[2001:db8::1]", "2001:db8::1", None),
        ] {
            let host = Host::parse(text).expect(text);
            assert_eq!((host.name.as_str(), host.port), (name, port), "{text}");
            assert_eq!(Host::parse(&host.to_string()), Some(host));
        }
        for bad in [
            "",
            "a b",
            "sip:a",
            "a:0",
            "a:70000",
            "a:+1",
            "-a",
            "a..b",
            "[::1",
            "[1.2.3.4]:5",
            "1.2.3",
            "999.1.1.1",
            "a/b",
            "a@b",
        ] {
            assert_eq!(Host::parse(bad), None, "{bad}");
        }
    }
}
