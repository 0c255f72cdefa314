//! Connections we open ourselves: to trunks, and to phones whose own connection is gone.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use sansio::{Rng, Transport};
use sip::transaction::Flow;

use crate::interface::{Hop, Output, STREAM_OUTBOUND, StreamId, Trust};

/// Connections of ours at a time: every trunk by every hop, and phones that lost theirs.
const CONNECTIONS_MAX: usize = 512;

/// Our connections, one for each peer: a second request to it takes the same (RFC 5923 §4).
#[derive(Debug)]
pub(crate) struct Connections {
    open: BTreeMap<Peer, Flow>,
    /// Opened since the node last asked, for the table of all streams.
    fresh: Vec<Flow>,
    /// The next name; the base is random, so that names of an earlier process mean nothing now.
    next: StreamId,
}

/// Whom a connection leads to: the address alone is not enough with TLS, where the certificate
/// was checked for one name.
type Peer = (Transport, SocketAddr, String);

impl Connections {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self {
            open: BTreeMap::new(),
            fresh: Vec::new(),
            next: rng.next_u64() >> 2,
        }
    }

    /// A flow to the hop: the datagram socket, a connection that is open, or one opened by the
    /// outputs given. What is sent on it waits until it is connected.
    pub(crate) fn flow(
        &mut self,
        hop: Hop,
        server_name: &str,
        trust: &Trust,
    ) -> (Flow, Vec<Output>) {
        let mut flow = Flow {
            transport: hop.transport,
            local: hop.local,
            remote: hop.remote,
            stream: None,
        };
        if hop.transport == Transport::Udp {
            return (flow, Vec::new());
        }
        let peer = (hop.transport, hop.remote, server_name.to_owned());
        if let Some(open) = self.open.get(&peer) {
            return (*open, Vec::new());
        }
        let mut outputs = Vec::new();
        if self.open.len() >= CONNECTIONS_MAX
            && let Some((_, Flow { stream, .. })) = self.open.pop_first()
        {
            outputs.extend(stream.map(Output::CloseStream));
        }
        self.next = self.next.wrapping_add(1);
        let stream = self.next | STREAM_OUTBOUND;
        flow.stream = Some(stream);
        self.open.insert(peer, flow);
        self.fresh.push(flow);
        outputs.push(Output::Connect {
            stream,
            hop,
            server_name: server_name.to_owned(),
            trust: trust.clone(),
        });
        (flow, outputs)
    }

    /// What was opened since this was last asked.
    pub(crate) fn take_fresh(&mut self) -> Vec<Flow> {
        std::mem::take(&mut self.fresh)
    }

    /// A connection is gone, or could not be made.
    pub(crate) fn closed(&mut self, flow: Flow) {
        self.open.retain(|_, open| *open != flow);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(transport: Transport, host: u8) -> Hop {
        Hop {
            transport,
            remote: ([192, 0, 2, host], 5061).into(),
            local: ([10, 0, 0, 1], 5061).into(),
        }
    }

    #[test]
    fn one_connection_serves_every_request_to_a_peer_and_another_name_needs_another() {
        let mut connections = Connections::new(&mut Rng::from_seed(1));
        let trust = Trust::Public;
        let tls = hop(Transport::Tls, 1);
        let (first, outputs) = connections.flow(tls, "a.example", &trust);
        assert!(
            matches!(&*outputs, [Output::Connect { stream, .. }] if Some(*stream) == first.stream)
        );
        assert!(
            first
                .stream
                .is_some_and(|stream| stream & STREAM_OUTBOUND != 0)
        );
        assert_eq!(connections.flow(tls, "a.example", &trust), (first, vec![]));
        assert_ne!(connections.flow(tls, "b.example", &trust).0, first);
        assert_eq!(connections.take_fresh().len(), 2);
        connections.closed(first);
        let (again, outputs) = connections.flow(tls, "a.example", &trust);
        assert_eq!(outputs.len(), 1);
        assert_ne!(again.stream, first.stream, "a name is never used twice");
    }

    #[test]
    fn datagrams_need_no_connection() {
        let mut connections = Connections::new(&mut Rng::from_seed(1));
        let (flow, outputs) = connections.flow(hop(Transport::Udp, 1), "", &Trust::Public);
        assert_eq!((flow.stream, outputs), (None, vec![]));
    }

    #[test]
    fn the_number_of_connections_is_bounded() {
        let mut connections = Connections::new(&mut Rng::from_seed(1));
        for port in 0..600_u16 {
            let hop = Hop {
                remote: ([192, 0, 2, 1], port).into(),
                ..hop(Transport::Tcp, 1)
            };
            let (_, outputs) = connections.flow(hop, "", &Trust::Public);
            let closes = matches!(outputs.first(), Some(Output::CloseStream(_)));
            assert_eq!(closes, usize::from(port) >= CONNECTIONS_MAX);
        }
    }
}
