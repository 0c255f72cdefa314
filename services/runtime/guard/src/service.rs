//! The loop that drives a [`GuardNode`].

use std::future::Future;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

use config::Network;
use futures_util::future::OptionFuture;
use guard::{GuardNode, Input, Output};
use ipc::guard::{Fate, Finding, Protection, Told};
use ipc::store::{self, BanChanges};
use run_loop::ipc::Client;
use sansio::{Instant, Node as _, Rng, UnixTime};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};

use crate::around::{self, Around};
use crate::asks::{self, Ask, Peers};
use crate::doors::Doors;
use crate::guests::{Guests, Who};
use crate::hiding::{self, Hidden};
use crate::keeping::Keeping;
use crate::lifting::Lifting;
use crate::settings::{self, STORE_PAUSE, Settings};
use crate::status::status;

/// Where others answer.
#[derive(Clone, Debug)]
pub struct Places {
    /// The socket of `store`.
    pub store: PathBuf,
    /// The socket of `net`.
    pub net: PathBuf,
}

/// What the outside gives the service.
pub struct World<N, W, R, B, S> {
    /// Reads the clock.
    pub now: N,
    /// Reads the wall clock, where it is believed.
    pub wall: W,
    /// Called once, when the bans of earlier processes and the rules are there.
    pub loaded: R,
    /// Called every second while the loop turns, and before.
    pub beat: B,
    /// Ends when the service shall end.
    pub stop: S,
}

/// Keeps the bans until `stop` ends. Nobody is told anything, and nothing that is said is heard,
/// before the bans of earlier processes and the rules are there, however long the store takes.
///
/// # Errors
/// The socket cannot be served.
pub async fn run<N, W, R, B, S>(
    listener: UnixListener,
    peers: Peers,
    places: Places,
    rng: Rng,
    world: World<N, W, R, B, S>,
) -> std::io::Result<()>
where
    N: Fn() -> Instant,
    W: Fn() -> Option<UnixTime>,
    R: FnOnce(),
    B: FnMut(),
    S: Future<Output = ()>,
{
    let (sets, set) = mpsc::channel(1);
    let (looks, around) = mpsc::channel(1);
    let following = tokio::spawn(settings::follow(places.store.clone(), sets));
    let looking = tokio::spawn(around::follow(places.net, looks));
    let ended = run_with(listener, peers, places.store, rng, world, set, around).await;
    following.abort();
    looking.abort();
    ended
}

/// The same with settings and the box's place from anywhere.
pub(crate) async fn run_with<N, W, R, B, S>(
    listener: UnixListener,
    peers: Peers,
    store: PathBuf,
    rng: Rng,
    world: World<N, W, R, B, S>,
    mut set: mpsc::Receiver<Settings>,
    mut around: mpsc::Receiver<Around>,
) -> std::io::Result<()>
where
    N: Fn() -> Instant,
    W: Fn() -> Option<UnixTime>,
    R: FnOnce(),
    B: FnMut(),
    S: Future<Output = ()>,
{
    let (mut beat, mut stop) = (world.beat, std::pin::pin!(world.stop));
    let (asks, mut asked) = mpsc::channel(ASKED_MAX);
    std::thread::Builder::new()
        .name("server".into())
        .spawn(move || asks::serve(&listener, peers, asks))?;
    let mut beats = tokio::time::interval(BEAT_INTERVAL);
    let mut service = Service::new(rng, world.now, world.wall, Client::new(store));
    let first = {
        let mut first = std::pin::pin!(service.load(&mut set));
        loop {
            tokio::select! {
                () = &mut stop => break None,
                _ = beats.tick() => beat(),
                first = &mut first => break first,
            }
        }
    };
    if first.is_none() {
        return Ok(());
    }
    (world.loaded)();
    let mut batch = Vec::new();
    loop {
        let timer: OptionFuture<_> = service.sleep().into();
        tokio::select! {
            () = &mut stop => break,
            _ = beats.tick() => {
                beat();
                service.turn();
            }
            Some(()) = timer => service.feed(Input::Timer),
            Some(kept) = OptionFuture::from(service.writing.as_mut()) => service.written(kept),
            Some(settings) = set.recv() => service.set(settings),
            Some(place) = around.recv() => service.meet(place),
            count = asked.recv_many(&mut batch, BATCH_MAX) => {
                if count == 0 {
                    return Err(std::io::Error::other("nobody is answered any more"));
                }
                batch.drain(..).for_each(|ask| service.answer(ask));
            }
        }
        service.flush();
    }
    service.finish().await;
    Ok(())
}

type Store = Client<store::Request, store::Reply>;

struct Service<N, W> {
    node: GuardNode,
    now: N,
    wall: W,
    /// What the node knows of the wall clock, and since when.
    wall_told: (Option<UnixTime>, Instant),
    guests: Guests,
    doors: Doors,
    keeping: Keeping,
    store: std::sync::Arc<Store>,
    /// What the store is asked to keep; what it did not keep comes back.
    writing: Option<JoinHandle<Result<(), Unkept>>>,
    lifting: Lifting,
    /// Why the store does not keep bans, and when that was told.
    unkept: Option<(String, Instant)>,
    hidden: Hidden,
    /// When somebody outside was first heard.
    outsider: Option<Instant>,
    /// Lines that were written to the log since the last turn, and those that were not.
    logged: (u32, u32),
}

impl<N: Fn() -> Instant, W: Fn() -> Option<UnixTime>> Service<N, W> {
    fn new(rng: Rng, now: N, wall: W, store: Store) -> Self {
        Self {
            node: GuardNode::new(rng),
            wall_told: (None, now()),
            now,
            wall,
            guests: Guests::default(),
            doors: Doors::default(),
            keeping: Keeping::default(),
            store: std::sync::Arc::new(store),
            writing: None,
            lifting: Lifting::default(),
            unkept: None,
            hidden: Hidden::default(),
            outsider: None,
            logged: (0, 0),
        }
    }

    /// Takes over what is set, and what earlier processes kept, piece by piece; `None` when nobody
    /// can set anything any more.
    async fn load(&mut self, set: &mut mpsc::Receiver<Settings>) -> Option<()> {
        let settings = set.recv().await?;
        self.tell_clock();
        self.set(settings);
        let (mut after, mut count, mut told) = (String::new(), 0, String::new());
        loop {
            let request = store::Request::Bans {
                after: after.clone(),
            };
            match self.store.call(&request).await {
                Ok(store::Reply::Bans(page)) => {
                    let Some(last) = page.last() else {
                        tracing::info!("{count} bans are kept from before");
                        return Some(());
                    };
                    after.clone_from(&last.network);
                    count += page.len();
                    self.feed(Input::Stored(page));
                }
                Ok(other) => {
                    let why = refusal(other);
                    if why != told {
                        tracing::warn!("who is banned cannot be loaded yet: {why}");
                        told = why;
                    }
                    tokio::time::sleep(STORE_PAUSE).await;
                }
                // It has not started yet.
                Err(_) => tokio::time::sleep(STORE_PAUSE).await,
            }
        }
    }

    /// Hands the node one cause, and carries out all that follows from it.
    fn feed(&mut self, input: Input) {
        self.node.handle((self.now)(), input);
        while let Some(output) = self.node.poll() {
            match output {
                Output::Ban(network, until) => self.doors.ban(network, until),
                Output::Unban(network) => self.doors.unban(network),
                Output::UnbanAll => self.doors.unban_all(&self.guests.all()),
                Output::Keep(rows) => self.keeping.keep(rows),
                Output::Drop(networks) => self.keeping.drop(&networks),
                Output::DropAll => self.keeping.drop_all(),
                Output::Told(told) => self.log(&told),
            }
        }
    }

    fn set(&mut self, settings: Settings) {
        let Settings { rules, grid } = settings;
        let grid = grid.into_iter().map(|it| (Protection::Grid, it));
        let listed = rules.never.iter().map(|it| (Protection::Listed, *it));
        let guests: Vec<_> = grid.chain(listed).collect();
        self.protect(Who::Site, guests);
        self.feed(Input::Config(Box::new(rules)));
    }

    fn protect(&mut self, who: Who, guests: Vec<(Protection, Network)>) {
        let before = self.guests.unknown();
        let changed = self.guests.say(who, guests);
        let unknown = self.guests.unknown();
        if !changed.is_empty() || before != unknown {
            self.doors.protect(self.guests.all(), unknown);
        }
        for (why, networks) in changed {
            self.feed(Input::Protect(why, networks));
        }
    }

    fn meet(&mut self, place: Around) {
        self.protect(Who::Net, place.guests);
        let news = self.hidden.meet((self.now)(), place.cables);
        self.tell(news);
    }

    /// What is known of routers concerns the doors, and people.
    fn tell(&mut self, news: hiding::News) {
        if let Some(hiding) = news.hiding {
            self.doors.hide(hiding);
        }
        if news.is_reached {
            self.outsider.get_or_insert_with(&self.now);
        }
    }

    /// Who asked may be gone: that changes nothing.
    fn answer(&mut self, ask: Ask) {
        let now = (self.now)();
        match ask {
            Ask::Found(finding) => {
                let news = self.hidden.found(now, &finding);
                self.tell(news);
                self.feed(Input::Found(finding));
            }
            Ask::Outsider(source) => {
                self.outsider.get_or_insert(now);
                let news = self.hidden.outsider(now, source);
                self.tell(news);
            }
            Ask::Seen(sight) => {
                let news = self.hidden.seen(now, sight);
                self.tell(news);
            }
            Ask::LookAnew => {
                let news = self.hidden.look_anew(now);
                self.tell(news);
            }
            Ask::Protect(who, guests) => self.protect(who, guests),
            Ask::Watch(watcher) => {
                let bans = self.node.bans().map(|(it, ban)| (it, ban.until));
                let (guests, hiding) = (self.guests.all(), self.hidden.hiding());
                self.doors.join(now, watcher, bans, guests, hiding);
            }
            Ask::Status(answer) => {
                let masquerade = self.hidden.report(now);
                let shown = status(&self.node, now, (self.wall)(), self.outsider, masquerade);
                let _gone = answer.try_send(shown);
            }
            Ask::Unban(network, answer) => {
                let lifted = self.node.lifted_by(&network);
                self.feed(Input::Unban(network));
                self.lifting.add(now, &network, lifted, answer);
            }
        }
    }

    /// What an attacker wrote is not in it: pages show that, a log may be read by programs.
    fn log(&mut self, told: &Told) {
        let (written, left_out) = &mut self.logged;
        if *written >= LINES_MAX {
            *left_out = left_out.saturating_add(1);
            return;
        }
        *written += 1;
        let Finding {
            offence,
            source,
            count,
            within_secs,
            ..
        } = &told.finding;
        let found = format!(
            "{source}: {}, {count} within {within_secs} s",
            offence.name()
        );
        match told.fate {
            Fate::Banned(times) => tracing::warn!("{found}: banned, time {times}"),
            Fate::WouldBeBanned => tracing::info!("{found}: bans are off for it"),
            Fate::Spared(why) => tracing::warn!("{found}: not banned, as it is protected: {why:?}"),
            Fate::AtTheDoor => tracing::info!("{found}: {:?}", told.finding.measure),
            Fate::WouldBeAtTheDoor => {
                tracing::info!("{found}: {:?} is off for it", told.finding.measure);
            }
        }
    }

    /// Once a second.
    fn turn(&mut self) {
        if let (_, left_out @ 1..) = std::mem::take(&mut self.logged) {
            tracing::warn!("{left_out} more were found within a second");
        }
        self.tell_clock();
        self.lifting.pass((self.now)());
        let news = self.hidden.turn((self.now)());
        self.tell(news);
        if self.writing.is_none()
            && let Some(changes) = self.keeping.take()
        {
            let store = std::sync::Arc::clone(&self.store);
            self.writing = Some(tokio::spawn(async move { keep(&store, changes).await }));
        }
    }

    /// The store has kept what it was asked to, or has not.
    fn written(&mut self, kept: Result<Result<(), Unkept>, JoinError>) {
        self.writing = None;
        match kept {
            Ok(Ok(())) => {
                if self.unkept.take().is_some() {
                    tracing::info!("bans are kept over a restart again");
                }
            }
            Ok(Err(Unkept { changes, why })) => {
                self.keeping.give_back(changes);
                self.tell_unkept(why);
            }
            Err(_) => {}
        }
        let keeping = &self.keeping;
        self.lifting.settle(|it| keeping.has_yet_to_drop(it));
    }

    /// A disk stays full for hours: it is told now and then.
    fn tell_unkept(&mut self, why: String) {
        let now = (self.now)();
        let is_told = |(told, at): &(String, Instant)| *told == why && now - *at < TELL_PAUSE;
        if !self.unkept.as_ref().is_some_and(is_told) {
            tracing::warn!("bans are not kept over a restart yet: {why}");
            self.unkept = Some((why, now));
        }
    }

    /// Tells the node of a clock that is believed now, or was set.
    fn tell_clock(&mut self) {
        let (now, wall) = ((self.now)(), (self.wall)());
        let (told, at) = self.wall_told;
        let expected = told.map(|told| told + (now - at));
        let is_as_expected = match (expected, wall) {
            (Some(expected), Some(wall)) => {
                expected.as_millis().abs_diff(wall.as_millis()) <= DRIFT_MAX_MILLIS
            }
            (None, None) => true,
            _ => false,
        };
        if !is_as_expected {
            self.wall_told = (wall, now);
            self.feed(Input::Clock(wall));
        }
    }

    fn sleep(&self) -> Option<tokio::time::Sleep> {
        let at = self.node.deadline()?;
        Some(tokio::time::sleep(at - (self.now)()))
    }

    fn flush(&mut self) {
        self.doors.flush((self.now)());
    }

    /// Has the store keep what it does not yet; it ends after us.
    async fn finish(&mut self) {
        let last = async {
            if let Some(writing) = self.writing.take() {
                let kept = writing.await;
                self.written(kept);
            }
            while let Some(changes) = self.keeping.take() {
                let kept = keep(&self.store, changes).await;
                let is_failing = kept.is_err();
                self.written(Ok(kept));
                if is_failing {
                    return;
                }
            }
        };
        let _late = tokio::time::timeout(LAST_MAX, last).await;
    }
}

/// What the store did not keep.
struct Unkept {
    changes: BanChanges,
    why: String,
}

/// Has the store keep it.
async fn keep(store: &Store, changes: BanChanges) -> Result<(), Unkept> {
    let request = store::Request::ChangeBans(changes);
    let why = match store.call(&request).await {
        Ok(store::Reply::Stored) => return Ok(()),
        Ok(other) => refusal(other),
        Err(error) => error.to_string(),
    };
    match request {
        store::Request::ChangeBans(changes) => Err(Unkept { changes, why }),
        _ => Ok(()),
    }
}

fn refusal(reply: store::Reply) -> String {
    match reply {
        store::Reply::Failed { reason } => reason,
        _ => "the store does not know us".to_owned(),
    }
}

/// Between two signs of life; and between two writes to the store, at least.
const BEAT_INTERVAL: Duration = Duration::from_secs(1);
/// Between two times that it is told why bans are not kept.
const TELL_PAUSE: Duration = Duration::from_secs(600);
/// What was asked and waits; whoever asks more waits too.
const ASKED_MAX: usize = 1_024;
/// What is answered before the doors are told.
const BATCH_MAX: usize = 256;
/// A clock that is off by more was set.
const DRIFT_MAX_MILLIS: u64 = 2_000;
/// Lines in the log a second: an attack from many addresses must not fill it.
const LINES_MAX: u32 = 10;
/// PID 1 kills after 5 s.
const LAST_MAX: Duration = Duration::from_secs(3);
