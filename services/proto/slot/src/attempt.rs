//! Which slot is started: the loader asks before, the system answers for it after.
//!
//! The rules, each against a way in which other products went dark:
//!
//! - a new slot is tried [`TRIES`] times; when it never proves good, it is left for good;
//! - a slot that has proved good never becomes unusable by counting. When it fails to prove good
//!   again [`UNCLEAN_MAX`] times in a row, the other one has its turn, then the rescue system; and
//!   from there counting begins anew, so that a box in a place with bad power is never dead;
//! - a slot that cannot be started is left in the same boot;
//! - a slot that was found damaged while it ran makes room for the other one when that is sound,
//!   and is of more use than nothing when it is not.

use crate::Slot;
use crate::state::{BootState, Condition, Reason};

/// What the loader is to start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// This slot. The state has to be on the disk before.
    Start(Slot),
    /// The rescue system.
    Rescue,
}

/// The slots that were found useless in this boot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Refusal {
    slots: [bool; 2],
}

impl Refusal {
    /// Whether this slot was.
    #[must_use]
    pub const fn holds(&self, slot: Slot) -> bool {
        let [a, b] = self.slots;
        match slot {
            Slot::A => a,
            Slot::B => b,
        }
    }

    const fn add(&mut self, slot: Slot) {
        let [a, b] = &mut self.slots;
        match slot {
            Slot::A => *a = true,
            Slot::B => *b = true,
        }
    }
}

impl BootState {
    /// What to start next. The state counts the attempt, and has to be written before it.
    pub fn choose(&mut self, refused: &Refusal) -> Choice {
        if self.wants_rescue {
            self.wants_rescue = false;
            return Choice::Rescue;
        }
        for slot in [self.preferred, self.preferred.other()] {
            if !refused.holds(slot) && self.take_turn(slot) {
                self.started = Some(slot);
                return Choice::Start(slot);
            }
        }
        self.begin_anew();
        Choice::Rescue
    }

    /// A person at the box asks for a slot, whatever was found of it before; it still has to be
    /// signed. The attempt is counted where attempts are, and the next boot goes by the rules.
    pub fn choose_by_hand(&mut self, slot: Slot) -> Choice {
        self.take_turn(slot);
        self.started = Some(slot);
        Choice::Start(slot)
    }

    /// Counts an attempt of a slot; whether it has one.
    fn take_turn(&mut self, slot: Slot) -> bool {
        match self.slot(slot).condition {
            Condition::Empty | Condition::Bad => false,
            Condition::Trying(0) => {
                self.set(slot, Condition::Bad);
                self.note(Some(slot), Reason::TriesUsedUp, TRIES);
                false
            }
            Condition::Trying(tries) => {
                self.set(slot, Condition::Trying(tries - 1));
                true
            }
            Condition::Good(unclean) if unclean >= UNCLEAN_MAX => {
                if unclean == UNCLEAN_MAX {
                    self.note(Some(slot), Reason::Unclean, UNCLEAN_MAX);
                    self.set(slot, Condition::Good(UNCLEAN_MAX + 1));
                }
                false
            }
            Condition::Good(unclean) => {
                self.set(slot, Condition::Good(unclean + 1));
                true
            }
        }
    }

    /// All had their turn: the ones that have proved good get new ones.
    fn begin_anew(&mut self) {
        for slot in Slot::BOTH {
            if matches!(self.slot(slot).condition, Condition::Good(_)) {
                self.set(slot, Condition::Good(0));
            }
        }
    }

    /// The loader could not start a slot: it is not tried again in this boot. A slot that had
    /// proved good stays so, as its disk may answer better the next time.
    pub fn refuse(&mut self, slot: Slot, reason: Reason, detail: u8, refused: &mut Refusal) {
        refused.add(slot);
        self.note(Some(slot), reason, detail);
        match self.slot(slot).condition {
            Condition::Trying(_) => self.set(slot, Condition::Bad),
            Condition::Empty | Condition::Good(_) | Condition::Bad => {}
        }
    }

    /// The updater is about to write the slot that is not running: which one. Nothing may start
    /// what is half written. `None` while the running slot has not proved good: the other is then
    /// what the box would go back to. Neither while the running slot is damaged and the other is
    /// sound: that one is to be started first, and the damaged one then written anew.
    pub const fn begin_install(&mut self, running: Slot) -> Option<Slot> {
        let target = running.other();
        let is_good = matches!(self.slot(running).condition, Condition::Good(_));
        if !is_good || self.is_to_make_room(running) {
            return None;
        }
        self.empty(target);
        self.preferred = running;
        Some(target)
    }

    /// The rescue system is about to write a slot that a person has chosen.
    pub const fn begin_rescue_install(&mut self, slot: Slot) -> Slot {
        self.empty(slot);
        self.preferred = slot.other();
        slot
    }

    const fn empty(&mut self, slot: Slot) {
        self.set(slot, Condition::Empty);
        self.set_damaged(slot, false);
    }

    /// The updater has written and read back a slot: it is to be tried.
    pub const fn finish_install(&mut self, slot: Slot) {
        self.set(slot, Condition::Trying(TRIES));
        self.preferred = slot;
    }

    /// The running slot has proved good; `keys` is the version of the set that has signed it. What
    /// only older sets have signed is not started from here on. When the other slot is to be
    /// started next, as an update was installed or a person asked for the version before while
    /// this one was proving itself, it stays so.
    pub const fn commit(&mut self, slot: Slot, security: u64, keys: u32) {
        self.set(slot, Condition::Good(0));
        if !self.waits_for_its_turn(slot.other()) {
            self.preferred = slot;
        }
        if security > self.security_floor {
            self.security_floor = security;
        }
        if keys > self.keys_floor {
            self.keys_floor = keys;
        }
    }

    /// Whether a slot is preferred and was not yet started since that was decided.
    const fn waits_for_its_turn(&self, slot: Slot) -> bool {
        self.preferred.index() == slot.index()
            && matches!(
                self.slot(slot).condition,
                Condition::Trying(1..) | Condition::Good(0)
            )
    }

    /// The running slot cannot go on: its root is damaged, or it was not healthy for too long. One
    /// that had never proved good is left for good; one that had has no further turn until the
    /// other and the rescue system had theirs.
    pub fn leave(&mut self, slot: Slot, reason: Reason, detail: u8) {
        let is_damage = reason == Reason::RootDamaged;
        if !(is_damage && self.slot(slot).is_damaged) {
            self.note(Some(slot), reason, detail);
        }
        if is_damage {
            self.set_damaged(slot, true);
        }
        match self.slot(slot).condition {
            Condition::Trying(_) => self.set(slot, Condition::Bad),
            Condition::Good(_) => self.set(slot, Condition::Good(UNCLEAN_MAX + 1)),
            Condition::Empty | Condition::Bad => {}
        }
    }

    /// A block of the running slot's root is not the one that was signed. That is noted once; the
    /// other slot is started next when it is sound. Whether it is.
    pub fn find_damage(&mut self, running: Slot) -> bool {
        if !self.slot(running).is_damaged {
            self.set_damaged(running, true);
            self.note(Some(running), Reason::RootDamaged, 0);
            self.go_back(running);
        }
        self.is_to_make_room(running)
    }

    /// Whether a slot is damaged and the other one is not.
    #[must_use]
    pub const fn is_to_make_room(&self, running: Slot) -> bool {
        self.slot(running).is_damaged && self.slot(running.other()).is_sound()
    }

    /// A person asks for the version before: the other slot, when it has proved good and is not
    /// damaged.
    pub const fn go_back(&mut self, running: Slot) -> bool {
        let can = self.slot(running.other()).is_sound();
        if can {
            self.set(running.other(), Condition::Good(0));
            self.preferred = running.other();
        }
        can
    }
}

/// How often a new slot may be started before it has proved good.
pub const TRIES: u8 = 3;

/// How often a slot that has proved good may be started in a row without proving it again.
pub const UNCLEAN_MAX: u8 = 5;

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Boots that never prove good, by what was started.
    fn boots(state: &mut BootState, count: usize) -> Vec<Choice> {
        let mut boot = || state.choose(&Refusal::default());
        (0..count).map(|_| boot()).collect()
    }

    const A: Choice = Choice::Start(Slot::A);
    const B: Choice = Choice::Start(Slot::B);

    #[test]
    fn a_new_slot_that_never_proves_good_is_left_after_three_tries() {
        let mut state = BootState::shipped();
        assert_eq!(state.begin_install(Slot::A), Some(Slot::B));
        state.finish_install(Slot::B);
        assert_eq!(boots(&mut state, 4), [B, B, B, A]);
        let entry = state.journal().next().unwrap();
        assert_eq!(
            (entry.slot, entry.reason),
            (Some(Slot::B), Reason::TriesUsedUp)
        );
        state.commit(Slot::A, 1, 0);
        assert_eq!(state.slot(Slot::B).condition, Condition::Bad);
        assert_eq!(boots(&mut state, 1), [A]);
    }

    #[test]
    fn a_new_slot_that_proves_good_stays() {
        let mut state = BootState::shipped();
        state.finish_install(Slot::B);
        assert_eq!(boots(&mut state, 2), [B, B]);
        state.commit(Slot::B, 4, 0);
        assert_eq!(state.security_floor, 4);
        for _ in 0..20 {
            assert_eq!(boots(&mut state, 4), [B; 4]);
            state.commit(Slot::B, 3, 0);
        }
        assert_eq!(state.security_floor, 4);
    }

    #[test]
    fn power_losses_never_make_a_good_slot_unusable() {
        let mut state = BootState::shipped();
        let mut started = boots(&mut state, 100);
        started.dedup();
        assert!(
            started.len() > 10 && started.iter().all(|it| *it != B),
            "{started:?}"
        );
        assert_eq!(&started[..3], [A, Choice::Rescue, A]);
    }

    #[test]
    fn two_good_slots_take_turns_then_the_rescue_system_and_then_anew() {
        let mut state = BootState::shipped();
        state.set(Slot::B, Condition::Good(0));
        let one_round = [&[A; 5][..], &[B; 5], &[Choice::Rescue]].concat();
        for _ in 0..3 {
            assert_eq!(boots(&mut state, 11), one_round);
        }
    }

    #[test]
    fn a_slot_that_cannot_be_started_is_left_in_the_same_boot() {
        let mut state = BootState::shipped();
        state.finish_install(Slot::B);
        let mut refused = Refusal::default();
        assert_eq!(state.choose(&refused), B);
        state.refuse(Slot::B, Reason::NotSigned, 0, &mut refused);
        assert_eq!(state.choose(&refused), A);
        state.refuse(Slot::A, Reason::Damaged, 0, &mut refused);
        assert_eq!(state.choose(&refused), Choice::Rescue);
        // The good one is tried again at the next boot, the new one never.
        assert_eq!(boots(&mut state, 1), [A]);
    }

    #[test]
    fn a_half_written_slot_is_never_started() {
        let mut state = BootState::shipped();
        state.commit(Slot::A, 0, 0);
        state.set(Slot::B, Condition::Good(0));
        state.preferred = Slot::B;
        assert_eq!(state.begin_install(Slot::A), Some(Slot::B));
        assert_eq!(boots(&mut state, 1), [A]);
    }

    #[test]
    fn what_the_box_would_go_back_to_is_not_written_over() {
        let mut state = BootState::shipped();
        state.finish_install(Slot::B);
        assert_eq!(boots(&mut state, 1), [B]);
        assert_eq!(state.begin_install(Slot::B), None);
        state.commit(Slot::B, 0, 0);
        assert_eq!(state.begin_install(Slot::B), Some(Slot::A));
    }

    #[test]
    fn the_rescue_system_is_started_once_when_asked_for() {
        let mut state = BootState::shipped();
        state.wants_rescue = true;
        assert_eq!(boots(&mut state, 2), [Choice::Rescue, A]);
    }

    #[test]
    fn a_person_can_start_what_was_given_up_and_the_next_boot_goes_by_the_rules() {
        let mut state = BootState::shipped();
        state.set(Slot::B, Condition::Bad);
        assert_eq!(state.choose_by_hand(Slot::B), B);
        assert_eq!(state.started, Some(Slot::B));
        assert_eq!(boots(&mut state, 1), [A]);
        state.finish_install(Slot::B);
        assert_eq!(state.choose_by_hand(Slot::B), B);
        assert_eq!(boots(&mut state, 3), [B, B, A]);
    }

    #[test]
    fn an_empty_box_ends_in_the_rescue_system() {
        let mut state = BootState::shipped();
        state.set(Slot::A, Condition::Empty);
        assert_eq!(boots(&mut state, 3), [Choice::Rescue; 3]);
    }

    #[test]
    fn a_slot_that_says_it_cannot_go_on_gives_the_other_its_turn() {
        let mut state = BootState::shipped();
        state.finish_install(Slot::B);
        assert_eq!(boots(&mut state, 1), [B]);
        state.leave(Slot::B, Reason::Unhealthy, 2);
        assert_eq!(state.slot(Slot::B).condition, Condition::Bad);
        assert_eq!(boots(&mut state, 1), [A]);
        state.commit(Slot::A, 0, 0);
        // With nothing else to go to it is tried again, after the rescue system.
        state.leave(Slot::A, Reason::RootDamaged, 0);
        assert_eq!(boots(&mut state, 2), [Choice::Rescue, A]);
    }

    #[test]
    fn a_damaged_slot_makes_room_for_the_sound_one_and_is_told_until_it_is_written_anew() {
        let mut state = BootState::shipped();
        state.finish_install(Slot::B);
        assert_eq!(boots(&mut state, 1), [B]);
        state.commit(Slot::B, 0, 0);
        assert!(state.find_damage(Slot::B));
        // It may prove good all the same; and what the box goes to is not written over.
        state.commit(Slot::B, 0, 0);
        assert_eq!(state.begin_install(Slot::B), None);
        assert!(state.find_damage(Slot::B));
        assert_eq!(state.journal().count(), 1);
        assert_eq!(boots(&mut state, 1), [A]);
        state.commit(Slot::A, 0, 0);
        assert!(state.slot(Slot::B).is_damaged);
        assert!(!state.go_back(Slot::A));
        assert_eq!(state.begin_install(Slot::A), Some(Slot::B));
        assert!(!state.slot(Slot::B).is_damaged);
    }

    #[test]
    fn a_damaged_slot_goes_on_when_there_is_no_sound_one() {
        let mut state = BootState::shipped();
        assert_eq!(boots(&mut state, 1), [A]);
        assert!(!state.find_damage(Slot::A));
        assert_eq!(boots(&mut state, 1), [A]);
        // An update is then what mends the box.
        assert_eq!(state.begin_install(Slot::A), Some(Slot::B));
        state.finish_install(Slot::B);
        assert_eq!(boots(&mut state, 4), [B, B, B, A]);
        // Both are: neither makes room, and both have their turns.
        state.commit(Slot::A, 0, 0);
        state.set(Slot::B, Condition::Good(0));
        state.set_damaged(Slot::B, true);
        assert!(!state.find_damage(Slot::A));
        assert_eq!(boots(&mut state, 1), [A]);
    }

    #[test]
    fn damage_that_is_found_again_does_not_send_the_box_back_and_forth() {
        let mut state = BootState::shipped();
        state.set(Slot::B, Condition::Good(0));
        assert_eq!(boots(&mut state, 1), [A]);
        assert!(state.find_damage(Slot::A));
        let mut refused = Refusal::default();
        assert_eq!(state.choose(&refused), B);
        state.refuse(Slot::B, Reason::Damaged, 0, &mut refused);
        assert_eq!(state.choose(&refused), A);
        state.commit(Slot::A, 0, 0);
        state.find_damage(Slot::A);
        assert_eq!(state.preferred, Slot::A);
    }

    #[test]
    fn what_proves_good_does_not_undo_an_update_or_a_way_back_that_waits() {
        let mut state = BootState::shipped();
        assert_eq!(boots(&mut state, 1), [A]);
        // Installed within the first minutes of a boot, before A has proved good again.
        assert_eq!(state.begin_install(Slot::A), Some(Slot::B));
        state.finish_install(Slot::B);
        state.commit(Slot::A, 0, 0);
        assert_eq!(boots(&mut state, 1), [B]);
        state.commit(Slot::B, 0, 0);
        assert_eq!(boots(&mut state, 1), [B]);
        assert!(state.go_back(Slot::B));
        state.commit(Slot::B, 0, 0);
        assert_eq!(boots(&mut state, 1), [A]);
        // Once it was started, whoever proves good is started next.
        state.commit(Slot::B, 0, 0);
        assert_eq!(boots(&mut state, 1), [B]);
    }

    #[test]
    fn a_person_can_go_back_only_to_what_proved_good() {
        let mut state = BootState::shipped();
        assert!(!state.go_back(Slot::A));
        state.finish_install(Slot::B);
        state.commit(Slot::B, 0, 0);
        assert!(state.go_back(Slot::B));
        assert_eq!(boots(&mut state, 1), [A]);
    }

    /// What can happen to a box.
    fn happening() -> impl Strategy<Value = u8> {
        0u8..9
    }

    proptest! {
        /// Whatever happens, in whatever order: a slot that has proved good and was not written
        /// over is started again within the boots that all counters together allow.
        #[test]
        fn a_good_slot_is_always_reached_again(happenings in vec(happening(), 0..200)) {
            let mut state = BootState::shipped();
            let mut running = Slot::A;
            for happening in happenings {
                match happening {
                    0 => {
                        state.begin_install(running);
                    }
                    1 => {
                        if let Some(slot) = state.begin_install(running) {
                            state.finish_install(slot);
                        }
                    }
                    2 => state.commit(running, 0, 0),
                    3 => state.leave(running, Reason::Unhealthy, 0),
                    4 => state.wants_rescue = true,
                    5 => { state.go_back(running); }
                    6 => { state.find_damage(running); }
                    _ => if let Choice::Start(slot) = state.choose(&Refusal::default()) {
                        running = slot;
                    },
                }
                let condition = |slot: &Slot| state.slot(*slot).condition;
                let is_good = |slot: &Slot| matches!(condition(slot), Condition::Good(_));
                prop_assert!(Slot::BOTH.iter().any(is_good));
                let mut later = state;
                let mut refused = Refusal::default();
                let reached = (0..20).any(|_| match later.choose(&refused) {
                    Choice::Start(slot) => is_good(&slot),
                    Choice::Rescue => { refused = Refusal::default(); false }
                });
                prop_assert!(reached);
            }
        }
    }
}
