//! What is on its way between the box and everybody else: the bad network, and time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use ipc::sound::{Clip, Event as SoundEvent, Source};
use pbx::Input;
use sansio::{Instant, Transport};

use super::Office;
use crate::desk::{Desk, Stand};
use crate::world::BOX_ADDRESS;

/// How long a clip that has an end plays.
const CLIP_TIME: Duration = Duration::from_secs(2);
/// When media says that nothing comes from a peer.
const IDLE_SECONDS: u32 = 65;
const IDLE_TIME: Duration = Duration::from_secs(65);
const TICK: Duration = Duration::from_secs(1);
/// More than this in one second is a storm: twenty phones with three lines, each repeating three
/// transactions, and a flood of forty strangers, stay far below.
const SENT_PER_SECOND_MAX: u64 = 3000;

/// Something on its way.
#[derive(Clone, Debug)]
pub(crate) enum Packet {
    BoxDatagram(SocketAddr, Vec<u8>),
    BoxBytes(u64, Vec<u8>),
    DeskDatagram(usize, Vec<u8>),
    DeskBytes(usize, u64, Vec<u8>),
}

impl Office {
    /// Opens a device's connection, if it uses one.
    pub(super) fn connect(&mut self, index: usize) {
        let stream = self.next_stream;
        let Some(desk) = self.desks.get_mut(index).filter(|desk| desk.is_stream()) else {
            return;
        };
        self.next_stream = self.next_stream.saturating_add(1);
        let before = desk.stream.replace(stream);
        desk.disturbed |= before.is_some();
        let opened = Input::StreamOpened {
            stream,
            transport: Transport::Tcp,
            remote: desk.address(),
            local: BOX_ADDRESS,
        };
        if let Some(before) = before {
            self.world.kept.remove(&before);
            self.world.input(Input::StreamClosed { stream: before });
        }
        self.world.kept.insert(stream, opened.clone());
        self.world.input(opened);
    }

    /// Lets everything happen until then.
    pub(super) fn run_until(&mut self, end: Instant) {
        self.flush();
        loop {
            let now = self.world.now();
            let packet = self.queue.first_key_value().map(|((at, _), _)| *at);
            let desks = self.desks.iter().filter_map(Desk::deadline);
            let own = desks.chain(packet).min();
            let own = own.unwrap_or(end).min(self.next_tick).min(end);
            let next = self.world.next_moment().unwrap_or(own).min(own).max(now);
            self.world.run_for(next - now);
            self.flush();
            self.deliver(next);
            for desk in &mut self.desks {
                if desk.deadline().is_some_and(|at| at <= next) {
                    desk.timer(next);
                }
            }
            self.flush();
            if next >= self.next_tick {
                self.tick(next);
            }
            if next >= end {
                return;
            }
        }
    }

    fn deliver(&mut self, now: Instant) {
        while let Some(entry) = self
            .queue
            .first_entry()
            .filter(|entry| entry.key().0 <= now)
        {
            match entry.remove() {
                Packet::BoxDatagram(source, bytes) => self.world.send_to_box(source, &bytes),
                Packet::BoxBytes(stream, bytes) => {
                    if self.desks.iter().any(|desk| desk.stream == Some(stream)) {
                        self.world.input(Input::StreamBytes { stream, bytes });
                    }
                }
                Packet::DeskDatagram(index, bytes) => self.hand_over(index, None, &bytes),
                Packet::DeskBytes(index, stream, bytes) => {
                    self.hand_over(index, Some(stream), &bytes);
                }
            }
            self.flush();
        }
    }

    fn hand_over(&mut self, index: usize, stream: Option<u64>, bytes: &[u8]) {
        let now = self.world.now();
        if let Some(desk) = self.desks.get_mut(index)
            && !desk.is_silent(now)
            && (stream.is_none() || desk.stream == stream)
        {
            desk.receive(now, bytes);
        }
    }

    /// Puts on the network what anybody wants to send.
    pub(super) fn flush(&mut self) {
        let now = self.world.now();
        for sent in std::mem::take(&mut self.world.elsewhere) {
            self.sent_this_second = self.sent_this_second.saturating_add(1);
            let mut desks = self.desks.iter();
            let index = desks.position(|desk| desk.address() == sent.destination);
            match index {
                Some(index) => self.carry(&Packet::DeskDatagram(index, sent.bytes)),
                None => self.attacker_got(sent.destination, &sent.bytes),
            }
        }
        for (stream, bytes) in std::mem::take(&mut self.world.streams) {
            let mut desks = self.desks.iter();
            let Some(index) = desks.position(|desk| desk.stream == Some(stream)) else {
                continue;
            };
            match bytes {
                Some(bytes) => {
                    self.carry_in_order(Packet::DeskBytes(index, stream, bytes), stream);
                }
                None => self.connect(index),
            }
        }
        for index in 0..self.desks.len() {
            while let Some(desk) = self.desks.get_mut(index)
                && let Some(bytes) = desk.poll()
            {
                if desk.is_silent(now) {
                    continue;
                }
                let (address, stream) = (desk.address(), desk.stream);
                self.attackers.overhear(&bytes);
                match stream {
                    None => self.carry(&Packet::BoxDatagram(address, bytes)),
                    Some(stream) => {
                        self.carry_in_order(Packet::BoxBytes(stream, bytes), stream);
                    }
                }
            }
        }
    }

    /// Datagrams are lost, delayed and repeated.
    pub(super) fn carry(&mut self, packet: &Packet) {
        for delay in self.faults.deliveries(&mut self.rng) {
            let at = self.world.now() + delay;
            self.queue_at(at, packet.clone());
        }
    }

    /// What goes by a connection is only delayed.
    fn carry_in_order(&mut self, packet: Packet, stream: u64) {
        let spread = self.faults.delay_max.as_millis();
        let spread = u64::try_from(spread).unwrap_or(1).max(1);
        let at = self.world.now() + Duration::from_millis(1 + self.rng.below(spread));
        let to_box = matches!(packet, Packet::BoxBytes(..));
        let last = self.last_on_stream.entry((stream, to_box));
        let last = last.or_insert(at);
        *last = at.max(*last);
        let at = *last;
        self.queue_at(at, packet);
    }

    fn queue_at(&mut self, at: Instant, packet: Packet) {
        self.sequence = self.sequence.saturating_add(1);
        self.queue.insert((at, self.sequence), packet);
    }

    /// Once a second: clips end, media tells who is silent, and bounds are looked at.
    fn tick(&mut self, now: Instant) {
        self.next_tick = now + TICK;
        if self.media_back.is_some_and(|at| at <= now) {
            self.media_back = None;
            self.world.media.broken = false;
        }
        if self.sent_this_second > SENT_PER_SECOND_MAX {
            let seen = format!("{} datagrams in a second", self.sent_this_second);
            self.breaks("outputs are bounded (STYLE 4.4)", &seen);
        }
        self.sent_this_second = 0;
        self.check_bounds();
        self.hang_up_what_is_dead(now);
        let mut events = Vec::new();
        let (mut playing, mut orphans) = (Vec::new(), Vec::new());
        for (id, endpoint) in &self.world.media.open {
            if matches!(
                endpoint.hears,
                Source::Clip(Clip::Digits(_) | Clip::File(_) | Clip::Confirm)
            ) {
                playing.push(*id);
            }
            let remote = endpoint.agreed.as_ref().and_then(|agreed| agreed.remote);
            if remote.is_none_or(|remote| !self.has_media_at(remote)) {
                orphans.push(*id);
            }
        }
        self.playing.retain(|id, _| playing.contains(id));
        self.orphans.retain(|id, _| orphans.contains(id));
        for id in playing {
            if *self.playing.entry(id).or_insert(now) + CLIP_TIME <= now {
                self.playing.remove(&id);
                if let Some(endpoint) = self.world.media.open.get_mut(&id) {
                    endpoint.hears = Source::Silence;
                }
                events.push(SoundEvent::ClipEnded { id });
            }
        }
        for id in orphans {
            if *self.orphans.entry(id).or_insert(now) + IDLE_TIME <= now {
                self.orphans.remove(&id);
                events.push(SoundEvent::Idle {
                    id,
                    seconds: IDLE_SECONDS,
                });
            }
        }
        if !self.world.media.broken {
            for event in events {
                self.world.input(Input::SoundEvent(event));
            }
        }
        self.flush();
    }

    /// A device that may have missed the end of a call hangs up when nothing is heard.
    fn hang_up_what_is_dead(&mut self, now: Instant) {
        let open = self.world.media.open.values();
        let served: BTreeSet<SocketAddr> = open
            .filter_map(|endpoint| endpoint.agreed.as_ref()?.remote)
            .collect();
        let mut deaf = BTreeMap::new();
        for desk in self.desks.iter_mut().filter(|desk| desk.disturbed) {
            for line in desk.lines(Stand::Talking) {
                let at = desk.media(line);
                if served.contains(&at) {
                    continue;
                }
                let since = *self.deaf.get(&at).unwrap_or(&now);
                deaf.insert(at, since);
                if since + IDLE_TIME <= now {
                    desk.hang_up(now, line);
                }
            }
        }
        self.deaf = deaf;
    }

    /// Somebody talks there.
    fn has_media_at(&self, remote: SocketAddr) -> bool {
        self.desks.iter().any(|desk| {
            let talking = desk.lines(Stand::Talking);
            talking.iter().any(|line| desk.media(*line) == remote)
        })
    }
}
