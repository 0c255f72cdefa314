//! Bans that somebody had lifted, until the store keeps that: a power cut would bring them back.

use std::collections::BTreeSet;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use config::Network;
use sansio::Instant;

use crate::asks::Lifted;

/// What was lifted and is not kept yet, and who waits to hear of it.
#[derive(Debug, Default)]
pub(crate) struct Lifting {
    networks: BTreeSet<Network>,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    /// What he had lifted.
    lifted: Vec<Network>,
    /// What has to be kept before he is told so: also what others had lifted, where he asked for it
    /// too.
    unkept: Vec<Network>,
    since: Instant,
    answer: SyncSender<Lifted>,
}

impl Lifting {
    /// These were lifted for somebody who asked for this network. Who asked may be gone: that
    /// changes nothing.
    pub(crate) fn add(
        &mut self,
        now: Instant,
        asked: &Network,
        lifted: Vec<Network>,
        answer: SyncSender<Lifted>,
    ) {
        self.networks.extend(&lifted);
        let concerns = |it: &&Network| it.overlaps(asked);
        let unkept: Vec<Network> = self.networks.iter().filter(concerns).copied().collect();
        let waiting = Waiting {
            lifted,
            unkept,
            since: now,
            answer,
        };
        match waiting.unkept.is_empty() {
            true => waiting.tell(true),
            false => self.waiting.push(waiting),
        }
    }

    /// The store has answered: those that it is yet to drop are waited for.
    pub(crate) fn settle(&mut self, has_yet_to_drop: impl Fn(&Network) -> bool) {
        self.networks.retain(has_yet_to_drop);
        let networks = &self.networks;
        let is_kept = |it: &mut Waiting| !it.unkept.iter().any(|it| networks.contains(it));
        for kept in self.waiting.extract_if(.., is_kept) {
            kept.tell(true);
        }
    }

    /// Whoever has waited too long is told that it is not kept yet.
    pub(crate) fn pass(&mut self, now: Instant) {
        let is_late = |it: &mut Waiting| now - it.since >= WAIT_MAX;
        for late in self.waiting.extract_if(.., is_late) {
            late.tell(false);
        }
    }
}

impl Waiting {
    fn tell(self, is_kept: bool) {
        let networks = self.lifted;
        let _gone = self.answer.try_send(Lifted { networks, is_kept });
    }
}

/// Pages wait 5 s for an answer.
const WAIT_MAX: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn who_asks_for_what_another_had_lifted_is_told_when_that_is_kept() {
        let mut lifting = Lifting::default();
        let network = |text: &str| Network::parse(text).expect(text);
        let (wide, one) = (network("203.0.113.0/24"), network("203.0.113.7"));
        let now = Instant::ORIGIN;
        let (first, told_first) = sync_channel(1);
        lifting.add(now, &one, vec![wide], first);
        let (second, told_second) = sync_channel(1);
        lifting.add(now, &one, Vec::new(), second);
        let (other, told_other) = sync_channel(1);
        lifting.add(now, &network("203.0.114.7"), Vec::new(), other);
        let said = |networks: &[Network], is_kept| {
            let networks = networks.to_vec();
            Ok(Lifted { networks, is_kept })
        };
        assert_eq!(
            told_other.try_recv(),
            said(&[], true),
            "nothing waits there"
        );
        lifting.settle(|it| *it == wide);
        assert!(told_first.try_recv().is_err() && told_second.try_recv().is_err());
        lifting.settle(|_| false);
        assert_eq!(told_first.try_recv(), said(&[wide], true));
        assert_eq!(told_second.try_recv(), said(&[], true));
    }

    #[test]
    fn whoever_has_waited_some_seconds_is_told_that_it_is_not_kept() {
        let mut lifting = Lifting::default();
        let network = Network::parse("203.0.113.7").expect("a network");
        let (answer, told) = sync_channel(1);
        lifting.add(Instant::ORIGIN, &network, vec![network], answer);
        lifting.pass(Instant::ORIGIN + Duration::from_secs(2));
        assert!(told.try_recv().is_err());
        lifting.pass(Instant::ORIGIN + WAIT_MAX);
        assert!(told.try_recv().is_ok_and(|it| !it.is_kept));
    }
}
