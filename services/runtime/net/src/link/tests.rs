//! The machine of one link in virtual time.

use super::*;

const OURS: Mac = Mac([2, 0, 0, 0, 0, 1]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 9]);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 50);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

struct Bench {
    node: LinkNode,
    now: Instant,
}

impl Bench {
    /// A link with its cable in, one second after the origin.
    fn new() -> Self {
        let mut bench = Self {
            node: LinkNode::new(OURS),
            now: Instant::ORIGIN + Duration::from_secs(1),
        };
        assert_eq!(bench.give(Input::Carrier(true)), [Output::StartDhcp]);
        bench
    }

    fn give(&mut self, input: Input) -> Vec<Output> {
        self.node.handle(self.now, input);
        std::iter::from_fn(|| self.node.poll()).collect()
    }

    /// Lets time pass, with a timer at each deadline on the way.
    fn wait(&mut self, time: Duration) -> Vec<Output> {
        let end = self.now + time;
        let mut seen = Vec::new();
        while let Some(at) = self.node.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            seen.extend(self.give(Input::Timer));
        }
        self.now = end;
        seen
    }

    fn bound() -> Self {
        let mut bench = Self::new();
        bench.give(Input::Leased(lease()));
        bench.wait(Duration::from_secs(10));
        assert_eq!(bench.node.held().map(|held| held.address), Some(ADDRESS));
        bench
    }
}

fn lease() -> Lease {
    Lease {
        address: ADDRESS,
        prefix: 24,
        gateway: Some(SERVER),
        dns: vec![SERVER],
        server: SERVER,
        lifetime: Duration::from_secs(3600),
    }
}

fn events(outputs: &[Output]) -> Vec<Event> {
    let event = |output: &Output| match output {
        Output::Event(event) => Some(event.clone()),
        _ => None,
    };
    outputs.iter().filter_map(event).collect()
}

fn transmitted(outputs: &[Output]) -> Vec<Arp> {
    let arp = |output: &Output| match output {
        Output::Transmit(arp) => Some(*arp),
        _ => None,
    };
    outputs.iter().filter_map(arp).collect()
}

#[test]
fn a_lease_is_probed_twice_then_held_and_announced() {
    let mut bench = Bench::new();
    let mut seen = bench.give(Input::Leased(lease()));
    assert!(
        bench.node.held().is_none(),
        "not before the probes went unanswered"
    );
    seen.extend(bench.wait(Duration::from_millis(600)));
    let probe = Arp::probe(OURS, ADDRESS);
    let announcement = Arp::announcement(OURS, ADDRESS);
    assert_eq!(transmitted(&seen), [probe, probe, announcement]);
    let held = bench.node.held().expect("it is ours").clone();
    assert_eq!((held.address, held.prefix), (ADDRESS, 24));
    assert!(seen.contains(&Output::Hold(held.clone())));
    assert_eq!(events(&seen), [Event::Bound(held)]);
    assert_eq!(
        transmitted(&bench.wait(Duration::from_secs(60))),
        [announcement]
    );
    assert_eq!(
        bench.node.deadline(),
        Some(Instant::ORIGIN + Duration::from_secs(3601)),
        "nothing more to do until the lease ends"
    );
}

#[test]
fn a_renewal_is_held_again_without_probes_or_news() {
    let mut bench = Bench::bound();
    let longer = Lease {
        lifetime: Duration::from_secs(7200),
        ..lease()
    };
    let seen = bench.give(Input::Leased(longer.clone()));
    let source = Source::Leased(longer);
    assert_eq!(
        seen,
        [Output::Hold(Held {
            address: ADDRESS,
            prefix: 24,
            source
        })]
    );
}

#[test]
fn a_leased_address_that_is_taken_is_declined_and_asked_for_again() {
    let mut bench = Bench::new();
    bench.give(Input::Leased(lease()));
    let answer = Arp {
        request: false,
        sender_mac: OTHER,
        sender_ip: ADDRESS,
        target_mac: OURS,
        target_ip: Ipv4Addr::UNSPECIFIED,
    };
    let seen = bench.give(Input::Arp(answer));
    assert_eq!(
        seen,
        [
            Output::StopDhcp,
            Output::Decline(ADDRESS, SERVER),
            Output::Event(Event::Declined(ADDRESS, OTHER)),
        ]
    );
    assert_eq!(bench.node.conflict_with(), Some(OTHER));
    assert_eq!(bench.wait(DECLINE_DELAY / 2), []);
    assert_eq!(bench.wait(DECLINE_DELAY / 2), [Output::StartDhcp]);
}

#[test]
fn a_probe_of_somebody_else_for_the_same_address_counts_as_taken() {
    let mut bench = Bench::new();
    bench.give(Input::Leased(lease()));
    let seen = bench.give(Input::Arp(Arp::probe(OTHER, ADDRESS)));
    assert_eq!(events(&seen), [Event::Declined(ADDRESS, OTHER)]);
    let mut bench = Bench::new();
    bench.give(Input::Leased(lease()));
    assert_eq!(
        bench.give(Input::Arp(Arp::probe(OURS, ADDRESS))),
        [],
        "our own, looped back"
    );
    assert_eq!(
        bench.give(Input::Arp(Arp::probe(OTHER, SERVER))),
        [],
        "another address"
    );
}

#[test]
fn an_intruder_is_reported_once_a_minute_and_answered_once_in_ten_seconds() {
    let mut bench = Bench::bound();
    let intrusion = Input::Arp(Arp::announcement(OTHER, ADDRESS));
    let mut reports = 0;
    let mut defences = 0;
    for _ in 0..120 {
        let seen = bench.give(intrusion.clone());
        reports += events(&seen).len();
        defences += transmitted(&seen).len();
        bench.wait(Duration::from_secs(1));
    }
    assert_eq!((reports, defences), (2, 12));
    assert_eq!(bench.node.conflict_with(), Some(OTHER));
    assert_eq!(
        bench.node.held().map(|held| held.address),
        Some(ADDRESS),
        "it is kept"
    );
    let seen = bench.wait(CONFLICT_OVER);
    assert_eq!(events(&seen), [Event::ConflictOver(ADDRESS)]);
    assert_eq!(bench.node.conflict_with(), None);
}

#[test]
fn without_a_server_the_link_takes_a_link_local_address_and_gives_it_up_for_a_lease() {
    let mut bench = Bench::new();
    assert_eq!(bench.wait(FALLBACK_DELAY - Duration::from_secs(1)), []);
    let seen = bench.wait(Duration::from_secs(11));
    let held = bench.node.held().expect("it helped itself").clone();
    assert_eq!((held.prefix, &held.source), (16, &Source::LinkLocal));
    assert!(held.address.is_link_local(), "{}", held.address);
    assert_eq!(events(&seen), [Event::NoServer, Event::Bound(held.clone())]);
    assert_eq!(transmitted(&seen).len(), 3 + 2);
    bench.give(Input::Leased(lease()));
    let seen = bench.wait(Duration::from_secs(1));
    assert!(seen.contains(&Output::Drop(held.address, 16)), "{seen:?}");
    assert_eq!(bench.node.held().map(|held| held.address), Some(ADDRESS));
}

#[test]
fn a_link_local_address_is_given_up_to_a_stubborn_intruder() {
    let mut bench = Bench::new();
    bench.wait(FALLBACK_DELAY + Duration::from_secs(10));
    let first = bench.node.held().expect("it helped itself").address;
    let intrusion = Input::Arp(Arp::announcement(OTHER, first));
    assert_eq!(
        transmitted(&bench.give(intrusion.clone())).len(),
        1,
        "defended once"
    );
    assert!(bench.give(intrusion).contains(&Output::Drop(first, 16)));
    bench.wait(Duration::from_secs(10));
    let second = bench.node.held().expect("it took another").address;
    assert_ne!(first, second);
}

#[test]
fn a_link_where_every_link_local_address_is_taken_slows_down() {
    let mut bench = Bench::new();
    let mut tried = 0;
    let end = bench.now + FALLBACK_DELAY + Duration::from_secs(600);
    while let Some(at) = bench.node.deadline().filter(|at| *at <= end) {
        bench.now = bench.now.max(at);
        let mut seen = bench.give(Input::Timer);
        while let Some(probe) = transmitted(&seen).first().copied() {
            tried += 1;
            assert!(tried < 100, "it never slows down");
            seen = bench.give(Input::Arp(Arp::announcement(OTHER, probe.target_ip)));
        }
    }
    assert!((15..25).contains(&tried), "{tried} attempts in 10 minutes");
}

#[test]
fn the_lease_ends_and_the_address_with_it() {
    let mut bench = Bench::bound();
    let seen = bench.give(Input::LeaseEnded);
    assert_eq!(
        seen,
        [
            Output::Drop(ADDRESS, 24),
            Output::Event(Event::Lost(ADDRESS))
        ]
    );
    assert_eq!(bench.node.held(), None);
    bench.wait(FALLBACK_DELAY + Duration::from_secs(10));
    assert!(
        bench
            .node
            .held()
            .is_some_and(|held| held.address.is_link_local())
    );
}

#[test]
fn an_address_left_by_the_process_before_is_kept_and_not_probed_again() {
    let mut bench = Bench::new();
    bench.give(Input::Inherited(ADDRESS, 24));
    bench.wait(FALLBACK_DELAY * 2);
    assert_eq!(
        bench.node.held().map(|held| held.address),
        Some(ADDRESS),
        "no link-local"
    );
    let seen = bench.give(Input::Leased(lease()));
    assert_eq!(
        transmitted(&seen),
        [],
        "a call in progress would hear a pause"
    );
    assert!(matches!(events(&seen).as_slice(), [Event::Bound(_)]));
    let mut bench = Bench::new();
    bench.give(Input::Inherited(ADDRESS, 24));
    let seen = bench.give(Input::Vanished(ADDRESS));
    assert_eq!(events(&seen), [Event::Lost(ADDRESS)]);
}

#[test]
fn an_address_somebody_removed_comes_back() {
    let mut bench = Bench::bound();
    let seen = bench.give(Input::Vanished(ADDRESS));
    assert!(matches!(seen.as_slice(), [Output::Hold(_)]), "{seen:?}");
    assert_eq!(bench.give(Input::Vanished(SERVER)), []);
}

#[test]
fn a_pulled_cable_stops_the_asking_and_keeps_the_address() {
    let mut bench = Bench::bound();
    assert_eq!(bench.give(Input::Carrier(false)), [Output::StopDhcp]);
    assert_eq!(bench.give(Input::Carrier(false)), []);
    assert!(bench.node.held().is_some());
    assert_eq!(bench.wait(Duration::from_secs(100)), []);
    assert_eq!(bench.give(Input::Carrier(true)), [Output::StartDhcp]);
}

#[test]
fn no_address_outlives_its_lease_even_when_nobody_renews_or_tells() {
    let mut bench = Bench::bound();
    bench.give(Input::Carrier(false));
    let seen = bench.wait(Duration::from_secs(3600));
    assert_eq!(
        seen,
        [
            Output::Drop(ADDRESS, 24),
            Output::Event(Event::Lost(ADDRESS))
        ]
    );
    let mut bench = Bench::bound();
    bench.wait(Duration::from_secs(3589));
    let seen = bench.give(Input::Vanished(ADDRESS));
    assert_eq!(
        events(&seen),
        [Event::Lost(ADDRESS)],
        "the kernel was a second early"
    );
}

/// An address that people have set.
fn set_to(address: Ipv4Addr) -> Lease {
    let fixed = Fixed {
        address,
        prefix: 24,
        gateway: Some(SERVER),
        dns: vec![],
    };
    fixed.as_lease()
}

#[test]
fn an_address_that_is_set_takes_the_place_of_a_lease_once_it_has_proved_free() {
    let mut bench = Bench::bound();
    let new = Ipv4Addr::new(10, 77, 0, 9);
    let seen = bench.give(Input::Set(set_to(new)));
    assert_eq!(seen, [Output::Transmit(Arp::probe(OURS, new))]);
    let seen = bench.wait(Duration::from_secs(10));
    let held = bench.node.held().expect("it is ours").clone();
    assert_eq!(held.address, new);
    let place = |wanted: &Output| {
        seen.iter()
            .position(|it| it == wanted)
            .expect("it is there")
    };
    assert!(place(&Output::Drop(ADDRESS, 24)) < place(&Output::Hold(held)));
    bench.wait(Duration::from_secs(100_000));
    let held = bench.node.held().map(|held| held.address);
    assert_eq!(held, Some(new), "it never ends");
}

#[test]
fn the_same_address_set_is_neither_dropped_nor_tried_out() {
    let mut bench = Bench::bound();
    let seen = bench.give(Input::Set(set_to(ADDRESS)));
    let held = bench.node.held().expect("it is ours").clone();
    let news = Output::Event(Event::Bound(held.clone()));
    assert_eq!(seen, [Output::Hold(held), news]);
    bench.wait(Duration::from_secs(100_000));
    assert!(bench.node.held().is_some(), "the lease does not end it");
}

#[test]
fn an_address_that_is_set_and_taken_leaves_the_box_what_it_has_until_that_ends() {
    let mut bench = Bench::bound();
    let new = Ipv4Addr::new(10, 77, 0, 9);
    bench.give(Input::Set(set_to(new)));
    let claim = Arp::announcement(OTHER, new);
    let seen = bench.give(Input::Arp(claim));
    assert!(events(&seen).contains(&Event::Declined(new, OTHER)));
    assert_eq!(bench.node.held().map(|held| held.address), Some(ADDRESS));
    assert_eq!(bench.node.conflict_with(), Some(OTHER));
    let seen = bench.wait(DECLINE_DELAY);
    assert!(seen.contains(&Output::StartDhcp), "it is tried again");
    let seen = bench.wait(Duration::from_secs(3600));
    assert!(seen.contains(&Output::Drop(ADDRESS, 24)), "{seen:?}");
    assert_eq!(bench.node.held(), None);
    // Somebody sets another one: the conflict is none of it.
    bench.give(Input::Set(set_to(Ipv4Addr::new(10, 77, 0, 8))));
    assert_eq!(bench.node.conflict_with(), None);
}

#[test]
fn without_a_set_address_a_server_is_asked_and_the_old_one_stays_a_while() {
    let other = Lease {
        address: Ipv4Addr::new(10, 77, 0, 60),
        ..lease()
    };
    let mut bench = Bench::bound();
    bench.give(Input::Set(set_to(ADDRESS)));
    assert_eq!(bench.give(Input::Unset), [Output::StartDhcp]);
    bench.wait(Duration::from_secs(5));
    bench.give(Input::Leased(other.clone()));
    assert_eq!(bench.node.held().map(|it| it.address), Some(ADDRESS));
    let seen = bench.wait(Duration::from_secs(30));
    assert!(seen.contains(&Output::Drop(ADDRESS, 24)), "{seen:?}");
    assert_eq!(bench.node.held().map(|it| it.address), Some(other.address));
    // And where no server answers, the box chooses one itself.
    bench.give(Input::Set(set_to(ADDRESS)));
    bench.wait(Duration::from_secs(5));
    bench.give(Input::Unset);
    let seen = bench.wait(FALLBACK_DELAY + Duration::from_secs(10));
    assert!(events(&seen).contains(&Event::Lost(ADDRESS)));
    let held = bench.node.held().expect("one of its own");
    assert_eq!(held.source, Source::LinkLocal);
}
