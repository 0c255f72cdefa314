//! Two of our own legs against each other over a network that loses, doubles and reorders.

use std::collections::BTreeMap;

use sansio::Instant;

use super::*;

/// Two boxes, and what is on the wire between them.
struct Pair {
    boxes: [Bench; 2],
    wire: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    rng: Rng,
    sent: u64,
    loss: u8,
}

fn side(end: usize) -> Flow {
    let [one, two] = [address("10.0.0.1:5060"), address("10.0.0.2:5060")];
    match end {
        0 => flow(),
        _ => Flow {
            local: two,
            remote: one,
            ..flow()
        },
    }
}

impl Pair {
    fn new(seed: u64, loss: u8, profile: &Profile) -> Self {
        let mut other = Bench::new(profile.clone());
        other.core = Core::new(Rng::from_seed(seed + 77), Entropy::new([9; 32]));
        Self {
            boxes: [Bench::new(profile.clone()), other],
            wire: BTreeMap::new(),
            rng: Rng::from_seed(seed),
            sent: 0,
            loss,
        }
    }

    fn now(&self) -> Instant {
        self.boxes[0].core.now
    }

    /// Puts on the wire what both have sent; some of it is lost, some doubled, all of it late.
    fn collect(&mut self) {
        let now = self.now();
        for from in 0..2 {
            while let Some((_, message)) = self.boxes[from].sent.pop_front() {
                let copies = match () {
                    () if self.rng.chance(self.loss) => 0,
                    () if self.rng.chance(5) => 2,
                    () => 1,
                };
                for _ in 0..copies {
                    self.sent += 1;
                    // On a good network both are in step, and only the waits tell them apart.
                    let late = match self.loss {
                        0 => 50,
                        _ => 5 + self.rng.below(200),
                    };
                    let late = Duration::from_millis(late);
                    let packet = (1 - from, message.to_bytes());
                    self.wire.insert((now + late, self.sent), packet);
                }
            }
        }
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now() + time;
        self.collect();
        loop {
            let timers = self.boxes.iter().flat_map(|one| {
                let sip = one.core.sip.deadline();
                sip.into_iter().chain(one.legs.deadline())
            });
            let packets = self.wire.keys().next().map(|(at, _)| *at);
            let next = timers.chain(packets).min();
            let Some(at) = next.filter(|at| *at <= until) else {
                break;
            };
            let step = at - self.now();
            for one in &mut self.boxes {
                one.wait(step);
            }
            if let Some(packet) = self.wire.first_entry().filter(|one| one.key().0 <= at) {
                let (to, bytes) = packet.remove();
                self.boxes[to].receive_by(side(to), &bytes);
            }
            self.collect();
        }
        let step = until - self.now();
        for one in &mut self.boxes {
            one.wait(step);
        }
        self.collect();
    }

    /// The first calls the second; both legs, if the INVITE arrives.
    fn call(&mut self) -> (LegId, Option<LegId>) {
        let [one, _] = &mut self.boxes;
        let wanted = one.wanted(None);
        let caller = one.command(|legs, core| legs.outgoing(core, wanted));
        for _ in 0..40 {
            self.wait(Duration::from_millis(500));
            let [_, two] = &mut self.boxes;
            let Some((id, flow, invite)) = two.arrived.pop_front() else {
                continue;
            };
            let (peer, profile) = (Peer::Trunk("t".to_owned()), two.profile.clone());
            let leg =
                two.command(|legs, core| legs.incoming(core, id, flow, &invite, peer, profile));
            return (caller.expect("room"), leg.ok());
        }
        (caller.expect("room"), None)
    }

    fn codecs(&self, end: usize, leg: LegId) -> Vec<String> {
        let agreed = self.boxes[end].legs.agreement(leg);
        agreed.codecs.into_iter().map(|codec| codec.name).collect()
    }

    /// Whatever was lost: in the end nothing is left on either side.
    fn nothing_is_left(&mut self, seed: u64) {
        self.wait(seconds(400));
        for one in &self.boxes {
            let legs = &one.legs;
            assert!(legs.legs.is_empty(), "seed {seed}: {:?}", legs.legs);
            assert!(legs.shared.clients.is_empty(), "seed {seed}");
            assert_eq!(legs.deadline(), None, "seed {seed}");
        }
    }
}

fn timed_and_reliable() -> Profile {
    Profile {
        reliable: Use::Supported,
        timer: Use::Supported,
        session_interval: 90,
        ..profile()
    }
}

#[test]
fn a_call_over_a_bad_network_agrees_changes_and_ends_on_both_sides() {
    // pbx traps 3, 4, 14, 15 and 16 at once.
    let mut survived = 0;
    for seed in 0..60 {
        let mut pair = Pair::new(seed, 20, &timed_and_reliable());
        let (caller, callee) = pair.call();
        let Some(callee) = callee else {
            pair.nothing_is_left(seed);
            continue;
        };
        let ring = |legs: &mut Legs, core: &mut Core| {
            legs.progress(core, callee, StatusCode::RINGING, None);
        };
        pair.boxes[1].command(ring);
        pair.wait(seconds(5));
        pair.boxes[1].command(|legs, core| legs.answer(core, callee, &[]));
        pair.wait(seconds(33));
        // Both change their minds at once: glare.
        pair.boxes[0].command(|legs, core| legs.renegotiate(core, caller, &[codec("PCMU", 0)]));
        pair.boxes[1].command(|legs, core| legs.renegotiate(core, callee, &[codec("PCMU", 0)]));
        // Long enough for refreshes, and for a transaction to time out.
        pair.wait(seconds(150));
        let up = |pair: &Pair, end: usize, leg| pair.boxes[end].legs.is_confirmed(leg);
        if up(&pair, 0, caller) && up(&pair, 1, callee) {
            let (one, two) = (pair.codecs(0, caller), pair.codecs(1, callee));
            assert_eq!(one, two, "seed {seed}");
            survived += 1;
        }
        pair.boxes[0].hang_up(caller);
        pair.nothing_is_left(seed);
        let ended = |one: &Bench| {
            let closed = |(_, event): &&(LegId, LegEvent)| matches!(event, LegEvent::Closed(_));
            let last = one.events.back().map(|(_, event)| event);
            assert!(
                matches!(last, Some(LegEvent::Closed(_))),
                "seed {seed}: the last event"
            );
            one.events.iter().filter(closed).count()
        };
        let [one, two] = &pair.boxes;
        assert_eq!((ended(one), ended(two)), (1, 1), "seed {seed}");
    }
    assert!(survived > 30, "repetition carries most calls: {survived}");
}

#[test]
fn over_a_good_network_the_call_stays_up_and_both_changes_come_through() {
    for seed in 0..20 {
        let mut pair = Pair::new(seed, 0, &timed_and_reliable());
        let (caller, callee) = pair.call();
        let callee = callee.expect("nothing is lost");
        pair.boxes[1].command(|legs, core| legs.answer(core, callee, &[]));
        pair.wait(seconds(2));
        pair.boxes[0].command(|legs, core| legs.renegotiate(core, caller, &[codec("PCMU", 0)]));
        pair.boxes[1].command(|legs, core| legs.renegotiate(core, callee, &[codec("PCMU", 0)]));
        pair.wait(seconds(600));
        for (end, leg) in [(0, caller), (1, callee)] {
            assert!(pair.boxes[end].legs.is_confirmed(leg), "seed {seed}, {end}");
            assert_eq!(pair.codecs(end, leg), ["PCMU"], "seed {seed}, {end}");
        }
        pair.boxes[1].hang_up(callee);
        pair.nothing_is_left(seed);
    }
}

#[test]
fn a_call_given_up_at_any_moment_leaves_nothing() {
    // pbx trap 4: CANCEL before, with and after every other message.
    for seed in 0..120 {
        let mut pair = Pair::new(seed, 10, &profile());
        let (caller, callee) = pair.call();
        if let Some(callee) = callee {
            pair.boxes[1].command(|legs, core| {
                legs.progress(core, callee, StatusCode::RINGING, None);
            });
            pair.wait(Duration::from_millis(seed * 10));
            pair.boxes[1].command(|legs, core| legs.answer(core, callee, &[]));
            pair.wait(Duration::from_millis(seed * 3));
        }
        pair.boxes[0].hang_up(caller);
        pair.nothing_is_left(seed);
    }
}
