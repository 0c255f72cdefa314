//! Takes: somebody dials a code, speaks after the beep and presses `#` or hangs up. What was said
//! is a recording with a name of its own, which an administrator hears on the pages and makes a
//! prompt.
//!
//! ```text
//!   answered, beep --beep is over--> recorded --#--> beep, hung up
//!                                        +--hung up, or five minutes--> over
//! ```
//! A take belongs to no call of two: no record names it, and a process that ends in between loses
//! it.

use std::time::Duration;

use ipc::sound::{Clip, PROMPT_SECS_MAX, Request as SoundRequest, Source, take_file};
use ipc::store::Outcome;
use sip::StatusCode;

use super::{CONFIRM_TIME, Calls, Tools};
use crate::interface::Output;
use crate::leg::LegId;

/// How long one may speak: less than a prompt may last, so that it can become one.
const TAKE_TIME_MAX: Duration = Duration::from_secs(PROMPT_SECS_MAX as u64 - 5);
/// Takes at a time: a house has one voice.
const TAKES_MAX: usize = 4;

/// Somebody who speaks a prompt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Take {
    /// What it is recorded into.
    file: String,
    /// The beep is over.
    is_begun: bool,
}

impl Calls {
    /// Answers somebody who dialled the code, and beeps.
    pub(super) fn begin_take(&mut self, tools: &mut Tools<'_>, leg: LegId, record: &str) {
        let party = self.parties.get(&leg);
        let extension = party.and_then(|party| party.extension()).map(str::to_owned);
        let Some(extension) = extension.filter(|_| self.takes.len() < TAKES_MAX) else {
            let status = StatusCode::BUSY_HERE;
            self.refuse(tools, leg, record, status, Outcome::Refused);
            return;
        };
        self.accept(tools, leg, record);
        let take = Take {
            file: take_file(&extension, tools.core.unix().as_millis()),
            is_begun: false,
        };
        self.takes.insert(leg, take);
        self.leave(tools, leg, Source::Clip(Clip::Confirm), TAKE_TIME_MAX);
    }

    /// The beep was heard: what is said from here on is recorded.
    pub(super) fn take_beeped(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        let take = self.takes.get_mut(&leg).filter(|take| !take.is_begun);
        let Some(take) = take else { return };
        take.is_begun = true;
        let file = take.file.clone();
        let record = SoundRequest::Record { id: leg.0, file };
        tools.core.emit(Output::Sound(record));
    }

    /// A key of somebody who speaks a prompt; `#` ends it. False when he speaks none.
    pub(super) fn take_key(&mut self, tools: &mut Tools<'_>, leg: LegId, key: char) -> bool {
        let Some(take) = self.takes.get(&leg) else {
            return false;
        };
        if key == '#' && take.is_begun {
            self.takes.remove(&leg);
            let stop = SoundRequest::StopRecording(leg.0);
            tools.core.emit(Output::Sound(stop));
            // The first beep ended long ago, so it is asked for anew.
            self.hear(tools, leg, Source::Silence);
            self.leave(tools, leg, Source::Clip(Clip::Confirm), CONFIRM_TIME);
        }
        true
    }

    /// It cannot be recorded: whoever speaks is told by a tone. True when he spoke a prompt.
    pub(super) fn take_failed(&mut self, tools: &mut Tools<'_>, leg: LegId) -> bool {
        let failed = self.takes.remove(&leg).is_some();
        if failed {
            self.leave(tools, leg, Source::Clip(Clip::Congestion), CONFIRM_TIME);
        }
        failed
    }
}
