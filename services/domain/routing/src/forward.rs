//! Calls that go elsewhere: forwards and do-not-disturb.

use config::{Extension, Number, Site};

use crate::decide::{Cause, Query, Search, decide};
use crate::decision::{Outcome, Refusal, Stage, Step};

/// What happened to a call that rang, or could not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trigger {
    /// The extension is busy, or declined.
    Busy,
    /// Nobody answered in time, or no device is registered.
    NoAnswer,
}

/// The number an extension forwards a call to that met with this; `None`: none, or it leads back
/// to where the call has been.
#[must_use]
pub fn forward_target<'a>(
    extension: &'a Extension,
    trigger: Trigger,
    diverted: &[Number],
) -> Option<&'a str> {
    let forward = &extension.settings.forward;
    let to = match trigger {
        Trigger::Busy => forward.busy.as_deref(),
        Trigger::NoAnswer => forward.no_answer.as_deref(),
    }?;
    let back = diverted.iter().any(|number| number.as_str() == to);
    (to != extension.number.as_str() && !back).then_some(to)
}

/// Where a call goes that rang at an extension and met with this; `None`: it is not forwarded.
/// `diverted` are the extensions that forwarded it there, as [`Stage::Extension`] says.
#[must_use]
pub fn forward(
    site: &Site,
    query: &Query<'_>,
    extension: &Number,
    diverted: &[Number],
    trigger: Trigger,
) -> Option<Outcome> {
    let extension = site.extensions.get(extension)?;
    let to = forward_target(extension, trigger, diverted)?;
    let mut chain = diverted.to_vec();
    chain.push(extension.number.clone());
    if chain.len() > FORWARDS_MAX {
        return None;
    }
    let again = Query {
        dialled: to,
        cause: Cause::Forwarded(&chain),
        ..*query
    };
    Some(decide(site, &again))
}

impl<'a> Search<'a> {
    /// Adds the stages an extension leads to: its devices, or where it forwards its calls.
    pub(crate) fn extension(&mut self, extension: &'a Extension) {
        let number = &extension.number;
        self.note(|| Step::Extension(number.clone()));
        let settings = &extension.settings;
        if let Some(to) = &settings.forward.always
            && self.follow(extension, to)
        {
            return;
        }
        if settings.do_not_disturb {
            self.note(|| Step::DoNotDisturb(number.clone()));
            let followed = settings
                .forward
                .busy
                .as_ref()
                .is_some_and(|to| self.follow(extension, to));
            if !followed {
                self.refuse(Refusal::DoNotDisturb);
            }
            return;
        }
        self.stages.push(Stage::Extension {
            number: number.clone(),
            ring: settings.forward.ring,
            diverted: self.diverted.clone(),
            recorded: self.recorded,
        });
    }

    /// Looks up where an extension forwards to, at the permission of that extension (F11).
    fn follow(&mut self, extension: &'a Extension, to: &str) -> bool {
        let number = &extension.number;
        let back = self
            .diverted
            .iter()
            .any(|it| it == number || it.as_str() == to);
        if back || to == number.as_str() || self.diverted.len() >= FORWARDS_MAX {
            self.note(|| Step::ForwardLoop(number.clone()));
            return false;
        }
        self.note(|| Step::Forwarded {
            extension: number.clone(),
            to: to.to_owned(),
        });
        let (payer, before) = (self.payer.replace(extension), self.diverted.clone());
        self.diverted.push(number.clone());
        self.look_up(to);
        self.payer = payer;
        self.diverted = before;
        true
    }
}

/// Longest chain of forwards; longer ones are mistakes.
const FORWARDS_MAX: usize = 5;
