//! Calls: two or more dialogs of ours around one relay, from the INVITE to the call record.
//!
//! ```text
//!  INVITE, 100      relay open        2xx of a branch        BYE, no ACK
//! ----------> Opening -------> Calling -------------> Talking -----------> Ending --> gone
//!                |                |  all branches failed,                    ^  record written,
//!                |                |  CANCEL, nobody answers                  |  branches settled
//!                +----------------+------------------------------------------+
//! ```
//!
//! The caller is one leg, each contact of the callee a branch with a leg of its own, and the first
//! branch to answer wins. Every call writes its record when it starts and once more, with the
//! relay's figures, when it has ended.

mod confirm;
mod ending;
mod exchange;
mod fork;
mod incoming;
mod leg;
mod table;

use std::collections::VecDeque;
use std::time::Duration;

use ipc::media::{RelayId, Request as MediaRequest, Side as MediaSide};
use ipc::store::CallRecord;
use sansio::Instant;
use sdp::{Session, Side};
use sip::Request;
use sip::transaction::{ClientId, ServerId};

use crate::core::Core;
use crate::interface::Output;
use crate::registrar::Binding;
use exchange::Exchange;
use leg::{Farewell, Leg};
pub(crate) use table::Calls;

/// Calls at a time; the relay's ports are sized for it too.
pub const CALLS_MAX: usize = 500;
/// Calls that may be settling beside those: a phone that dials and gives up without end would
/// otherwise fill the memory with branches that wait for their last word.
const CALLS_SETTLING_MAX: usize = 4 * CALLS_MAX;
/// Re-INVITEs whose repeated 2xx are still recognised; older ones were acknowledged long ago.
const EXCHANGES_REMEMBERED: usize = 4;
/// How long phones ring before the caller is told that nobody answers.
pub const RING_TIME_MAX: Duration = Duration::from_secs(60);
/// RFC 3261 §17.1.1.1: an estimate of the round trip.
const T1: Duration = Duration::from_millis(500);
/// RFC 3261 §17.1.2.2: the longest interval between two repetitions.
const T2: Duration = Duration::from_secs(4);
/// 64*T1: after that a peer that says nothing is gone.
const TRANSACTION_TIME_MAX: Duration = Duration::from_secs(32);
/// How long `media` may take to answer before the call goes on without it.
const RELAY_REPLY_TIME_MAX: Duration = Duration::from_secs(5);
/// How long an ended call may still settle its branches: two transactions one after the other.
const LINGER_TIME_MAX: Duration = Duration::from_secs(70);

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    key: RelayId,
    record: CallRecord,
    phase: Phase,
    relay: Relay,
    started: Instant,
    /// The caller's INVITE, for its answers.
    invite: Request,
    invite_server: ServerId,
    /// The INVITE's offer; `None` when the caller leaves it to the callee.
    offer: Option<Session>,
    /// Max-Forwards for the next leg.
    hops: u8,
    caller: Leg,
    /// Contacts to call once the relay is open.
    targets: Vec<Binding>,
    /// Name and number shown to the callee.
    caller_name: String,
    branches: Vec<Branch>,
    /// A re-INVITE on its way from one leg to the other.
    exchange: Option<Exchange>,
    /// The last re-INVITEs, oldest first.
    exchanges: VecDeque<(ClientId, ServerId)>,
    /// What the current phase waits for at most.
    deadline: Option<Instant>,
    /// What `media` may take at most.
    relay_deadline: Option<Instant>,
    recorded: bool,
}

/// How far a call has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// The relay is being opened.
    Opening,
    /// Phones are being called.
    Calling {
        /// One of them rings.
        ringing: bool,
    },
    /// This branch answered.
    Talking {
        /// Its index.
        winner: usize,
    },
    /// Over for the people; the rest is settling.
    Ending,
}

/// The relay of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Relay {
    /// Asked for.
    Opening,
    /// There, with one port for each side.
    Open { caller_port: u16, callee_port: u16 },
    /// Asked to close.
    Closing,
    /// None.
    Closed,
}

/// One contact that is being called.
#[derive(Debug)]
struct Branch {
    leg: Leg,
    client: Option<ClientId>,
    state: BranchState,
    /// Our tag towards the caller for what comes from this branch (RFC 3261 §12.1: each phone that
    /// rings is an early dialog of its own).
    caller_tag: String,
    /// The answer in its provisional responses.
    early: Option<Session>,
    /// CSeq of its INVITE.
    cseq: u32,
}

/// How far a branch has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum BranchState {
    /// No final response yet.
    Pending,
    /// It won.
    Answered,
    /// It failed with this status.
    Failed(u16),
    /// It answered too late and was hung up.
    Late,
}

/// One of a call's legs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum End {
    /// Whoever called.
    Caller,
    /// The branch with this index.
    Branch(usize),
}

impl Call {
    fn leg(&mut self, end: End) -> Option<&mut Leg> {
        match end {
            End::Caller => Some(&mut self.caller),
            End::Branch(index) => self.branches.get_mut(index).map(|branch| &mut branch.leg),
        }
    }

    /// The end on the other side of an answered call.
    const fn other(&self, end: End) -> Option<End> {
        match (self.phase, end) {
            (Phase::Talking { winner }, End::Caller) => Some(End::Branch(winner)),
            (Phase::Talking { winner }, End::Branch(index)) if winner == index => Some(End::Caller),
            (Phase::Talking { .. }, End::Branch(_))
            | (Phase::Opening | Phase::Calling { .. } | Phase::Ending, _) => None,
        }
    }

    const fn port(&self, end: End) -> u16 {
        match (self.relay, end) {
            (Relay::Open { caller_port, .. }, End::Caller) => caller_port,
            (Relay::Open { callee_port, .. }, End::Branch(_)) => callee_port,
            (Relay::Opening | Relay::Closing | Relay::Closed, _) => 0,
        }
    }

    /// Tells `media` what a leg's peer said of its media, and whether they may have moved: after
    /// every re-INVITE, since a router may have chosen another port while the call was held.
    fn set_media(&mut self, core: &mut Core, end: End, side: Side, relatch: bool) {
        let key = self.key;
        let Some(leg) = self.leg(end) else { return };
        leg.side = Some(side);
        let media_side = match end {
            End::Caller => MediaSide::Caller,
            End::Branch(_) => MediaSide::Callee,
        };
        let described = ipc::media::Leg {
            remote: side.remote,
            signalling: Some(leg.dialog.flow.remote),
            telephone_event: side.telephone_event,
            payload_map: Vec::new(),
            relatch,
        };
        core.emit(Output::Media(MediaRequest::Set(key, media_side, described)));
    }

    /// When the call wants its timer.
    fn next_deadline(&self) -> Option<Instant> {
        let legs = self
            .branches
            .iter()
            .map(|branch| &branch.leg)
            .chain([&self.caller]);
        let legs = legs.filter_map(Leg::deadline);
        let exchange = self.exchange.as_ref().and_then(|one| one.give_up_at);
        let own = [self.deadline, self.relay_deadline, exchange];
        legs.chain(own.into_iter().flatten()).min()
    }

    /// Nothing is left to wait for.
    fn is_settled(&self, now: Instant) -> bool {
        let pending = |branch: &Branch| branch.state == BranchState::Pending;
        let open = |leg: &Leg| leg.confirmation.is_some() || leg.farewell == Farewell::Wanted;
        let waiting = self
            .branches
            .iter()
            .any(|branch| pending(branch) || open(&branch.leg));
        let overdue = self.deadline.is_some_and(|deadline| deadline <= now);
        self.phase == Phase::Ending
            && self.recorded
            && (overdue || !(waiting || open(&self.caller)))
    }
}
