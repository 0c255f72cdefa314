//! A party: one leg, who it is to the others, and where it is in a call.

use ipc::sound::{Codec, Source};
use routing::{Charge, Ticket};
use sansio::Instant;

use super::Key;
use super::taping::Taping;
use crate::leg::Peer;

/// One leg as calls see it.
#[derive(Clone, Debug)]
pub(super) struct Party {
    pub(super) peer: Peer,
    /// Number the others see.
    pub(super) number: String,
    /// Name the others see; may be empty.
    pub(super) name: String,
    /// It called without showing who it is: nobody is told, however the call goes on.
    pub(super) withheld: bool,
    /// We called it; otherwise it called us.
    pub(super) called: bool,
    /// A 2xx was given or taken.
    pub(super) answered: bool,
    pub(super) place: Place,
    /// What its endpoint was told last.
    pub(super) hears: Source,
    /// Ids of the open records it is in.
    pub(super) records: Vec<String>,
    /// Keys it pressed lately, for a feature code; they may be a PIN at the other end.
    pub(super) keys: ipc::Redacted<String>,
    /// What it was offered anew to go together with somebody.
    pub(super) mended: Vec<Codec>,
    /// When it must be over at the latest (F8), whoever it talks with by then.
    pub(super) until: Option<Instant>,
    /// Those it talks with heard that a cap will end the call.
    pub(super) warned: bool,
    /// What it is counted under, when it is a trunk's.
    pub(super) ticket: Option<(Ticket, Charge)>,
    pub(super) taping: Taping,
}

/// Where a party is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// It waits for somebody to be found.
    Waiting(Key),
    /// It is being called.
    Branch(Key),
    /// It sent somebody else away and waits for how that goes.
    Transferor(Key),
    /// It talks.
    Talk(Key),
    /// It is parked.
    Slot(u32),
    /// It is told something and then hung up.
    Leaving,
    /// Its leg is over; the last word of it is to come.
    Gone,
}

impl Party {
    pub(super) fn new(
        peer: Peer,
        number: String,
        name: String,
        called: bool,
        place: Place,
    ) -> Self {
        Self {
            peer,
            number,
            name,
            withheld: false,
            called,
            answered: false,
            place,
            hears: Source::Silence,
            records: Vec::new(),
            keys: ipc::Redacted::default(),
            mended: Vec::new(),
            until: None,
            warned: false,
            ticket: None,
            taping: Taping::default(),
        }
    }

    /// Name and number as others are told.
    pub(super) fn shown(&self) -> (&str, &str) {
        match self.withheld {
            true => ("", ANONYMOUS),
            false => (&self.name, &self.number),
        }
    }

    /// The extension at the other end, when it is one.
    pub(super) fn extension(&self) -> Option<&str> {
        match &self.peer {
            Peer::Extension(number) => Some(number),
            Peer::Trunk(_) => None,
        }
    }

    /// The trunk at the other end, when it is one.
    pub(super) fn trunk(&self) -> Option<&str> {
        match &self.peer {
            Peer::Trunk(name) => Some(name),
            Peer::Extension(_) => None,
        }
    }
}

/// Stands for a number that is not shown, as for callers from outside who withhold theirs.
const ANONYMOUS: &str = "anonymous";
