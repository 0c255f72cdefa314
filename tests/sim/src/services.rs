//! The media service and the store, as far as `pbx` can tell them from the real ones.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipc::sound::{Agreed, EndpointId, Keeping, Reply, Request, Source, Stats};
use ipc::store::{CallRecord, Outcome, Registration, Spent};

/// One endpoint, without packets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Endpoint {
    /// Its RTP port.
    pub port: u16,
    /// What was agreed with its peer.
    pub agreed: Option<Agreed>,
    /// What its peer hears.
    pub hears: Source,
    /// The file it is recorded into.
    pub recorded: Option<String>,
}

/// The media service.
#[derive(Debug, Default)]
pub struct MediaModel {
    /// Endpoints that are open.
    pub open: BTreeMap<EndpointId, Endpoint>,
    /// How many there ever were.
    pub opened: u64,
    /// How often one was told to lock to its media again.
    pub relatched: u64,
    /// Digits it was asked to send.
    pub dialled: Vec<(EndpointId, String)>,
    /// Files that were recorded into.
    pub files: BTreeSet<String>,
    /// How recordings are kept.
    pub keeping: Option<Keeping>,
    /// The disk is full: nothing is recorded.
    pub full: bool,
    /// Answers nothing but failures.
    pub broken: bool,
    /// How much later than usual it answers.
    pub late: Duration,
}

impl MediaModel {
    /// Answers a request, as `media` does.
    pub fn answer(&mut self, request: &Request) -> (EndpointId, Reply) {
        let id = endpoint_of(request);
        if self.broken {
            // The run-loop remembers what media should know, and tells it when it is back.
            match request {
                Request::Close(id) => drop(self.open.remove(id)),
                Request::KeepOnly(kept) => self.open.retain(|id, _| kept.contains(id)),
                Request::Set(..) | Request::Hear(..) => drop(self.reply(request)),
                Request::Open { .. }
                | Request::Dial { .. }
                | Request::Record { .. }
                | Request::StopRecording(_)
                | Request::KeepRecordings(_)
                | Request::Recordings
                | Request::DeleteRecording(_)
                | Request::ReadRecording { .. }
                | Request::Status
                | Request::Watch => {}
            }
            let reason = "the media service is away".to_owned();
            return (id, Reply::Failed { reason });
        }
        (id, self.reply(request))
    }

    fn reply(&mut self, request: &Request) -> Reply {
        match request {
            Request::Open { id, port, .. } => {
                let next = self.opened.saturating_mul(2) % 20_000;
                let next = u16::try_from(next)
                    .unwrap_or_default()
                    .saturating_add(20_000);
                self.opened = self.opened.saturating_add(1);
                let endpoint = self.open.entry(*id).or_default();
                if endpoint.port == 0 {
                    endpoint.port = port.unwrap_or(next);
                }
                Reply::Opened {
                    port: endpoint.port,
                }
            }
            Request::Set(id, agreed) => self.with(*id, |model, endpoint| {
                model.relatched = model.relatched.saturating_add(u64::from(agreed.relatch));
                endpoint.agreed = Some((**agreed).clone());
            }),
            Request::Hear(id, source) => self.with(*id, |_, endpoint| {
                endpoint.hears = source.clone();
            }),
            Request::Dial { id, digits } => self.with(*id, |model, _| {
                model.dialled.push((*id, digits.clone()));
            }),
            Request::Record { id, file } => self.record(*id, file),
            Request::StopRecording(id) => self.with(*id, |_, endpoint| endpoint.recorded = None),
            Request::KeepRecordings(keeping) => {
                self.keeping = Some(*keeping);
                Reply::Done
            }
            Request::Recordings | Request::DeleteRecording(_) | Request::ReadRecording { .. } => {
                Reply::Refused { uid: 0 }
            }
            Request::Close(id) => match self.open.remove(id) {
                Some(endpoint) => Reply::Closed(Box::new(last_word(&endpoint))),
                None => Reply::Unknown,
            },
            Request::KeepOnly(kept) => {
                self.open.retain(|id, _| kept.contains(id));
                Reply::Done
            }
            Request::Status => {
                Reply::Endpoints(self.open.keys().map(|id| (*id, Stats::default())).collect())
            }
            Request::Watch => Reply::Done,
        }
    }

    fn record(&mut self, id: EndpointId, file: &str) -> Reply {
        let failed = |reason: &str| Reply::Failed {
            reason: reason.to_owned(),
        };
        match self.open.get_mut(&id) {
            None => Reply::Unknown,
            Some(endpoint) if endpoint.recorded.as_deref() == Some(file) => Reply::Done,
            Some(_) if self.full => failed("the disk is full"),
            Some(_) if self.files.contains(file) => failed("it exists already"),
            Some(endpoint) => {
                endpoint.recorded = Some(file.to_owned());
                self.files.insert(file.to_owned());
                Reply::Done
            }
        }
    }

    fn with(&mut self, id: EndpointId, work: impl FnOnce(&mut Self, &mut Endpoint)) -> Reply {
        let Some(mut endpoint) = self.open.remove(&id) else {
            return Reply::Unknown;
        };
        work(self, &mut endpoint);
        self.open.insert(id, endpoint);
        Reply::Done
    }

    /// The endpoint whose peer is described to be at this address.
    #[must_use]
    pub fn of_peer(&self, address: std::net::IpAddr) -> Vec<(EndpointId, &Endpoint)> {
        let of_peer = |endpoint: &Endpoint| {
            let agreed = endpoint.agreed.as_ref();
            agreed
                .and_then(|agreed| agreed.remote)
                .map(|remote| remote.ip())
                == Some(address)
        };
        let open = self.open.iter();
        open.filter(|(_, endpoint)| of_peer(endpoint))
            .map(|(id, endpoint)| (*id, endpoint))
            .collect()
    }
}

/// As if every peer were behind a router that chose this port.
fn last_word(endpoint: &Endpoint) -> Stats {
    let described = endpoint.agreed.as_ref().and_then(|it| it.remote);
    Stats {
        received: 49,
        sent: 50,
        lost: 1,
        jitter_micros: 1_500,
        mos_hundredths: 420,
        codec: "PCMU".to_owned(),
        described,
        source: described.map(|it| (it.ip(), 61_000).into()),
        ..Stats::default()
    }
}

fn endpoint_of(request: &Request) -> EndpointId {
    match request {
        Request::Open { id, .. }
        | Request::Set(id, _)
        | Request::Hear(id, _)
        | Request::Dial { id, .. }
        | Request::Record { id, .. }
        | Request::StopRecording(id)
        | Request::Close(id) => *id,
        Request::KeepRecordings(_)
        | Request::Recordings
        | Request::DeleteRecording(_)
        | Request::ReadRecording { .. }
        | Request::KeepOnly(_)
        | Request::Status
        | Request::Watch => 0,
    }
}

/// Call records and registrations; what is handed over while it is down waits, as the run-loop
/// makes it wait.
#[derive(Debug, Default)]
pub struct StoreModel {
    /// Durable records by id.
    pub records: BTreeMap<String, CallRecord>,
    /// How often each id was handed over in its final form.
    pub finals: BTreeMap<String, u32>,
    /// Durable registrations.
    pub registrations: Vec<Registration>,
    /// What was spent, durable, and how often it was written.
    pub spent: (Spent, u32),
    /// It has crashed and takes nothing.
    pub down: bool,
    /// Who it says had last to do with any number.
    pub last_with: Option<String>,
    /// How much later than usual it says so; `None`: never.
    pub last_with_late: Option<Duration>,
    /// What it was asked about numbers: which, and since when.
    pub asked: Vec<(String, i64)>,
    waiting: Vec<CallRecord>,
}

impl StoreModel {
    /// Takes records from `pbx`; gives the ids that are durable now.
    pub fn put(&mut self, records: Vec<CallRecord>) -> Vec<String> {
        for record in &records {
            if record.outcome != Outcome::Ongoing {
                // A process that died may have left it to the next one to hand over again.
                let known = self.records.get(&record.id) == Some(record);
                let count = self.finals.entry(record.id.clone()).or_default();
                *count = count.saturating_add(u32::from(!known));
            }
        }
        self.waiting.extend(records);
        self.flush()
    }

    /// What every open record becomes that nobody goes on with.
    pub fn interrupt(&mut self, goes_on: impl Fn(&str) -> bool) {
        for (id, record) in &mut self.records {
            if record.outcome == Outcome::Ongoing && !goes_on(id) {
                record.outcome = Outcome::Interrupted;
            }
        }
    }

    /// What was handed over and not taken yet is lost: whoever handed it over has died.
    pub fn forget_waiting(&mut self) {
        for record in std::mem::take(&mut self.waiting) {
            if record.outcome != Outcome::Ongoing {
                self.finals.remove(&record.id);
            }
        }
    }

    /// Comes back after a crash; gives the ids that are durable now.
    pub fn restart(&mut self) -> Vec<String> {
        self.down = false;
        self.flush()
    }

    fn flush(&mut self) -> Vec<String> {
        if self.down {
            return Vec::new();
        }
        let waiting = std::mem::take(&mut self.waiting);
        let ids = waiting.iter().map(|record| record.id.clone()).collect();
        self.records.extend(
            waiting
                .into_iter()
                .map(|record| (record.id.clone(), record)),
        );
        ids
    }
}
