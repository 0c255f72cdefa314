//! What goes in and out of the layer.

use std::fmt;
use std::net::SocketAddr;

use sansio::Transport;

use crate::fault::{FaultKind, ParseFault};
use crate::message::{Message, Request, Response};

/// The way to a peer and back: its address, ours, and the connection if there is one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flow {
    /// Transport.
    pub transport: Transport,
    /// Our address as the peer sees it; goes into Via.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// The connection; `None` over UDP.
    pub stream: Option<u64>,
}

/// A request we were sent and have to answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ServerId(pub(super) u64);

/// A request we sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientId(pub(super) u64);

/// What can happen to the layer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A message came.
    Message {
        /// The way it came.
        flow: Flow,
        /// What it was.
        message: Message,
    },
    /// Bytes came that are no message; answered here if they can be.
    Fault {
        /// The way they came.
        flow: Flow,
        /// What was wrong.
        fault: ParseFault,
    },
    /// A flow cannot be used any more: the connection closed, or the network said unreachable.
    FlowFailed(Flow),
    /// The deadline passed.
    Timer,
}

/// What the layer asks for or reports.
#[derive(Clone, PartialEq, Eq)]
pub enum Output {
    /// Send these bytes.
    Transmit {
        /// Which way.
        flow: Flow,
        /// One whole message.
        bytes: Vec<u8>,
    },
    /// A new request, never ACK or CANCEL. Its top Via is stamped with its source.
    Request {
        /// Answer it under this id.
        id: ServerId,
        /// The way it came.
        flow: Flow,
        /// The request.
        request: Request,
    },
    /// An ACK for a 2xx; it belongs to a dialog, not to a transaction.
    Ack {
        /// The way it came.
        flow: Flow,
        /// The ACK.
        request: Request,
    },
    /// An INVITE without a final answer was cancelled. The CANCEL has been answered; answer the
    /// INVITE with 487.
    Cancelled {
        /// The INVITE.
        id: ServerId,
        /// The CANCEL, for its Reason.
        request: Request,
    },
    /// A response to a request of ours. A 2xx to INVITE comes as often as the peer repeats it, so
    /// that each can be acknowledged, and from as many peers as answered.
    Response {
        /// The request.
        id: ClientId,
        /// The response.
        response: Response,
    },
    /// A 2xx to an INVITE that is not known here: an earlier process sent it, or the transaction
    /// was over when the 2xx was repeated once more. It wants an ACK all the same
    /// (RFC 3261 §13.2.2.4).
    Unasked {
        /// The response.
        response: Response,
    },
    /// No final response came in time (Timer B or F, or 64*T1 after a CANCEL). The id is void.
    Timeout {
        /// The request.
        id: ClientId,
    },
    /// The flow of a request failed before a final response. The id is void.
    ClientFlowFailed {
        /// The request.
        id: ClientId,
    },
    /// The flow of a request that waits for our answer failed. The id is void.
    ServerFlowFailed {
        /// The request.
        id: ServerId,
    },
    /// A final answer of 300 to 699 to an INVITE was never acknowledged (Timer H). The id is void.
    AckMissing {
        /// The INVITE.
        id: ServerId,
    },
    /// A peer sent bytes that are no message.
    Fault {
        /// The way they came.
        flow: Flow,
        /// What was wrong.
        kind: FaultKind,
    },
}

impl fmt::Debug for Output {
    /// Without the bytes of messages, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transmit { flow, bytes } => {
                write!(f, "Transmit({} bytes to {})", bytes.len(), flow.remote)
            }
            Self::Request { id, request, .. } => write!(f, "Request({id:?}, {request:?})"),
            Self::Ack { request, .. } => write!(f, "Ack({request:?})"),
            Self::Cancelled { id, request } => write!(f, "Cancelled({id:?}, {request:?})"),
            Self::Response { id, response } => write!(f, "Response({id:?}, {response:?})"),
            Self::Unasked { response } => write!(f, "Unasked({response:?})"),
            Self::Timeout { id } => write!(f, "Timeout({id:?})"),
            Self::ClientFlowFailed { id } => write!(f, "ClientFlowFailed({id:?})"),
            Self::ServerFlowFailed { id } => write!(f, "ServerFlowFailed({id:?})"),
            Self::AckMissing { id } => write!(f, "AckMissing({id:?})"),
            Self::Fault { flow, kind } => write!(f, "Fault({kind:?} from {})", flow.remote),
        }
    }
}
