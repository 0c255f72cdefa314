//! The endpoint of a leg: opened before anything is described, set after each agreement, closed at
//! the end.
//!
//! ```text
//!   Open -----> Opening --Opened--> Open <--Opened-- Reopening
//!                  | Failed, 5 s      |  \------Unknown-------^
//!                  v                  | Close
//!               Closed <--Closed-- Closing
//! ```

use std::time::Duration;

use ipc::sound::{EndpointId, Family, Reply, Request as SoundRequest, Stats};
use sansio::Instant;

use crate::core::Core;
use crate::interface::Output;

/// How long `media` may take to answer.
const REPLY_TIME_MAX: Duration = Duration::from_secs(5);
/// How long to wait before asking a restarted `media` again.
const REOPEN_INTERVAL: Duration = Duration::from_millis(200);
/// How often it is asked in the life of a leg: half a minute in all, then the call goes on without
/// sound.
const REOPENS_MAX: u8 = 150;

/// One endpoint of `media`.
#[derive(Debug)]
pub(super) struct Endpoint {
    id: EndpointId,
    pub(super) family: Family,
    state: State,
    /// The RTP port; 0 while unknown.
    pub(super) port: u16,
    /// What passed through it, as last told.
    pub(super) stats: Stats,
    deadline: Option<Instant>,
    reopens: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Opening,
    Open,
    /// It was open; `media` has forgotten it.
    Reopening,
    Closing,
    Closed,
}

/// What an answer of `media` means to the leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    Nothing,
    /// There is a port.
    Opened,
    /// There is a port again; set it. True when it is another port than before.
    Reopened(bool),
    /// There will be none.
    Failed,
    /// The end; `stats` are final.
    Closed,
}

impl Endpoint {
    /// Asks for an endpoint.
    pub(super) fn open(core: &mut Core, id: EndpointId, family: Family) -> Self {
        let mut endpoint = Self {
            id,
            family,
            state: State::Opening,
            port: 0,
            stats: Stats::default(),
            deadline: Some(core.now + REPLY_TIME_MAX),
            reopens: 0,
        };
        endpoint.ask(core);
        endpoint
    }

    /// An endpoint that an earlier process had.
    pub(super) fn restored(core: &mut Core, id: EndpointId, family: Family, port: u16) -> Self {
        let mut endpoint = Self::open(core, id, family);
        endpoint.state = State::Reopening;
        endpoint.port = port;
        endpoint
    }

    /// One that is not wanted any more.
    pub(super) fn closed(id: EndpointId, family: Family) -> Self {
        Self {
            id,
            family,
            state: State::Closed,
            port: 0,
            stats: Stats::default(),
            deadline: None,
            reopens: 0,
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, State::Open | State::Reopening)
    }

    pub(super) const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn ask(&mut self, core: &mut Core) {
        let port = (self.port != 0).then_some(self.port);
        let (id, family) = (self.id, self.family);
        core.emit(Output::Sound(SoundRequest::Open { id, family, port }));
    }

    /// `media` answered something that names this endpoint: ours, or a `Hear` of the call's.
    pub(super) fn reply(&mut self, core: &mut Core, reply: &Reply) -> Heard {
        match (self.state, reply) {
            (State::Opening, Reply::Opened { port }) => {
                self.state = State::Open;
                self.port = *port;
                self.deadline = None;
                Heard::Opened
            }
            (State::Reopening, Reply::Opened { port }) => {
                self.state = State::Open;
                let moved = self.port != *port;
                self.port = *port;
                self.deadline = None;
                Heard::Reopened(moved)
            }
            // Unasked: it was restarted, and somebody had taken the port meanwhile.
            (State::Open, Reply::Opened { port }) if *port != self.port => {
                self.port = *port;
                Heard::Reopened(true)
            }
            (State::Opening, Reply::Failed { .. } | Reply::Refused { .. }) => {
                self.gone();
                Heard::Failed
            }
            (State::Reopening, Reply::Failed { .. } | Reply::Refused { .. }) => {
                self.deadline = Some(core.now + REOPEN_INTERVAL);
                Heard::Nothing
            }
            (State::Open, Reply::Unknown) if self.reopens < REOPENS_MAX => {
                self.reopens = self.reopens.saturating_add(1);
                self.reopen(core);
                Heard::Nothing
            }
            (State::Closing, Reply::Closed(stats)) => {
                self.stats = (**stats).clone();
                self.gone();
                Heard::Closed
            }
            (State::Closing, Reply::Unknown | Reply::Failed { .. } | Reply::Refused { .. }) => {
                self.gone();
                Heard::Closed
            }
            (
                State::Opening | State::Open | State::Reopening | State::Closing | State::Closed,
                Reply::Opened { .. }
                | Reply::Done
                | Reply::Closed(_)
                | Reply::Unknown
                | Reply::Endpoints(_)
                | Reply::Recordings(_)
                | Reply::Piece(_)
                | Reply::Event(_)
                | Reply::Failed { .. }
                | Reply::Refused { .. },
            ) => Heard::Nothing,
        }
    }

    fn reopen(&mut self, core: &mut Core) {
        self.state = State::Reopening;
        self.deadline = Some(core.now + REPLY_TIME_MAX);
        self.ask(core);
    }

    /// Gives the endpoint back.
    pub(super) fn close(&mut self, core: &mut Core) {
        match self.state {
            State::Opening | State::Open | State::Reopening => {
                self.state = State::Closing;
                self.deadline = Some(core.now + REPLY_TIME_MAX);
                core.emit(Output::Sound(SoundRequest::Close(self.id)));
            }
            State::Closing | State::Closed => {}
        }
    }

    const fn gone(&mut self) {
        self.state = State::Closed;
        self.deadline = None;
    }

    /// Time has passed: `media` is silent, or is to be asked again.
    pub(super) fn timer(&mut self, core: &mut Core) -> Heard {
        if self.deadline.is_none_or(|deadline| deadline > core.now) {
            return Heard::Nothing;
        }
        self.deadline = None;
        match self.state {
            State::Opening => {
                // Should it come after all, it must not stay.
                core.emit(Output::Sound(SoundRequest::Close(self.id)));
                self.gone();
                Heard::Failed
            }
            State::Reopening => {
                if self.reopens < REOPENS_MAX {
                    self.reopens = self.reopens.saturating_add(1);
                    self.reopen(core);
                }
                Heard::Nothing
            }
            State::Closing => {
                self.gone();
                Heard::Closed
            }
            State::Open | State::Closed => Heard::Nothing,
        }
    }
}
