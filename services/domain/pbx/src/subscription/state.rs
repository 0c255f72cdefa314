//! What can be watched, and how it stands.

use std::collections::BTreeMap;

use config::Site;

use super::setting;
use crate::leg::DialogName;

/// Dialogs shown of one watched number: a lamp shows the busiest of them, and the message has to
/// fit a datagram.
const LAMPS_MAX: usize = 8;

/// What a subscription is to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Watched {
    /// The calls of an extension, a group or a parking slot, or a setting (RFC 4235).
    Dialogs(String),
    /// The messages of an extension (RFC 3842).
    Mailbox(String),
}

/// One call of what is watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Lamp {
    /// Names the dialog among those of the watched number; stays the same while it lives.
    pub(crate) id: String,
    /// The phone's dialog as we see it, for whoever wants to pick the call up (RFC 3891).
    pub(crate) name: Option<DialogName>,
    /// The watched one is called; otherwise it calls.
    pub(crate) recipient: bool,
    /// How far it is.
    pub(crate) state: LampState,
    /// The watched one.
    pub(crate) local: Party,
    /// The other one.
    pub(crate) remote: Party,
}

/// How far a call is (RFC 4235 §3.7.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum LampState {
    /// It is being placed.
    Trying,
    /// It rings.
    Early,
    /// They talk.
    Confirmed,
}

/// Somebody in a call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Party {
    /// As it can be dialled; empty when it is not known or may not be shown.
    pub(crate) number: String,
    /// The name; may be empty.
    pub(crate) name: String,
}

/// Messages that wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Mailbox {
    /// Not yet heard.
    pub(crate) new: u32,
    /// Heard and kept.
    pub(crate) old: u32,
}

/// How everything stands that is not idle.
#[derive(Debug, Default)]
pub(super) struct States {
    dialogs: BTreeMap<String, Vec<Lamp>>,
    mailboxes: BTreeMap<String, Mailbox>,
}

impl Watched {
    /// Whether there is such a thing at this site.
    pub(super) fn exists(&self, site: &Site) -> bool {
        match self {
            Self::Dialogs(number) => {
                let slot = || site.parking.slots.iter().any(|it| it.as_str() == number);
                site.extension(number).is_some()
                    || site.groups.contains_key(number.as_str())
                    || slot()
                    || setting::exists(site, number)
            }
            Self::Mailbox(number) => site.extension(number).is_some(),
        }
    }

    pub(super) fn number(&self) -> &str {
        match self {
            Self::Dialogs(number) | Self::Mailbox(number) => number,
        }
    }
}

impl States {
    /// Whether that is news.
    pub(super) fn set_dialogs(&mut self, watched: &str, mut lamps: Vec<Lamp>) -> bool {
        lamps.sort_by_key(|lamp| std::cmp::Reverse(lamp.state));
        lamps.truncate(LAMPS_MAX);
        let before = match lamps.is_empty() {
            true => self.dialogs.remove(watched),
            false => self.dialogs.insert(watched.to_owned(), lamps),
        };
        before.as_deref().unwrap_or_default() != self.dialogs(watched)
    }

    pub(super) fn dialogs(&self, watched: &str) -> &[Lamp] {
        self.dialogs.get(watched).map_or(&[], Vec::as_slice)
    }

    /// Whether that is news.
    pub(super) fn set_mailbox(&mut self, extension: &str, mailbox: Mailbox) -> bool {
        let before = if mailbox == Mailbox::default() {
            self.mailboxes.remove(extension)
        } else {
            self.mailboxes.insert(extension.to_owned(), mailbox)
        };
        before.unwrap_or_default() != mailbox
    }

    pub(super) fn mailbox(&self, extension: &str) -> Mailbox {
        self.mailboxes.get(extension).copied().unwrap_or_default()
    }
}
