//! A store, PID 1 and a password hasher in a few lines, and a clock that is set by hand.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ipc::site::{Person, Role, Site};
use ipc::stick::Offer;
use ipc::store::{Audit, CallRecord, Outcome, Reply, Request as Ask};
use ipc::{Redacted, init, net, pbx, sound, store, update};
use sansio::{Entropy, Instant, UnixTime};

use super::trail::entry;
use crate::{
    Admin, Away, Body, CertificateFault, CertificateOrder, CertificateState, FetchOrder,
    FetchState, Machine, Method, Moment, Observation, Peer, Request, Response, Step, StickFault,
};

/// The box's public key for the tunnel.
pub(super) const OWN_KEY: &str = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
pub(super) const OWN_PASSWORD: &str = "papagaio verde come milho";

/// The recording of the one call there is, of 1000 bytes.
pub(super) const RECORDING: &str = "1795351503000-0000002a.wav";

/// The backup on the box, of 3000 bytes.
pub(super) const BACKUP: &str = "1795351503000.backup";
pub(super) const TRAIL: &str = "1795351503000.trail";
pub(super) const BACKUP_CODE: &str = "01234-56789-ABCDE-FGHJK-MNPQR-STVWX";

pub(super) struct World {
    pub(super) admin: Admin,
    pub(super) now: Instant,
    pub(super) site: Site,
    pub(super) version: u64,
    /// Earlier versions, from 1.
    pub(super) earlier: Vec<Site>,
    /// What was done in each.
    actions: BTreeMap<u64, String>,
    pub(super) audits: Vec<Audit>,
    pub(super) screen: Vec<String>,
    pub(super) asked_init: Vec<init::Request>,
    /// What PID 1 gives out once.
    pub(super) recovery_code: Option<&'static str>,
    pub(super) store_away: bool,
    pub(super) media_away: bool,
    /// Somebody was erased and is not gone from everywhere yet.
    pub(super) is_erasing: bool,
    /// Its clock cannot be right.
    pub(super) doubts_clock: bool,
    pub(super) net_away: bool,
    pub(super) asked_net: Vec<net::Request>,
    /// What the store keeps for the network.
    pub(super) network: Option<String>,
    pub(super) trial: Option<net::Trial>,
    /// Who else has the address that is tried.
    pub(super) conflict_with: String,
    pub(super) recordings: Vec<sound::RecordingFile>,
    pub(super) has_backup_code: bool,
    pub(super) backup_refusal: Option<store::BackupRefusal>,
    pub(super) backup_failure: Option<store::BackupFailure>,
    pub(super) restore: Option<store::Restore>,
    pub(super) replaced: Vec<store::ReplacedTrail>,
    pub(super) names_left: Vec<(String, String)>,
    pub(super) asked_backups: Vec<store::BackupRequest>,
    /// Who was erased.
    pub(super) erased: Vec<ipc::erasure::Whose>,
    /// Phones that are registered.
    pub(super) registrations: Vec<store::Registration>,
    /// What checks of the audit trail find, piece by piece.
    pub(super) trail_pieces: VecDeque<store::TrailChecked>,
    pub(super) asked_trail: Vec<store::TrailRequest>,
    /// How many records were asked for at once, and older than which.
    pub(super) asked_calls: Vec<(u32, Option<String>)>,
    /// What the store keeps for the pages.
    pub(super) secrets: BTreeMap<String, Vec<u8>>,
    /// What was looked for among calls.
    pub(super) searched: Vec<store::CallSearch>,
    /// Sounds of prompts.
    pub(super) sounds: super::prompts::Sounds,
    /// How often calls were counted.
    pub(super) counted: usize,
    /// On record, newest first.
    pub(super) calls: Vec<CallRecord>,
    pub(super) live_calls: Vec<pbx::Call>,
    pub(super) update_answers: VecDeque<update::Reply>,
    pub(super) asked_update: Vec<update::Request>,
    pub(super) certificate: CertificateState,
    pub(super) certificate_fault: Option<CertificateFault>,
    /// What an authority names in what it signs.
    pub(super) certificate_names: Vec<String>,
    pub(super) asked_certificate: Vec<CertificateOrder>,
    pub(super) asked_fetch: Vec<FetchOrder>,
    pub(super) fetch: FetchState,
    /// Update files on a memory stick.
    pub(super) stick: Vec<init::StickFile>,
    /// What the exchange traces.
    pub(super) exchange: super::trace::Exchange,
    /// Who is banned.
    pub(super) guard: super::bans::Keeper,
    /// What the services said.
    pub(super) log: Vec<init::LogLine>,
    /// Backups that were brought from it, and why they cannot be.
    pub(super) brought: Vec<String>,
    pub(super) stick_fault: Option<StickFault>,
    pub(super) secure_boot: init::SecureBoot,
    pub(super) is_secure_boot_lost: bool,
    pub(super) is_trunk_up: bool,
    pub(super) free_bytes: u64,
    pub(super) slots: Vec<update::Slot>,
    pub(super) hasher_busy: bool,
    pub(super) verified: usize,
    drawn: u64,
}

impl World {
    /// A claimed box: `admin` has chosen [`OWN_PASSWORD`].
    pub(super) fn new() -> Self {
        let admin = Person {
            login: "admin".into(),
            role: Role::Administrator,
            password_hash: hash(OWN_PASSWORD),
            ..Person::default()
        };
        let site = Site {
            realm: "ramal".into(),
            people: vec![admin],
            ..Site::default()
        };
        let mut world = Self::with(site);
        world.admin.start_is_over();
        world
    }

    /// A box fresh from the works.
    pub(super) fn fresh() -> Self {
        Self::with(config::Site::factory("ramal").to_ipc())
    }

    fn with(site: Site) -> Self {
        let mut admin = Admin::new("0.1.0");
        admin.configure(1, site.clone());
        admin.take_passkey_counters(None);
        Self {
            admin,
            now: Instant::ORIGIN + Duration::from_secs(1000),
            site,
            version: 1,
            earlier: Vec::new(),
            actions: BTreeMap::new(),
            audits: Vec::new(),
            screen: Vec::new(),
            asked_init: Vec::new(),
            recovery_code: None,
            store_away: false,
            media_away: false,
            is_erasing: false,
            doubts_clock: false,
            net_away: false,
            asked_net: Vec::new(),
            network: None,
            trial: None,
            conflict_with: String::new(),
            has_backup_code: true,
            backup_refusal: None,
            backup_failure: None,
            restore: None,
            replaced: Vec::new(),
            names_left: Vec::new(),
            asked_backups: Vec::new(),
            erased: Vec::new(),
            registrations: Vec::new(),
            trail_pieces: VecDeque::new(),
            asked_trail: Vec::new(),
            recordings: vec![
                recording(RECORDING, false),
                recording("1795351600000-0000002b.wav", true),
            ],
            secrets: BTreeMap::new(),
            searched: Vec::new(),
            sounds: super::prompts::Sounds::default(),
            counted: 0,
            calls: vec![call()],
            live_calls: vec![live_call("100", "101", &["100", "101"], &["101"])],
            asked_calls: Vec::new(),
            update_answers: VecDeque::new(),
            asked_update: Vec::new(),
            certificate: super::certificate::self_signed(),
            certificate_fault: None,
            certificate_names: vec!["pbx.example.com".into()],
            asked_certificate: Vec::new(),
            asked_fetch: Vec::new(),
            fetch: FetchState::None,
            stick: Vec::new(),
            log: Vec::new(),
            exchange: super::trace::Exchange::default(),
            guard: super::bans::Keeper::default(),
            brought: Vec::new(),
            stick_fault: None,
            secure_boot: init::SecureBoot::default(),
            is_secure_boot_lost: false,
            is_trunk_up: false,
            free_bytes: 0,
            slots: Vec::new(),
            hasher_busy: false,
            verified: 0,
            drawn: 0,
        }
    }

    pub(super) fn pass(&mut self, secs: u64) {
        self.now = self.now + Duration::from_secs(secs);
    }

    /// What clocks say.
    pub(super) fn wall(&self) -> UnixTime {
        let passed = self.now - (Instant::ORIGIN + Duration::from_secs(1000));
        let passed = i64::try_from(passed.as_millis()).expect("small");
        UnixTime::from_millis(1_795_446_000_000 + passed)
    }

    pub(super) fn moment(&mut self) -> Moment {
        self.drawn += 1;
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&self.drawn.to_le_bytes());
        Moment {
            now: self.now,
            wall: self.wall(),
            entropy: Entropy::new(bytes),
        }
    }

    pub(super) fn ask(&mut self, request: &Request) -> Response {
        let moment = self.moment();
        let step = self.admin.handle(moment, request);
        let response = self.run(step);
        super::openapi::hold(request, &response);
        response
    }

    fn observed(&self) -> Observation {
        let mut seen = observation(self.store_away, self.recovery_code.is_some());
        if let Ok(status) = &mut seen.pbx {
            status.calls.clone_from(&self.live_calls);
        }
        if let Ok(health) = &mut seen.store {
            health.is_backup_code_missing = !self.has_backup_code;
            health.free_bytes = self.free_bytes;
            health.backups = self
                .backup_failure
                .clone()
                .map(store::BackupTrouble::Failed);
        }
        if self.is_trunk_up
            && let Ok(status) = &mut seen.pbx
        {
            status.trunks[0].up = true;
            status.trunks[0].state = "registered".into();
        }
        seen.update = Ok(update::Status {
            slots: self.slots.clone(),
            ..update::Status::default()
        });
        if self.net_away {
            seen.net = Err(Away::Silent("net"));
        }
        if let Ok(status) = &mut seen.init {
            status.is_secure_boot_lost = self.is_secure_boot_lost;
        }
        seen
    }

    pub(super) fn run(&mut self, mut step: Step) -> Response {
        loop {
            let moment = self.moment();
            step = match step {
                Step::Respond(response) => return response,
                Step::Verify(_, then) if self.hasher_busy => {
                    then(&mut self.admin, moment, Err(Away::Busy))
                }
                Step::Verify(check, then) => {
                    self.verified += 1;
                    let good = check
                        .hash
                        .is_some_and(|kept| kept == hash(check.password.reveal()));
                    then(&mut self.admin, moment, Ok(good))
                }
                Step::Hash(password, then) => {
                    then(&mut self.admin, moment, Ok(hash(password.reveal())))
                }
                Step::Store(request, then) | Step::Restore(request, then) => {
                    let reply = self.ask_store(request);
                    then(&mut self.admin, moment, reply)
                }
                Step::Init(request, then) => {
                    self.asked_init.push(request.clone());
                    let reply = self.init(request);
                    then(&mut self.admin, moment, reply)
                }
                Step::Net(request, then) => {
                    let reply = self.net(request);
                    then(&mut self.admin, moment, reply)
                }
                Step::Pbx(request, then) => {
                    let reply = self.exchange.answer(request);
                    then(&mut self.admin, moment, reply)
                }
                Step::Media(request, then) => {
                    let reply = self.media(&request);
                    then(&mut self.admin, moment, reply)
                }
                Step::Update(request, then) => {
                    let reply = self.update(request);
                    then(&mut self.admin, moment, reply)
                }
                Step::Guard(ask, then) => then(&mut self.admin, moment, self.guard.answer(ask)),
                Step::Grid(_, then) => then(&mut self.admin, moment, Ok(super::grid::is_up())),
                Step::Fetch(order, then) => {
                    self.asked_fetch.push(order);
                    then(&mut self.admin, moment, self.fetch.clone())
                }
                Step::Certificate(order, then) => {
                    let answer = self.certificate(order);
                    then(&mut self.admin, moment, answer)
                }
                Step::Bring(offer, then) => {
                    let outcome = self.bring(offer);
                    then(&mut self.admin, moment, outcome)
                }
                Step::Open(name, then) => {
                    let length = self.length_of(&name);
                    then(&mut self.admin, moment, length)
                }
                Step::Observe(then) => {
                    let seen = self.observed();
                    then(&mut self.admin, moment, seen)
                }
                Step::Record(entries, then) => {
                    let left = self.record(entries);
                    then(&mut self.admin, moment, left)
                }
            };
        }
    }

    fn record(&mut self, entries: Vec<Audit>) -> Vec<Audit> {
        if self.store_away {
            return entries;
        }
        self.audits.extend(entries);
        Vec::new()
    }

    fn bring(&mut self, offer: Offer) -> Result<Reply, StickFault> {
        self.brought.push(offer.file);
        let whole = Ok(Reply::Uploaded { next: offer.bytes });
        self.stick_fault.map_or(whole, Err)
    }

    fn media(&mut self, request: &sound::Request) -> Result<sound::Reply, Away> {
        if self.media_away {
            return Err(Away::Silent("media"));
        }
        Ok(match request {
            sound::Request::Recordings => sound::Reply::Recordings(self.recordings.clone()),
            sound::Request::ReadRecording { name, offset } => self.sounds.read(name, *offset),
            sound::Request::DeleteRecording(name) => {
                self.recordings.retain(|file| file.name != *name);
                sound::Reply::Done
            }
            other => panic!("not expected: {other:?}"),
        })
    }

    /// What was put there before, in order; else what a system without slots answers.
    fn update(&mut self, request: update::Request) -> Result<update::Reply, Away> {
        let unasked = match request {
            update::Request::Status => Ok(update::Reply::Status(Box::default())),
            _ => Err(Away::Silent("update")),
        };
        self.asked_update.push(request);
        self.update_answers.pop_front().map_or(unasked, Ok)
    }

    fn ask_store(&mut self, request: Ask) -> Result<Reply, Away> {
        if self.store_away {
            return Err(Away::Silent("store"));
        }
        Ok(self.store(request))
    }

    fn store(&mut self, request: Ask) -> Reply {
        match request {
            Ask::Config => Reply::Config {
                version: self.version,
                site: self.site.clone(),
            },
            Ask::Commit { base, audit, site } => {
                if base != self.version {
                    return Reply::Conflict {
                        current: self.version,
                    };
                }
                if let Err(faults) = config::Site::parse(&site) {
                    let faults = faults.iter().map(ToString::to_string).collect();
                    return Reply::Invalid { faults };
                }
                self.version += 1;
                self.actions.insert(self.version, audit.action.clone());
                self.earlier.push(std::mem::replace(&mut self.site, site));
                self.audits.push(audit);
                Reply::Committed {
                    version: self.version,
                }
            }
            Ask::Backup(request) => self.backups(request),
            Ask::Prompt(request) => self.sounds.answer(request),
            Ask::ConfigAt(version) => self.version(version),
            Ask::History { limit, before } => self.versions(limit, before),
            Ask::SetNetwork { network, audit } => {
                if network
                    .as_deref()
                    .is_some_and(|it| config::StaticNetwork::from_text(it).is_none())
                {
                    let faults = vec!["network: none".to_owned()];
                    return Reply::Invalid { faults };
                }
                self.network = network;
                self.audits.push(audit);
                Reply::Stored
            }
            Ask::Calls {
                only,
                limit,
                before,
            } => {
                self.asked_calls.push((limit, before.clone()));
                self.searched.push(only.search.clone());
                self.calls_of(&only, limit, before.as_deref())
            }
            Ask::Trail(request) => self.trail(request),
            request @ (Ask::Erase { .. } | Ask::Erasable { .. }) => self.erasure(request),
            Ask::FormerAccounts => {
                let all = self.earlier.iter().flat_map(|it| &it.people);
                let present = |login: &str| self.site.people.iter().any(|it| it.login == login);
                let former = all.map(|it| it.login.clone()).filter(|it| !present(it));
                let former: std::collections::BTreeSet<String> = former.collect();
                Reply::FormerAccounts(former.into_iter().collect())
            }
            Ask::Registrations => Reply::Registrations(self.registrations.clone()),
            Ask::PutSecret(name, secret) => {
                self.secrets.insert(name, secret.reveal().clone());
                Reply::Stored
            }
            Ask::CallCounts { spans, only } => {
                self.counted = self.counted.saturating_add(1);
                Reply::CallCounts(self.counts(&spans, &only))
            }
            Ask::AuditTrail { .. } => self.audit_trail(),
            other => panic!("not expected: {other:?}"),
        }
    }

    fn audit_trail(&self) -> Reply {
        let numbered = self.audits.iter().zip(1..);
        let entries = numbered.map(|(audit, sequence)| entry(sequence, audit));
        Reply::AuditTrail(entries.collect())
    }

    fn counts(&self, spans: &store::Spans, only: &store::CallFilter) -> Vec<store::CallCount> {
        let mut counts = vec![store::CallCount::default(); spans.len()];
        let Reply::Calls(calls) = self.calls_of(only, u32::MAX, None) else {
            return counts;
        };
        for call in calls {
            if let Some(place) = spans.place(call.started_millis) {
                match call.answered_millis {
                    Some(_) => counts[place].answered += 1,
                    None => counts[place].unanswered += 1,
                }
            }
        }
        counts
    }

    /// As the store does it.
    fn calls_of(&self, only: &store::CallFilter, limit: u32, before: Option<&str>) -> Reply {
        let is_asked = |call: &&CallRecord| {
            if before.is_some_and(|before| *call.id >= *before) {
                return false;
            }
            let number = &only.search.number;
            let is_with = |it: &&str| config::is_same_number(it, number);
            if !number.is_empty() && ![&*call.from, &*call.to].iter().any(is_with) {
                return false;
            }
            let parties = config::InCall {
                began_millis: call.started_millis,
                to: &call.to,
                joined: &call.extensions,
                rung: &call.rung,
            };
            let numbers = only.numbers.as_ref();
            let heard = numbers.is_none_or(|all| parties.may_be_heard_by(all));
            match &only.with {
                store::CallsWith::Anything => numbers.is_none_or(|all| parties.is_of(all)),
                store::CallsWith::Recordings => heard && !call.recordings.is_empty(),
                store::CallsWith::Recording(name) => heard && call.recordings.contains(name),
            }
        };
        let limit = usize::try_from(limit).expect("small");
        let asked = self.calls.iter().filter(is_asked).take(limit);
        Reply::Calls(asked.cloned().collect())
    }

    /// Somebody with this role, who has chosen [`OWN_PASSWORD`] and uses this extension.
    pub(super) fn hire(&mut self, login: &str, role: Role, extension: &str) {
        for number in ["100", "101", "102"] {
            let is_there = self.site.extensions.iter().any(|it| it.number == number);
            if !is_there {
                self.site.extensions.push(ipc::site::Extension {
                    number: number.into(),
                    ha1_md5: Redacted::new("0".repeat(32)),
                    ha1_sha256: Redacted::new("0".repeat(64)),
                    ..ipc::site::Extension::default()
                });
            }
        }
        self.site.people.push(Person {
            login: login.into(),
            role,
            password_hash: hash(OWN_PASSWORD),
            extensions: vec![extension.into()],
            ..Person::default()
        });
        self.changed_elsewhere();
    }

    /// The site is as it is now by somebody else's change.
    pub(super) fn changed_elsewhere(&mut self) {
        let earlier = self.site.clone();
        self.earlier.push(earlier);
        self.version += 1;
        self.admin.configure(self.version, self.site.clone());
    }

    fn version(&self, version: u64) -> Reply {
        let present = (version == self.version).then_some(&self.site);
        let place = usize::try_from(version)
            .ok()
            .and_then(|it| it.checked_sub(1));
        let earlier = place.and_then(|place| self.earlier.get(place));
        let site = present.or(earlier).cloned();
        site.map_or(Reply::NoSuchVersion, |site| Reply::Config { version, site })
    }

    fn versions(&self, limit: u32, before: Option<u64>) -> Reply {
        let limit = usize::try_from(limit).expect("small");
        let older = (1..=self.version).rev();
        let older = older.filter(|it| before.is_none_or(|before| *it < before));
        let version = |version| store::Version {
            version,
            at_millis: 0,
            author: "admin".into(),
            action: self.actions.get(&version).cloned().unwrap_or_default(),
        };
        Reply::History(older.take(limit).map(version).collect())
    }

    fn init(&mut self, request: init::Request) -> Result<init::Reply, Away> {
        Ok(match request {
            init::Request::Screen(lines) => {
                self.screen = lines.reveal().clone();
                init::Reply::Done
            }
            init::Request::RecoveryCode => self
                .recovery_code
                .take()
                .map_or(init::Reply::NoCode, |code| {
                    init::Reply::RecoveryCode(Redacted::new(code.to_owned()))
                }),
            init::Request::RenewRecoveryCode => init::Reply::Done,
            init::Request::Restart { name, .. } if name == "pbx" => init::Reply::Done,
            init::Request::Restart { .. } => init::Reply::Unknown,
            init::Request::Shutdown(_) => init::Reply::Done,
            init::Request::SecureBoot => init::Reply::SecureBoot(self.secure_boot),
            init::Request::Log { .. } => init::Reply::Log(init::Log {
                now_millis: 10_000,
                lines: self.log.clone(),
            }),
            init::Request::Stick => init::Reply::Stick(self.stick.clone()),
            other => panic!("not expected: {other:?}"),
        })
    }

    /// Signs in by the API and returns the cookie.
    pub(super) fn sign_in(&mut self, login: &str, password: &str) -> String {
        let response = self.ask(&sign_in_from("10.0.0.5", login, password));
        assert_eq!(response.status, 200, "{}", text(&response));
        cookie(&response)
    }
}

/// The cookie to go on with: another one, when the answer says so.
pub(super) fn goes_on(response: &Response, session: &str) -> String {
    match response.header("set-cookie") {
        Some(_) => cookie(response),
        None => session.to_owned(),
    }
}

pub(super) fn request(method: Method, target: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request {
        method,
        path: path.into(),
        query: query.into(),
        headers: vec![("host".into(), "ramal.local".into())],
        body: Vec::new(),
        peer: Peer::Network("10.0.0.5".parse().expect("an address")),
        at: Some("192.168.0.7".parse().expect("an address")),
    }
}

pub(super) fn get(target: &str, cookie: &str) -> Request {
    request(Method::Get, target).with("cookie", cookie)
}

pub(super) fn post(target: &str, cookie: &str, body: &serde_json::Value) -> Request {
    let mut request = request(Method::Post, target)
        .with("cookie", cookie)
        .with("content-type", "application/json");
    request.body = body.to_string().into_bytes();
    request
}

pub(super) fn form(target: &str, cookie: &str, body: &str) -> Request {
    let mut request = request(Method::Post, target)
        .with("cookie", cookie)
        .with("origin", "https://ramal.local")
        .with("content-type", "application/x-www-form-urlencoded");
    request.body = body.as_bytes().to_vec();
    request
}

pub(super) fn sign_in_from(address: &str, login: &str, password: &str) -> Request {
    let body = serde_json::json!({ "login": login, "password": password });
    let mut request = post("/api/login", "", &body);
    request.peer = Peer::Network(address.parse().expect("an address"));
    request
}

impl Request {
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.headers.push((name.into(), value.into()));
        }
        self
    }
}

pub(super) fn text(response: &Response) -> String {
    String::from_utf8(held(response).to_vec()).expect("text")
}

pub(super) fn json(response: &Response) -> serde_json::Value {
    serde_json::from_slice(held(response)).expect("JSON")
}

pub(super) fn cookie(response: &Response) -> String {
    let header = response.header("set-cookie").expect("a cookie");
    header.split(';').next().expect("a pair").to_owned()
}

fn hash(password: &str) -> Redacted<String> {
    Redacted::new(format!("$argon2id$test${password}"))
}

pub(super) fn observation(store_away: bool, is_code_unseen: bool) -> Observation {
    Observation {
        init: Ok(init::Status {
            version: "0.1.0".into(),
            is_code_unseen,
            ..init::Status::default()
        }),
        pbx: Ok(pbx::Status {
            trunks: vec![pbx::Trunk {
                name: "Carrier".into(),
                up: false,
                state: "no answer".into(),
                calls: 0,
            }],
            spent: vec![pbx::Spending {
                payer: pbx::Payer::Extension("100".into()),
                cents: [10, 20, 30],
            }],
            minutes: vec![(ipc::site::Class::Mobile, 7)],
            ..pbx::Status::default()
        }),
        net: Ok(net::Status {
            links: vec![net::Link {
                name: "eth0".into(),
                up: true,
                address: "192.168.0.7/24".into(),
                ipv6: vec!["fd77::7/64".into()],
                ..net::Link::default()
            }],
            ..net::Status::default()
        }),
        update: Err(Away::Silent("update")),
        machine: Machine {
            memory_kib: 524_288,
            available_kib: 393_216,
            load_1_minute: 0.25,
            temperature: Some(47),
        },
        store: if store_away {
            Err(Away::Silent("store"))
        } else {
            Ok(store::Health {
                file_bytes: 4096,
                ..store::Health::default()
            })
        },
    }
}

/// A call in progress: the numbers as shown and dialled, who is in it, and whom it was for.
pub(super) fn live_call(from: &str, to: &str, joined: &[&str], rung: &[&str]) -> pbx::Call {
    let strings = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
    pbx::Call {
        id: "1795351501000-00000009".into(),
        from: from.into(),
        to: to.into(),
        state: "talking".into(),
        seconds: 5,
        extensions: strings(joined),
        rung: strings(rung),
    }
}

pub(super) fn call() -> CallRecord {
    CallRecord {
        id: "1795351501000-00000001".into(),
        from: "100".into(),
        to: "101".into(),
        source: "10.0.0.2".into(),
        started_millis: 1_795_351_501_000,
        answered_millis: Some(1_795_351_503_000),
        ended_millis: Some(1_795_351_510_500),
        outcome: Outcome::EndedByCaller,
        status: 200,
        dtmf_digits: 4,
        packets_to_callee: 375,
        packets_to_caller: 374,
        recordings: vec![RECORDING.into()],
        extensions: vec!["100".into(), "101".into()],
        ..CallRecord::default()
    }
}

fn recording(name: &str, is_open: bool) -> sound::RecordingFile {
    sound::RecordingFile {
        name: name.into(),
        bytes: 1000,
        modified_millis: 1_795_351_510_500,
        is_open,
    }
}

fn held(response: &Response) -> &[u8] {
    match &response.body {
        Body::Bytes(bytes) => bytes,
        Body::Opened { .. } | Body::Trail { .. } | Body::Events(_) => {
            panic!("the body is not held")
        }
    }
}
