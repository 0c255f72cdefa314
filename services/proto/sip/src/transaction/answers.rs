//! Answers that only wait for a repetition of their request (RFC 3261 §17.2.2, Completed).
//!
//! Most of what a registrar holds is of this kind: two for each REGISTER, for 32 s. So nothing is
//! kept of the request but the hash it is found by, and nothing of the answer but its bytes. These
//! come and go in order, and lie one behind the other: had each a place of its own, whoever asks
//! for memory next would get one that was last touched half a minute ago, and wait for it.

use std::collections::VecDeque;
use std::time::Duration;

use sansio::Instant;

use super::flow::Flow;
use super::key::ServerKey;
use super::timers::GIVE_UP;

/// Timer J may go off late: then thousands are forgotten in one go instead of each on its own.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

/// Bytes that are taken and given back at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// The answer to one request.
#[derive(Debug)]
struct Answer {
    /// When it was given; Timer J runs from then.
    since: Instant,
    key: ServerKey,
    flow: Flow,
    /// In which chunk it lies, and where there.
    chunk: u64,
    start: usize,
    length: usize,
}

/// All of them, oldest first: the wait is the same for each.
#[derive(Debug, Default)]
pub(super) struct Answers {
    queue: VecDeque<Answer>,
    /// The number of the next one.
    next: u64,
    chunks: VecDeque<Vec<u8>>,
    /// The number of the first chunk.
    first_chunk: u64,
    /// One that has emptied, for when the last is full.
    spare: Vec<u8>,
    swept: Option<Instant>,
}

impl Answers {
    /// Keeps one; gives the number to find it by.
    pub(super) fn keep(&mut self, now: Instant, key: ServerKey, flow: Flow, bytes: &[u8]) -> u64 {
        let full = |chunk: &Vec<u8>| chunk.capacity() - chunk.len() < bytes.len();
        if self.chunks.back().is_none_or(full) {
            let mut chunk = std::mem::take(&mut self.spare);
            chunk.reserve_exact(CHUNK_BYTES.max(bytes.len()));
            self.chunks.push_back(chunk);
        }
        let chunk = self.first_chunk + (self.chunks.len().saturating_sub(1)) as u64;
        let mut start = 0;
        if let Some(chunk) = self.chunks.back_mut() {
            start = chunk.len();
            chunk.extend_from_slice(bytes);
        }
        self.queue.push_back(Answer {
            since: now,
            key,
            flow,
            chunk,
            start,
            length: bytes.len(),
        });
        let number = self.next;
        self.next += 1;
        number
    }

    /// One that is still kept, and where it went.
    pub(super) fn get(&self, number: u64) -> Option<(Flow, &[u8])> {
        let behind = usize::try_from(self.next.checked_sub(number)?).ok()?;
        let answer = self.queue.get(self.queue.len().checked_sub(behind)?)?;
        let chunk = usize::try_from(answer.chunk.checked_sub(self.first_chunk)?).ok()?;
        let end = answer.start.checked_add(answer.length)?;
        let bytes = self.chunks.get(chunk)?.get(answer.start..end)?;
        Some((answer.flow, bytes))
    }

    /// Forgets the oldest; what it was found by.
    pub(super) fn forget_oldest(&mut self) -> Option<ServerKey> {
        let oldest = self.queue.pop_front()?;
        let in_use = self.queue.front().map_or(u64::MAX, |next| next.chunk);
        while self.first_chunk < in_use
            && let Some(mut chunk) = self.chunks.pop_front()
        {
            self.first_chunk += 1;
            chunk.clear();
            self.spare = chunk;
        }
        Some(oldest.key)
    }

    /// Forgets the oldest if its time is over.
    pub(super) fn forget_due(&mut self, now: Instant) -> Option<ServerKey> {
        self.swept = Some(now);
        let due = self.oldest()? + GIVE_UP <= now;
        due.then(|| self.forget_oldest()).flatten()
    }

    /// When the oldest was given.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.queue.front().map(|oldest| oldest.since)
    }

    /// When [`Self::forget_due`] wants to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let until = self.oldest()? + GIVE_UP;
        Some(self.swept.map_or(until, |at| until.max(at + SWEEP_PAUSE)))
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }
}

#[cfg(test)]
mod tests {
    use sansio::{Rng, Transport};

    use super::*;

    fn flow() -> Flow {
        Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().expect("an address"),
            remote: "198.51.100.7:40001".parse().expect("an address"),
            stream: None,
        }
    }

    #[test]
    fn every_answer_is_found_until_it_is_forgotten_and_none_after() {
        let (mut answers, mut rng) = (Answers::default(), Rng::from_seed(1));
        let mut kept: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
        for round in 0..4_000_u64 {
            let length = usize::try_from(rng.below(2048)).expect("small");
            let bytes = vec![round.to_le_bytes()[0]; length];
            let key = ServerKey::numbered(round);
            let number = answers.keep(Instant::ORIGIN, key, flow(), &bytes);
            kept.push_back((number, bytes));
            while kept.len() > 100 || (!kept.is_empty() && rng.chance(45)) {
                let (number, _) = kept.pop_front().expect("not empty");
                assert!(answers.get(number).is_some());
                assert_eq!(answers.forget_oldest(), Some(ServerKey::numbered(number)));
                assert_eq!(answers.get(number), None);
            }
            for (number, bytes) in &kept {
                assert_eq!(answers.get(*number), Some((flow(), &**bytes)));
            }
            assert_eq!(answers.len(), kept.len());
            assert!(answers.chunks.len() <= kept.len().min(5));
        }
        assert_eq!(answers.get(4_000), None);
    }

    #[test]
    fn the_first_is_forgotten_in_time_and_thousands_after_it_in_one_go() {
        let mut answers = Answers::default();
        let mut now = Instant::ORIGIN;
        for number in 0..2_000 {
            answers.keep(now, ServerKey::numbered(number), flow(), b"200");
            now = now + Duration::from_millis(1);
        }
        let mut sweeps = Vec::new();
        while let Some(at) = answers.deadline() {
            let swept = std::iter::from_fn(|| answers.forget_due(at)).count();
            sweeps.push((at - (Instant::ORIGIN + GIVE_UP), swept));
        }
        let second = Duration::from_secs(1);
        let expected = [(Duration::ZERO, 1), (second, 1_000), (second * 2, 999)];
        assert_eq!(sweeps, expected);
    }
}
