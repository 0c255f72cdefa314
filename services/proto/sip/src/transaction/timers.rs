//! The timers of RFC 3261 §17 (its Table 4) and RFC 6026, and a table of them sized by the enum.

use std::time::Duration;

use sansio::Instant;

/// Estimate of the round trip. RFC 3261 §17.1.1.1.
pub(super) const T1: Duration = Duration::from_millis(500);
/// Longest wait between repetitions of a non-INVITE request or an INVITE response.
pub(super) const T2: Duration = Duration::from_secs(4);
/// Longest time a message stays in the network.
pub(super) const T4: Duration = Duration::from_secs(5);
/// 64*T1: how long anything is tried.
pub(super) const GIVE_UP: Duration = Duration::from_secs(32);
/// How long the user may take before we say 100 for it. RFC 3261 §17.2.1.
pub(super) const TRYING_AFTER: Duration = Duration::from_millis(200);

/// What a transaction can wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Timer {
    /// Repeat the INVITE: T1, doubling. UDP only.
    A,
    /// Give up on an INVITE without any response: 64*T1.
    B,
    /// Give up on a cancelled INVITE without a final response: 64*T1. RFC 3261 §9.1.
    Cancel,
    /// Absorb repetitions of a final response to INVITE: 32 s over UDP.
    D,
    /// Repeat a request: T1, doubling up to T2. UDP only.
    E,
    /// Give up on a request: 64*T1.
    F,
    /// Repeat a final response to INVITE: T1, doubling up to T2. UDP only.
    G,
    /// Give up waiting for the ACK: 64*T1.
    H,
    /// Absorb repetitions of the ACK: T4 over UDP.
    I,
    /// Absorb repetitions of a request: 64*T1 over UDP.
    J,
    /// Absorb repetitions of a final response: T4 over UDP.
    K,
    /// Absorb repetitions of an INVITE that was accepted: 64*T1. RFC 6026 §7.1.
    L,
    /// Hand up further 2xx to an INVITE: 64*T1. RFC 6026 §7.2.
    M,
    /// Say 100 for a slow user: 200 ms.
    Trying,
}

impl Timer {
    const COUNT: usize = 14;
    const ALL: [Self; Self::COUNT] = [
        Self::A,
        Self::B,
        Self::Cancel,
        Self::D,
        Self::E,
        Self::F,
        Self::G,
        Self::H,
        Self::I,
        Self::J,
        Self::K,
        Self::L,
        Self::M,
        Self::Trying,
    ];
}

/// When each timer goes off.
#[derive(Clone, Debug)]
pub(super) struct TimerTable([Option<Instant>; Timer::COUNT]);

impl TimerTable {
    pub(super) const fn new() -> Self {
        Self([None; Timer::COUNT])
    }

    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        if let Some(slot) = self.0.get_mut(timer as usize) {
            *slot = Some(at);
        }
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        if let Some(slot) = self.0.get_mut(timer as usize) {
            *slot = None;
        }
    }

    pub(super) const fn stop_all(&mut self) {
        self.0 = [None; Timer::COUNT];
    }

    /// The earliest.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes one that has gone off, in the order of the enum.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let due = |slot: &Option<Instant>| slot.is_some_and(|at| at <= now);
        let index = self.0.iter().position(due)?;
        *self.0.get_mut(index)? = None;
        Timer::ALL.get(index).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_slot_for_each_timer_in_order() {
        for (index, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, index);
        }
    }

    #[test]
    fn due_timers_come_once_and_in_order() {
        let mut table = TimerTable::new();
        let at = Instant::ORIGIN + T1;
        table.set(Timer::B, at);
        table.set(Timer::A, at);
        table.set(Timer::K, at + T4);
        assert_eq!(table.next(), Some(at));
        assert_eq!(table.take_due(at), Some(Timer::A));
        assert_eq!(table.take_due(at), Some(Timer::B));
        assert_eq!(table.take_due(at), None);
        assert_eq!(table.next(), Some(at + T4));
        table.stop(Timer::K);
        assert_eq!(table.next(), None);
    }
}
