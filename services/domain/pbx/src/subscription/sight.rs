//! Who may watch what, and what a lamp may show to whom.
//!
//! That somebody talks is what a lamp is for; with whom is nobody's business who could not take the
//! call. And what names a dialog serves to take it (RFC 3891), and to nothing else.

use config::Site;
use ipc::site::Watchers;

use super::setting;
use super::state::Watched;

/// Whether an extension may watch this.
pub(super) fn may_watch(site: &Site, watcher: &str, watched: &Watched) -> bool {
    let Watched::Dialogs(number) = watched else {
        return watched.number() == watcher;
    };
    let number = setting::extension(site, number).unwrap_or(number);
    let Some(extension) = site.extension(number) else {
        return true;
    };
    number == watcher
        || match extension.settings.watchers {
            Watchers::Everybody => true,
            Watchers::PickupGroup => share_pickup_group(site, watcher, number),
            Watchers::Nobody => false,
        }
}

/// Whether it is told who calls, and what takes the call: its own calls, those of its pickup group
/// and of a ring group it is in, and parked ones.
pub(super) fn sees_callers(site: &Site, watcher: &str, watched: &Watched) -> bool {
    let number = watched.number();
    let number = setting::extension(site, number).unwrap_or(number);
    if number == watcher
        || site
            .parking
            .slots
            .iter()
            .any(|slot| slot.as_str() == number)
    {
        return true;
    }
    let in_group = || {
        let mut groups = site.groups_of(watcher);
        groups.any(|group| group.number.as_str() == number)
    };
    share_pickup_group(site, watcher, number) || in_group()
}

fn share_pickup_group(site: &Site, one: &str, other: &str) -> bool {
    let group = |number| site.extension(number)?.settings.pickup_group.as_ref();
    group(one).is_some() && group(one) == group(other)
}
