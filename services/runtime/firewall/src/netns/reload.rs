//! Another ruleset takes the place of the one that stands, and nothing slips through.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;

/// How often it is loaded.
const RELOADS: u32 = 200;

/// What sets a flag however its scope ends, so that threads that look at it end too.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends to a port that is closed, as fast as it can, until told to stop; counts what it sent.
fn hammer(world: &World, it: Addresses, sent: &AtomicU64, is_over: &AtomicBool) {
    world.run(|| {
        let socket = udp(it.stranger, 0);
        while !is_over.load(Ordering::Relaxed) {
            // A full queue is no reason to stop.
            if socket.send_to(b"attack", (it.own, SIP)).is_ok() {
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
}

/// Asks and waits for the answer, again and again: each must come. Counts those that did.
fn call(world: &World, it: Addresses, answered: &AtomicU64, is_over: &AtomicBool) {
    world.run(|| {
        let socket = udp(it.phone, 0);
        while !is_over.load(Ordering::Relaxed) {
            socket.send_to(b"sound", (it.own, 20_000)).expect("sent");
            receive(&socket, &mut [0; 16]).expect("no packet is lost");
            answered.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// The box's side of it.
fn answer(socket: &UdpSocket, is_over: &AtomicBool) {
    let short = Duration::from_millis(20);
    socket.set_read_timeout(Some(short)).expect("set");
    let mut heard = [0; 16];
    while !is_over.load(Ordering::Relaxed) {
        if let Ok((length, by)) = receive(socket, &mut heard) {
            socket.send_to(&heard[..length], by).expect("sent");
        }
    }
}

fn ruleset() -> Ruleset {
    let sets = versions().map(|it| {
        let set = Set::new(&of("lan", it.family), [kind_of(it.family)]).with_intervals();
        let (address, length) = it.office;
        set.with(vec![Element::new([crate::Span::network(address, length)])])
    });
    let rules = versions().map(|it| {
        Rule::new([
            Statement::from_set(it.family, &of("lan", it.family)),
            Statement::accept(),
        ])
    });
    let rules = [established()].into_iter().chain(rules);
    guarded(sets.to_vec(), rules.collect())
}

/// How many packets a socket has, which are taken away.
fn came(socket: &UdpSocket) -> u64 {
    socket.set_nonblocking(true).expect("set");
    let mut count = 0;
    while receive(socket, &mut [0; 16]).is_ok() {
        count += 1;
    }
    count
}

#[test]
fn loading_again_lets_nothing_through_and_stops_no_call() {
    if !is_root() {
        return;
    }
    for it in versions() {
        let world = World::plug_in();
        let firewall = firewall();
        let (closed, echo) = (udp(it.own, SIP), udp(it.own, 20_000));
        firewall.load(&ruleset()).expect("taken");
        let (sent, answered) = (AtomicU64::new(0), AtomicU64::new(0));
        let (calls_over, attack_over) = (AtomicBool::new(false), AtomicBool::new(false));
        let (during, through) = std::thread::scope(|scope| {
            let _over = Over(&attack_over);
            let calls = Over(&calls_over);
            scope.spawn(|| hammer(&world, it, &sent, &attack_over));
            scope.spawn(|| answer(&echo, &attack_over));
            let calling = scope.spawn(|| call(&world, it, &answered, &calls_over));
            let counts = || [&sent, &answered].map(|count| count.load(Ordering::Relaxed));
            until("an attack and a call", || {
                counts().iter().all(|count| *count > 100)
            });
            let begun = counts();
            for _ in 0..RELOADS {
                firewall.load(&ruleset()).expect("taken");
            }
            let done = counts();
            let during = [done[0] - begun[0], done[1] - begun[1]];
            let through = came(&closed);
            drop(calls);
            calling.join().expect("every question was answered");
            // In two transactions there is a gap: this test sees what it looks for.
            until("something coming through a gap", || {
                firewall.unload().expect("gone");
                firewall.load(&ruleset()).expect("taken");
                came(&closed) > 0
            });
            (during, through)
        });
        let [attacks, answers] = during;
        println!(
            "{:?}: {RELOADS} reloads; {attacks} packets sent at a closed port, {through} came \
             through; {answers} questions asked at an open one, all answered",
            it.family
        );
        assert_eq!(through, 0);
        assert!(attacks > 0 && answers > 0);
    }
}

#[test]
fn somebody_who_changes_his_table_at_the_same_time_disturbs_nothing() {
    if !is_root() {
        return;
    }
    let _world = World::plug_in();
    let others = Ruleset {
        table: "others".to_owned(),
        ..ruleset()
    };
    let [ours, theirs] = [firewall(), Firewall::open("others").expect("netfilter")];
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = Over(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                theirs.load(&others).expect("taken");
            }
        });
        for _ in 0..50 {
            ours.load(&ruleset()).expect("taken");
        }
    });
    let rules = |firewall: &Firewall| {
        let set = Set::new("neighbours", [Kind::Icmp6]);
        firewall.elements(&set).expect("read").len()
    };
    assert_eq!([rules(&ours), rules(&theirs)], [4, 4]);
}
