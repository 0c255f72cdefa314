//! TCP and TLS connections: bytes in any pieces become messages (RFC 3261 §18.3).

mod connections;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use config::Way;
use sansio::{Instant, Node, network_of};
use sip::transaction::{Flow, Input as SipInput};
use sip::{Framed, PONG, StreamFramer};

pub(crate) use self::connections::Connections;
use crate::core::Core;
use crate::interface::{Limit, Output, PeerFault, StreamId};

/// Connections at a time: more phones than a site has, few enough for 64 KiB each.
pub const STREAMS_MAX: usize = 4096;
/// Connections from one IPv4 address: a whole office behind a router, but not a flood.
const STREAMS_PER_SOURCE_MAX: usize = 256;
/// Connections from one /64 of IPv6: the whole office without a router, or one host that changes
/// its address at will. A quarter of all.
const STREAMS_PER_NETWORK_MAX: usize = 1024;
/// How long a peer may take to finish a message it began, and a new one to prove who it is. A
/// connection whose peer vanished halfway would otherwise be kept for ever, and strangers could
/// take every connection there is by asking for OPTIONS once on each.
const MESSAGE_TIME_MAX: Duration = Duration::from_secs(32);

/// Every open connection.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    open: BTreeMap<StreamId, Stream>,
    /// How many of them each network has.
    of_source: BTreeMap<IpAddr, usize>,
    /// Connections that owe us a message or a proof, soonest first.
    due: BTreeSet<(Instant, StreamId)>,
    /// Connections to be closed once what is to be said on them has been said.
    broken: Vec<StreamId>,
}

#[derive(Debug)]
struct Stream {
    flow: Flow,
    framer: StreamFramer,
    due: Option<Instant>,
    /// A request that came by it was let in.
    proven: bool,
    /// We opened it.
    is_dialled: bool,
}

impl Streams {
    pub(crate) fn opened(&mut self, core: &mut Core, stream: StreamId, flow: Flow) {
        let source = network_of(flow.remote.ip());
        let of_source = self.of_source.get(&source).copied().unwrap_or(0);
        if self.open.len() >= STREAMS_MAX || of_source >= of_source_max(source) {
            core.limit_reached(Limit::Streams);
            core.emit(Output::CloseStream(stream));
            return;
        }
        let due = core.now + MESSAGE_TIME_MAX;
        self.due.insert((due, stream));
        self.of_source.insert(source, of_source.saturating_add(1));
        self.open.insert(
            stream,
            Stream {
                flow,
                framer: StreamFramer::new(),
                due: Some(due),
                proven: false,
                is_dialled: false,
            },
        );
    }

    /// We opened it ourselves: whoever is there need not prove anything.
    pub(crate) fn dialled(&mut self, flow: Flow) {
        let Some(stream) = flow.stream else { return };
        let source = network_of(flow.remote.ip());
        *self.of_source.entry(source).or_default() += 1;
        let framer = StreamFramer::new();
        let (due, proven, is_dialled) = (None, true, true);
        self.open.insert(
            stream,
            Stream {
                flow,
                framer,
                due,
                proven,
                is_dialled,
            },
        );
    }

    /// Open connections by the addresses of both ends.
    pub(crate) fn by_address(&self) -> BTreeMap<(SocketAddr, SocketAddr), StreamId> {
        let open = self.open.iter();
        open.map(|(stream, open)| ((open.flow.remote, open.flow.local), *stream))
            .collect()
    }

    pub(crate) fn received(&mut self, core: &mut Core, stream: StreamId, bytes: &[u8]) {
        let Some(open) = self.open.get_mut(&stream) else {
            return;
        };
        let flow = open.flow;
        let source = flow.remote.ip();
        let is_foreign = !open.is_dialled && core.is_foreign(Way::Sip, source);
        if is_foreign || core.is_shut_out(source) {
            self.broken.push(stream);
            return;
        }
        let mut whole = false;
        open.framer.push(bytes);
        while let Some(framed) = open.framer.poll() {
            whole = true;
            match framed {
                Framed::Message(message) => {
                    core.sip
                        .handle(core.now, SipInput::Message { flow, message });
                }
                Framed::Fault(fault) => core.sip.handle(core.now, SipInput::Fault { flow, fault }),
                Framed::Ping => core.emit(Output::Transmit {
                    flow,
                    bytes: PONG.to_vec(),
                }),
                Framed::Broken(fault) => {
                    core.sip.handle(core.now, SipInput::Fault { flow, fault });
                    self.broken.push(stream);
                    break;
                }
            }
        }
        if whole
            && open.proven
            && let Some(due) = open.due.take()
        {
            self.due.remove(&(due, stream));
        }
        if open.framer.is_partial() && open.due.is_none() {
            let due = core.now + MESSAGE_TIME_MAX;
            open.due = Some(due);
            self.due.insert((due, stream));
        }
    }

    /// Keeps a connection by which a request came that was let in.
    pub(crate) fn prove(&mut self, stream: StreamId) {
        let Some(open) = self.open.get_mut(&stream) else {
            return;
        };
        let first = !std::mem::replace(&mut open.proven, true);
        if first
            && !open.framer.is_partial()
            && let Some(due) = open.due.take()
        {
            self.due.remove(&(due, stream));
        }
    }

    /// Gives up on connections that owe a message or a proof for too long.
    pub(crate) fn timer(&mut self, core: &mut Core) {
        while let Some((due, stream)) = self
            .due
            .first()
            .copied()
            .filter(|(due, _)| *due <= core.now)
        {
            self.due.remove(&(due, stream));
            let Some(open) = self.open.get_mut(&stream) else {
                continue;
            };
            open.due = None;
            let reason = match open.framer.is_partial() {
                true => "a message was begun and not finished in time",
                false => "a connection on which nobody proved who he is in time",
            };
            core.peer_fault(
                open.flow,
                PeerFault::BadStream {
                    reason: reason.to_owned(),
                },
            );
            self.broken.push(stream);
        }
    }

    /// Asks for the connections to be closed that nothing more can come of; after their last
    /// answers have gone out.
    pub(crate) fn close_broken(&mut self, core: &mut Core) {
        for stream in std::mem::take(&mut self.broken) {
            core.emit(Output::CloseStream(stream));
        }
    }

    /// When [`Self::timer`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Forgets a connection; gives its flow, and whether anybody proved who he is on it: what a
    /// stranger leaves behind need not be looked for. `None` when it was not known.
    pub(crate) fn closed(&mut self, stream: StreamId) -> Option<(Flow, bool)> {
        let open = self.open.remove(&stream)?;
        if let Some(due) = open.due {
            self.due.remove(&(due, stream));
        }
        let source = network_of(open.flow.remote.ip());
        if let Some(count) = self.of_source.get_mut(&source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of_source.remove(&source);
            }
        }
        Some((open.flow, open.proven))
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }
}

const fn of_source_max(source: IpAddr) -> usize {
    match source {
        IpAddr::V4(_) => STREAMS_PER_SOURCE_MAX,
        IpAddr::V6(_) => STREAMS_PER_NETWORK_MAX,
    }
}

#[cfg(test)]
mod tests {
    use sansio::{Entropy, Rng, Transport};

    use super::*;

    /// Opens connections from addresses until one is turned away; how many were let in.
    fn let_in(address: impl Fn(u16) -> String) -> usize {
        let mut core = Core::new(Rng::from_seed(1), Entropy::new([1; 32]));
        let mut streams = Streams::default();
        for number in 0..2000_u16 {
            let remote = format!("{}:5060", address(number));
            let flow = Flow {
                transport: Transport::Tcp,
                local: "[2001:db8::1]:5060".parse().expect("an address"),
                remote: remote.parse().expect("an address"),
                stream: Some(number.into()),
            };
            streams.opened(&mut core, number.into(), flow);
            if streams.len() <= usize::from(number) {
                let closed = streams.closed(0);
                assert!(closed.is_some());
                streams.opened(&mut core, number.into(), flow);
                assert_eq!(
                    streams.len(),
                    usize::from(number),
                    "its place is free again"
                );
                return usize::from(number);
            }
        }
        usize::MAX
    }

    /// One host has 2^64 addresses there.
    #[test]
    fn connections_are_counted_by_the_64_of_ipv6() {
        let one_network = let_in(|number| format!("[2001:db8:1::{number:x}]"));
        assert_eq!(one_network, STREAMS_PER_NETWORK_MAX);
        let mapped = let_in(|_| "[::ffff:192.0.2.1]".to_owned());
        assert_eq!(mapped, STREAMS_PER_SOURCE_MAX);
        let many = let_in(|number| format!("[2001:db8:{number:x}::1]"));
        assert_eq!(many, usize::MAX);
    }
}
