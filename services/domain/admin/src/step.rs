//! What a request may ask of the world on its way to a response.

use ipc::stick::Offer;
use ipc::{Redacted, grid, guard, init, net, pbx, sound, store, update};
use sansio::{Entropy, Instant, UnixTime};

use crate::actions::stretch;
use crate::certificate::{CertificateFault, CertificateOrder, CertificateState};
use crate::fetch::{FetchOrder, FetchState, StickFault};
use crate::{Admin, Response};

/// When something is decided, and the secrets it may use up.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Now.
    pub now: Instant,
    /// The wall clock, which may jump: only what people ask about their clocks is told by it.
    pub wall: UnixTime,
    /// Fresh from the operating system's generator; never handed to two moments.
    pub entropy: Entropy,
}

impl Moment {
    /// Secrets for one thing, and the moment with others for the next: neither tells anything of
    /// the other.
    pub(crate) fn divided(self) -> (Entropy, Self) {
        let mut fill = stretch(&self.entropy);
        let mut draw = || {
            let mut bytes = [0; 32];
            fill(&mut bytes);
            Entropy::new(bytes)
        };
        let (first, entropy) = (draw(), draw());
        (first, Self { entropy, ..self })
    }
}

/// The next thing to do for one request. Everything but [`Step::Respond`] carries what to do with
/// the answer.
pub enum Step {
    /// The request is done.
    Respond(Response),
    /// Compare a password with its hash: slow, off the main thread, few at a time.
    Verify(Check, Then<Result<bool, Away>>),
    /// Make the argon2id hash (PHC string) of a password: slow likewise.
    Hash(Redacted<String>, Then<Result<Redacted<String>, Away>>),
    /// Ask the store.
    Store(store::Request, Then<Result<store::Reply, Away>>),
    /// Ask PID 1.
    Init(init::Request, Then<Result<init::Reply, Away>>),
    /// Ask `net`.
    Net(net::Request, Then<Result<net::Reply, Away>>),
    /// Ask the exchange.
    Pbx(pbx::Request, Then<Result<pbx::Reply, Away>>),
    /// Ask `media`.
    Media(sound::Request, Then<Result<sound::Reply, Away>>),
    /// Ask `grid`.
    Grid(grid::Request, Then<Result<grid::Reply, Away>>),
    /// Ask `guard`.
    Guard(guard::Request, Then<Result<guard::Reply, Away>>),
    /// Ask `update`.
    Update(update::Request, Then<Result<update::Reply, Away>>),
    /// Fetch an update from a server, in the background; the answer is how that stands.
    Fetch(FetchOrder, Then<FetchState>),
    /// See to the certificate of the pages; the answer is how it stands then.
    Certificate(
        CertificateOrder,
        Then<Result<CertificateState, CertificateFault>>,
    ),
    /// Have the store restore a backup and then the box start anew, whether or not the asker
    /// waits.
    Restore(store::Request, Then<Result<store::Reply, Away>>),
    /// Bring this backup on the memory stick to the store, as if somebody sent it; the answer is
    /// that of the store to its last piece.
    Bring(Offer, Then<Result<store::Reply, StickFault>>),
    /// Open a recording, a backup, the file of a prompt (behind [`sound::SOUNDS`]) or one of the
    /// image ([`ipc::about`]) of this name, which was checked; the answer is its length, or `None`
    /// when there is none. A response further on may have it as its body.
    Open(String, Then<Option<u64>>),
    /// Look at every service at once.
    Observe(Then<Observation>),
    /// Append to the audit trail in order; the answer is what could not be kept.
    Record(Vec<store::Audit>, Then<Vec<store::Audit>>),
}

impl Step {
    /// The same, with something done to the response it ends in.
    pub(crate) fn ending(self, last: Last) -> Self {
        self.followed(Box::new(move |response| Self::Respond(last(response))))
    }

    /// The same, with something else to do before its response goes out.
    pub(crate) fn followed(self, last: Next) -> Self {
        match self {
            Self::Respond(response) => last(response),
            Self::Verify(check, then) => Self::Verify(check, ending(then, last)),
            Self::Hash(password, then) => Self::Hash(password, ending(then, last)),
            Self::Store(ask, then) => Self::Store(ask, ending(then, last)),
            Self::Init(ask, then) => Self::Init(ask, ending(then, last)),
            Self::Net(ask, then) => Self::Net(ask, ending(then, last)),
            Self::Pbx(ask, then) => Self::Pbx(ask, ending(then, last)),
            Self::Media(ask, then) => Self::Media(ask, ending(then, last)),
            Self::Grid(ask, then) => Self::Grid(ask, ending(then, last)),
            Self::Guard(ask, then) => Self::Guard(ask, ending(then, last)),
            Self::Update(ask, then) => Self::Update(ask, ending(then, last)),
            Self::Fetch(order, then) => Self::Fetch(order, ending(then, last)),
            Self::Certificate(order, then) => Self::Certificate(order, ending(then, last)),
            Self::Restore(ask, then) => Self::Restore(ask, ending(then, last)),
            Self::Bring(file, then) => Self::Bring(file, ending(then, last)),
            Self::Open(name, then) => Self::Open(name, ending(then, last)),
            Self::Observe(then) => Self::Observe(ending(then, last)),
            Self::Record(entries, then) => Self::Record(entries, ending(then, last)),
        }
    }
}

fn ending<T: 'static>(then: Then<T>, last: Next) -> Then<T> {
    Box::new(move |admin, moment, answer| then(admin, moment, answer).followed(last))
}

/// What is done to a response.
pub(crate) type Last = Box<dyn FnOnce(Response) -> Response + Send>;

/// What is done with a response before it goes out.
pub(crate) type Next = Box<dyn FnOnce(Response) -> Step + Send>;

/// What to do with an answer.
pub type Then<T> = Box<dyn FnOnce(&mut Admin, Moment, T) -> Step + Send>;

/// A password to compare.
#[derive(Clone, Debug)]
pub struct Check {
    /// As typed.
    pub password: Redacted<String>,
    /// The hash it should match; `None` for an unknown person: do the same work and answer no, so
    /// that the time taken does not tell who exists.
    pub hash: Option<Redacted<String>>,
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Away {
    /// The process did not answer.
    #[error("{0} does not answer")]
    Silent(&'static str),
    /// Too many passwords are being checked already.
    #[error("too many sign-ins at once")]
    Busy,
}

/// What every service said when looked at.
#[derive(Clone, Debug)]
pub struct Observation {
    /// PID 1: services and boot stages.
    pub init: Result<init::Status, Away>,
    /// Phones and calls.
    pub pbx: Result<pbx::Status, Away>,
    /// Interfaces.
    pub net: Result<net::Status, Away>,
    /// The store's condition.
    pub store: Result<store::Health, Away>,
    /// Slots of the firmware.
    pub update: Result<update::Status, Away>,
    /// The machine as a whole.
    pub machine: Machine,
}

/// Memory, load and heat of the whole machine.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Machine {
    /// Memory there is, KiB.
    pub memory_kib: u64,
    /// Memory that could be had, KiB.
    pub available_kib: u64,
    /// Load average over the last minute.
    pub load_1_minute: f64,
    /// How hot the hottest part is, whole degrees Celsius; `None` where nothing measures it.
    pub temperature: Option<i32>,
}
