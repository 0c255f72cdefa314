//! The layer: finds the transaction for each message and keeps their timers.

use std::collections::VecDeque;

use sansio::{Instant, Node, Rng};

use super::flow::{ClientId, Flow, Input, Output, ServerId};
use crate::message::{Request, Response};

/// All transactions of one SIP element.
#[derive(Debug)]
pub struct Layer {
    rng: Rng,
    outputs: VecDeque<Output>,
    counters: Counters,
}

/// There are as many transactions as the layer holds; answer 503 or try again later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there are as many transactions as the layer holds; answer 503 or try again later")]
pub struct Full;

/// What has happened since the start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Requests repeated by their sender and absorbed.
    pub requests_absorbed: u64,
    /// Messages we repeated.
    pub retransmissions: u64,
    /// Responses that belong to no request of ours, dropped.
    pub responses_stray: u64,
    /// ACKs for answers we did not give, or gave too long ago, dropped or handed up.
    pub acks_stray: u64,
    /// Bytes that were no message.
    pub faults: u64,
    /// Requests refused with 503 because the layer was full.
    pub refused: u64,
}

impl Layer {
    /// A layer whose branches and tags follow from `rng`.
    #[must_use]
    pub fn new(rng: Rng) -> Self {
        Self {
            rng,
            outputs: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Sends a request other than ACK and CANCEL: adds the top Via, repeats it, matches its answers.
    ///
    /// # Errors
    /// [`Full`] when there are too many transactions.
    pub fn send_request(
        &mut self,
        _now: Instant,
        _flow: Flow,
        _request: Request,
    ) -> Result<ClientId, Full> {
        Err(Full)
    }

    /// Cancels an INVITE of ours that has no final response: the CANCEL goes out now, or with the
    /// first provisional response (RFC 3261 §9.1). Nothing happens for any other id.
    ///
    /// `reason` becomes the Reason field (RFC 3326). The INVITE still ends by its own final
    /// response, mostly 487, or by [`Output::Timeout`].
    pub fn cancel(&mut self, _now: Instant, _id: ClientId, _reason: Option<&str>) {}

    /// Sends an ACK for a 2xx: its own request with a branch of its own, sent once. Call it again
    /// with the same request for every repetition of the 2xx.
    pub fn send_ack(&mut self, _flow: Flow, _request: Request) {}

    /// Answers a request. After a 2xx to INVITE, call it again with the same response to repeat it
    /// until the ACK comes, which the layer does not do by itself. False when the id is void or the
    /// request has its final answer; nothing is sent then.
    pub fn respond(&mut self, _now: Instant, _id: ServerId, _response: Response) -> bool {
        false
    }

    /// A tag or Call-ID part no one else has: 16 hex digits from the layer's generator.
    pub fn new_tag(&mut self) -> String {
        format!("{:016x}", self.rng.next_u64())
    }

    /// What has happened since the start.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Node for Layer {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, _now: Instant, _input: Input) {}

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }
}
