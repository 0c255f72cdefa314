//! What a dialled number leads to, as calls carry it out: `routing` decides, and `crate::routing`
//! translates.

use std::collections::VecDeque;
use std::time::Duration;

use ipc::store::{Outcome, PhoneChange};
use routing::{Attempt, Outbound};
use sip::StatusCode;

/// Where a number leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Lead {
    /// Somebody is to be found.
    Ring(Plan),
    /// Take the call that rings at this extension.
    Pickup(String),
    /// Take a call that rings in the caller's pickup group.
    GroupPickup,
    /// Park: the party that is transferred here, or the one that the caller holds.
    Park,
    /// Take the call parked in this slot.
    Slot(u32),
    /// Join the calls that the caller holds.
    ThreeWay,
    /// Speak what is to become a prompt.
    Take,
    /// Change a setting, and say so with a tone.
    Change(PhoneChange),
    /// It leads nowhere.
    Refuse {
        /// What the caller is told.
        status: StatusCode,
        /// What the record says.
        outcome: Outcome,
    },
}

/// How somebody is looked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Plan {
    /// The number as people know it.
    pub(crate) to: String,
    /// One after the other.
    pub(crate) stages: VecDeque<Stage>,
    /// No limit turns it away.
    pub(crate) emergency: bool,
    /// The caller enters the PIN of his extension first (F7).
    pub(crate) pin: bool,
    /// The PIN lets the extension spend as much again as it has (F5).
    pub(crate) spent: bool,
    /// The caller does not show his number.
    pub(crate) withheld: bool,
}

/// One attempt to find somebody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// Somebody rings.
    Ring(Ring),
    /// The waiting party is answered and hears this file of `media`.
    Announcement(String),
    /// Whoever had last to do with the waiting party's number rings, if anybody is known.
    CallBack(CallBack),
    /// The waiting party is parked.
    Park,
    /// The waiting party is refused.
    Refuse(StatusCode),
    /// The waiting party is told this, whoever was asked before, and the record says that.
    End(StatusCode, Outcome),
}

/// How somebody is called back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CallBack {
    /// How far back calls count.
    pub(crate) within: Duration,
    /// How long he rings.
    pub(crate) ring: Duration,
    /// A route the call came by records it.
    pub(crate) recorded: bool,
}

/// Targets that ring in one stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ring {
    /// Who, and when.
    pub(crate) targets: Vec<Target>,
    /// The number is this one person's: where his calls go when he is busy or does not answer
    /// counts. Members of a group are asked without that, or one forward would empty the group.
    pub(crate) person: Option<String>,
    /// The number that was dialled is theirs all, for lamps.
    pub(crate) group: Option<String>,
    /// Who forwarded the call here, first one first.
    pub(crate) diverted: Vec<String>,
    /// A route the call came by records it.
    pub(crate) recorded: bool,
}

/// Somebody who is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Target {
    /// Who.
    pub(crate) who: Who,
    /// How long after the stage began.
    pub(crate) delay: Duration,
    /// How long it rings.
    pub(crate) lasts: Duration,
}

/// One who can be called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    /// Every device of an extension.
    Extension(String),
    /// A number by a trunk, and what the call is counted under.
    Trunk(Box<(Attempt, Outbound)>),
}

impl Plan {
    /// The first of its calls outside.
    pub(crate) fn outside(&self) -> Option<&Outbound> {
        let rings = self.stages.iter().filter_map(|stage| match stage {
            Stage::Ring(ring) => Some(ring),
            Stage::Announcement(_)
            | Stage::CallBack(_)
            | Stage::Park
            | Stage::Refuse(_)
            | Stage::End(..) => None,
        });
        let mut targets = rings.flat_map(|ring| &ring.targets);
        targets.find_map(|target| match &target.who {
            Who::Trunk(way) => Some(&way.1),
            Who::Extension(_) => None,
        })
    }
}

impl Stage {
    /// One person's devices, without where his calls go else.
    pub(crate) fn recall(extension: &str, lasts: Duration) -> Self {
        Self::Ring(Ring {
            targets: vec![Target {
                who: Who::Extension(extension.to_owned()),
                delay: Duration::ZERO,
                lasts,
            }],
            person: None,
            group: None,
            diverted: Vec::new(),
            recorded: false,
        })
    }

    /// Whether this is an attempt by trunk.
    pub(crate) fn is_trunk(&self) -> bool {
        match self {
            Self::Ring(ring) => ring
                .targets
                .iter()
                .any(|target| matches!(target.who, Who::Trunk(_))),
            Self::Announcement(_)
            | Self::CallBack(_)
            | Self::Park
            | Self::Refuse(_)
            | Self::End(..) => false,
        }
    }
}
