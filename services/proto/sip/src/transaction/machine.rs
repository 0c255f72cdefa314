//! What the four machines have in common.

use std::collections::VecDeque;
use std::time::Duration;

use sansio::Instant;

use super::client_invite::ClientInvite;
use super::client_other::ClientOther;
use super::flow::{Flow, Output};
use super::layer::Counters;
use super::server_invite::ServerInvite;
use super::server_other::ServerOther;
use super::timers::{Timer, TimerTable};

/// The longest answer kept for repetitions, bytes; ours are shorter unless the peer pads its own
/// fields. After a longer one the request is forgotten: its repetition is a new request.
pub(super) const ANSWER_KEPT_MAX: usize = 2048;

/// One of the four machines.
pub(super) enum Machine {
    ClientInvite(Box<ClientInvite>),
    ClientOther(ClientOther),
    ServerInvite(Box<ServerInvite>),
    ServerOther(ServerOther),
}

/// Whether a transaction goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Life {
    Goes,
    /// Only as far as this answer, which goes out now, may have to go out again.
    Answered(Vec<u8>),
    Over,
}

/// What a machine may touch while it handles one cause.
pub(super) struct Context<'a> {
    pub(super) now: Instant,
    pub(super) flow: Flow,
    pub(super) timers: &'a mut TimerTable,
    pub(super) outputs: &'a mut VecDeque<Output>,
    pub(super) counters: &'a mut Counters,
}

impl Context<'_> {
    pub(super) const fn is_reliable(&self) -> bool {
        self.flow.transport.is_reliable()
    }

    pub(super) fn set(&mut self, timer: Timer, after: Duration) {
        self.timers.set(timer, self.now + after);
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.timers.stop(timer);
    }

    pub(super) const fn stop_all(&mut self) {
        self.timers.stop_all();
    }

    pub(super) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn transmit(&mut self, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Transmit {
            flow: self.flow,
            bytes,
        });
    }

    pub(super) fn retransmit(&mut self, bytes: Vec<u8>) {
        self.counters.retransmissions += 1;
        self.transmit(bytes);
    }
}

impl Machine {
    /// Every timer that has gone off, until the transaction is over.
    pub(super) fn on_timers(&mut self, cx: &mut Context<'_>) -> Life {
        while let Some(timer) = cx.timers.take_due(cx.now) {
            let life = match self {
                Self::ClientInvite(invite) => invite.on_timer(timer, cx),
                Self::ClientOther(other) => other.on_timer(timer, cx),
                Self::ServerInvite(invite) => invite.on_timer(timer, cx),
                // It waits for its user only.
                Self::ServerOther(_) => Life::Goes,
            };
            if life == Life::Over {
                return Life::Over;
            }
        }
        Life::Goes
    }

    pub(super) fn on_flow_failed(&self, cx: &mut Context<'_>) -> Life {
        match self {
            Self::ClientInvite(invite) => invite.on_flow_failed(cx),
            Self::ClientOther(other) => other.on_flow_failed(cx),
            Self::ServerInvite(invite) => invite.on_flow_failed(cx),
            Self::ServerOther(other) => other.on_flow_failed(cx),
        }
    }

    /// The request of a server machine came again.
    pub(super) fn on_repetition(&self, cx: &mut Context<'_>) -> Life {
        match self {
            Self::ServerInvite(invite) => invite.on_repetition(cx),
            Self::ServerOther(other) => other.on_repetition(cx),
            Self::ClientInvite(_) | Self::ClientOther(_) => {}
        }
        Life::Goes
    }
}
