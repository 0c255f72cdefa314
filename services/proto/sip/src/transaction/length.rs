//! How long a request will be, and when that is too long for UDP.

use sansio::Transport;

use super::flow::Flow;
use super::tags::TAG_LENGTH;
use crate::header_name::HeaderName;
use crate::message::Request;
use crate::via::{MAGIC_COOKIE, Via};

/// The longest request that may go by UDP when the path's MTU is not known (RFC 3261 §18.1.1).
pub const UDP_REQUEST_MAX: usize = 1300;

/// The bytes that [`Layer::send_request`](super::Layer::send_request) will put on the wire for this
/// request on this flow, its new Via included.
#[must_use]
pub fn wire_length(request: &Request, flow: &Flow) -> usize {
    let via = Via::new(flow.transport, flow.local, MAGIC_COOKIE).to_string();
    let field = HeaderName::Via.as_str().len() + ": ".len() + via.len() + TAG_LENGTH + "\r\n".len();
    request.wire_length() + field
}

/// Whether the request has to leave this UDP flow for a stream to the same peer: it is longer than
/// [`UDP_REQUEST_MAX`].
///
/// Send it on the stream with [`Layer::send_request`](super::Layer::send_request); when that ends
/// with [`Output::ClientFlowFailed`](super::Output::ClientFlowFailed) before the stream ever
/// connected, the peer takes no streams: send the same request on the UDP flow after all, where it
/// gets a branch of its own (RFC 3261 §18.1.1). In-dialog requests may keep to UDP once that has
/// happened.
#[must_use]
pub fn needs_stream(request: &Request, flow: &Flow) -> bool {
    match flow.transport {
        Transport::Udp => wire_length(request, flow) > UDP_REQUEST_MAX,
        Transport::Tcp | Transport::Tls => false,
    }
}

#[cfg(test)]
mod tests {
    use sansio::{Instant, Node, Rng};

    use super::*;
    use crate::transaction::{Input, Layer, Output};
    use crate::{Message, Method, NameAddr, Uri};

    fn flow(transport: Transport) -> Flow {
        Flow {
            transport,
            local: "[2001:db8::1]:5060".parse().expect("an address"),
            remote: "[2001:db8::2]:5060".parse().expect("an address"),
            stream: transport.is_reliable().then_some(7),
        }
    }

    fn invite(body: usize) -> Request {
        let uri = Uri::parse(b"sip:101@example.com;transport=udp").expect("a URI");
        let address = NameAddr::new(uri.clone());
        Request::new(Method::Invite, uri, &address, &address, "call", 1)
            .with_body("application/sdp", vec![b'x'; body])
    }

    /// Sends a request; its bytes and branch.
    fn send(layer: &mut Layer, flow: Flow, request: Request) -> (Vec<u8>, String) {
        let sent = layer.send_request(Instant::ORIGIN, flow, request);
        sent.expect("room");
        let Some(Output::Transmit { bytes, .. }) = layer.poll() else {
            panic!("nothing sent");
        };
        let Ok(Message::Request(request)) = crate::parse_datagram(&bytes) else {
            panic!("no request sent");
        };
        let via = request.headers.via().expect("Via");
        (bytes, via.branch().expect("a branch").to_owned())
    }

    #[test]
    fn the_length_is_what_goes_on_the_wire() {
        for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
            for body in [0, 9, 10, 1000] {
                let flow = flow(transport);
                let length = wire_length(&invite(body), &flow);
                let mut layer = Layer::new(Rng::from_seed(1));
                assert_eq!(send(&mut layer, flow, invite(body)).0.len(), length);
            }
        }
    }

    #[test]
    fn a_long_request_leaves_udp_and_may_come_back_with_a_new_branch() {
        // pbx trap 12; RFC 3261 §18.1.1.
        let udp = flow(Transport::Udp);
        let room = UDP_REQUEST_MAX - wire_length(&invite(100), &udp) + 100;
        assert!(!needs_stream(&invite(room - 1), &udp) && needs_stream(&invite(room + 2), &udp));
        let tcp = flow(Transport::Tcp);
        assert!(!needs_stream(&invite(5000), &tcp));
        let mut layer = Layer::new(Rng::from_seed(1));
        let (bytes, first) = send(&mut layer, tcp, invite(5000));
        assert!(bytes.starts_with(b"INVITE") && memchr::memmem::find(&bytes, b"2.0/TCP").is_some());
        layer.handle(Instant::ORIGIN, Input::FlowFailed(tcp));
        assert!(matches!(
            layer.poll(),
            Some(Output::ClientFlowFailed { .. })
        ));
        let (_, second) = send(&mut layer, udp, invite(5000));
        assert_ne!(first, second);
    }
}
