//! Whether a message is one of those that are wanted.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;

use ipc::trace::Filter;

use crate::lines::{lines, parts, value};
use crate::together::is_name;

/// A filter, and what it has learnt: the calls that are wanted, and where a trunk is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    filter: Filter,
    calls: VecDeque<Vec<u8>>,
    peers: BTreeSet<IpAddr>,
}

impl Wanted {
    pub(crate) fn new(filter: Filter) -> Self {
        let trunk = filter.trunk.iter();
        let hosts = trunk.flat_map(|it| &it.hosts);
        let peers = hosts.filter_map(|host| host.parse().ok()).collect();
        Self {
            filter,
            calls: VecDeque::new(),
            peers,
        }
    }

    /// Whether all is.
    pub(crate) const fn is_all(&self) -> bool {
        self.filter.extension.is_none() && self.filter.trunk.is_none()
    }

    /// Whether what belongs to a Call-ID is, by itself or not.
    pub(crate) fn follows(&self, call: &[u8]) -> bool {
        self.calls.iter().any(|known| known == call)
    }

    /// What belongs to this Call-ID is wanted from now on.
    pub(crate) fn follow(&mut self, call: &[u8]) {
        if is_name(call) && !self.follows(call) {
            if self.calls.len() >= CALLS_MAX {
                self.calls.pop_front();
            }
            self.calls.push_back(call.to_vec());
        }
    }

    /// Whether it is wanted: by itself, or as a part of something that was.
    pub(crate) fn has(&mut self, message: &[u8], remote: IpAddr, is_sent: bool) -> bool {
        let Filter { extension, trunk } = &self.filter;
        if self.is_all() {
            return true;
        }
        let call = value(message, "Call-ID", "i").unwrap_or_default();
        if self.follows(call) {
            return true;
        }
        if self.peers.contains(&remote) {
            self.follow(call);
            return true;
        }
        let addresses = addresses(message);
        let has_user = |wanted: &str| addresses.iter().any(|(user, _)| *user == wanted.as_bytes());
        let has_host = |wanted: &str| {
            let mut hosts = addresses.iter().map(|(_, host)| host);
            hosts.any(|host| host.eq_ignore_ascii_case(wanted.as_bytes()))
        };
        let of_extension = extension.as_deref().is_some_and(has_user);
        let of_trunk = trunk.as_ref().is_some_and(|trunk| {
            let by_host = trunk.hosts.iter().any(|it| has_host(it));
            by_host || trunk.users.iter().any(|it| has_user(it))
        });
        // Where we send a request for the trunk's host is the trunk. Our answers repeat what
        // somebody claims.
        let first = self::addresses(lines(message).next().unwrap_or_default());
        let is_ours = is_sent && !message.starts_with(b"SIP/");
        let is_there = trunk.as_ref().is_some_and(|trunk| {
            let hosts = first.iter().map(|(_, host)| host);
            let mut pairs = hosts.flat_map(|host| trunk.hosts.iter().map(move |it| (host, it)));
            pairs.any(|(host, it)| host.eq_ignore_ascii_case(it.as_bytes()))
        });
        if is_ours && is_there && self.peers.len() < PEERS_MAX {
            self.peers.insert(remote);
        }
        let is_wanted = of_extension || of_trunk;
        if is_wanted {
            self.follow(call);
        }
        is_wanted
    }
}

/// User and host of every address in the header block; the user is empty where there is none.
fn addresses(message: &[u8]) -> Vec<(&[u8], &[u8])> {
    let (head, _) = parts(message);
    let mut found = Vec::new();
    for line in lines(head) {
        let mut rest = line;
        while let Some(at) = rest.iter().position(|byte| *byte == b':') {
            let (before, behind) = rest.split_at(at);
            let behind = behind.get(1..).unwrap_or_default();
            let scheme = before.rsplit(|byte| !byte.is_ascii_alphabetic()).next();
            let scheme = scheme.unwrap_or_default();
            if SCHEMES.iter().any(|it| scheme.eq_ignore_ascii_case(it)) {
                let end = behind
                    .iter()
                    .position(|byte| b">;?, \"\r\n\t".contains(byte));
                found.push(address(
                    behind
                        .get(..end.unwrap_or(behind.len()))
                        .unwrap_or_default(),
                ));
            }
            rest = behind;
        }
    }
    found
}

/// `user:password@host:port` taken apart.
fn address(text: &[u8]) -> (&[u8], &[u8]) {
    let at = text.iter().rposition(|byte| *byte == b'@');
    let (user, host) = match at {
        Some(at) => (text.get(..at), text.get(at + 1..)),
        None => (None, Some(text)),
    };
    let until = |text: &[u8], end: u8| text.iter().position(|byte| *byte == end);
    let (user, host) = (user.unwrap_or_default(), host.unwrap_or_default());
    let user = user.get(..until(user, b':').unwrap_or(user.len()));
    let host = match host.strip_prefix(b"[") {
        Some(inner) => inner.get(..until(inner, b']').unwrap_or(inner.len())),
        None => host.get(..until(host, b':').unwrap_or(host.len())),
    };
    (user.unwrap_or_default(), host.unwrap_or_default())
}

const SCHEMES: [&[u8]; 3] = [b"sip", b"sips", b"tel"];
/// Calls that are followed at once; some 60 bytes each, 256 at most.
const CALLS_MAX: usize = 512;
/// Addresses of a trunk's servers.
const PEERS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use ipc::trace::Trunk;

    use super::*;

    fn request(to: &str, from: &str, call: &str) -> Vec<u8> {
        let (to, from) = (to.to_owned(), from.to_owned());
        format!("INVITE {to} SIP/2.0\r\nFrom: <{from}>;tag=1\r\nt: <{to}>\r\ni: {call}\r\n\r\n")
            .into_bytes()
    }

    fn peer(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn an_extension_is_known_by_its_addresses_and_then_by_its_calls() {
        let mut wanted = Wanted::new(Filter {
            extension: Some("101".into()),
            trunk: None,
        });
        let other = request("sip:1011@box", "sip:102@box", "a");
        assert!(!wanted.has(&other, peer(1), false));
        let own = request("sip:102@box:5060", "sips:101:pw@[2001:db8::1]:5061", "b");
        assert!(wanted.has(&own, peer(1), false));
        assert!(wanted.has(b"SIP/2.0 200 OK\r\nCall-ID: b\r\n\r\n", peer(2), true));
        assert!(!wanted.has(b"SIP/2.0 200 OK\r\nCall-ID: c\r\n\r\n", peer(2), true));
        assert!(!wanted.has(b"\r\n", peer(2), true));
    }

    #[test]
    fn a_trunk_is_known_by_its_hosts_and_where_we_reach_it_and_not_by_what_others_claim() {
        let mut wanted = Wanted::new(Filter {
            extension: None,
            trunk: Some(Trunk {
                name: "carrier".into(),
                hosts: vec!["sip.example".into(), "192.0.2.9".into()],
                users: vec!["4833330000".into()],
            }),
        });
        let unknown = request("sip:1@box", "sip:2@elsewhere", "x");
        assert!(wanted.has(&unknown, peer(9), false), "by its address");
        let elsewhere = request("sip:1@box", "sip:2@elsewhere", "w");
        assert!(!wanted.has(&elsewhere, peer(8), false));
        let claims = request("sip:1@box", "sip:2@SIP.example", "y");
        assert!(wanted.has(&claims, peer(7), false));
        let another = request("sip:1@box", "sip:2@elsewhere", "z");
        assert!(
            !wanted.has(&another, peer(7), false),
            "a claim is no address"
        );
        let answer = b"SIP/2.0 404 No\r\nf: <sip:a@sip.example>\r\ni: q\r\n\r\n";
        assert!(wanted.has(answer, peer(6), true));
        assert!(
            !wanted.has(&another, peer(6), false),
            "nor is our answer to one"
        );
        let own = request("sip:4833330000@box", "sip:101@box", "r");
        assert!(
            wanted.has(&own, peer(6), true),
            "a phone that is called by its number"
        );
        assert!(!wanted.has(&another, peer(6), false));
        assert!(wanted.has(&request("sip:1@sip.example", "sip:c@d", "s"), peer(5), true));
        assert!(wanted.has(&another, peer(5), false), "we reach it there");
        // What is remembered of a call has its bound.
        let long = "x".repeat(300);
        assert!(wanted.has(
            &request("sip:4833330000@b", "sip:c@d", &long),
            peer(4),
            false
        ));
        assert!(wanted.calls.iter().all(|it| is_name(it)));
    }

    #[test]
    fn without_a_filter_all_is_wanted() {
        assert!(Wanted::new(Filter::default()).has(b"anything", peer(1), false));
    }
}
