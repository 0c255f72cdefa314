//! The relays that are open, by name and by slot.

use std::collections::BTreeMap;

use ipc::media::{Leg, RelayId, Reply, Request, Side as WireSide, Stats};
use rtp::{Channel, Relay, Side};
use sansio::Instant;

use crate::ports::{PortRange, PortRing};
use crate::sockets::{RelaySockets, is_own_address};

/// Relays open at once. 500 calls are 50,000 packets a second each way, what one core of a small
/// box can carry; they take 2,000 descriptors.
pub const RELAYS_MAX: usize = 500;

/// Every open relay. Slots are reused, so memory stays at the peak number of calls.
#[derive(Debug)]
pub(crate) struct RelayTable {
    slots: Vec<Option<Slot>>,
    by_id: BTreeMap<RelayId, usize>,
    range: PortRange,
    ring: PortRing,
}

/// A relay with its sockets.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) relay: Relay,
    pub(crate) sockets: RelaySockets,
}

/// One socket of one slot, as a number for epoll.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    pub(crate) slot: usize,
    pub(crate) side: Side,
    pub(crate) channel: Channel,
}

impl Token {
    /// The token as epoll's user data.
    pub(crate) const fn to_u64(self) -> u64 {
        let side = match self.side {
            Side::Caller => 0,
            Side::Callee => 1,
        };
        let channel = match self.channel {
            Channel::Rtp => 0,
            Channel::Rtcp => 2,
        };
        (self.slot as u64) << 2 | side | channel
    }

    /// The token behind epoll's user data.
    pub(crate) fn from_u64(data: u64) -> Self {
        Self {
            slot: usize::try_from(data >> 2).unwrap_or(usize::MAX),
            side: if data & 1 == 0 {
                Side::Caller
            } else {
                Side::Callee
            },
            channel: if data & 2 == 0 {
                Channel::Rtp
            } else {
                Channel::Rtcp
            },
        }
    }

    /// The four tokens of a slot.
    pub(crate) fn all(slot: usize) -> impl Iterator<Item = Self> {
        [Side::Caller, Side::Callee]
            .into_iter()
            .flat_map(move |side| {
                [Channel::Rtp, Channel::Rtcp].map(|channel| Self {
                    slot,
                    side,
                    channel,
                })
            })
    }
}

impl RelayTable {
    /// An empty table; `start` says where in the range the first port is tried.
    pub(crate) fn new(range: PortRange, start: u64) -> Self {
        let ring = PortRing::new(range, start);
        Self {
            slots: Vec::new(),
            by_id: BTreeMap::new(),
            range,
            ring,
        }
    }

    /// The relay in a slot.
    pub(crate) fn slot_mut(&mut self, slot: usize) -> Option<&mut Slot> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// Answers a request; `watch` is told of a slot whose sockets are new.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        request: Request,
        watch: impl FnMut(usize, &Slot) -> Result<(), String>,
    ) -> Reply {
        match request {
            Request::Open(id) => self.open(now, id, None, watch),
            Request::Reopen(id, caller, callee) => {
                self.open(now, id, Some((caller, callee)), watch)
            }
            Request::Set(id, side, leg) => self.set(id, side, leg),
            Request::Close(id) => self.close(now, id).map_or(Reply::Unknown, Reply::Closed),
            Request::KeepOnly(kept) => {
                let unwanted: Vec<_> = self
                    .by_id
                    .keys()
                    .filter(|id| !kept.contains(id))
                    .copied()
                    .collect();
                for id in unwanted {
                    self.close(now, id);
                }
                Reply::Done
            }
            Request::Status => {
                let stats = self.by_id.iter().filter_map(|(id, slot)| {
                    let slot = self.slots.get(*slot)?.as_ref()?;
                    Some((*id, shown(&slot.relay, now)))
                });
                Reply::Relays(stats.collect())
            }
        }
    }

    fn open(
        &mut self,
        now: Instant,
        id: RelayId,
        ports: Option<(u16, u16)>,
        mut watch: impl FnMut(usize, &Slot) -> Result<(), String>,
    ) -> Reply {
        if let Some(slot) = self
            .by_id
            .get(&id)
            .and_then(|slot| self.slots.get(*slot)?.as_ref())
        {
            return opened(&slot.sockets);
        }
        if self.by_id.len() >= RELAYS_MAX {
            return failed(format!(
                "{RELAYS_MAX} relays are open, as many as there may be"
            ));
        }
        let bound = match ports {
            None => RelaySockets::bind(&mut self.ring),
            Some((caller, callee))
                if self.range.has_pair(caller) && self.range.has_pair(callee) =>
            {
                RelaySockets::rebind(caller, callee)
            }
            Some(_) => return failed(format!("the ports asked for are not of {}", self.range)),
        };
        let sockets = match bound {
            Ok(sockets) => sockets,
            Err(error) => return failed(error.to_string()),
        };
        let reply = opened(&sockets);
        let index = self.free_slot();
        let slot = Slot {
            relay: Relay::new(now),
            sockets,
        };
        if let Err(reason) = watch(index, &slot) {
            return failed(reason);
        }
        if let Some(place) = self.slots.get_mut(index) {
            *place = Some(slot);
            self.by_id.insert(id, index);
        }
        reply
    }

    fn set(&mut self, id: RelayId, side: WireSide, leg: Leg) -> Reply {
        let range = self.range;
        let Some(slot) = self
            .by_id
            .get(&id)
            .and_then(|slot| self.slots.get_mut(*slot)?.as_mut())
        else {
            return Reply::Unknown;
        };
        if let Some(remote) = leg.remote
            && range.contains(remote.port())
            && is_own_address(remote.ip())
        {
            return failed(format!(
                "{remote} is a port of this relay itself: media would circle"
            ));
        }
        let side = match side {
            WireSide::Caller => Side::Caller,
            WireSide::Callee => Side::Callee,
        };
        if leg.relatch {
            slot.relay.relatch(side);
        }
        let leg = rtp::Leg {
            remote: leg.remote,
            signalling: leg.signalling.map(|signalling| signalling.ip()),
            telephone_event: leg.telephone_event,
            payload_map: leg.payload_map,
        };
        slot.relay.set(side, &leg);
        Reply::Done
    }

    /// Drops a relay and with it its sockets, which epoll forgets by itself.
    fn close(&mut self, now: Instant, id: RelayId) -> Option<Stats> {
        let slot = self.by_id.remove(&id)?;
        let slot = self.slots.get_mut(slot)?.take()?;
        Some(shown(&slot.relay, now))
    }

    fn free_slot(&mut self) -> usize {
        if let Some(free) = self.slots.iter().position(Option::is_none) {
            return free;
        }
        self.slots.push(None);
        self.slots.len() - 1
    }
}

const fn opened(sockets: &RelaySockets) -> Reply {
    Reply::Opened {
        caller_port: sockets.port(Side::Caller),
        callee_port: sockets.port(Side::Callee),
    }
}

const fn failed(reason: String) -> Reply {
    Reply::Failed { reason }
}

fn shown(relay: &Relay, now: Instant) -> Stats {
    let stats = relay.stats();
    Stats {
        packets_to_callee: stats.packets_to_callee,
        packets_to_caller: stats.packets_to_caller,
        dropped: stats.dropped,
        dtmf_digits: stats.dtmf_digits,
        idle_millis: u64::try_from(relay.idle(now).as_millis()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
