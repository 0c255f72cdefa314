//! Keep-alives on the SIP port (pbx trap 22).

#![expect(clippy::expect_used, reason = "a test may panic to fail")]

use std::net::SocketAddr;

use pbx::{Input, Output, PbxNode};
use sansio::{Datagram, Entropy, Instant, Node, Rng};

fn answers(bytes: Vec<u8>, source: SocketAddr) -> Vec<Vec<u8>> {
    let mut node = PbxNode::new(Rng::from_seed(1), Entropy::new([1; 32]));
    let destination = "192.0.2.1:5060".parse().expect("an address");
    let datagram = Datagram {
        source,
        destination,
        ttl: None,
        bytes,
    };
    node.handle(Instant::ORIGIN, Input::Datagram(datagram));
    let mut sent = Vec::new();
    while let Some(output) = node.poll() {
        match output {
            Output::Transmit { flow, bytes } => {
                assert_eq!((flow.remote, flow.local), (source, destination));
                sent.push(bytes);
            }
            other => panic!("a keep-alive is no news: {other:?}"),
        }
    }
    sent
}

#[test]
fn a_stun_binding_request_is_answered_with_its_source() {
    // RFC 5626 §3.5.2.
    let source = "198.51.100.7:40001".parse().expect("an address");
    let transaction = stun::TransactionId([7; 12]);
    let sent = answers(stun::binding_request(transaction), source);
    let [answer] = &*sent else {
        panic!("one answer: {sent:?}");
    };
    assert_eq!(stun::mapped_address(answer, transaction), Ok(source));
}

#[test]
fn line_ends_nuls_and_nothing_are_not_answered() {
    let source = "198.51.100.7:40001".parse().expect("an address");
    for bytes in [&b"\r\n\r\n"[..], b"\0\0\0\0", b""] {
        assert_eq!(answers(bytes.to_vec(), source), Vec::<Vec<u8>>::new());
    }
}
