//! What `media` was told, kept so that it can be told again after it was restarted.
//!
//! A call does not notice: its relays come back on the ports they had, and the phones go on
//! sending to them. The other way round too: what `media` has and no call does is closed. That
//! happens when its answer was lost, and each such relay would hold four ports for ever.

use std::collections::BTreeMap;

use ipc::media::{Leg, RelayId, Reply, Request, Side, Stats};

/// Every relay that is open as far as we know.
#[derive(Debug, Default)]
pub(super) struct RelayBook {
    open: BTreeMap<RelayId, Relay>,
    /// A request failed, perhaps after `media` had carried it out.
    doubtful: bool,
}

#[derive(Debug, Default)]
struct Relay {
    caller_port: u16,
    callee_port: u16,
    caller: Option<Leg>,
    callee: Option<Leg>,
    /// What passed before `media` was restarted.
    before: Stats,
    /// What `media` last said has passed since.
    since: Stats,
}

impl RelayBook {
    /// Whether there is nothing to look after.
    pub(super) fn is_settled(&self) -> bool {
        self.open.is_empty() && !self.doubtful
    }

    /// Whether `media` may have relays that no call has.
    pub(super) const fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Nobody knows whether `media` did what it was asked.
    pub(super) const fn doubt(&mut self) {
        self.doubtful = true;
    }

    /// Notes what `media` answered, and adds what it has forgotten to the counts of a closed relay.
    pub(super) fn note(&mut self, request: &Request, mut reply: Reply) -> Reply {
        self.doubtful |= matches!(reply, Reply::Failed { .. });
        match request {
            Request::Open(id) | Request::Reopen(id, ..) => {
                if let Reply::Opened {
                    caller_port,
                    callee_port,
                } = reply
                {
                    let relay = self.open.entry(*id).or_default();
                    (relay.caller_port, relay.callee_port) = (caller_port, callee_port);
                }
            }
            Request::Set(id, side, leg) => {
                if let (Reply::Done, Some(relay)) = (&reply, self.open.get_mut(id)) {
                    let leg = Some(Leg {
                        relatch: false,
                        ..leg.clone()
                    });
                    match side {
                        Side::Caller => relay.caller = leg,
                        Side::Callee => relay.callee = leg,
                    }
                }
            }
            Request::Close(id) => {
                let Some(relay) = self.open.remove(id) else {
                    return reply;
                };
                match &mut reply {
                    Reply::Closed(stats) => *stats = sum(relay.before, *stats),
                    // Gone with the old process: what it last said is the best there is.
                    Reply::Unknown => reply = Reply::Closed(sum(relay.before, relay.since)),
                    Reply::Opened { .. }
                    | Reply::Done
                    | Reply::Relays(_)
                    | Reply::Failed { .. }
                    | Reply::Refused { .. } => {}
                }
            }
            Request::KeepOnly(kept) => self.open.retain(|id, _| kept.contains(id)),
            Request::Status => {}
        }
        reply
    }

    /// What to ask so that `media` has every relay it should and no other: nothing in normal life.
    pub(super) fn differences(&mut self, relays: &[(RelayId, Stats)]) -> Vec<Request> {
        let known: BTreeMap<RelayId, Stats> = relays.iter().copied().collect();
        let unknown = known.keys().filter(|id| !self.open.contains_key(id));
        let mut requests: Vec<Request> = unknown.map(|id| Request::Close(*id)).collect();
        self.doubtful = false;
        for (id, relay) in &mut self.open {
            if let Some(stats) = known.get(id) {
                relay.since = *stats;
                continue;
            }
            relay.before = sum(relay.before, relay.since);
            relay.since = Stats::default();
            requests.push(Request::Reopen(*id, relay.caller_port, relay.callee_port));
            let legs = [(Side::Caller, &relay.caller), (Side::Callee, &relay.callee)];
            let legs = legs
                .into_iter()
                .filter_map(|(side, leg)| Some((side, leg.clone()?)));
            requests.extend(legs.map(|(side, leg)| Request::Set(*id, side, leg)));
        }
        requests
    }
}

const fn sum(before: Stats, since: Stats) -> Stats {
    Stats {
        packets_to_callee: before
            .packets_to_callee
            .saturating_add(since.packets_to_callee),
        packets_to_caller: before
            .packets_to_caller
            .saturating_add(since.packets_to_caller),
        dropped: before.dropped.saturating_add(since.dropped),
        dtmf_digits: before.dtmf_digits.saturating_add(since.dtmf_digits),
        idle_millis: since.idle_millis,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(packets_to_callee: u64) -> Stats {
        Stats {
            packets_to_callee,
            ..Stats::default()
        }
    }

    fn book() -> RelayBook {
        let mut book = RelayBook::default();
        book.note(
            &Request::Open(7),
            Reply::Opened {
                caller_port: 2000,
                callee_port: 2002,
            },
        );
        let moved = Leg {
            relatch: true,
            ..Leg::default()
        };
        book.note(&Request::Set(7, Side::Callee, moved), Reply::Done);
        book
    }

    #[test]
    fn nothing_is_asked_while_every_relay_is_there() {
        assert_eq!(book().differences(&[(7, passed(1))]), []);
    }

    #[test]
    fn a_relay_that_no_call_has_is_closed_once_something_failed() {
        let mut book = RelayBook::default();
        let reason = "no answer in time".to_owned();
        book.note(&Request::Open(9), Reply::Failed { reason });
        assert!(!book.is_settled());
        assert_eq!(book.differences(&[(9, passed(1))]), [Request::Close(9)]);
        assert!(book.is_settled());
    }

    #[test]
    fn a_lost_relay_is_opened_where_it_was_and_told_what_it_knew() {
        let expected = [
            Request::Reopen(7, 2000, 2002),
            Request::Set(7, Side::Callee, Leg::default()),
        ];
        assert_eq!(book().differences(&[]), expected);
    }

    #[test]
    fn the_counts_of_a_call_go_over_the_restart() {
        let mut book = book();
        book.differences(&[(7, passed(100))]);
        book.differences(&[]);
        book.differences(&[(7, passed(20))]);
        let closed = book.note(&Request::Close(7), Reply::Closed(passed(25)));
        assert_eq!(closed, Reply::Closed(passed(125)));
        assert!(book.is_settled());
    }

    #[test]
    fn a_relay_that_died_just_before_its_end_still_counts() {
        let mut book = book();
        book.differences(&[(7, passed(100))]);
        assert_eq!(
            book.note(&Request::Close(7), Reply::Unknown),
            Reply::Closed(passed(100))
        );
        assert_eq!(
            book.note(&Request::Close(7), Reply::Unknown),
            Reply::Unknown
        );
    }

    #[test]
    fn only_kept_relays_are_looked_after() {
        let mut book = book();
        book.note(&Request::KeepOnly(Vec::new()), Reply::Done);
        assert!(book.is_settled());
    }
}
