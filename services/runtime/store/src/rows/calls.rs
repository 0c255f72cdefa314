//! A call record on disk: numbers of people outside are sealed in it (R17).

use std::collections::BTreeSet;

use config::{InCall, is_inside_number, is_same_number};
use ipc::erasure::ERASED;
use ipc::store;
use ipc::store::{CallFilter, CallSearch, CallsWith, Direction};
use serde::{Deserialize, Serialize};

use crate::erased::Erased;
use crate::seal::{Place, Seal, TAG_LENGTH, is_sealed};
use crate::sought::Sought;

/// A call record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct CallRow {
    pub(crate) id: String,
    from: String,
    to: String,
    source: String,
    started_millis: i64,
    answered_millis: Option<i64>,
    ended_millis: Option<i64>,
    pub(crate) outcome: OutcomeRow,
    status: u16,
    dtmf_digits: u32,
    packets_to_callee: u64,
    packets_to_caller: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    trunk: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    transferred_to: String,
    #[serde(default, skip_serializing_if = "AudioRow::is_nothing")]
    caller_audio: AudioRow,
    #[serde(default, skip_serializing_if = "AudioRow::is_nothing")]
    callee_audio: AudioRow,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recordings: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    recording_fault: String,
    /// Absent in rows of a firmware that did not note them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    extensions: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rung: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    called_back: String,
    /// The key that numbers of others are sealed with, by its id. An older firmware, which drops
    /// it, shows sealed numbers as they stand and writes them back as they are. It stays the last
    /// field: [`is_marked`] looks for it there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    sealed: String,
}

/// What is shown of a number that cannot be opened.
const UNREADABLE: &str = "?";

/// Whether a row is one that a key has sealed, by its bytes: a million rows are looked at in the
/// time that ten thousand are read.
pub(crate) fn is_marked(row: &[u8], seal: &Seal) -> bool {
    row.ends_with(format!("\"sealed\":\"{}\"}}", seal.id()).as_bytes())
}

impl CallRow {
    /// With every number of somebody outside sealed: an opened row for the disk.
    pub(crate) fn sealed(mut self, seal: &Seal) -> Self {
        let id = std::mem::take(&mut self.id);
        let is_inside: Vec<bool> = self.places().map(|(_, it)| self.is_inside(it)).collect();
        for ((place, text), is_inside) in self.places_mut().into_iter().zip(is_inside) {
            if !is_inside && !is_sealed(text) && text != ERASED {
                *text = seal.seal(&id, place, text);
            }
        }
        self.id = id;
        seal.id().clone_into(&mut self.sealed);
        self
    }

    /// With every number as it was; what this key does not open stays as it is.
    pub(crate) fn opened(mut self, seal: Option<&Seal>) -> Self {
        let Some(seal) = seal else { return self };
        let id = std::mem::take(&mut self.id);
        for (place, text) in self.places_mut() {
            if let Some(number) = seal.open(&id, place, text) {
                *text = number;
            }
        }
        self.id = id;
        self
    }

    /// Without the numbers of who was erased since, and then without addresses; `None` where there
    /// is none of them. Asked of an opened row.
    pub(crate) fn without(&self, erased: &Erased) -> Option<Self> {
        let at = self.started_millis;
        let is_anybodys = |text: &str| !text.is_empty() && text != ERASED && !is_sealed(text);
        let is_gone =
            |text: &str| is_anybodys(text) && !self.is_inside(text) && erased.has_number(text, at);
        let places = self.places().filter(|(_, text)| is_gone(text));
        let gone: Vec<Place> = places.map(|(place, _)| place).collect();
        if gone.is_empty() {
            return None;
        }
        let mut row = self.clone();
        for (place, text) in row.places_mut() {
            if gone.contains(&place) {
                ERASED.clone_into(text);
            }
        }
        row.source.clear();
        for sound in [&mut row.caller_audio, &mut row.callee_audio] {
            sound.source.clear();
            sound.described.clear();
        }
        Some(row)
    }

    /// Whether it says anything of the sound, or of addresses.
    pub(crate) fn has_details(&self) -> bool {
        let sounds = [&self.caller_audio, &self.callee_audio];
        !self.source.is_empty() || sounds.iter().any(|it| !it.is_nothing())
    }

    /// Without what it says of the sound and of addresses.
    pub(crate) fn without_details(self) -> Self {
        Self {
            source: String::new(),
            caller_audio: AudioRow::default(),
            callee_audio: AudioRow::default(),
            ..self
        }
    }

    /// The names under which the index has an opened row.
    pub(crate) fn tags(&self, seal: &Seal) -> BTreeSet<[u8; TAG_LENGTH]> {
        let numbers = self.places().map(|(_, it)| it);
        let known = numbers
            .chain(self.inside())
            .filter(|it| !it.is_empty() && *it != ERASED && !is_sealed(it));
        let mut tags: BTreeSet<_> = known.map(|it| seal.number_tag(it)).collect();
        let recordings = self.recordings.iter().map(String::as_str);
        let any = (!self.recordings.is_empty()).then_some("");
        tags.extend(recordings.chain(any).map(|it| seal.recording_tag(it)));
        tags
    }

    /// Whether it is one of these; asked of an opened row.
    pub(crate) fn is_of(&self, only: &CallFilter) -> bool {
        // What a caller shows as his number tells only where nothing better was noted.
        let shown = std::slice::from_ref(&self.from);
        let call = InCall {
            began_millis: self.started_millis,
            to: &self.to,
            joined: self.extensions.as_deref().unwrap_or(shown),
            rung: &self.rung,
        };
        let numbers = only.numbers.as_ref();
        let is_of = match &only.with {
            CallsWith::Anything => numbers.is_none_or(|it| call.is_of(it)),
            CallsWith::Recordings => {
                !self.recordings.is_empty() && numbers.is_none_or(|it| call.may_be_heard_by(it))
            }
            CallsWith::Recording(name) => {
                self.recordings.contains(name) && numbers.is_none_or(|it| call.may_be_heard_by(it))
            }
        };
        is_of && self.is_found_by(&only.search)
    }

    fn is_found_by(&self, search: &CallSearch) -> bool {
        let (at, answer, way) = (self.started_millis, search.answered, search.direction);
        search.from_millis.is_none_or(|from| at >= from)
            && search.until_millis.is_none_or(|until| at < until)
            && answer.is_none_or(|answered| answered == self.answered_millis.is_some())
            && way.is_none_or(|way| self.direction() == Some(way))
            && (search.number.is_empty() || self.is_with(&search.number))
    }

    /// Which way it went; unknown of rows of a firmware that did not note who was in it.
    fn direction(&self) -> Option<Direction> {
        if self.trunk.is_empty() {
            return Some(Direction::Inside);
        }
        // The first is the caller's, when he has one.
        let was_from_inside = self.extensions.as_ref()?.first() == Some(&self.from);
        Some(match was_from_inside {
            true => Direction::Outbound,
            false => Direction::Inbound,
        })
    }

    /// The extension that a call back from this number outside goes to; asked of an opened row. It
    /// called the number, answered or not, and the box let it; or it answered a call from there. A
    /// call that nobody answered says nothing: whoever it rang at had nothing to do with anybody.
    /// Where several were in the call, the last of them is meant.
    pub(crate) fn had_to_do_with(&self, number: &Sought) -> Option<&str> {
        let joined = self.extensions.as_deref()?;
        let was_answered = self.answered_millis.is_some();
        let from_inside = joined.first() == Some(&self.from);
        let turned_away = matches!(self.outcome, OutcomeRow::NotFound | OutcomeRow::Rejected);
        // Extensions have as many digits as some number outside.
        let is_with = |text: &str| !self.is_inside(text) && number.is(text);
        let has_to_do = match from_inside {
            true => is_with(&self.to) && (was_answered || !turned_away),
            false => is_with(&self.from) && was_answered,
        };
        let last = joined.last().map(String::as_str);
        last.filter(|_| has_to_do)
    }

    /// When it began, and whether somebody answered; not of one that may be answered yet.
    pub(crate) fn counted(&self) -> Option<(i64, bool)> {
        let answered = self.answered_millis.is_some();
        let is_open = matches!(self.outcome, OutcomeRow::Ongoing) && !answered;
        (!is_open).then_some((self.started_millis, answered))
    }

    /// Whether this number stands anywhere in it, however it is written.
    fn is_with(&self, number: &str) -> bool {
        let mut all = self.places().map(|(_, it)| it).chain(self.inside());
        all.any(|it| !it.is_empty() && is_same_number(it, number))
    }

    /// Nobody outside has such a number.
    fn is_inside(&self, text: &str) -> bool {
        is_inside_number(text) || self.inside().any(|it| it == text)
    }

    /// The extensions and groups it has to do with.
    fn inside(&self) -> impl Iterator<Item = &str> {
        let extensions = self.extensions.iter().flatten();
        extensions.chain(&self.rung).map(String::as_str)
    }

    fn places(&self) -> impl Iterator<Item = (Place, &str)> {
        let all = [
            (Place::From, &*self.from),
            (Place::To, &*self.to),
            (Place::TransferredTo, &*self.transferred_to),
        ];
        all.into_iter()
    }

    const fn places_mut(&mut self) -> [(Place, &mut String); 3] {
        [
            (Place::From, &mut self.from),
            (Place::To, &mut self.to),
            (Place::TransferredTo, &mut self.transferred_to),
        ]
    }
}

/// A number as people are shown it.
fn shown(text: String) -> String {
    match is_sealed(&text) {
        true => UNREADABLE.to_owned(),
        false => text,
    }
}

/// What somebody shows as his number and is none that was sealed here: it is sealed as any other.
fn unlike_sealed(text: &str) -> String {
    match is_sealed(text) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

/// What came from one side of a call.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct AudioRow {
    codec: String,
    received: u64,
    lost: u64,
    jitter_micros: u32,
    mos_hundredths: u16,
    source: String,
    described: String,
}

impl AudioRow {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&store::AudioReport> for AudioRow {
    fn from(from: &store::AudioReport) -> Self {
        Self {
            codec: from.codec.clone(),
            received: from.received,
            lost: from.lost,
            jitter_micros: from.jitter_micros,
            mos_hundredths: from.mos_hundredths,
            source: from.source.clone(),
            described: from.described.clone(),
        }
    }
}

impl From<AudioRow> for store::AudioReport {
    fn from(row: AudioRow) -> Self {
        Self {
            codec: row.codec,
            received: row.received,
            lost: row.lost,
            jitter_micros: row.jitter_micros,
            mos_hundredths: row.mos_hundredths,
            source: row.source,
            described: row.described,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OutcomeRow {
    Ongoing,
    EndedByCaller,
    EndedByCallee,
    EndedByBox,
    Cancelled,
    Refused,
    NoAnswer,
    NotFound,
    Unreachable,
    Rejected,
    Interrupted,
}

impl From<&store::CallRecord> for CallRow {
    fn from(from: &store::CallRecord) -> Self {
        Self {
            id: from.id.clone(),
            from: unlike_sealed(&from.from),
            to: unlike_sealed(&from.to),
            source: from.source.clone(),
            started_millis: from.started_millis,
            answered_millis: from.answered_millis,
            ended_millis: from.ended_millis,
            outcome: match from.outcome {
                store::Outcome::Ongoing => OutcomeRow::Ongoing,
                store::Outcome::EndedByCaller => OutcomeRow::EndedByCaller,
                store::Outcome::EndedByCallee => OutcomeRow::EndedByCallee,
                // An older firmware knows no other word for it; `transferred_to` tells them apart.
                store::Outcome::EndedByBox | store::Outcome::Transferred => OutcomeRow::EndedByBox,
                store::Outcome::Cancelled => OutcomeRow::Cancelled,
                store::Outcome::Refused => OutcomeRow::Refused,
                store::Outcome::NoAnswer => OutcomeRow::NoAnswer,
                store::Outcome::NotFound => OutcomeRow::NotFound,
                store::Outcome::Unreachable => OutcomeRow::Unreachable,
                store::Outcome::Rejected => OutcomeRow::Rejected,
                store::Outcome::Interrupted => OutcomeRow::Interrupted,
            },
            status: from.status,
            dtmf_digits: from.dtmf_digits,
            packets_to_callee: from.packets_to_callee,
            packets_to_caller: from.packets_to_caller,
            trunk: from.trunk.clone(),
            transferred_to: unlike_sealed(&from.transferred_to),
            caller_audio: AudioRow::from(&from.caller_audio),
            callee_audio: AudioRow::from(&from.callee_audio),
            recordings: from.recordings.clone(),
            recording_fault: from.recording_fault.clone(),
            extensions: Some(from.extensions.clone()),
            rung: from.rung.clone(),
            called_back: from.called_back.clone(),
            sealed: String::new(),
        }
    }
}

impl From<CallRow> for store::CallRecord {
    fn from(row: CallRow) -> Self {
        Self {
            id: row.id,
            from: shown(row.from),
            to: shown(row.to),
            source: row.source,
            started_millis: row.started_millis,
            answered_millis: row.answered_millis,
            ended_millis: row.ended_millis,
            outcome: match row.outcome {
                OutcomeRow::Ongoing => store::Outcome::Ongoing,
                OutcomeRow::EndedByCaller => store::Outcome::EndedByCaller,
                OutcomeRow::EndedByCallee => store::Outcome::EndedByCallee,
                OutcomeRow::EndedByBox if !row.transferred_to.is_empty() => {
                    store::Outcome::Transferred
                }
                OutcomeRow::EndedByBox => store::Outcome::EndedByBox,
                OutcomeRow::Cancelled => store::Outcome::Cancelled,
                OutcomeRow::Refused => store::Outcome::Refused,
                OutcomeRow::NoAnswer => store::Outcome::NoAnswer,
                OutcomeRow::NotFound => store::Outcome::NotFound,
                OutcomeRow::Unreachable => store::Outcome::Unreachable,
                OutcomeRow::Rejected => store::Outcome::Rejected,
                OutcomeRow::Interrupted => store::Outcome::Interrupted,
            },
            status: row.status,
            dtmf_digits: row.dtmf_digits,
            packets_to_callee: row.packets_to_callee,
            packets_to_caller: row.packets_to_caller,
            trunk: row.trunk,
            transferred_to: shown(row.transferred_to),
            caller_audio: row.caller_audio.into(),
            callee_audio: row.callee_audio.into(),
            recordings: row.recordings,
            recording_fault: row.recording_fault,
            extensions: row.extensions.unwrap_or_default(),
            rung: row.rung,
            called_back: row.called_back,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_record_names_its_recordings_and_an_older_one_has_none() {
        let record = store::CallRecord {
            id: "1700000000000-1a2b3c4d".into(),
            recordings: vec!["1700000000001-5e6f7a8b.wav".into()],
            recording_fault: "the disk is full".into(),
            rung: vec!["600".into(), "101".into()],
            called_back: "101".into(),
            ..store::CallRecord::default()
        };
        let row = CallRow::from(&record);
        assert_eq!(store::CallRecord::from(row.clone()), record);
        let mut json = serde_json::to_value(row).expect("a row");
        let fields = json.as_object_mut().expect("an object");
        fields.remove("recordings");
        fields.remove("recording_fault");
        fields.remove("extensions");
        fields.remove("rung");
        fields.remove("called_back");
        let old: CallRow = serde_json::from_value(json).expect("an older row");
        let old = store::CallRecord::from(old);
        assert!(old.recordings.is_empty() && old.extensions.is_empty());
    }

    fn calls_of(number: &str) -> store::CallsOf {
        store::CallsOf {
            number: number.to_owned(),
            since_millis: 0,
        }
    }

    #[test]
    fn a_call_is_of_who_was_in_it_and_of_whom_it_was_to() {
        let check = |extensions: Option<&[&str]>, number: &str, expected: bool| {
            let record = store::CallRecord {
                from: "100".into(),
                to: "600".into(),
                ..store::CallRecord::default()
            };
            let mut row = CallRow::from(&record);
            row.extensions = extensions.map(|all| all.iter().map(|it| (*it).into()).collect());
            let only = CallFilter {
                numbers: Some(["999", number].map(calls_of).into()),
                ..CallFilter::default()
            };
            assert_eq!(row.is_of(&only), expected, "{extensions:?} {number}");
        };
        check(Some(&["100", "101"]), "100", true);
        check(Some(&["100", "101"]), "101", true);
        check(Some(&["100", "101"]), "600", true);
        check(Some(&["100", "101"]), "102", false);
        // Somebody outside showed an inside number.
        check(Some(&[]), "100", false);
        check(None, "100", true);
        check(None, "101", false);
    }

    #[test]
    fn a_call_that_rang_is_shown_and_its_recording_is_for_who_took_it() {
        let record = store::CallRecord {
            to: "33334444".into(),
            extensions: vec!["102".into()],
            rung: vec!["600".into(), "101".into(), "102".into()],
            recordings: vec!["1700000000001-5e6f7a8b.wav".into()],
            ..store::CallRecord::default()
        };
        let row = CallRow::from(&record);
        let check = |number: &str, with: CallsWith, expected: bool| {
            let only = CallFilter {
                numbers: Some(vec![calls_of(number)]),
                with,
                ..CallFilter::default()
            };
            assert_eq!(row.is_of(&only), expected, "{number} {:?}", only.with);
        };
        let named = || CallsWith::Recording(record.recordings[0].clone());
        for number in ["600", "101"] {
            check(number, CallsWith::Anything, true);
            check(number, CallsWith::Recordings, false);
            check(number, named(), false);
        }
        check("102", CallsWith::Recordings, true);
        check("102", named(), true);
    }

    fn outgoing() -> CallRow {
        CallRow::from(&store::CallRecord {
            id: "1700000000000-1a2b3c4d".into(),
            from: "100".into(),
            to: "048999990021".into(),
            transferred_to: "+551132321010".into(),
            extensions: vec!["100".into()],
            ..store::CallRecord::default()
        })
    }

    #[test]
    fn no_number_of_somebody_outside_stands_in_a_row() {
        let seal = Seal::of(&[1; 32]).expect("a key");
        let row = outgoing();
        let bytes = super::super::encode(&row.clone().sealed(&seal)).expect("a row");
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("99990021") && !text.contains("32321010"));
        assert!(
            text.contains(r#""from":"100""#),
            "an extension is nobody outside"
        );
        assert!(is_marked(&bytes, &seal));
        assert!(!is_marked(&bytes, &Seal::of(&[2; 32]).expect("a key")));
        let read: CallRow = super::super::decode(&bytes).expect("a row");
        let opened = store::CallRecord::from(read.clone().opened(Some(&seal)));
        assert_eq!(opened, store::CallRecord::from(row));
        let closed = store::CallRecord::from(read.clone());
        assert_eq!((closed.to.as_str(), closed.from.as_str()), ("?", "100"));
        // Without its key it is written back as it is.
        let other = Seal::of(&[2; 32]).expect("a key");
        let again = read.clone().opened(Some(&other)).sealed(&other);
        assert_eq!(
            (again.to, again.transferred_to),
            (read.to, read.transferred_to)
        );
    }

    #[test]
    fn what_only_looks_sealed_is_sealed() {
        let seal = Seal::of(&[1; 32]).expect("a key");
        let row = CallRow::from(&store::CallRecord {
            from: "sealed1:abc".into(),
            ..store::CallRecord::default()
        });
        let kept = row.sealed(&seal);
        assert!(!kept.from.contains("abc"), "{}", kept.from);
        let shown = store::CallRecord::from(kept.opened(Some(&seal)));
        assert_eq!(shown.from, "'sealed1:abc");
    }

    #[test]
    fn a_call_is_found_by_whether_it_was_answered_and_which_way_it_went() {
        let record = store::CallRecord {
            from: "100".into(),
            to: "0998765432".into(),
            trunk: "Carrier".into(),
            answered_millis: Some(6000),
            extensions: vec!["100".into(), "104".into()],
            ..store::CallRecord::default()
        };
        let check = |record: &store::CallRecord, answered, direction, expected: bool| {
            let search = CallSearch {
                answered,
                direction,
                ..CallSearch::default()
            };
            let only = CallFilter {
                search: search.clone(),
                ..CallFilter::default()
            };
            assert_eq!(CallRow::from(record).is_of(&only), expected, "{search:?}");
        };
        check(&record, Some(true), None, true);
        check(&record, Some(false), None, false);
        check(&record, None, Some(Direction::Outbound), true);
        let mut inbound = record.clone();
        (inbound.from, inbound.to) = (record.to.clone(), "100".into());
        check(&inbound, None, Some(Direction::Inbound), true);
        check(&inbound, None, Some(Direction::Outbound), false);
        inbound.trunk.clear();
        check(&inbound, None, Some(Direction::Inside), true);
    }

    #[test]
    fn a_call_is_found_by_a_number_in_whatever_way_it_is_written() {
        let check = |number: &str, found: bool| {
            let only = CallFilter {
                search: CallSearch {
                    number: number.into(),
                    ..CallSearch::default()
                },
                ..CallFilter::default()
            };
            let seal = Seal::of(&[1; 32]).expect("a key");
            let row = outgoing();
            assert_eq!(row.is_of(&only), found, "{number}");
            if found {
                assert!(
                    row.tags(&seal).contains(&seal.number_tag(number)),
                    "{number}"
                );
            }
        };
        check("+55 48 99999-0021", true);
        check("(11) 3232-1010", true);
        check("100", true);
        check("10", false);
        check("+55 48 99999-0022", false);
    }
}
