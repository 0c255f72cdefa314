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
    /// Begins with a call back, where the route wants it and the call comes from outside; once, as
    /// nobody is called back twice.
    pub(crate) fn call_back(&mut self, route: &Route) {
        let call_back = route.call_back;
        let is_first = !self.stages.iter().any(Stage::is_call_back);
        if !call_back.enabled || self.payer.is_some() || !is_first {
            return;
        }
        let (within, ring) = (call_back.within, call_back.ring);
        self.note(|| Step::CallBack { within, ring });
        self.stages.push(Stage::CallBack {
            within,
            ring,
            recorded: self.recorded,
        });
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
