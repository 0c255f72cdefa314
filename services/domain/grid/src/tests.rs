//! A tunnel in virtual time, with a kernel and a hub that answer as they are told.

use std::net::SocketAddr;
use std::time::Duration;

use config::{Network, Tunnel};
use sansio::{Instant, Node as _};

use crate::{Input, Notice, Output, Standing, TunnelNode};

const HUB: &str = "198.51.100.7";

/// The node, and what it has asked for since somebody looked.
struct Stand {
    node: TunnelNode,
    now: Instant,
    seen: Vec<Output>,
}

impl Stand {
    fn new() -> Self {
        Self {
            node: TunnelNode::default(),
            now: Instant::ORIGIN,
            seen: Vec::new(),
        }
    }

    /// One whose tunnel the kernel has, and whose hub has not answered yet.
    fn set_up(endpoint: &str) -> Self {
        let mut stand = Self::new();
        stand.feed(Input::Set(Some(tunnel(endpoint))));
        stand.feed(Input::Around(vec![network("192.168.0.0/24")]));
        assert!(stand.take().contains(&Output::SetUp(tunnel(endpoint))));
        stand.feed(Input::SetUp(Ok(None)));
        stand
    }

    fn feed(&mut self, input: Input) {
        self.node.handle(self.now, input);
        self.seen.extend(std::iter::from_fn(|| self.node.poll()));
    }

    /// Lets time pass; the hub's handshakes have the stamp that `stamp` says at each look.
    fn pass(&mut self, time: Duration, mut stamp: impl FnMut(Instant) -> Option<u128>) {
        let end = self.now + time;
        while let Some(at) = self.node.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.feed(Input::Timer);
            if self.seen.last() == Some(&Output::Look) {
                let stamp = stamp(self.now);
                self.feed(Input::Seen(stamp));
            }
        }
        self.now = end;
    }

    fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.seen)
    }

    fn points(&mut self) -> Vec<String> {
        let points = self.take().into_iter().filter_map(|it| match it {
            Output::Point(to) => Some(to.to_string()),
            _ => None,
        });
        points.collect()
    }
}

fn network(text: &str) -> Network {
    Network::parse(text).expect(text)
}

fn tunnel(endpoint: &str) -> Box<Tunnel> {
    let raw = ipc::site::Tunnel {
        addresses: vec!["10.200.0.5".into()],
        hub_key: "hDZB5mbl0bYhe2sFcEfCHIiBuQ5dP+Tq5UsFBpYDkgY=".into(),
        endpoint: endpoint.into(),
        allowed: vec!["10.200.0.0/24".into()],
        ..ipc::site::Tunnel::default()
    };
    Box::new(Tunnel::parse(&raw).expect("right"))
}

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn a_tunnel_is_set_up_once_it_is_known_where_the_box_is_and_points_to_its_hub() {
    let mut stand = Stand::new();
    assert_eq!(*stand.node.standing(), Standing::Unknown);
    stand.feed(Input::Set(Some(tunnel(HUB))));
    assert_eq!(
        stand.take(),
        [Output::Changed],
        "where the box is comes first"
    );
    stand.pass(secs(0), |_| None);
    assert_eq!(stand.take(), [Output::Look]);
    stand.feed(Input::Around(vec![]));
    assert_eq!(stand.take(), [Output::SetUp(tunnel(HUB))]);
    stand.feed(Input::SetUp(Ok(None)));
    assert_eq!(stand.points(), ["198.51.100.7:51820"]);
    stand.pass(secs(2), |_| Some(7));
    assert!(stand.node.standing().is_up());
    assert!(stand.take().contains(&Output::Notice(Notice::Up)));
    // The same site in another version changes nothing.
    stand.feed(Input::Set(Some(tunnel(HUB))));
    assert_eq!(stand.take(), []);
}

#[test]
fn a_tunnel_is_down_when_no_handshake_came_for_three_minutes_and_its_hub_is_looked_for() {
    let mut stand = Stand::set_up("hub.example.com");
    stand.feed(Input::Resolved(vec![HUB.parse().expect("an address")]));
    stand.pass(secs(1), |_| Some(1));
    let up = stand.now;
    stand.take();
    // Renewed every two minutes and a sign of life.
    stand.pass(secs(600), |now| {
        Some(1 + u128::from((now - up).as_secs() / 145))
    });
    assert!(stand.node.standing().is_up());
    assert!(
        !stand.take().contains(&Output::Changed),
        "it was up all the time"
    );
    stand.pass(secs(200), |_| Some(5));
    let outputs = stand.take();
    assert!(outputs.contains(&Output::Notice(Notice::Down)));
    assert!(outputs.contains(&Output::Resolve("hub.example.com".into())));
    let Standing::Down { handshake, .. } = stand.node.standing() else {
        panic!("{:?}", stand.node.standing());
    };
    assert!(handshake.is_some());
    stand.pass(secs(2), |_| Some(6));
    assert!(stand.take().contains(&Output::Notice(Notice::Up)));
}

#[test]
fn a_name_that_leads_nowhere_is_asked_for_again_and_its_addresses_have_their_turns() {
    let mut stand = Stand::set_up("hub.example.com");
    let asked = Output::Resolve("hub.example.com".into());
    assert!(stand.take().contains(&asked));
    stand.feed(Input::Resolved(vec![]));
    stand.pass(secs(4), |_| None);
    assert!(stand.take().contains(&asked));
    let two = || {
        let addresses = ["10.200.0.9", "198.51.100.7", "2001:db8::7"];
        let parsed = addresses.map(|it| it.parse().expect("an address"));
        Input::Resolved(parsed.to_vec())
    };
    let mut points = Vec::new();
    for _ in 0..3 {
        stand.feed(two());
        points.extend(stand.points());
    }
    // Never the one behind the tunnel.
    let expected = [
        "198.51.100.7:51820",
        "[2001:db8::7]:51820",
        "198.51.100.7:51820",
    ];
    assert_eq!(points, expected);
}

#[test]
fn a_tunnel_to_where_the_box_is_stays_down_until_it_is_elsewhere() {
    let mut stand = Stand::set_up(HUB);
    stand.pass(secs(1), |_| Some(1));
    stand.take();
    let lan = network("10.0.0.0/8");
    stand.feed(Input::Around(vec![lan]));
    let overlapping = Standing::Overlapping(network("10.200.0.0/24"), lan);
    assert_eq!(*stand.node.standing(), overlapping);
    let outputs = stand.take();
    assert!(outputs.contains(&Output::TakeDown));
    assert!(outputs.contains(&Output::Notice(Notice::Down)));
    stand.pass(secs(60), |_| Some(2));
    assert!(!stand.take().iter().any(|it| matches!(it, Output::SetUp(_))));
    stand.feed(Input::Around(vec![network("192.168.0.0/24")]));
    assert!(stand.take().contains(&Output::SetUp(tunnel(HUB))));
}

#[test]
fn a_kernel_that_refuses_is_asked_again_and_says_why() {
    let mut stand = Stand::new();
    stand.feed(Input::Set(Some(tunnel(HUB))));
    stand.feed(Input::Around(vec![]));
    stand.take();
    stand.feed(Input::SetUp(Err("no such device".into())));
    assert_eq!(
        *stand.node.standing(),
        Standing::Refused("no such device".into())
    );
    stand.pass(secs(11), |_| None);
    assert!(stand.take().contains(&Output::SetUp(tunnel(HUB))));
    stand.feed(Input::SetUp(Ok(None)));
    assert!(matches!(stand.node.standing(), Standing::Down { .. }));
}

#[test]
fn what_an_earlier_process_left_counts_as_up_with_its_next_handshake() {
    let mut stand = Stand::new();
    stand.feed(Input::Set(Some(tunnel(HUB))));
    stand.feed(Input::Around(vec![]));
    assert!(!stand.take().contains(&Output::TakeDown));
    stand.feed(Input::SetUp(Ok(Some(9))));
    stand.pass(secs(5), |_| Some(9));
    assert!(!stand.node.standing().is_up());
    stand.pass(secs(5), |_| Some(10));
    assert!(stand.node.standing().is_up());
}

#[test]
fn another_setting_or_none_makes_what_was_up_before_count_no_more() {
    let mut stand = Stand::set_up(HUB);
    stand.pass(secs(1), |_| Some(1));
    stand.take();
    stand.feed(Input::Set(Some(tunnel("198.51.100.8"))));
    let outputs = stand.take();
    assert!(
        outputs.starts_with(&[Output::TakeDown, Output::Notice(Notice::Unset)]),
        "{outputs:?}"
    );
    assert!(outputs.contains(&Output::SetUp(tunnel("198.51.100.8"))));
    stand.feed(Input::SetUp(Ok(None)));
    let hub: SocketAddr = "198.51.100.8:51820".parse().expect("an address");
    assert!(stand.take().contains(&Output::Point(hub)));
    stand.feed(Input::Set(None));
    assert_eq!(*stand.node.standing(), Standing::Unset);
    let expected = [
        Output::TakeDown,
        Output::Notice(Notice::Unset),
        Output::Changed,
    ];
    assert_eq!(stand.take(), expected);
    assert_eq!(stand.node.deadline(), None, "nothing is left to do");
}

#[test]
fn a_box_without_a_tunnel_says_so_once() {
    let mut stand = Stand::new();
    stand.feed(Input::Set(None));
    let expected = [
        Output::TakeDown,
        Output::Notice(Notice::Unset),
        Output::Changed,
    ];
    assert_eq!(stand.take(), expected);
    stand.feed(Input::Set(None));
    assert_eq!(stand.take(), []);
}

#[test]
fn a_kernel_that_does_not_take_the_tunnel_down_is_asked_again_until_it_has() {
    let asked = |stand: &mut Stand| stand.take().contains(&Output::TakeDown);
    let mut stand = Stand::set_up(HUB);
    stand.feed(Input::Set(None));
    assert!(asked(&mut stand));
    stand.feed(Input::TakenDown(false));
    stand.pass(secs(29), |_| None);
    assert!(!asked(&mut stand));
    stand.pass(secs(1), |_| None);
    assert!(asked(&mut stand));
    stand.feed(Input::TakenDown(true));
    assert_eq!(stand.node.deadline(), None);
    // One that is to be is set up again instead, which takes away what is there.
    stand.feed(Input::Set(Some(tunnel(HUB))));
    stand.feed(Input::TakenDown(false));
    stand.pass(secs(60), |_| None);
    assert!(!stand.take()[1..].contains(&Output::TakeDown));
}

#[test]
fn what_cannot_be_read_is_no_tunnel_that_was_taken_away() {
    let mut stand = Stand::set_up(HUB);
    stand.pass(secs(1), |_| Some(1));
    stand.take();
    let unreadable = || Input::Unreadable("tunnel: allowed: is another thing".into());
    stand.feed(unreadable());
    let told = [Output::Notice(Notice::Down), Output::Changed];
    assert_eq!(
        stand.take(),
        told,
        "nothing is taken down, nothing forgotten"
    );
    assert!(matches!(stand.node.standing(), Standing::Unreadable(_)));
    stand.feed(unreadable());
    assert_eq!((stand.take(), stand.node.deadline()), (vec![], None));
    // What the kernel has may be what is set again.
    stand.feed(Input::Set(Some(tunnel(HUB))));
    assert!(stand.take().contains(&Output::SetUp(tunnel(HUB))));
    stand.feed(unreadable());
    stand.take();
    stand.feed(Input::Set(None));
    assert_eq!(*stand.node.standing(), Standing::Unset);
    assert!(stand.take().contains(&Output::TakeDown));
}
