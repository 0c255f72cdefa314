//! Calls back: who calls from outside reaches the extension first that last had to do with his
//! number. Which one that is, only call records know: a plan says that they are asked, and what an
//! answer is good for is decided here.

use config::{Extension, Number, Route, Site};

use crate::decide::Search;
use crate::decision::{Stage, Step};

/// The extension that may ring for a call back to this number; `None`: it is gone, does not want to
/// be disturbed, or sends its calls elsewhere. Its forwards are not followed: the destinations of
/// the route are better than somebody's pocket.
#[must_use]
pub fn called_back<'a>(site: &'a Site, extension: &str) -> Option<&'a Number> {
    let is_reached = |it: &&Extension| {
        !it.settings.do_not_disturb && it.settings.forward.always.as_deref().is_none()
    };
    let extension = site.extension(extension).filter(is_reached)?;
    Some(&extension.number)
}

impl Search<'_> {
    /// The call back that a route begins with, where it wants one and the call comes from outside;
    /// once, as nobody is called back twice.
    pub(crate) fn call_back(&mut self, route: &Route) -> Option<Stage> {
        let call_back = route.call_back;
        if !call_back.enabled || self.payer.is_some() || self.calls_back {
            return None;
        }
        self.calls_back = true;
        let (within, ring) = (call_back.within, call_back.ring);
        self.note(|| Step::CallBack { within, ring });
        Some(Stage::CallBack {
            within,
            ring,
            recorded: self.recorded,
        })
    }

    /// Puts the call back before what the route led to, which begins at `start`. Where calls are
    /// recorded the prompts at the beginning stay before it: one of them may say so, and nobody is
    /// recorded who was to be told and was not.
    pub(crate) fn put_call_back(&mut self, start: usize, call_back: Stage) {
        let is_prompt = |it: &&Stage| matches!(it, Stage::Announcement(_));
        let led = self.stages.iter().skip(start);
        let prompts = match self.recorded {
            true => led.take_while(is_prompt).count(),
            false => 0,
        };
        let at = start.saturating_add(prompts).min(self.stages.len());
        self.stages.insert(at, call_back);
    }

    /// Whether the number leads to anybody, beyond who may be called back.
    pub(crate) fn leads_somewhere(&self) -> bool {
        !self.stages.iter().all(Stage::is_call_back)
    }
}

impl Stage {
    /// Whether call records say who rings.
    #[must_use]
    pub const fn is_call_back(&self) -> bool {
        matches!(self, Self::CallBack { .. })
    }
}
