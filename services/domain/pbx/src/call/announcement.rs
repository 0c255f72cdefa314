//! Announcements: the caller is answered and hears a prompt; then the next stage comes, or the call
//! is over.
//!
//! They are answered, not played as early media: many carriers and phones let nothing be heard
//! before an answer, and a caller who is told "we are closed" must hear it.

use std::time::Duration;

use ipc::sound::{Clip, PROMPT_SECS_MAX, Source};
use ipc::store::Outcome;
use sip::StatusCode;

use super::alarms::Alarm;
use super::hunt::{Aim, Hunt};
use super::plan::Stage;
use super::{Calls, Key, Tools, codecs};

/// How long the end of a prompt is waited for: it may begin anew once, when `media` does.
const ANNOUNCEMENT_TIME_MAX: Duration = Duration::from_secs(2 * PROMPT_SECS_MAX as u64);

/// What the box tells somebody who waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Telling {
    /// Nothing.
    Nothing,
    /// A prompt; somebody is looked for afterwards.
    First,
    /// A prompt, and nothing comes after it but a call back: the box is who was called.
    Last,
    /// That was heard to its end.
    ToldLast,
}

impl Telling {
    /// A prompt is being played.
    pub(super) const fn goes_on(self) -> bool {
        matches!(self, Self::First | Self::Last)
    }
}

impl Calls {
    /// Answers the waiting party and plays it a file.
    pub(super) fn begin_telling(&mut self, tools: &mut Tools<'_>, key: Key, file: String) {
        let Some(hunt) = self.hunts.get_mut(&key) else {
            return;
        };
        // Who is called back may answer; if he does not, the box was who was called.
        let is_call_back = |it: &Stage| matches!(it, Stage::CallBack(_));
        hunt.telling = match hunt.stages.iter().all(is_call_back) {
            true => Telling::Last,
            false => Telling::First,
        };
        let (waiting, telling, record) = (hunt.waiting, hunt.telling, hunt.record.clone());
        let aim = std::mem::replace(&mut hunt.aim, Aim::Call);
        // What the box plays it must be able to encode.
        self.answer(tools, waiting, &codecs::offer(&[]));
        self.transferred_to_the_box(tools, aim);
        if telling == Telling::Last
            && let Some(open) = self.records.get_mut(&record)
        {
            open.record.answered_millis = Some(tools.core.unix().as_millis());
            open.record.status = StatusCode::OK.code();
        }
        self.hear(tools, waiting, Source::Clip(Clip::File(file)));
        let until = tools.core.now + ANNOUNCEMENT_TIME_MAX;
        self.alarms.set(Alarm::Hunt(key), Some(until));
        self.keep_again(waiting);
    }

    /// Whoever transferred a party here is told that it was answered, and is done with it.
    fn transferred_to_the_box(&mut self, tools: &mut Tools<'_>, aim: Aim) {
        let Aim::Transfer {
            transferor, told, ..
        } = aim
        else {
            return;
        };
        let status = StatusCode::OK;
        tools.legs.transfer_progress(tools.core, told, status);
        if let Some(transferor) = transferor {
            self.leave_alone(tools, transferor);
        }
    }

    /// A prompt was heard to its end, cannot be played, or takes too long: what comes next does.
    pub(super) fn announced(&mut self, tools: &mut Tools<'_>, key: Key) {
        let Some(hunt) = self.hunts.get_mut(&key) else {
            return;
        };
        hunt.telling = match hunt.telling {
            Telling::First => Telling::Nothing,
            Telling::Last => Telling::ToldLast,
            Telling::Nothing | Telling::ToldLast => return,
        };
        let waiting = hunt.waiting;
        // The next prompt may be the same one, which would not be asked for again.
        self.hear(tools, waiting, Source::Silence);
        self.next_stage(tools, key);
    }

    /// Everything was said, and nobody else is to be found.
    pub(super) fn told_all(&mut self, tools: &mut Tools<'_>, hunt: &Hunt) {
        let status = StatusCode::OK;
        self.end_record(tools, &hunt.record, Outcome::EndedByBox, status.code());
        self.hang_up(tools, hunt.waiting, status, None);
    }
}
