//! Addresses and batches on real sockets.

use std::os::fd::AsRawFd as _;

use tokio::net::UdpSocket;

use super::*;

fn bound(address: &str) -> std::net::UdpSocket {
    std::net::UdpSocket::bind(address).expect("a port is free")
}

/// The next `count` datagrams.
async fn receive(sip: &mut SipUdp, count: usize) -> VecDeque<Datagram> {
    let mut datagrams = VecDeque::new();
    while datagrams.len() < count {
        let ready = std::future::poll_fn(|context| sip.poll_readable(context));
        ready.await.expect("a live socket");
        sip.receive(&mut datagrams).expect("a live socket");
    }
    datagrams
}

async fn check(wildcard: &str, phone: &str, ours: &[&str]) {
    let mut sip = SipUdp::new(bound(wildcard)).expect("a UDP socket");
    let phone = UdpSocket::bind(phone).await.expect("loopback");
    for host in ours {
        let host: IpAddr = host.parse().expect("an address");
        let ours = SocketAddr::new(host, sip.local.port());
        phone.send_to(b"question", ours).await.expect("sent");
        let datagram = receive(&mut sip, 1).await.pop_front().expect("one");
        assert_eq!(datagram.destination, ours);
        assert_eq!(datagram.bytes, b"question");
        sip.send(datagram.destination, datagram.source, b"answer".to_vec());
        sip.flush();
        let mut buffer = [0; 16];
        let (length, from) = phone.recv_from(&mut buffer).await.expect("answered");
        assert_eq!((&buffer[..length], from), (&b"answer"[..], ours));
    }
    assert!(!sip.receive(&mut VecDeque::new()).expect("a live socket"));
}

#[tokio::test]
async fn an_answer_leaves_from_the_address_the_question_came_to() {
    let ours = ["127.0.0.2", "127.0.0.3"];
    check("0.0.0.0:0", "127.0.0.1:0", &ours).await;
}

#[tokio::test]
async fn ipv6_is_answered_from_the_address_asked_too() {
    check("[::]:0", "[::1]:0", &["::1"]).await;
}

/// The class of service of a datagram as its receiver sees it.
fn class_of_next(phone: &std::net::UdpSocket) -> u8 {
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};
    let mut buffer = [0; 64];
    let mut into = [io::IoSliceMut::new(&mut buffer)];
    let mut space = nix::cmsg_space!(i32);
    let descriptor = phone.as_raw_fd();
    let flags = MsgFlags::empty();
    let told = recvmsg::<SockaddrStorage>(descriptor, &mut into, Some(&mut space), flags);
    let told = told.expect("a datagram");
    let class = told.cmsgs().expect("all of them").find_map(|it| match it {
        ControlMessageOwned::Ipv4Tos(class) => Some(class),
        ControlMessageOwned::Ipv6TClass(class) => u8::try_from(class).ok(),
        _ => None,
    });
    class.expect("asked for")
}

#[tokio::test]
async fn datagrams_of_sip_arrive_marked_cs3() {
    for (ours, theirs) in [("0.0.0.0:0", "127.0.0.1:0"), ("[::]:0", "[::1]:0")] {
        let mut sip = SipUdp::new(bound(ours)).expect("a UDP socket");
        let phone = bound(theirs);
        let patience = Some(std::time::Duration::from_secs(10));
        phone.set_read_timeout(patience).expect("a time-out");
        let remote = phone.local_addr().expect("bound");
        if remote.is_ipv4() {
            setsockopt(&phone, sockopt::IpRecvTos, &true).expect("an option");
        } else {
            setsockopt(&phone, sockopt::Ipv6RecvTClass, &true).expect("an option");
        }
        // Alone, and two in a batch; DSCP 24, RFC 2474 §4.2.2.1.
        for count in [1, 2] {
            for _ in 0..count {
                let local = SocketAddr::new(remote.ip(), sip.local.port());
                sip.send(local, remote, b"marked".to_vec());
            }
            sip.flush();
            for _ in 0..count {
                assert_eq!(class_of_next(&phone), 24 << 2, "{theirs}");
            }
        }
    }
}

#[tokio::test]
async fn more_than_a_batch_arrives_and_leaves_in_order() {
    let mut sip = SipUdp::new(bound("127.0.0.1:0")).expect("a UDP socket");
    let phone = UdpSocket::bind("127.0.0.1:0").await.expect("loopback");
    let ours = sip.local;
    let count = u8::try_from(2 * BATCH + 3).expect("small");
    for number in 0..count {
        phone.send_to(&[number; 700], ours).await.expect("sent");
    }
    let datagrams = receive(&mut sip, usize::from(count)).await;
    // One that cannot be sent holds no other up: port 0 is no address.
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    for datagram in datagrams {
        assert_eq!(datagram.bytes.len(), 700);
        sip.send(ours, nowhere, b"lost".to_vec());
        sip.send(ours, datagram.source, datagram.bytes);
    }
    sip.flush();
    let mut buffer = [0; 1024];
    for number in 0..count {
        let length = phone.recv(&mut buffer).await.expect("answered");
        assert_eq!(&buffer[..length], [number; 700]);
    }
}

/// When the kernel is done with a datagram that was sent, the socket has room again. On an idle
/// machine, where the peer takes each at once, being told so doubled the turns of the loop.
#[tokio::test]
async fn room_to_send_wakes_nobody() {
    const EPOLLOUT: u32 = 4;
    let sip = SipUdp::new(bound("127.0.0.1:0")).expect("a UDP socket");
    let watched = format!("tfd: {:8} events: ", sip.socket.as_raw_fd());
    // proc_pid_fdinfo(5): what each descriptor of epoll(7) watches, and for which events.
    let files = std::fs::read_dir("/proc/self/fdinfo").expect("our descriptors");
    let found: Vec<u32> = files
        .filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok())
        .flat_map(|text| {
            let lines = text.lines().filter_map(|line| line.strip_prefix(&watched));
            let events = lines.filter_map(|rest| rest.split_whitespace().next());
            let events = events.map(|it| u32::from_str_radix(it, 16).expect("hexadecimal"));
            events.collect::<Vec<_>>()
        })
        .collect();
    assert!(!found.is_empty());
    assert!(
        found.iter().all(|events| events & EPOLLOUT == 0),
        "{found:x?}"
    );
}

/// Who is on the same cable arrives with the TTL that he sent, and all of it is read in one call.
#[tokio::test]
async fn how_far_a_datagram_came_is_told_beside_where_it_came_to() {
    for (ours, theirs) in [("0.0.0.0:0", "127.0.0.1:0"), ("[::]:0", "[::1]:0")] {
        let mut sip = SipUdp::new(bound(ours)).expect("a UDP socket");
        let phone = bound(theirs);
        let local = phone.local_addr().expect("bound");
        let ours = SocketAddr::new(local.ip(), sip.local.port());
        for ttl in [64, 57] {
            if local.is_ipv4() {
                setsockopt(&phone, sockopt::Ipv4Ttl, &ttl).expect("an option");
            } else {
                setsockopt(&phone, sockopt::Ipv6Ttl, &ttl).expect("an option");
            }
            phone.send_to(b"far", ours).expect("sent");
            let datagram = receive(&mut sip, 1).await.pop_front().expect("one");
            assert_eq!(datagram.ttl.map(i32::from), Some(ttl), "{theirs}");
            assert_eq!(datagram.destination, ours);
        }
    }
}
