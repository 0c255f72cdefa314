//! Recording of calls: who is recorded, into which file, and what happens when that fails.
//!
//! ```text
//!   wish:  None --asked by the phone--> Asked      Must: the extension's setting, or a route
//!            ^------- asked not to -------+              nobody at a phone takes it back
//! ```
//! A wish belongs to a party. A talk in which somebody has one is recorded, at one endpoint: what
//! that peer says to the left, what it hears (everybody else) to the right. The recording follows
//! the party through hold, parking and transfers, and ends with its leg; if somebody who stays has
//! a wish too, another file begins. A recording that fails never touches the call.

use config::Recording;
use ipc::sound::{Keeping, Request as SoundRequest};
use serde::{Deserialize, Serialize};
use sip::StatusCode;

use super::party::Place;
use super::{Calls, Key, Tools};
use crate::core::event_text;
use crate::interface::{Event, Output};
use crate::leg::{LegId, Peer};
use crate::routing;

/// Recordings of one call: nobody presses the key that often, and a row names them all.
const RECORDINGS_MAX: usize = 32;

/// How a party stands to being recorded. Kept for the next process as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Taping {
    wish: Wish,
    /// What is written into.
    file: Option<File>,
    /// It could not be written: another try in the same call would fail as well.
    failed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
enum Wish {
    #[default]
    None,
    /// Its phone asked.
    Asked,
    /// Its extension or a route records every call.
    Must,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct File {
    name: String,
    /// `media` was asked for it again: if it knows nothing of it, another one begins.
    #[serde(skip)]
    is_doubtful: bool,
}

impl Calls {
    /// A call came by a route that records: it stays so with the far end, or else the caller.
    pub(super) fn must_be_recorded(&mut self, caller: LegId, callee: LegId) {
        let by_trunk = |leg: &LegId| {
            let party = self.parties.get(leg);
            party.is_some_and(|party| party.trunk().is_some())
        };
        let far = [caller, callee].into_iter().find(by_trunk);
        if let Some(party) = self.parties.get_mut(&far.unwrap_or(caller)) {
            party.taping.wish = Wish::Must;
        }
    }

    /// Begins or ends the recording of a talk as those in it wish.
    pub(super) fn tape_talk(&mut self, tools: &mut Tools<'_>, key: Key) {
        let members = self.talks.get(&key).map(|talk| talk.members.clone());
        let members = members.unwrap_or_default();
        for leg in &members {
            if let Some(party) = self.parties.get_mut(leg)
                && let Peer::Extension(number) = &party.peer
                && routing::recording(tools.core, number) == Recording::Always
            {
                party.taping.wish = Wish::Must;
            }
        }
        let of = |leg: &LegId| self.parties.get(leg).map(|party| &party.taping);
        let wishes = |leg: &LegId| of(leg).is_some_and(|it| it.wish != Wish::None && !it.failed);
        let taped: Vec<LegId> = members
            .iter()
            .copied()
            .filter(|leg| of(leg).is_some_and(|it| it.file.is_some()))
            .collect();
        match members.iter().copied().find(wishes) {
            Some(leg) if taped.is_empty() => self.begin_tape(tools, leg, Some((key, members))),
            Some(_) => {}
            None => {
                for leg in taped {
                    self.stop_tape(tools, leg);
                }
            }
        }
    }

    /// Begins a file; those named hear that it does.
    fn begin_tape(&mut self, tools: &mut Tools<'_>, leg: LegId, told: Option<(Key, Vec<LegId>)>) {
        let name = file_name(tools);
        let full = self.recordings_of(leg) >= RECORDINGS_MAX;
        let Some(party) = self.parties.get_mut(&leg) else {
            return;
        };
        if full {
            party.taping.failed = true;
            return;
        }
        party.taping.file = Some(File {
            name: name.clone(),
            is_doubtful: false,
        });
        let ids = party.records.clone();
        tools.core.emit(Output::Sound(SoundRequest::Record {
            id: leg.0,
            file: name.clone(),
        }));
        for id in ids {
            self.name_recording(leg, &id);
            let Some(open) = self.records.get(&id).filter(|open| !open.ended) else {
                continue;
            };
            let record = open.record.clone();
            tools.core.event(Event::RecordingBegun {
                id,
                file: name.clone(),
            });
            tools.core.persist(&record);
            self.keep_record(tools, &record);
        }
        self.keep_again(leg);
        let notice = routing::recordings(tools.core).is_some_and(|it| it.notice);
        if let Some((key, members)) = told.filter(|_| notice) {
            self.beep(tools, key, &members);
        }
    }

    fn stop_tape(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        let file = self.parties.get_mut(&leg).map(|it| it.taping.file.take());
        if file.flatten().is_some() {
            let request = SoundRequest::StopRecording(leg.0);
            tools.core.emit(Output::Sound(request));
            self.keep_again(leg);
        }
    }

    /// A leg is over: its endpoint is closed, and the recording with it.
    pub(super) fn tape_over(&mut self, leg: LegId) {
        if let Some(party) = self.parties.get_mut(&leg) {
            party.taping = Taping::default();
        }
    }

    /// The file that a leg is recorded into is named in a record of its call.
    pub(super) fn name_recording(&mut self, leg: LegId, id: &str) {
        let party = self.parties.get(&leg);
        let Some(file) = party.and_then(|party| party.taping.file.as_ref()) else {
            return;
        };
        if let Some(open) = self.records.get_mut(id).filter(|open| !open.ended)
            && !open.record.recordings.contains(&file.name)
        {
            open.record.recordings.push(file.name.clone());
        }
    }

    /// A phone asks for the call to be recorded, or not any more; what it is answered.
    pub(super) fn record_asked(
        &mut self,
        tools: &mut Tools<'_>,
        leg: LegId,
        wanted: bool,
    ) -> StatusCode {
        let Some(Place::Talk(key)) = self.place(leg) else {
            return StatusCode::FORBIDDEN;
        };
        let full = self.recordings_of(leg) >= RECORDINGS_MAX;
        let Some(party) = self.parties.get_mut(&leg) else {
            return StatusCode::FORBIDDEN;
        };
        let may =
            party
                .extension()
                .is_some_and(|number| match routing::recording(tools.core, number) {
                    Recording::Never => false,
                    Recording::OnDemand | Recording::Always => true,
                });
        let taping = &mut party.taping;
        match (wanted, taping.wish) {
            _ if !may => return StatusCode::FORBIDDEN,
            (true, _) if full => return StatusCode::FORBIDDEN,
            (true, wish) => {
                taping.failed = false;
                taping.wish = if wish == Wish::None {
                    Wish::Asked
                } else {
                    wish
                };
            }
            (false, Wish::Asked) => taping.wish = Wish::None,
            (false, Wish::None | Wish::Must) => {}
        }
        self.tape_talk(tools, key);
        // It goes on when somebody else wants it, and nobody is told otherwise.
        match wanted == self.is_taped(key) {
            true => StatusCode::OK,
            false => StatusCode::FORBIDDEN,
        }
    }

    /// The code was pressed: record, or record no more. Whoever pressed it hears that it is done.
    pub(super) fn record_pressed(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        let party = self.parties.get(&leg);
        let wanted = party.is_some_and(|party| party.taping.wish != Wish::Asked);
        let done = self.record_asked(tools, leg, wanted) == StatusCode::OK;
        if let Some(Place::Talk(key)) = self.place(leg).filter(|_| done) {
            self.beep(tools, key, &[leg]);
        }
    }

    fn is_taped(&self, key: Key) -> bool {
        let members = self.talks.get(&key).map(|talk| talk.members.as_slice());
        let mut members = members.unwrap_or_default().iter();
        members.any(|leg| {
            let party = self.parties.get(leg);
            party.is_some_and(|party| party.taping.file.is_some())
        })
    }

    /// How many recordings the records name that a leg is in.
    fn recordings_of(&self, leg: LegId) -> usize {
        let ids = self.parties.get(&leg).map(|party| party.records.as_slice());
        let records = ids.unwrap_or_default().iter();
        let open = records.filter_map(|id| self.records.get(id));
        open.map(|open| open.record.recordings.len())
            .max()
            .unwrap_or_default()
    }

    /// The endpoint may be new to `media`, or this process may be: it is asked for the same file
    /// again, which changes nothing where it is being written.
    pub(super) fn tape_again(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        let party = self.parties.get_mut(&leg);
        if let Some(file) = party.and_then(|party| party.taping.file.as_mut()) {
            file.is_doubtful = true;
            let file = file.name.clone();
            let request = SoundRequest::Record { id: leg.0, file };
            tools.core.emit(Output::Sound(request));
        }
    }

    /// `media` was restarted: what it had written stays, and another file goes on from here.
    pub(super) fn tape_lost(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        let party = self.parties.get(&leg);
        if party.is_some_and(|party| party.taping.file.is_some()) {
            self.begin_tape(tools, leg, None);
        }
    }

    /// A recording ended by itself, or did not begin.
    pub(super) fn tape_failed(&mut self, tools: &mut Tools<'_>, leg: LegId, reason: &str) {
        let Some(party) = self.parties.get_mut(&leg) else {
            return;
        };
        match party.taping.file.take() {
            None => return,
            Some(file) if file.is_doubtful => return self.begin_tape(tools, leg, None),
            Some(_) => party.taping.failed = true,
        }
        let reason = event_text(reason);
        for id in party.records.clone() {
            let Some(open) = self.records.get_mut(&id).filter(|open| !open.ended) else {
                continue;
            };
            open.record.recording_fault.clone_from(&reason);
            let record = open.record.clone();
            let reason = reason.clone();
            tools.core.event(Event::RecordingFailed { id, reason });
            tools.core.persist(&record);
        }
        self.keep_again(leg);
    }

    /// Tells `media` how recordings are kept, when that has changed.
    pub(super) fn tell_how_recordings_are_kept(&mut self, tools: &mut Tools<'_>) {
        let wanted = routing::recordings(tools.core).map(|site| Keeping {
            days: site.keep_days(),
            mib: site.max_mib,
        });
        if let Some(keeping) = wanted.filter(|_| self.keeping != wanted) {
            self.keeping = wanted;
            let request = SoundRequest::KeepRecordings(keeping);
            tools.core.emit(Output::Sound(request));
        }
    }
}

/// Sorts by time, and is never used twice: `1700000000000-1a2b3c4d.wav`.
fn file_name(tools: &mut Tools<'_>) -> String {
    let random = tools.core.sip.new_tag();
    let random = random.get(..8).unwrap_or_default();
    let millis = tools.core.unix().as_millis().max(0);
    format!("{millis:013}-{random}.wav")
}
