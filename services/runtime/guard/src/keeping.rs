//! What the store is to keep, gathered until it is asked: once a second at most.
//!
//! A ban holds from the moment it is told, not from when it is on the disk: it protects, and
//! promises nothing. A write that is lost only ends it early. That one is over is a promise:
//! whoever asked for it is told when it is kept (`lifting.rs`).

use std::collections::{BTreeMap, BTreeSet};

use config::Network;
use ipc::guard::BanRow;
use ipc::store::BanChanges;

/// What the store has not been told. A network is in one of the two at most.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Keeping {
    forgets_all: bool,
    /// Not kept any more. Told first, as it makes room for the others.
    gone: BTreeSet<String>,
    /// By network.
    put: BTreeMap<String, BanRow>,
}

impl Keeping {
    pub(crate) fn keep(&mut self, rows: Vec<BanRow>) {
        for mut row in rows {
            self.gone.remove(&row.network);
            // While the store takes none they are many.
            if self.put.len() >= CHANGED_MAX {
                row.tried = Vec::new();
            }
            self.put.insert(row.network.clone(), row);
        }
    }

    pub(crate) fn drop(&mut self, networks: &[Network]) {
        for network in networks.iter().map(ToString::to_string) {
            self.put.remove(&network);
            self.gone.insert(network);
        }
    }

    /// Whether the store still has it and is yet to be told that it is gone.
    pub(crate) fn has_yet_to_drop(&self, network: &Network) -> bool {
        self.forgets_all || self.gone.contains(&network.to_string())
    }

    pub(crate) fn drop_all(&mut self) {
        *self = Self {
            forgets_all: true,
            ..Self::default()
        };
    }

    /// As much of it as one commit has; `None` when there is nothing.
    pub(crate) fn take(&mut self) -> Option<BanChanges> {
        let mut changes = BanChanges {
            forgets_all: std::mem::take(&mut self.forgets_all),
            ..BanChanges::default()
        };
        let mut bytes = 0;
        while changes.gone.len() < CHANGED_MAX
            && let Some(network) = self.gone.pop_first()
        {
            bytes += network.len();
            changes.gone.push(network);
        }
        // While any is still to go there may be no room.
        while self.gone.is_empty()
            && changes.put.len() < CHANGED_MAX
            && bytes < BYTES_MAX
            && let Some((_, row)) = self.put.pop_first()
        {
            bytes += row.tried.iter().map(String::len).sum::<usize>() + ROW_BYTES;
            changes.put.push(row);
        }
        (changes != BanChanges::default()).then_some(changes)
    }

    /// They were not kept: what was said since goes before.
    pub(crate) fn give_back(&mut self, changes: BanChanges) {
        if self.forgets_all {
            return;
        }
        self.forgets_all = changes.forgets_all;
        for network in changes.gone {
            if !self.put.contains_key(&network) {
                self.gone.insert(network);
            }
        }
        for row in changes.put {
            if !self.gone.contains(&row.network) {
                self.put.entry(row.network.clone()).or_insert(row);
            }
        }
    }
}

/// Bans of one commit: as many as the store takes.
const CHANGED_MAX: usize = 20_000;
/// Bytes of it, which have to fit a frame.
const BYTES_MAX: usize = 6 * 1024 * 1024;
/// Of a ban, without what was tried.
const ROW_BYTES: usize = 100;

#[cfg(test)]
mod tests {
    use ipc::guard::Offence;

    use super::*;

    fn row(number: u32, times: u32) -> BanRow {
        let address = std::net::Ipv4Addr::from(number);
        BanRow {
            network: format!("{address}/32"),
            offence: Offence::WebPath,
            count: 1,
            within_secs: 1,
            tried: vec!["/wp-login.php".into()],
            since_secs: 1,
            left_secs: 1,
            until_secs: None,
            times,
        }
    }

    #[test]
    fn what_is_said_last_of_a_network_is_kept_once() {
        let mut keeping = Keeping::default();
        assert_eq!(keeping.take(), None);
        keeping.keep(vec![row(1, 1), row(2, 1)]);
        keeping.keep(vec![row(1, 2)]);
        keeping.drop(&[Network::parse("0.0.0.2").expect("a network")]);
        let changes = keeping.take().expect("something");
        assert_eq!(
            (changes.put, changes.gone),
            (vec![row(1, 2)], vec!["0.0.0.2/32".into()])
        );
        keeping.keep(vec![row(3, 1)]);
        keeping.drop_all();
        let changes = keeping.take().expect("something");
        assert!(changes.forgets_all && changes.put.is_empty());
        assert_eq!(keeping.take(), None);
    }

    #[test]
    fn what_the_store_did_not_take_is_said_again_where_nothing_newer_is() {
        let mut keeping = Keeping::default();
        keeping.keep(vec![row(1, 1), row(2, 1)]);
        let changes = keeping.take().expect("something");
        keeping.keep(vec![row(1, 2)]);
        keeping.give_back(changes.clone());
        let again = keeping.take().expect("something");
        assert_eq!(again.put, [row(1, 2), row(2, 1)]);
        keeping.drop_all();
        keeping.give_back(again);
        let all = keeping.take().expect("something");
        assert!(all.forgets_all && all.put.is_empty());
        keeping.keep(vec![row(7, 1)]);
        keeping.give_back(all);
        let both = keeping.take().expect("something");
        assert!(both.forgets_all && both.put == [row(7, 1)]);
    }

    #[test]
    fn what_is_gone_is_told_before_what_comes_in_its_place() {
        let mut keeping = Keeping::default();
        let gone = |number| Network::of(std::net::Ipv4Addr::from_bits(number).into());
        keeping.keep((0..10).map(|number| row(number, 1)).collect());
        keeping.drop(&(100..30_100).map(gone).collect::<Vec<_>>());
        let sizes = std::iter::from_fn(|| keeping.take()).map(|it| (it.gone.len(), it.put.len()));
        assert_eq!(sizes.collect::<Vec<_>>(), [(20_000, 0), (10_000, 10)]);
    }

    #[test]
    fn while_the_store_takes_nothing_what_was_tried_fills_no_memory() {
        let mut keeping = Keeping::default();
        keeping.keep((0..60_000).map(|number| row(number, 1)).collect());
        let with_texts = keeping.put.values().filter(|it| !it.tried.is_empty());
        assert_eq!((with_texts.count(), keeping.put.len()), (20_000, 60_000));
    }

    #[test]
    fn one_commit_has_so_many_and_fits_a_frame() {
        let mut keeping = Keeping::default();
        keeping.keep((0..45_000).map(|number| row(number, 1)).collect());
        let sizes = std::iter::from_fn(|| keeping.take()).map(|it| it.put.len());
        assert_eq!(sizes.collect::<Vec<_>>(), [20_000, 20_000, 5_000]);
        let long = |number| BanRow {
            tried: vec!["x".repeat(160); 8],
            ..row(number, 1)
        };
        keeping.keep((0..10_000).map(long).collect());
        while let Some(changes) = keeping.take() {
            assert!(!changes.put.is_empty());
            let request = ipc::store::Request::ChangeBans(changes);
            assert!(ipc::frame::encode(&request).is_ok());
        }
    }
}
