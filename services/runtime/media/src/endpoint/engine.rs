//! Every endpoint, and where each packet and each tick leads.

mod passing;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ipc::sound::{Agreed, EndpointId, Event, MixId, Source, Stats, Tones};
use rtp::{Outgoing, Rate};
use sansio::{Instant, Rng};

use super::hearing::{Hearing, Route, World, routes};
use super::leg::Leg;
use super::mixing::Mixing;
use super::player::Player;
use super::sounds::Loaded;

pub(crate) use passing::{Arrived, Heard};

/// Endpoints open at once: 500 calls of two. They are 50,000 packets a second each way, what one
/// core of a small box can carry, and take 2,000 descriptors.
pub(crate) const ENDPOINTS_MAX: usize = 1000;

/// How often [`Engine::tick`] is owed while [`Engine::is_ticking`].
pub(crate) const TICK: Duration = Duration::from_millis(rtp::FRAME_MILLIS as u64);

/// How often [`Engine::sweep`] is owed.
pub(crate) const SWEEP: Duration = Duration::from_millis(250);

/// Silence of a peer that is told, unless set otherwise.
pub(crate) const IDLE: Duration = Duration::from_secs(30);

/// Events kept for the pump; it takes them after every cause.
const EVENTS_MAX: usize = 4 * ENDPOINTS_MAX;

/// Every endpoint of the box. No sockets, no clock: packets and ticks in, packets and events out.
#[derive(Debug)]
pub(crate) struct Engine {
    /// Slots are reused, so memory stays at the peak number of calls.
    legs: Vec<Option<Box<Leg>>>,
    /// Who hears the endpoint in a slot.
    hearers: Vec<Vec<usize>>,
    by_id: BTreeMap<EndpointId, usize>,
    /// Those with somebody in them.
    mixes: BTreeMap<MixId, Mixing>,
    rng: Rng,
    is_ticking: bool,
    events: VecDeque<Event>,
    scratch: Scratch,
}

/// Buffers made once, so that a packet costs no allocation.
#[derive(Debug, Default)]
struct Scratch {
    /// A packet on its way out.
    packet: Vec<u8>,
    /// A packet as decrypted.
    plain: Vec<u8>,
    /// Its samples.
    samples: Vec<i16>,
    /// RTCP.
    report: Vec<u8>,
}

impl Engine {
    /// An engine without endpoints; `rng` gives SSRCs and the like.
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            legs: Vec::new(),
            hearers: Vec::new(),
            by_id: BTreeMap::new(),
            mixes: BTreeMap::new(),
            rng,
            is_ticking: false,
            events: VecDeque::new(),
            scratch: Scratch::default(),
        }
    }

    /// The slot of an endpoint.
    pub(crate) fn slot_of(&self, id: EndpointId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// Whether an endpoint has a slot.
    pub(crate) fn has(&self, slot: usize) -> bool {
        self.leg(slot).is_some()
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// All of them.
    pub(crate) fn ids(&self) -> impl Iterator<Item = EndpointId> {
        self.by_id.keys().copied()
    }

    /// Opens an endpoint in a slot that none has, the next new one at most. `is_reopened`: an
    /// earlier process had it, its peer has been sending for a while.
    pub(crate) fn open(&mut self, now: Instant, id: EndpointId, slot: usize, is_reopened: bool) {
        let [a, b, c, d, e, f, g, h] = self.rng.next_u64().to_ne_bytes();
        let [i, j, ..] = self.rng.next_u64().to_ne_bytes();
        let out = Outgoing::new(
            u32::from_ne_bytes([a, b, c, d]),
            u16::from_ne_bytes([i, j]) >> 1,
            u32::from_ne_bytes([e, f, g, h]),
        );
        let leg = Leg::new(now, id, slot, is_reopened, out, self.rng.next_u64());
        if slot == self.legs.len() {
            self.legs.push(None);
            self.hearers.push(Vec::new());
        }
        let Some(place) = self.legs.get_mut(slot) else {
            return;
        };
        *place = Some(Box::new(leg));
        self.by_id.insert(id, slot);
        // Somebody may have been told to hear it already.
        let waits = |leg: &Leg| matches!(leg.ear.hears, Hearing::Endpoint(heard) if heard == id);
        let waiting: Vec<usize> = self
            .open_legs()
            .filter(|it| waits(it))
            .map(|it| it.slot)
            .collect();
        if let Some(hearers) = self.hearers.get_mut(slot) {
            *hearers = waiting;
        }
    }

    /// Takes what was agreed with a peer.
    ///
    /// # Errors
    /// What of it cannot be used.
    pub(crate) fn set(&mut self, now: Instant, slot: usize, agreed: Agreed) -> Result<(), String> {
        let Some(leg) = self.leg_mut(slot) else {
            return Ok(());
        };
        leg.set(now, agreed)?;
        self.route(slot);
        for hearer in self.hearers.get(slot).cloned().unwrap_or_default() {
            self.route(hearer);
        }
        self.note_wants(slot);
        Ok(())
    }

    /// Lets a peer hear something else from now on; for clips see [`play`](Self::play) too.
    pub(crate) fn hear(&mut self, slot: usize, source: Source) {
        let rate = self.leg(slot).map_or(Rate::Narrow, Leg::speech_rate);
        let hearing = match source {
            Source::Silence => Hearing::Silence,
            Source::Endpoint(id) => Hearing::Endpoint(id),
            Source::Mix(id) => Hearing::Mix(id),
            Source::Clip(clip) => match Player::of_clip(&clip, &self.tones_of(slot), rate) {
                Some(player) => Hearing::Clip(Box::new(player)),
                None => Hearing::Silence,
            },
        };
        self.attach(slot, hearing);
    }

    /// The tones a peer hears.
    fn tones_of(&self, slot: usize) -> Tones {
        let tones = self.leg(slot).map(|leg| leg.agreed.tones.clone());
        tones.unwrap_or_default()
    }

    /// Lets a peer who waits hear a file over and over; the same one goes on where it is.
    pub(crate) fn play_on(&mut self, slot: usize, name: String, sound: Loaded) {
        self.attach(slot, Hearing::Clip(Box::new(Player::of_music(name, sound))));
    }

    /// Lets a peer hear a file once.
    pub(crate) fn play(&mut self, slot: usize, sound: Loaded) {
        self.attach(slot, Hearing::Clip(Box::new(Player::of_file(sound))));
    }

    fn attach(&mut self, slot: usize, hearing: Hearing) {
        if self.leg(slot).is_some_and(|leg| leg.ear.is_same(&hearing)) {
            return;
        }
        self.detach(slot);
        match &hearing {
            Hearing::Silence => {}
            Hearing::Clip(_) => self.is_ticking = true,
            Hearing::Endpoint(id) => {
                let heard = self.by_id.get(id).copied();
                if let Some(hearers) = heard.and_then(|heard| self.hearers.get_mut(heard)) {
                    hearers.push(slot);
                }
            }
            Hearing::Mix(id) => {
                self.mixes.entry(*id).or_default().join(slot);
                self.is_ticking = true;
            }
        }
        if let Some(leg) = self.leg_mut(slot) {
            leg.ear.hears = hearing;
        }
        self.route(slot);
        self.note_wants(slot);
    }

    /// Takes a peer away from what it heard.
    fn detach(&mut self, slot: usize) {
        let Some(leg) = self.leg_mut(slot) else {
            return;
        };
        match std::mem::take(&mut leg.ear.hears) {
            Hearing::Silence | Hearing::Clip(_) => {}
            Hearing::Endpoint(id) => {
                let heard = self.by_id.get(&id).copied();
                if let Some(hearers) = heard.and_then(|heard| self.hearers.get_mut(heard)) {
                    hearers.retain(|hearer| *hearer != slot);
                }
                if let Some(heard) = heard {
                    self.note_wants(heard);
                }
            }
            Hearing::Mix(id) => {
                if self.mixes.get_mut(&id).is_some_and(|mix| mix.leave(slot)) {
                    self.mixes.remove(&id);
                }
            }
        }
    }

    /// Finds out anew what becomes of the packets a peer hears.
    fn route(&mut self, slot: usize) {
        let Some(hearer) = self.leg(slot) else { return };
        let Hearing::Endpoint(id) = hearer.ear.hears else {
            return;
        };
        let Some(heard) = self.slot_of(id) else {
            return;
        };
        let Some(found) = self.leg(heard).map(|it| routes(it, &hearer.agreed)) else {
            return;
        };
        if let Some(hearer) = self.leg_mut(slot) {
            hearer.ear.set_routes(found);
        }
        self.note_wants(heard);
    }

    /// Notes whether anybody needs samples of a peer.
    fn note_wants(&mut self, slot: usize) {
        let Some(leg) = self.leg(slot) else { return };
        let is_mixed = matches!(leg.ear.hears, Hearing::Mix(_));
        let hearers = self
            .hearers
            .get(slot)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let converts = |hearer: &usize| {
            let hearer = self.leg(*hearer);
            hearer.is_some_and(|it| it.ear.any_route(Route::Convert))
        };
        let is_converted = hearers.iter().any(converts);
        if let Some(leg) = self.leg_mut(slot) {
            leg.want(is_mixed, is_converted);
        }
    }

    /// Sends digits to a peer.
    pub(crate) fn dial(&mut self, slot: usize, digits: &str) {
        if let Some(leg) = self.leg_mut(slot) {
            leg.dial(digits);
            self.is_ticking = true;
        }
    }

    /// Records a peer; the rate samples will have. `None` when it is recorded already.
    pub(crate) fn record(&mut self, slot: usize, recording: u64) -> Option<Rate> {
        let rate = self.leg_mut(slot)?.record(recording)?;
        self.is_ticking = true;
        self.note_wants(slot);
        Some(rate)
    }

    /// Ends a recording, after its last samples; which it was.
    pub(crate) fn stop_recording(&mut self, slot: usize, world: &mut impl World) -> Option<u64> {
        let stopped = self.leg_mut(slot)?.stop_recording(world);
        self.note_wants(slot);
        stopped
    }

    /// The recording of an endpoint, while there is one.
    pub(crate) fn recording(&self, slot: usize) -> Option<u64> {
        self.leg(slot)?.recording()
    }

    /// A recording ended by itself.
    pub(crate) fn recording_failed(&mut self, recording: u64, reason: String) {
        let found = self
            .open_legs()
            .find(|leg| leg.recording() == Some(recording));
        let Some((id, slot)) = found.map(|leg| (leg.id, leg.slot)) else {
            return;
        };
        if let Some(leg) = self.leg_mut(slot) {
            leg.drop_recording();
        }
        self.note_wants(slot);
        self.tell(Event::RecordingFailed { id, reason });
    }

    /// Closes an endpoint; end its recording before.
    pub(crate) fn close(&mut self, now: Instant, slot: usize) -> Option<Stats> {
        self.detach(slot);
        let leg = self.legs.get_mut(slot)?.take()?;
        self.by_id.remove(&leg.id);
        if let Some(hearers) = self.hearers.get_mut(slot) {
            hearers.clear();
        }
        Some(leg.stats(now))
    }

    /// What passed through an endpoint.
    pub(crate) fn stats(&self, now: Instant, id: EndpointId) -> Option<Stats> {
        Some(self.leg(self.slot_of(id)?)?.stats(now))
    }

    /// Whether the control message of the next datagram is wanted.
    pub(crate) fn needs_local(&self, slot: usize) -> bool {
        self.leg(slot).is_some_and(Leg::needs_local)
    }

    /// Whether [`tick`](Self::tick) is owed every [`TICK`].
    pub(crate) const fn is_ticking(&self) -> bool {
        self.is_ticking
    }

    /// The next thing that happened.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn leg(&self, slot: usize) -> Option<&Leg> {
        self.legs.get(slot)?.as_deref()
    }

    fn leg_mut(&mut self, slot: usize) -> Option<&mut Leg> {
        self.legs.get_mut(slot)?.as_deref_mut()
    }

    fn open_legs(&self) -> impl Iterator<Item = &Leg> {
        self.legs.iter().flatten().map(Box::as_ref)
    }

    fn tell(&mut self, event: Event) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        }
    }
}

#[cfg(test)]
mod tests;
