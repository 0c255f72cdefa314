//! What `media` was told of endpoints, kept so that it can be told again after it was restarted.
//!
//! A call does not notice: its endpoints come back on the ports they had, hear what they heard, and
//! the peers go on sending to them. The other way round too: what `media` has and no call does is
//! closed. That happens when its answer was lost, and each such endpoint would hold two ports for
//! ever.

use std::collections::{BTreeMap, BTreeSet};

use ipc::sound::{Agreed, Clip, EndpointId, Event, Family, Keeping, Reply, Request, Source, Stats};

/// Every endpoint that is open as far as we know.
#[derive(Debug, Default)]
pub(super) struct SoundBook {
    open: BTreeMap<EndpointId, Endpoint>,
    /// A request failed, perhaps after `media` had carried it out.
    doubtful: bool,
    /// `pbx` has said what it keeps. Until then there may be endpoints of calls that it is about
    /// to take over from the process before.
    complete: bool,
    /// How recordings are kept, and whether `media` knows.
    keeping: Option<(Keeping, bool)>,
    /// What was recorded when `media` ended, and nobody has been told.
    lost: Vec<EndpointId>,
}

#[derive(Debug)]
struct Endpoint {
    family: Family,
    port: u16,
    agreed: Option<Box<Agreed>>,
    hears: Source,
    /// It was told something of which nobody knows whether it heard.
    behind: bool,
    /// The file that is recorded into.
    recording: Option<String>,
    /// What passed before `media` was restarted.
    before: Stats,
    /// What `media` last said has passed since.
    since: Stats,
}

impl SoundBook {
    /// Whether there is nothing to look after.
    pub(super) fn is_settled(&self) -> bool {
        self.open.is_empty() && !self.doubtful && self.untold_keeping().is_none()
    }

    /// Whether `media` may have endpoints that no call has.
    pub(super) const fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Nobody knows whether `media` did what it was asked.
    pub(super) const fn doubt(&mut self) {
        self.doubtful = true;
    }

    /// `media` was not there to be told: what is agreed meanwhile is agreed all the same.
    pub(super) fn missed(&mut self, request: &Request) {
        let (Request::Set(id, _) | Request::Hear(id, _) | Request::Record { id, .. }) = request
        else {
            if let Request::KeepRecordings(keeping) = request {
                self.keeping = Some((*keeping, false));
            }
            return;
        };
        self.note(request, Reply::Done);
        if let Some(endpoint) = self.open.get_mut(id) {
            endpoint.behind = true;
        }
    }

    /// Notes what `media` answered, and adds what it has forgotten to the counts of a closed
    /// endpoint.
    pub(super) fn note(&mut self, request: &Request, mut reply: Reply) -> Reply {
        self.doubtful |= matches!(reply, Reply::Failed { .. });
        match request {
            Request::Open { id, family, .. } => {
                if let Reply::Opened { port } = reply {
                    self.opened(*id, *family, port);
                }
            }
            Request::Set(id, agreed) => {
                if let Some(endpoint) = self.done(*id, &reply) {
                    endpoint.agreed = Some(agreed.clone());
                }
            }
            Request::Hear(id, source) => {
                if let Some(endpoint) = self.done(*id, &reply) {
                    endpoint.hears = source.clone();
                }
            }
            Request::Record { id, file } => {
                if let Some(endpoint) = self.done(*id, &reply) {
                    endpoint.recording = Some(file.clone());
                }
            }
            Request::StopRecording(id) => {
                if let Some(endpoint) = self.open.get_mut(id) {
                    endpoint.recording = None;
                }
            }
            Request::Close(id) => {
                let Some(endpoint) = self.open.remove(id) else {
                    return reply;
                };
                match &mut reply {
                    Reply::Closed(stats) => **stats = sum(&endpoint.before, stats),
                    // Gone with the old process: what it last said is the best there is.
                    Reply::Unknown => {
                        let stats = sum(&endpoint.before, &endpoint.since);
                        reply = Reply::Closed(Box::new(stats));
                    }
                    Reply::Opened { .. }
                    | Reply::Done
                    | Reply::Endpoints(_)
                    | Reply::Recordings(_)
                    | Reply::Piece(_)
                    | Reply::Event(_)
                    | Reply::Failed { .. }
                    | Reply::Refused { .. } => {}
                }
            }
            Request::KeepOnly(kept) => {
                let kept: BTreeSet<_> = kept.iter().collect();
                self.open.retain(|id, _| kept.contains(id));
                self.complete = true;
            }
            Request::KeepRecordings(keeping) => {
                self.keeping = Some((*keeping, matches!(reply, Reply::Done)));
            }
            Request::Dial { .. }
            | Request::Recordings
            | Request::DeleteRecording(_)
            | Request::ReadRecording { .. }
            | Request::Status
            | Request::Watch => {}
        }
        reply
    }

    fn opened(&mut self, id: EndpointId, family: Family, port: u16) {
        let endpoint = self.open.entry(id).or_insert_with(|| Endpoint {
            family,
            port,
            agreed: None,
            hears: Source::Silence,
            behind: false,
            recording: None,
            before: Stats::default(),
            since: Stats::default(),
        });
        endpoint.port = port;
    }

    /// The endpoint, when what was asked of it was done.
    fn done(&mut self, id: EndpointId, reply: &Reply) -> Option<&mut Endpoint> {
        let done = matches!(reply, Reply::Done);
        self.open.get_mut(&id).filter(|_| done)
    }

    /// Notes what `media` tells by itself: what has ended is not begun again.
    pub(super) fn note_event(&mut self, event: &Event) {
        match event {
            Event::ClipEnded { id } => {
                if let Some(endpoint) = self.open.get_mut(id)
                    && is_played_once(&endpoint.hears)
                {
                    endpoint.hears = Source::Silence;
                }
            }
            Event::RecordingFailed { id, .. } | Event::RecordingLost { id } => {
                if let Some(endpoint) = self.open.get_mut(id) {
                    endpoint.recording = None;
                }
            }
            Event::Digit { .. } | Event::Idle { .. } => {}
        }
    }

    /// How recordings are kept, when `media` has to be told.
    pub(super) fn untold_keeping(&self) -> Option<Keeping> {
        let untold = self.keeping.filter(|(_, is_told)| !is_told);
        untold.map(|(keeping, _)| keeping)
    }

    /// `media` may be a new process.
    pub(super) const fn is_new(&mut self) {
        if let Some((_, is_told)) = &mut self.keeping {
            *is_told = false;
        }
    }

    /// Whose recording ended with `media`, each once: another file may go on.
    pub(super) fn take_lost(&mut self) -> Vec<EndpointId> {
        std::mem::take(&mut self.lost)
    }

    /// What to ask so that `media` has every endpoint it should and no other: nothing in normal
    /// life. First all are opened, then each is told the rest: an endpoint can hear another only
    /// once that is there.
    pub(super) fn differences(&mut self, endpoints: Vec<(EndpointId, Stats)>) -> Vec<Request> {
        let mut known: BTreeMap<EndpointId, Stats> = endpoints.into_iter().collect();
        let (mut requests, mut rest) = (Vec::new(), Vec::new());
        for (id, endpoint) in &mut self.open {
            let behind = std::mem::take(&mut endpoint.behind);
            if let Some(stats) = known.remove(id) {
                endpoint.since = stats;
                if behind {
                    rest.extend(endpoint.missed(*id));
                }
                continue;
            }
            let rollover = endpoint.since.rollover;
            endpoint.before = sum(&endpoint.before, &endpoint.since);
            endpoint.since = Stats {
                rollover,
                ..Stats::default()
            };
            requests.push(Request::Open {
                id: *id,
                family: endpoint.family,
                port: Some(endpoint.port),
            });
            if endpoint.recording.take().is_some() {
                // What it had written must not be written over.
                self.lost.push(*id);
            }
            rest.extend(endpoint.told(*id));
        }
        if self.complete {
            self.doubtful = false;
            requests.extend(known.into_keys().map(Request::Close));
        }
        requests.extend(rest);
        requests
    }
}

impl Endpoint {
    /// What it may have missed, though it was there all the while.
    fn missed(&self, id: EndpointId) -> Vec<Request> {
        let agreed = self.agreed.clone();
        let set = agreed.map(|agreed| Request::Set(id, agreed));
        let hear = Request::Hear(id, self.hears.clone());
        let file = self.recording.clone();
        let record = file.map(|file| Request::Record { id, file });
        set.into_iter().chain([hear]).chain(record).collect()
    }

    /// Everything it was told since it was opened.
    fn told(&self, id: EndpointId) -> Vec<Request> {
        let set = self.agreed.as_ref().map(|agreed| {
            let mut agreed = agreed.clone();
            // It is new: there is nothing it could hold on to.
            agreed.relatch = false;
            agreed.rollover = self.since.rollover;
            Request::Set(id, agreed)
        });
        let hear = (self.hears != Source::Silence).then(|| Request::Hear(id, self.hears.clone()));
        [set, hear].into_iter().flatten().collect()
    }
}

const fn is_played_once(source: &Source) -> bool {
    match source {
        Source::Clip(Clip::File(_) | Clip::Digits(_)) => true,
        Source::Clip(
            Clip::Ringback
            | Clip::Busy
            | Clip::Congestion
            | Clip::Confirm
            | Clip::MusicOnHold
            | Clip::Music(_),
        )
        | Source::Silence
        | Source::Endpoint(_)
        | Source::Mix(_) => false,
    }
}

/// Counts are added up; of what was measured, the newer counts.
fn sum(before: &Stats, since: &Stats) -> Stats {
    let or = |new: u32, old: u32| if new == 0 { old } else { new };
    let mut strangers = before.strangers.clone();
    strangers.extend(&since.strangers);
    strangers.sort_unstable();
    strangers.dedup();
    strangers.truncate(STRANGERS_MAX);
    Stats {
        received: before.received.saturating_add(since.received),
        sent: before.sent.saturating_add(since.sent),
        dropped: before.dropped.saturating_add(since.dropped),
        lost: before.lost.saturating_add(since.lost),
        jitter_micros: or(since.jitter_micros, before.jitter_micros),
        round_trip_micros: or(since.round_trip_micros, before.round_trip_micros),
        peer_loss: since.peer_loss.max(before.peer_loss),
        mos_hundredths: match (before.mos_hundredths, since.mos_hundredths) {
            (0, only) | (only, 0) => only,
            (first, second) => first.min(second),
        },
        dtmf_digits: before.dtmf_digits.saturating_add(since.dtmf_digits),
        source: since.source.or(before.source),
        described: since.described.or(before.described),
        strangers,
        idle_millis: since.idle_millis,
        codec: match since.codec.as_str() {
            "" => before.codec.clone(),
            codec => codec.to_owned(),
        },
        rollover: since.rollover,
    }
}

/// As in [`Stats::strangers`].
const STRANGERS_MAX: usize = 4;

#[cfg(test)]
mod tests;
