//! Who watches, and what they are told: the whole first, then what changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};

use config::Network;
use ipc::guard::{Bans, Guest, Hiding, Protection, Reply};
use sansio::Instant;

/// A message as it is sent, the same to each.
pub(crate) type Frame = Arc<Vec<u8>>;

/// The services with a door that watch.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    watchers: Vec<SyncSender<Frame>>,
    /// What they have not been told yet.
    change: Change,
    /// Reasons of which they know better who is protected.
    unknown: Vec<Protection>,
}

#[derive(Debug, Default)]
struct Change {
    is_whole: bool,
    /// Until when; `None` for one that is banned no more.
    networks: BTreeMap<Network, Option<Instant>>,
    guests: Option<Vec<Guest>>,
    hiding: Option<Hiding>,
}

impl Doors {
    pub(crate) fn ban(&mut self, network: Network, until: Instant) {
        self.note(network, Some(until));
    }

    pub(crate) fn unban(&mut self, network: Network) {
        self.note(network, None);
    }

    /// Nobody is banned any more.
    pub(crate) fn unban_all(&mut self, guests: &[Guest]) {
        self.change = Change {
            is_whole: true,
            networks: BTreeMap::new(),
            // What was known before is forgotten, guests too.
            guests: Some(guests.to_vec()),
            hiding: self.change.hiding.take(),
        };
    }

    /// All who are never banned, but for reasons that are unknown yet.
    pub(crate) fn protect(&mut self, guests: Vec<Guest>, unknown: Vec<Protection>) {
        self.change.guests = Some(guests);
        self.unknown = unknown;
    }

    /// Doors take these for outside. What is to be looked at anew stays so until they are told.
    pub(crate) fn hide(&mut self, hiding: Hiding) {
        let before = self.change.hiding.take();
        let was_anew = before.is_some_and(|it| it.is_anew);
        self.change.hiding = Some(Hiding {
            is_anew: hiding.is_anew || was_anew,
            ..hiding
        });
    }

    fn note(&mut self, network: Network, until: Option<Instant>) {
        // Who comes later is told the whole.
        if !self.watchers.is_empty() {
            self.change.networks.insert(network, until);
        }
    }

    /// Tells what has changed. Who does not read as fast is let go of: he comes again, and is told
    /// the whole.
    pub(crate) fn flush(&mut self, now: Instant) {
        let change = std::mem::take(&mut self.change);
        let Change {
            is_whole,
            networks,
            guests,
            hiding,
        } = change;
        if !is_whole && networks.is_empty() && guests.is_none() && hiding.is_none() {
            return;
        }
        let mut bans = Bans {
            is_whole,
            protected: guests,
            unknown: self.unknown.clone(),
            hiding,
            ..Bans::default()
        };
        for (network, until) in networks {
            match until {
                Some(until) => bans.banned.push(left(now, &network, until)),
                None => bans.unbanned.push(network.to_string()),
            }
        }
        if let Some(frame) = frame(bans) {
            self.watchers.retain(|it| told(it, &frame));
        }
    }

    /// Another one watches, and is told the whole.
    pub(crate) fn join<'a>(
        &mut self,
        now: Instant,
        watcher: SyncSender<Frame>,
        banned: impl Iterator<Item = (&'a Network, Instant)>,
        guests: Vec<Guest>,
        hiding: Hiding,
    ) {
        // What the others are still to be told is in the whole.
        self.flush(now);
        let bans = Bans {
            is_whole: true,
            banned: banned.map(|(it, until)| left(now, it, until)).collect(),
            unbanned: Vec::new(),
            protected: Some(guests),
            unknown: self.unknown.clone(),
            hiding: Some(hiding),
        };
        if frame(bans).is_some_and(|frame| told(&watcher, &frame)) {
            self.watchers.push(watcher);
        }
    }
}

fn left(now: Instant, network: &Network, until: Instant) -> (String, u64) {
    let left = u64::try_from((until - now).as_millis()).unwrap_or(u64::MAX);
    (network.to_string(), left)
}

fn frame(bans: Bans) -> Option<Frame> {
    let framed = ipc::frame::encode(&Reply::Bans(bans));
    let failed = framed.as_ref().err();
    if let Some(error) = failed {
        tracing::error!("the doors are not told who is banned: {error}");
    }
    framed.ok().map(Arc::new)
}

fn told(watcher: &SyncSender<Frame>, frame: &Frame) -> bool {
    match watcher.try_send(Arc::clone(frame)) {
        Ok(()) => true,
        Err(TrySendError::Full(_)) => {
            tracing::warn!("a service is too slow in hearing who is banned: it is to ask again");
            false
        }
        Err(TrySendError::Disconnected(_)) => false,
    }
}

/// Messages that wait for one who watches: some seconds of an attack from thousands of addresses.
pub(crate) const WAITING_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::time::Duration;

    use super::*;

    fn network(number: u8) -> Network {
        Network::parse(&format!("192.0.2.{number}")).expect("a network")
    }

    fn next(queue: &Receiver<Frame>) -> Bans {
        let frame = queue.try_recv().expect("told");
        let mut decoder = ipc::frame::Decoder::default();
        decoder.push(&frame);
        match decoder.pop().expect("a frame") {
            Some(Reply::Bans(bans)) => bans,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_watches_is_told_the_whole_and_then_what_changes_once() {
        let now = Instant::ORIGIN;
        let until = now + Duration::from_secs(10);
        let mut doors = Doors::default();
        doors.ban(network(1), until);
        let (watcher, queue) = sync_channel(4);
        let before = network(1);
        doors.join(
            now,
            watcher,
            [(&before, until)].into_iter(),
            Vec::new(),
            Hiding::default(),
        );
        let whole = next(&queue);
        assert!(whole.is_whole && whole.protected == Some(Vec::new()));
        assert_eq!(whole.banned, [("192.0.2.1/32".to_owned(), 10_000)]);
        doors.ban(network(2), until);
        doors.ban(network(3), until);
        doors.unban(network(2));
        doors.flush(now + Duration::from_secs(1));
        doors.flush(now);
        let change = next(&queue);
        assert!(!change.is_whole && change.protected.is_none());
        assert_eq!(change.banned, [("192.0.2.3/32".to_owned(), 9_000)]);
        assert_eq!(change.unbanned, ["192.0.2.2/32"]);
        assert!(queue.try_recv().is_err());
        doors.ban(network(4), until);
        doors.unban_all(&[]);
        doors.flush(now);
        let change = next(&queue);
        assert!(change.is_whole && change.banned.is_empty());
    }

    #[test]
    fn whom_routers_hide_is_told_at_once_and_that_it_is_looked_at_anew_is_not_lost() {
        let mut doors = Doors::default();
        let (watcher, queue) = sync_channel(4);
        let hiding = |address: &str, is_anew| Hiding {
            addresses: vec![address.to_owned()],
            is_anew,
        };
        let (none, now) = (std::iter::empty(), Instant::ORIGIN);
        doors.join(now, watcher, none, Vec::new(), hiding("192.0.2.1", false));
        assert_eq!(next(&queue).hiding, Some(hiding("192.0.2.1", false)));
        doors.hide(hiding("192.0.2.1", true));
        doors.hide(hiding("192.0.2.2", false));
        doors.flush(now);
        assert_eq!(next(&queue).hiding, Some(hiding("192.0.2.2", true)));
        doors.ban(network(1), now);
        doors.flush(now);
        assert_eq!(next(&queue).hiding, None, "it has not changed");
    }

    #[test]
    fn who_does_not_read_is_let_go_of_and_others_are_told() {
        let now = Instant::ORIGIN;
        let mut doors = Doors::default();
        let (slow, waiting) = sync_channel(2);
        let (quick, queue) = sync_channel(8);
        for watcher in [slow, quick] {
            doors.join(
                now,
                watcher,
                std::iter::empty(),
                Vec::new(),
                Hiding::default(),
            );
        }
        for number in 0..3 {
            doors.ban(network(number), now);
            doors.flush(now);
        }
        assert_eq!(queue.try_iter().count(), 4);
        assert_eq!(waiting.iter().count(), 2, "and then it is over");
    }
}
