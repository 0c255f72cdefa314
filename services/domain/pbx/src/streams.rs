//! TCP connections: bytes in any pieces become messages (RFC 3261 §18.3).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use sansio::{Node, Transport};
use sip::transaction::{Flow, Input as SipInput};
use sip::{Framed, PONG, StreamFramer};

use crate::core::{Core, event_text};
use crate::interface::{Limit, Output, PeerFault, StreamId};

/// Connections at a time: more phones than a site has, few enough for 64 KiB each.
pub const STREAMS_MAX: usize = 4096;
/// Connections from one address: a whole office behind a router, but not a flood.
const STREAMS_PER_SOURCE_MAX: usize = 256;

/// Every open connection.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    open: BTreeMap<StreamId, Stream>,
}

#[derive(Debug)]
struct Stream {
    flow: Flow,
    framer: StreamFramer,
}

impl Streams {
    pub(crate) fn opened(
        &mut self,
        core: &mut Core,
        stream: StreamId,
        remote: SocketAddr,
        local: SocketAddr,
    ) {
        let of_source = self
            .open
            .values()
            .filter(|open| open.flow.remote.ip() == remote.ip());
        if self.open.len() >= STREAMS_MAX || of_source.count() >= STREAMS_PER_SOURCE_MAX {
            core.limit_reached(Limit::Streams);
            core.emit(Output::CloseStream(stream));
            return;
        }
        let flow = Flow {
            transport: Transport::Tcp,
            local,
            remote,
            stream: Some(stream),
        };
        self.open.insert(
            stream,
            Stream {
                flow,
                framer: StreamFramer::new(),
            },
        );
    }

    pub(crate) fn received(&mut self, core: &mut Core, stream: StreamId, bytes: &[u8]) {
        let Some(open) = self.open.get_mut(&stream) else {
            return;
        };
        let flow = open.flow;
        open.framer.push(bytes);
        while let Some(framed) = open.framer.poll() {
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
                    let reason = event_text(&fault.kind.to_string());
                    core.peer_fault(flow, PeerFault::BadStream { reason });
                    core.sip.handle(core.now, SipInput::Fault { flow, fault });
                    core.emit(Output::CloseStream(stream));
                    break;
                }
            }
        }
    }

    /// Forgets a connection; `None` when it was not known.
    pub(crate) fn closed(&mut self, stream: StreamId) -> Option<Flow> {
        self.open.remove(&stream).map(|open| open.flow)
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }
}
