//! Who is never banned, by who said so and why.

use std::collections::{BTreeMap, BTreeSet};

use config::Network;
use ipc::guard::{Guest, Protection};

/// Who says that somebody is never banned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Who {
    /// The site.
    Site,
    /// `net`.
    Net,
    /// `pbx`.
    Pbx,
    /// `web`.
    Web,
}

impl Who {
    const ALL: [Self; 4] = [Self::Site, Self::Net, Self::Pbx, Self::Web];

    /// Whether it is for them to say so.
    pub(crate) const fn may_say(self, why: Protection) -> bool {
        match why {
            Protection::Own | Protection::Gateway => matches!(self, Self::Net),
            // Servers for time are the site's.
            Protection::Service => matches!(self, Self::Net | Self::Site),
            Protection::Grid | Protection::Listed => matches!(self, Self::Site),
            Protection::Trunk | Protection::Call => matches!(self, Self::Pbx),
            Protection::Administrator => matches!(self, Self::Web),
        }
    }
}

/// Who is never banned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guests(BTreeMap<Who, BTreeSet<(Protection, Network)>>);

impl Guests {
    /// Replaces what was said by the same before; the reasons for which others are guests now, with
    /// all of them.
    pub(crate) fn say(
        &mut self,
        who: Who,
        guests: impl IntoIterator<Item = (Protection, Network)>,
    ) -> Vec<(Protection, Vec<Network>)> {
        let before = self.by_reason();
        self.0.insert(who, guests.into_iter().collect());
        let after = self.by_reason();
        let reasons: BTreeSet<Protection> = before.keys().chain(after.keys()).copied().collect();
        let changed = reasons
            .into_iter()
            .filter(|it| before.get(it) != after.get(it));
        changed
            .map(|why| {
                let networks = after.get(&why).into_iter().flatten();
                (why, networks.copied().collect())
            })
            .collect()
    }

    /// Reasons of which somebody who may say them has not spoken yet: a door knows them better,
    /// from a process before this one.
    pub(crate) fn unknown(&self) -> Vec<Protection> {
        let is_silent = |who: &Who| !self.0.contains_key(who);
        let silent: Vec<Who> = Who::ALL.into_iter().filter(is_silent).collect();
        let is_open = |why: &Protection| silent.iter().any(|who| who.may_say(*why));
        Protection::ALL.into_iter().filter(is_open).collect()
    }

    /// All of them, as a door takes them over.
    pub(crate) fn all(&self) -> Vec<Guest> {
        let by_reason = self.by_reason().into_iter();
        let each = by_reason.flat_map(|(why, all)| all.into_iter().map(move |it| (why, it)));
        each.map(|(why, network)| Guest {
            why,
            network: network.to_string(),
        })
        .collect()
    }

    fn by_reason(&self) -> BTreeMap<Protection, BTreeSet<Network>> {
        let mut all: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (why, network) in self.0.values().flatten() {
            all.entry(*why).or_default().insert(*network);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_unknown_until_all_have_spoken_who_may_say_it() {
        let mut guests = Guests::default();
        assert_eq!(guests.unknown(), Protection::ALL);
        guests.say(Who::Site, []);
        guests.say(Who::Web, []);
        let of_net = [Protection::Own, Protection::Gateway, Protection::Service];
        let of_pbx = [Protection::Trunk, Protection::Call];
        assert_eq!(guests.unknown(), [&of_net[..], &of_pbx[..]].concat());
        guests.say(Who::Pbx, []);
        assert_eq!(guests.unknown(), of_net);
        guests.say(Who::Net, []);
        assert_eq!(guests.unknown(), []);
    }

    #[test]
    fn what_one_says_replaces_what_it_said_and_leaves_what_others_say() {
        let network = |text: &str| Network::parse(text).expect(text);
        let (one, two, three) = (
            network("192.0.2.1"),
            network("192.0.2.2"),
            network("192.0.2.3"),
        );
        let mut guests = Guests::default();
        let changed = guests.say(Who::Net, [(Protection::Service, one)]);
        assert_eq!(changed, [(Protection::Service, vec![one])]);
        let said = [(Protection::Trunk, two), (Protection::Call, three)];
        assert_eq!(guests.say(Who::Pbx, said).len(), 2);
        assert_eq!(guests.say(Who::Pbx, said), []);
        let changed = guests.say(Who::Site, [(Protection::Service, two)]);
        assert_eq!(changed, [(Protection::Service, vec![one, two])]);
        let changed = guests.say(Who::Pbx, [(Protection::Trunk, two)]);
        assert_eq!(changed, [(Protection::Call, vec![])]);
        let all: Vec<String> = guests.all().into_iter().map(|it| it.network).collect();
        assert_eq!(all, ["192.0.2.1/32", "192.0.2.2/32", "192.0.2.2/32"]);
    }
}
