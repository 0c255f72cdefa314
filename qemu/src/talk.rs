//! Two people who talk: a call from one desk to another, from its first ring to what each heard.

use std::time::Duration;

use crate::desk::Desk;
use crate::lab::LabError;
use crate::sound::{Expected, Heard};

/// A call between two desks.
#[derive(Clone, Copy)]
pub struct Talk<'a> {
    /// Who called.
    pub caller: &'a Desk,
    /// Who answered.
    pub callee: &'a Desk,
}

impl<'a> Talk<'a> {
    /// Calls a number that leads to the other desk; both are talking when this returns.
    ///
    /// # Errors
    /// The call was not set up.
    pub fn begin(caller: &'a Desk, number: &str, callee: &'a Desk) -> Result<Self, LabError> {
        caller.phone().dial(number)?;
        callee.phone().wait_incoming(ANSWER_MAX)?;
        caller.phone().wait_ringing(ANSWER_MAX)?;
        callee.phone().accept()?;
        callee.phone().wait_established(ANSWER_MAX)?;
        caller.phone().wait_established(ANSWER_MAX)?;
        Ok(Self { caller, callee })
    }

    /// The caller hangs up.
    ///
    /// # Errors
    /// The call did not end at both sides.
    pub fn end(&self) -> Result<(), LabError> {
        Self::hang_up(self.caller, self.callee)
    }

    /// The callee hangs up.
    ///
    /// # Errors
    /// The call did not end at both sides.
    pub fn end_by_callee(&self) -> Result<(), LabError> {
        Self::hang_up(self.callee, self.caller)
    }

    fn hang_up(who: &Desk, other: &Desk) -> Result<(), LabError> {
        who.phone().hang_up()?;
        other.phone().wait_closed(ANSWER_MAX)?;
        Ok(())
    }

    /// Waits until both sides have heard this much, counted from the beginning.
    ///
    /// # Errors
    /// Too little sound arrived.
    pub fn listen(&self, length: Duration) -> Result<(), LabError> {
        let limit = length + SOUND_DELAY_MAX;
        self.caller.phone().wait_sound(length, limit)?;
        self.callee.phone().wait_sound(length, limit)?;
        Ok(())
    }

    /// What caller and callee heard in the call that has ended, each proved to be the other's tone.
    ///
    /// # Errors
    /// The recording of a side does not have the other's tone, or has its own.
    pub fn prove_sound(&self) -> Result<(Heard, Heard), LabError> {
        let judge = |desk: &Desk, other: &Desk| -> Result<Heard, LabError> {
            let expected = Expected {
                theirs: other.tone(),
                own_hertz: desk.tone().hertz,
            };
            Ok(expected.judge(&desk.phone().heard()?)?)
        };
        Ok((
            judge(self.caller, self.callee)?,
            judge(self.callee, self.caller)?,
        ))
    }
}

/// For each step of a call.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// How much later than real time sound may come from an emulated box.
const SOUND_DELAY_MAX: Duration = Duration::from_secs(15);
