//! The sockets on loopback.

use super::*;

fn pair(family: Family, range: &str) -> Pair {
    let mut ring = PortRing::new(range.parse().expect("a range"), 0);
    Pair::bind(family, &mut ring).expect("a free pair")
}

fn wait(pair: &Pair, channel: Channel, control: &mut [u8]) -> (Received, Vec<u8>) {
    let mut buffer = [0; 64];
    loop {
        if let Some(received) = pair.receive(channel, &mut buffer, Some(&mut *control)) {
            return (received, buffer[..received.length].to_vec());
        }
        std::thread::yield_now();
    }
}

/// A phone that sends to `ours` must be answered from `ours`.
fn check(family: Family, range: &str, phone: &str, ours: &[&str]) {
    let mut pair = pair(family, range);
    let phone = UdpSocket::bind((phone, 0)).expect("loopback");
    let mut control = control_space();
    for host in ours {
        for (channel, offset) in [(Channel::Rtp, 0), (Channel::Rtcp, 1)] {
            let to = SocketAddr::new(host.parse().expect("an address"), pair.port() + offset);
            phone.send_to(b"question", to).expect("sent");
            let (received, bytes) = wait(&pair, channel, &mut control);
            assert_eq!(bytes, b"question");
            assert_eq!(received.local, Some(to.ip()));
            assert!(pair.send(channel, received.local, received.source, b"answer"));
            let (_, from) = phone.recv_from(&mut [0; 16]).expect("answered");
            assert_eq!(from, to);
        }
    }
}

#[test]
fn a_peer_is_answered_from_the_address_it_sent_to() {
    check(
        Family::V4,
        "14200-14203",
        "127.0.0.1",
        &["127.0.0.1", "127.0.0.7", "127.0.0.1"],
    );
    check(Family::V6, "14200-14203", "::1", &["::1"]);
}

#[test]
fn both_families_may_have_the_same_port() {
    let v4 = pair(Family::V4, "14204-14207");
    let v6 = pair(Family::V6, "14204-14207");
    assert_eq!((v4.port(), v6.port()), (14204, 14204));
    let second = Pair::bind_at(Family::V4, 14204).map(drop);
    assert_eq!(
        second.map_err(|error| error.kind()),
        Err(ErrorKind::AddrInUse)
    );
}

#[test]
fn voice_is_marked_for_expedited_forwarding() {
    let v4 = pair(Family::V4, "14208-14211");
    let v6 = pair(Family::V6, "14208-14211");
    for channel in [Channel::Rtp, Channel::Rtcp] {
        assert_eq!(options::ip_tos(v4.get(channel)), Ok(0xb8));
        assert_eq!(options::ipv6_tclass(v6.get(channel)), Ok(0xb8));
    }
}

#[test]
fn loopback_is_our_own_address_and_a_documentation_address_is_not() {
    assert!(is_own_address([127, 0, 0, 1].into()));
    assert!(is_own_address(Ipv6Addr::LOCALHOST.into()));
    assert!(!is_own_address([192, 0, 2, 1].into()));
}
