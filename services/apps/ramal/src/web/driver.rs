//! Does what `admin` asks on the way to a response.

mod at_box;

use std::fs::{File, OpenOptions};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use admin::{Admin, Away, Body, Machine, Moment, Observation, Request, Response};
use admin::{PASSKEY_COUNTERS, START_IS_OVER, Step, Then};
use ipc::about::{self, BILL, TEXTS};
use ipc::masquerade::Listener;
use ipc::sound::{SOUNDS, is_recording_name};
use ipc::store::{Audit, backup_file_millis, laid_down, trail_file_millis};
use ipc::{grid, guard, init, net, pbx, sound, store, update};
use masquerade::Sight;
use run_loop::clock::Clock;
use run_loop::guard_link::GuardLink;
use run_loop::ipc::Client;
use run_loop::socket_path;
use run_loop::syn::Syn;
use rustix::fs::OFlags;
use sansio::Instant;
use tokio::sync::{Notify, watch};
use web_server::Answer;

use super::Folders;
use super::bringing;
use super::certificate::Certificates;
use super::fetching::Fetches;
use super::hashing::Hasher;
use super::restoring::Restores;
use super::store_links::StoreLinks;
use super::trail;

/// `admin` and its ways to the other processes.
pub(crate) struct Driver {
    admin: Mutex<Admin>,
    clock: Clock,
    hasher: Hasher,
    store: StoreLinks,
    init: Client<init::Request, init::Reply>,
    net: Client<net::Request, net::Reply>,
    media: Client<sound::Request, sound::Reply>,
    update: Client<update::Request, update::Reply>,
    grid: Client<grid::Request, grid::Reply>,
    guard: Client<guard::Request, guard::Reply>,
    /// Where what was found goes.
    guard_link: GuardLink,
    fetches: Arc<Fetches>,
    /// The store, for what takes it long.
    restores: Arc<Restores>,
    folders: Folders,
    looks: Looks,
    /// Where the box was reached when `net` last said so.
    reached: Mutex<Vec<IpAddr>>,
    /// Told at every configuration.
    pub(super) configured: Notify,
    /// Whether it is known who is banned, or that nobody is.
    pub(super) warned: watch::Sender<bool>,
    pub(super) certificates: Certificates,
    /// SHA-256 of the certificate that is served, once there is one.
    pub(super) certificate: watch::Sender<Option<[u8; 32]>>,
}

/// Connections for looking only: a look must not wait behind a commit.
struct Looks {
    store: Client<store::Request, store::Reply>,
    init: Client<init::Request, init::Reply>,
    pbx: Client<pbx::Request, pbx::Reply>,
    net: Client<net::Request, net::Reply>,
    update: Client<update::Request, update::Reply>,
    /// What `update` said last: it reads the disk for it.
    slots: Mutex<Option<(Instant, update::Status)>>,
    /// The log, with what PID 1 said last: each open page asks for all of it, again and again.
    log: tokio::sync::Mutex<Option<(Instant, init::Log)>>,
}

impl Driver {
    pub(crate) fn new(folders: Folders, guard_link: GuardLink) -> Self {
        Self {
            admin: Mutex::new(Admin::new(env!("CARGO_PKG_VERSION"))),
            clock: Clock::start(),
            hasher: Hasher::new(),
            store: StoreLinks::new(&socket_path("store")),
            init: Client::new(socket_path("init")),
            net: Client::new(socket_path("net")),
            media: Client::new(socket_path("media")),
            update: Client::within(socket_path("update"), UPDATE_TIMEOUT_SECS),
            grid: Client::new(socket_path("grid")),
            guard: Client::new(socket_path("guard")),
            guard_link,
            fetches: Arc::new(Fetches::new(UPDATE_TIMEOUT_SECS)),
            restores: Arc::new(Restores::new()),
            folders,
            looks: Looks {
                store: Client::new(socket_path("store")),
                init: Client::new(socket_path("init")),
                pbx: Client::new(socket_path("pbx")),
                net: Client::new(socket_path("net")),
                update: Client::new(socket_path("update")),
                slots: Mutex::default(),
                log: tokio::sync::Mutex::default(),
            },
            reached: Mutex::default(),
            configured: Notify::new(),
            warned: watch::Sender::new(false),
            certificates: Certificates::default(),
            certificate: watch::Sender::new(None),
        }
    }

    /// `admin` itself; never held across a wait.
    pub(crate) fn admin(&self) -> MutexGuard<'_, Admin> {
        self.admin.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the one-time password was made and shown.
    pub(crate) async fn first_sign_in(&self) -> bool {
        let Some(moment) = self.moment() else {
            return false;
        };
        let step = self.admin().first_sign_in(&moment);
        self.run(step).await.0.status == 204
    }

    /// Takes the login key that an installer has laid down, if there is one.
    pub(super) async fn take_login_key(&self) {
        let kept = loop {
            match self.secret(laid_down::LOGIN_KEY).await {
                Ok(kept) => break kept,
                Err(_) => tokio::time::sleep(STORE_PAUSE).await,
            }
        };
        if let Some(digest) = kept.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
            self.admin().lay_down_login_key(digest);
        }
    }

    /// Learns whether somebody has taken the first steps.
    pub(super) async fn take_start(&self) {
        if let Ok(Some(_)) = self.secret(START_IS_OVER).await {
            self.admin().start_is_over();
        }
    }

    /// Learns how far the counters of passkeys have come; until then nobody signs in with one.
    pub(super) async fn take_passkeys(&self) {
        let kept = loop {
            match self.secret(PASSKEY_COUNTERS).await {
                Ok(kept) => break kept,
                Err(_) => tokio::time::sleep(STORE_PAUSE).await,
            }
        };
        self.admin().take_passkey_counters(kept.as_deref());
    }

    /// Has PID 1 show this on the box's own screen; whether it has heard it.
    pub(super) async fn present(&self, presence: &init::Presence) -> bool {
        let request = init::Request::Present(presence.clone());
        self.init.call(&request).await.is_ok()
    }

    /// Begins what `admin` has put off.
    pub(crate) fn catch_up(self: &Arc<Self>) {
        for audit in self.fetches.ended() {
            self.admin().note(audit);
        }
        self.admin().pass(self.clock.now());
        self.tell_guard();
        if self.certificates.is_behind() {
            let driver = Arc::clone(self);
            tokio::spawn(async move { driver.certificates.learn(&driver).await });
        }
        let overdue = self.admin().overdue();
        if let Some(step) = overdue {
            let driver = Arc::clone(self);
            tokio::spawn(async move { driver.run(step).await });
        }
    }

    /// What clocks say.
    pub(super) fn wall(&self) -> sansio::UnixTime {
        self.clock.unix()
    }

    /// What the clock says that bans are kept by.
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Hands what was found to the process that keeps the bans.
    fn tell_guard(&self) {
        let news = self.admin().take_news(self.clock.now());
        for finding in news.found {
            self.guard_link.found(finding);
        }
        if let Some(guests) = news.guests {
            self.guard_link.protect(guests);
        }
        if let Some(source) = news.outsider {
            self.guard_link.outsider(source);
        }
    }

    /// A secret of ours that the store keeps; `None` when there is none.
    pub(super) async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, Away> {
        match self
            .ask_store(&store::Request::Secret(name.to_owned()))
            .await?
        {
            store::Reply::Secret(secret) => Ok(secret.map(|secret| secret.reveal().clone())),
            _ => Err(Away::Silent("store")),
        }
    }

    /// Keeps a secret; whether that succeeded.
    pub(super) async fn keep_secret(&self, name: &str, secret: Vec<u8>) -> bool {
        let secret = ipc::Redacted::new(secret);
        let request = store::Request::PutSecret(name.to_owned(), secret);
        matches!(self.ask_store(&request).await, Ok(store::Reply::Stored))
    }

    /// The addresses of the box as `net` knows them now; while it is away, as it knew them last.
    pub(super) async fn addresses(&self) -> Vec<IpAddr> {
        let seen = self.look_at_net().await;
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(status) = seen {
            *reached = status.addresses().collect();
        }
        reached.clone()
    }

    /// Does what is asked until there is a response, and the file that was opened on the way.
    async fn run(&self, mut step: Step) -> (Response, Option<File>) {
        let mut opened = None;
        loop {
            // What is asked is done first; the time the continuation sees is the time after.
            step = match step {
                Step::Respond(response) => return (response, opened),
                Step::Verify(check, then) => {
                    let answer = self.hasher.verify(check).await;
                    self.resume(|admin, moment| then(admin, moment, answer))
                }
                Step::Hash(password, then) => {
                    let answer = self.hasher.hash(password).await;
                    self.resume(|admin, moment| then(admin, moment, answer))
                }
                Step::Store(request, then) => {
                    let answer = self.ask_store(&request).await;
                    self.resume(|admin, moment| then(admin, moment, answer))
                }
                Step::Init(request, then) => {
                    let answer = self.ask_init(&request).await;
                    self.resume(|admin, moment| then(admin, moment, answer))
                }
                Step::Net(request, then) => {
                    let answer = asked("net", self.net.call(&request)).await;
                    self.resume(|admin, moment| then(admin, moment, answer))
                }
                Step::Pbx(request, then) => {
                    let answer = look("pbx", self.looks.pbx.call(&request)).await;
                    self.resume(|admin, moment| then(admin, moment, answer))
                }
                Step::Media(request, then) => {
                    let answer = asked("media", self.media.call(&request)).await;
                    self.resume(|admin, moment| then(admin, moment, answer))
                }
                Step::Update(request, then) => {
                    let answer = asked("update", self.update.call(&request)).await;
                    self.resume(|admin, moment| then(admin, moment, answer))
                }
                Step::Grid(request, then) => {
                    self.go_on(then, look("grid", self.grid.call(&request)).await)
                }
                Step::Guard(request, then) => {
                    self.go_on(then, look("guard", self.guard.call(&request)).await)
                }
                Step::Fetch(order, then) => self.go_on(then, self.fetches.obey(order)),
                Step::Restore(request, then) => {
                    let answer = self.restores.restore(request).await;
                    self.resume(|admin, moment| then(admin, moment, answer))
                }
                Step::Certificate(order, then) => {
                    self.go_on(then, self.certificates.obey(self, order).await)
                }
                Step::Bring(file, then) => {
                    let answer = bringing::bring(&self.store, &file).await;
                    self.resume(|admin, moment| then(admin, moment, answer))
                }
                Step::Open(name, then) => {
                    let found = self.open(name).await;
                    let (file, length) = found.unzip();
                    opened = file;
                    self.resume(|admin, moment| then(admin, moment, length))
                }
                Step::Observe(then) => self.go_on(then, self.observe().await),
                Step::Record(entries, then) => {
                    let answer = self.record(entries).await;
                    self.resume(|admin, moment| then(admin, moment, answer))
                }
            };
        }
    }

    fn go_on<T>(&self, then: Then<T>, answer: T) -> Step {
        self.resume(|admin, moment| then(admin, moment, answer))
    }

    fn resume(&self, next: impl FnOnce(&mut Admin, Moment) -> Step) -> Step {
        match self.moment() {
            Some(moment) => next(&mut self.admin(), moment),
            None => Step::Respond(Response::empty(503).sealed()),
        }
    }

    /// A recording, a backup, the sound of a prompt or a file of the image, and its length.
    async fn open(&self, name: String) -> Option<(File, u64)> {
        if let Some(sound) = name.strip_prefix(SOUNDS) {
            return open(self.folders.sounds.as_deref(), sound).await;
        }
        let folder = match name.as_str() {
            BILL | TEXTS => Some(Path::new(about::FOLDER)),
            _ if backup_file_millis(&name).is_some() => self.folders.backups.as_deref(),
            _ if trail_file_millis(&name).is_some() => self.folders.backups.as_deref(),
            _ if is_recording_name(&name) => self.folders.recordings.as_deref(),
            _ => None,
        };
        open(folder, &name).await
    }

    /// `None` when the kernel has no random bytes to give: nothing can be decided then.
    fn moment(&self) -> Option<Moment> {
        match run_loop::entropy() {
            Ok(entropy) => Some(Moment {
                now: self.clock.now(),
                wall: self.clock.unix(),
                entropy,
            }),
            Err(error) => {
                tracing::error!("{error}");
                None
            }
        }
    }

    async fn ask_store(&self, request: &store::Request) -> Result<store::Reply, Away> {
        self.store.call(request).await
    }

    /// Appends in order; stops at the first that cannot be kept.
    async fn record(&self, entries: Vec<Audit>) -> Vec<Audit> {
        let mut entries = entries.into_iter();
        while let Some(entry) = entries.next() {
            let kept = self.ask_store(&store::Request::Audit(entry.clone())).await;
            if !matches!(kept, Ok(store::Reply::Stored)) {
                return std::iter::once(entry).chain(entries).collect();
            }
        }
        Vec::new()
    }

    async fn observe(&self) -> Observation {
        let (init, pbx, net, store, update) = tokio::join!(
            self.look_at_init(),
            self.look_at_pbx(),
            self.look_at_net(),
            self.look_at_store(),
            self.look_at_update()
        );
        let machine = run_loop::health::machine();
        Observation {
            init,
            pbx,
            net,
            store,
            update,
            machine: Machine {
                memory_kib: machine.memory_kib,
                available_kib: machine.available_kib,
                load_1_minute: machine.load_1_minute,
                temperature: machine.temperature,
            },
        }
    }

    async fn look_at_init(&self) -> Result<init::Status, Away> {
        match look("init", self.looks.init.call(&init::Request::Status)).await? {
            init::Reply::Status(status) => Ok(status),
            _ => Err(Away::Silent("init")),
        }
    }

    pub(super) async fn look_at_pbx(&self) -> Result<pbx::Status, Away> {
        match look("pbx", self.looks.pbx.call(&pbx::Request::Status)).await? {
            pbx::Reply::Status(status) => Ok(status),
            pbx::Reply::Trace(_) | pbx::Reply::Refused { .. } => Err(Away::Silent("pbx")),
        }
    }

    pub(super) async fn look_at_net(&self) -> Result<net::Status, Away> {
        match look("net", self.looks.net.call(&net::Request::Status)).await? {
            net::Reply::Status(status) => Ok(status),
            _ => Err(Away::Silent("net")),
        }
    }

    /// `None` while it is away.
    pub(super) async fn look_at_guard(&self) -> Option<guard::Status> {
        match look("guard", self.guard.call(&guard::Request::Status)).await {
            Ok(guard::Reply::Status(status)) => Some(status),
            _ => None,
        }
    }

    /// Has the box start anew where it runs on what a restore has replaced.
    pub(super) async fn start_anew_if_replaced(&self) {
        if matches!(self.look_at_store().await, Ok(health) if health.needs_restart) {
            self.restores.start_anew().await;
        }
    }

    async fn ask_init(&self, request: &init::Request) -> Result<init::Reply, Away> {
        match request {
            init::Request::Log { .. } => self.read_log().await,
            other => asked("init", self.init.call(other)).await,
        }
    }

    /// The log as it was a moment ago. PID 1 is asked once for all who want it, and by the
    /// connection for looking: a restart must not wait behind it.
    async fn read_log(&self) -> Result<init::Reply, Away> {
        let mut kept = self.looks.log.lock().await;
        let now = self.clock.now();
        if let Some((at, log)) = kept.as_ref()
            && now - *at < LOG_AGE_MAX
        {
            return Ok(init::Reply::Log(log.clone()));
        }
        let all = init::Request::Log { limit: u32::MAX };
        let answer = look("init", self.looks.init.call(&all)).await?;
        if let init::Reply::Log(log) = &answer {
            *kept = Some((self.clock.now(), log.clone()));
        }
        Ok(answer)
    }

    /// As it was within the last half minute.
    async fn look_at_update(&self) -> Result<update::Status, Away> {
        let now = self.clock.now();
        let slots = || {
            self.looks
                .slots
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let known = slots().clone();
        if let Some((at, status)) = known
            && now - at < SLOTS_AGE_MAX
        {
            return Ok(status);
        }
        let asked = look("update", self.looks.update.call(&update::Request::Status));
        match asked.await? {
            update::Reply::Status(status) => {
                *slots() = Some((now, (*status).clone()));
                Ok(*status)
            }
            _ => Err(Away::Silent("update")),
        }
    }

    async fn look_at_store(&self) -> Result<store::Health, Away> {
        match look("store", self.looks.store.call(&store::Request::Health)).await? {
            store::Reply::Health(health) => Ok(health),
            _ => Err(Away::Silent("store")),
        }
    }
}

impl web_server::Handler for Driver {
    fn is_shut(&self, source: IpAddr) -> bool {
        self.admin().is_shut(self.clock.now(), source)
    }

    fn came(&self, source: IpAddr, syn: Syn) {
        let sight = Sight {
            ttl: Some(syn.ttl),
            mss: syn.mss,
            is_proven: true,
            ..Sight::of(Listener::Web, source)
        };
        let news = self.admin().saw(self.clock.now(), sight);
        if let Some(sighting) = news {
            self.guard_link.seen(sighting);
        }
    }

    fn knocks(&self, source: IpAddr) -> bool {
        self.admin().knocks(self.clock.now(), source)
    }

    async fn handle(&self, request: Request) -> Answer {
        let step = self.resume(|admin, moment| admin.handle(moment, &request));
        let (response, file) = self.run(step).await;
        self.tell_guard();
        match &response.body {
            Body::Trail {
                heading,
                next,
                last,
            } => {
                let pieces = trail::pieces(heading.clone(), *next, *last);
                Answer::with_pieces(response, pieces)
            }
            Body::Bytes(_) | Body::Opened { .. } | Body::Events(_) => {
                Answer::with_file(response, file)
            }
        }
    }
}

/// A file of this folder and its length; a link that leads elsewhere is none.
async fn open(folder: Option<&Path>, name: &str) -> Option<(File, u64)> {
    let path = folder?.join(name);
    let open = move || {
        let nofollow = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(i32::try_from(nofollow.bits()).ok()?)
            .open(path)
            .ok()?;
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some((file, metadata.len()))
    };
    tokio::task::spawn_blocking(open).await.ok().flatten()
}

/// The answer of a service, however long it takes.
async fn asked<Reply, Error>(
    service: &'static str,
    call: impl Future<Output = Result<Reply, Error>>,
) -> Result<Reply, Away> {
    call.await.map_err(|_| Away::Silent(service))
}

/// A look that takes too long is an answer of its own.
async fn look<Reply, Error>(
    service: &'static str,
    call: impl Future<Output = Result<Reply, Error>>,
) -> Result<Reply, Away> {
    match tokio::time::timeout(LOOK_MAX, call).await {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(_)) | Err(_) => Err(Away::Silent(service)),
    }
}

/// An update's first piece has it look through both slots, and its last one has it read all back
/// from a slow disk. Less than a connection lives.
const UPDATE_TIMEOUT_SECS: u64 = 120;

/// How long the status page waits for one service.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// An open page of the log looks every three seconds.
const LOG_AGE_MAX: Duration = Duration::from_secs(2);
/// For so long what `update` said is true enough for a look.
const SLOTS_AGE_MAX: Duration = Duration::from_secs(30);

/// Before the store is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(200);
