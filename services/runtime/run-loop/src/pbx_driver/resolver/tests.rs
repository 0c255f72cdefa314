//! The resolver against a small name server on loopback.

use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record};

use super::*;

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}

/// What the name server knows.
fn zone() -> Vec<(Name, RData)> {
    let naptr = |order, service: &str, replacement| {
        let (flags, service) = (Box::from(&b"S"[..]), Box::from(service.as_bytes()));
        RData::NAPTR(NAPTR::new(
            order,
            1,
            flags,
            service,
            Box::from(&b""[..]),
            name(replacement),
        ))
    };
    let srv = |priority, target| RData::SRV(SRV::new(priority, 1, 5080, name(target)));
    vec![
        (
            name("voip.test."),
            naptr(2, "SIP+D2U", "_sip._udp.voip.test."),
        ),
        (
            name("voip.test."),
            naptr(1, "SIPS+D2T", "_sips._tcp.voip.test."),
        ),
        (name("_sips._tcp.voip.test."), srv(1, "edge.voip.test.")),
        (name("_sip._udp.voip.test."), srv(2, "spare.voip.test.")),
        (name("_sip._udp.voip.test."), srv(1, "edge.voip.test.")),
        (name("edge.voip.test."), RData::A(A::new(127, 0, 0, 8))),
        (
            name("edge.voip.test."),
            RData::AAAA(AAAA::new(0, 0, 0, 0, 0, 0, 0, 1)),
        ),
        (name("spare.voip.test."), RData::A(A::new(127, 0, 0, 9))),
    ]
}

/// Answers from the zone for ever, and counts how often it was asked.
fn name_server() -> (SocketAddr, Arc<AtomicUsize>) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let address = socket.local_addr().expect("bound");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let question = Message::from_vec(&buffer[..length]).expect("a question");
            count.fetch_add(1, Ordering::Relaxed);
            let mut answer = question.clone().into_response();
            let asked = question.queries.first().expect("one question").clone();
            let zone = zone();
            let of_name = || zone.iter().filter(|(owner, _)| owner == asked.name());
            let records = of_name().filter(|(_, data)| data.record_type() == asked.query_type());
            answer.add_answers(
                records.map(|(owner, data)| Record::from_rdata(owner.clone(), 300, data.clone())),
            );
            if of_name().next().is_none() {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            socket
                .send_to(&answer.to_vec().expect("it fits"), peer)
                .expect("sent");
        }
    });
    (address, asked)
}

const PORTS: Ports = Ports {
    udp: 5060,
    tcp: 5060,
    tls: 5061,
};

fn query(host: &str) -> Query {
    Query {
        host: host.to_owned(),
        port: None,
        transport: None,
        secure: false,
    }
}

struct Asked {
    resolver: Resolver,
    feed: mpsc::Receiver<Input>,
}

impl Asked {
    fn new(server: SocketAddr) -> Self {
        let (feeder, feed) = mpsc::channel(8);
        let source = Source::Given(server);
        let rng = Rng::from_seed(1);
        let resolver = Resolver::start(&Handle::current(), source, PORTS, rng, feeder);
        Self { resolver, feed }
    }

    async fn ask(&mut self, query: Query) -> (Vec<String>, u32) {
        let answer = match self.resolver.ask(5, query) {
            Some(answer) => answer,
            None => self.feed.recv().await.expect("answered"),
        };
        let Input::Resolved {
            id: 5,
            hops,
            ttl_secs,
        } = answer
        else {
            panic!("{answer:?}")
        };
        let show = |hop: &Hop| format!("{} {} from {}", hop.transport, hop.remote, hop.local);
        (hops.iter().map(show).collect(), ttl_secs)
    }
}

#[tokio::test]
async fn a_domain_is_followed_to_its_servers_and_our_address_towards_each() {
    let (server, asked) = name_server();
    let mut resolver = Asked::new(server);
    let (hops, ttl) = resolver.ask(query("voip.test")).await;
    let expected = [
        "TLS 127.0.0.8:5080 from 127.0.0.1:5061",
        "TLS [::1]:5080 from [::1]:5061",
        "UDP 127.0.0.8:5080 from 127.0.0.1:5060",
        "UDP [::1]:5080 from [::1]:5060",
        "UDP 127.0.0.9:5080 from 127.0.0.1:5060",
    ];
    assert_eq!(hops, expected);
    assert!((290..=300).contains(&ttl), "{ttl}");
    let before = asked.load(Ordering::Relaxed);
    let (again, _) = resolver.ask(query("voip.test")).await;
    assert_eq!(again, expected);
    // The AAAA of the one host that has none is not in the cache for ever; all else is.
    let more = asked.load(Ordering::Relaxed) - before;
    assert!(more <= 1, "asked {more} times for what is known");
}

#[tokio::test]
async fn a_name_that_is_not_there_has_no_servers() {
    let (server, _) = name_server();
    let (hops, ttl) = Asked::new(server).ask(query("nobody.test")).await;
    assert!(hops.is_empty() && ttl <= NEGATIVE_MAX, "{hops:?} {ttl}");
}

const NEGATIVE_MAX: u32 = 60;

#[tokio::test]
async fn an_address_is_answered_at_once_without_a_name_server() {
    let nowhere = "127.0.0.1:1".parse().expect("an address");
    let asked = Asked::new(nowhere);
    let answer = asked.resolver.ask(5, query("127.0.0.5"));
    let hop = Hop {
        transport: Transport::Udp,
        remote: "127.0.0.5:5060".parse().expect("an address"),
        local: "127.0.0.1:5060".parse().expect("an address"),
    };
    let expected = Input::Resolved {
        id: 5,
        hops: vec![hop],
        ttl_secs: LITERAL_TTL_SECS,
    };
    assert_eq!(answer, Some(expected));
}

#[tokio::test]
async fn without_name_servers_the_answer_is_that_there_is_none() {
    let (feeder, mut feed) = mpsc::channel(8);
    let source = Source::Net("/nonexistent/net.sock".into());
    let rng = Rng::from_seed(1);
    let resolver = Resolver::start(&Handle::current(), source, PORTS, rng, feeder);
    assert_eq!(resolver.ask(5, query("voip.test")), None);
    assert_eq!(feed.recv().await, Some(failed(5)));
}

#[test]
fn ipv6_that_would_not_get_far_is_tried_last() {
    let hop = |remote: &str, local: &str| Hop {
        transport: Transport::Udp,
        remote: remote.parse().expect("an address"),
        local: local.parse().expect("an address"),
    };
    let four = hop("192.0.2.1:5060", "192.0.2.7:5060");
    let public = hop("[2001:db8::1]:5060", "[2001:db8::7]:5060");
    let private = hop("[2001:db8::1]:5060", "[fd00::7]:5060");
    assert!(leads_nowhere(&private));
    assert!(!leads_nowhere(&public) && !leads_nowhere(&four));
}
