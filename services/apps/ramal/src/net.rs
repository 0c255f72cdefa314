//! `ramal net`: the box's addresses, and a Unix socket that tells them.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use config::StaticNetwork;
use ipc::Redacted;
use ipc::init;
use ipc::net::{Reply, Request};
use ipc::store::{self, laid_down};
use net_service::{Captures, Fixed, Mac, Name, Setting, SharedStatus, World};
use run_loop::clock::Clock;
use run_loop::ipc::{Answer, Client};
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use run_loop::{socket_path, uid};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// Command line of `ramal net`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  ramal net --link eth0")]
pub(crate) struct Arguments {
    /// Use this link only; may be repeated. Without it every network card is used.
    #[arg(long = "link", value_name = "NAME")]
    links: Vec<String>,
}

/// Runs the service until PID 1 stops it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    run_loop::log::init();
    let notify = Notify::from_env();
    let listener = Passed::from_env().unix_listener("ipc")?;
    let status = SharedStatus::default();
    let told = Arc::clone(&status);
    let (wish, wishes) = mpsc::unbounded_channel();
    let trial = Arc::new(Mutex::new(None));
    let (tried, late) = (Arc::clone(&trial), wish.clone());
    let clock = Clock::start();
    let captures = Captures::new(move || clock.now());
    std::thread::Builder::new()
        .name("server".into())
        .spawn(move || {
            let answered = run_loop::ipc::serve(
                &listener,
                |peer| [uid::WEB, uid::PBX, uid::GRID, uid::GUARD].contains(&peer),
                move |connection, request: Request| {
                    let uid = connection.peer.uid;
                    Answer::Reply(match request {
                        Request::Status => Reply::Status(now(&told, &tried)),
                        Request::TakeUp | Request::Try { .. } | Request::Capture(_)
                            if uid != uid::WEB =>
                        {
                            Reply::Refused { uid }
                        }
                        Request::Capture(ask) => {
                            let cards = cards(&now(&told, &tried));
                            match captures.answer(ask, &cards) {
                                Ok(capture) => Reply::Capture(capture),
                                Err(error) => Reply::NotCaptured(error.to_string()),
                            }
                        }
                        Request::TakeUp => wished(&wish, Wish::Kept),
                        Request::Try { network, secs } => {
                            // Who asks has checked it; what cannot be read would be DHCP, unasked.
                            match network.as_deref().map(StaticNetwork::from_text) {
                                None => wished(&wish, Wish::Try(None, secs, Instant::now())),
                                Some(Some(it)) => {
                                    wished(&wish, Wish::Try(Some(it), secs, Instant::now()))
                                }
                                Some(None) => Reply::Refused { uid },
                            }
                        }
                    })
                },
            );
            if let Err(error) = answered {
                tracing::error!("the status is no longer served: {error}");
            }
        })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let wishes = Wishes {
        late,
        wishes,
        trial,
    };
    runtime.block_on(serve(&notify, arguments.links.clone(), status, wishes))
}

/// What is wanted of the loop.
enum Wish {
    /// What the store keeps.
    Kept,
    /// The same, as nobody kept what was tried.
    Over,
    /// This for some seconds, wished at that time; DHCP for none.
    Try(Option<StaticNetwork>, u16, Instant),
}

/// How wishes come in, and what is tried.
struct Wishes {
    /// For one of our own, when the store was late.
    late: mpsc::UnboundedSender<Wish>,
    wishes: mpsc::UnboundedReceiver<Wish>,
    trial: Trial,
}

/// What is tried, and until when.
type Trial = Arc<Mutex<Option<(Option<StaticNetwork>, Instant)>>>;

fn wished(wish: &mpsc::UnboundedSender<Wish>, what: Wish) -> Reply {
    // Where the loop is over, the service is.
    let _over = wish.send(what);
    Reply::Done
}

/// The cards that packets can be captured on, those with a cable first.
fn cards(status: &ipc::net::Status) -> Vec<String> {
    let of = |up| status.links.iter().filter(move |it| it.up == up);
    let both = of(true).chain(of(false));
    both.map(|it| it.name.clone()).collect()
}

/// The status as of now.
fn now(status: &SharedStatus, trial: &Trial) -> ipc::net::Status {
    let mut status = status
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let trial = trial.lock().unwrap_or_else(PoisonError::into_inner);
    status.trial = trial.as_ref().map(|(network, ends)| ipc::net::Trial {
        network: network.as_ref().map(StaticNetwork::to_text),
        left_secs: ends.saturating_duration_since(Instant::now()).as_secs(),
    });
    status
}

/// Holds the addresses until SIGTERM; others when people set something else, or when the store was
/// late with what they had set.
async fn serve(
    notify: &Notify,
    links: Vec<String>,
    status: SharedStatus,
    wishes: Wishes,
) -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let clock = Clock::start();
    let mut ready = false;
    let first = tokio::select! {
        _ = terminate.recv() => return Ok(()),
        answered = tokio::time::timeout(STORE_WAIT_MAX, Set::ask()) => answered,
    };
    let is_known = first.is_ok();
    let known = first.unwrap_or_else(|_| {
        tracing::warn!("the store does not say whether an address was set; asking DHCP meanwhile");
        Set::nothing()
    });
    tell_kept(&status, &known);
    let (setting, set) = watch::channel(known.setting());
    let shown = watch::Sender::new(known);
    tokio::spawn(present(Arc::clone(&status), shown.subscribe()));
    tokio::spawn(announce(shown.subscribe()));
    tokio::spawn(keep_card(Arc::clone(&status), shown.clone()));
    if !is_known {
        wished(&wishes.late, Wish::Kept);
    }
    tokio::spawn(follow(wishes, shown, setting, Arc::clone(&status)));
    let world = World {
        now: move || clock.now(),
        set,
        beat: || {
            if !std::mem::replace(&mut ready, true) {
                notify.ready();
            }
            notify.watchdog();
        },
        stop: async move {
            terminate.recv().await;
        },
    };
    net_service::run(links, status, world).await?;
    Ok(())
}

/// Takes up what people set, each time it has changed, and what they try, for as long as they do.
async fn follow(
    mut wishes: Wishes,
    known: watch::Sender<Set>,
    setting: watch::Sender<Setting>,
    status: SharedStatus,
) {
    let take = |other: Set| {
        if *known.borrow() != other {
            tracing::info!("what is set for the network by now: {other}");
            setting.send_replace(other.setting());
            known.send_replace(other);
        }
    };
    let mut before = known.borrow().clone();
    let mut wish = wishes.wishes.recv().await;
    while let Some(wanted) = wish {
        wish = match wanted {
            Wish::Kept | Wish::Over => {
                if matches!(wanted, Wish::Over) {
                    // At once: the store may be away just now.
                    take(before.clone());
                }
                before = Set::ask().await;
                tell_kept(&status, &before);
                take(before.clone());
                wishes.wishes.recv().await
            }
            // Whoever wished it has gone on, and the box would move by itself.
            Wish::Try(.., at) if at.elapsed() > STALE => wishes.wishes.recv().await,
            Wish::Try(network, secs, _) => {
                // Whoever asked by an address that goes is answered by it first.
                tokio::time::sleep(ANSWER_TIME).await;
                take(before.trying(network.clone()));
                wishes.during(network, secs).await
            }
        };
    }
}

impl Wishes {
    /// What is wished next while this is tried: when nobody wishes anything until its time is over,
    /// what was kept.
    async fn during(&mut self, network: Option<StaticNetwork>, secs: u16) -> Option<Wish> {
        let ends = Instant::now() + Duration::from_secs(secs.into());
        self.tell(Some((network, ends)));
        let next = tokio::time::timeout_at(ends.into(), self.wishes.recv()).await;
        self.tell(None);
        next.unwrap_or_else(|_over| {
            tracing::warn!("nobody kept the address that was tried; the one from before is back");
            Some(Wish::Over)
        })
    }

    fn tell(&self, trial: Option<(Option<StaticNetwork>, Instant)>) {
        *self.trial.lock().unwrap_or_else(PoisonError::into_inner) = trial;
    }
}

/// For the page: what was set, and whether it can be read.
fn tell_kept(status: &SharedStatus, set: &Set) {
    let mut status = status.lock().unwrap_or_else(PoisonError::into_inner);
    set.unreadable.clone_into(&mut status.unreadable);
    status.set = set.network.as_ref().map(StaticNetwork::to_text);
}

/// Answers to the box's name, and to another one when it has got one.
async fn announce(mut known: watch::Receiver<Set>) {
    loop {
        let host_name = known.borrow_and_update().host_name.clone();
        let name = Name::announce(&host_name);
        if let Err(error) = &name {
            tracing::warn!("{error}");
        }
        let is_another = |set: &Set| set.host_name != host_name;
        if known.wait_for(is_another).await.is_err() {
            // Nobody changes it any more.
            std::future::pending::<()>().await;
        }
    }
}

/// What people have set for the network.
#[derive(Clone, PartialEq, Eq)]
struct Set {
    network: Option<StaticNetwork>,
    /// The card that has this address; nothing while that is not kept.
    card: Option<Mac>,
    /// The field of what is kept that cannot be read; empty where there is none.
    unreadable: &'static str,
    host_name: String,
    /// Nothing keeps it.
    on_trial: bool,
}

impl Set {
    /// As from the works: a box whose store is away must not be without an address, or nobody
    /// could reach it to see why.
    fn nothing() -> Self {
        Self {
            network: None,
            card: None,
            unreadable: "",
            on_trial: false,
            host_name: laid_down::FACTORY_HOST_NAME.to_owned(),
        }
    }

    /// Asks the store until it answers.
    async fn ask() -> Self {
        let store = Client::new(socket_path("store"));
        loop {
            if let (Ok(network), Ok(card), Ok(name)) = (
                secret(&store, laid_down::NETWORK).await,
                secret(&store, CARD).await,
                secret(&store, laid_down::HOST_NAME).await,
            ) {
                let (network, unreadable) = read(network.as_deref());
                let card = network.as_ref().zip(card.as_deref());
                let card = card.and_then(|(network, kept)| card_of(network, kept));
                return Self {
                    network,
                    card,
                    unreadable,
                    on_trial: false,
                    host_name: name.unwrap_or_else(|| Self::nothing().host_name),
                };
            }
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    /// The same with this address, while it is tried.
    fn trying(&self, network: Option<StaticNetwork>) -> Self {
        Self {
            network,
            on_trial: true,
            unreadable: "",
            ..self.clone()
        }
    }

    fn setting(&self) -> Setting {
        let fixed = self.network.clone().map(|it| Fixed {
            address: it.address,
            prefix: it.length,
            gateway: it.gateway,
            dns: it.dns,
        });
        let card = self.card;
        Setting { fixed, card }
    }
}

/// The card that was kept for this address: one kept for another address counts for nothing, as
/// people may have set that for another card.
fn card_of(network: &StaticNetwork, kept: &str) -> Option<Mac> {
    let (card, address) = kept.split_once(' ')?;
    let is_for_this = address == network.address.to_string();
    card.parse().ok().filter(|_| is_for_this)
}

/// Keeps which card has the address that people have set, once it is known: cards are found in
/// any order, and one that is added later must not take the address away.
async fn keep_card(status: SharedStatus, known: watch::Sender<Set>) {
    let store = Client::<store::Request, store::Reply>::new(socket_path("store"));
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        let set = known.borrow().clone();
        let (Some(network), None, false) = (set.network, set.card, set.on_trial) else {
            continue;
        };
        let first = (status.lock())
            .unwrap_or_else(PoisonError::into_inner)
            .first
            .clone();
        let Ok(card) = first.parse::<Mac>() else {
            continue;
        };
        let note = format!("{card} {}", network.address);
        let put = store::Request::PutSecret(CARD.to_owned(), Redacted::new(note.into_bytes()));
        if let Ok(store::Reply::Stored) = store.call(&put).await {
            tracing::info!("{} belongs to {card} from now on", network.address);
            known.send_if_modified(|set| {
                let is_for_this = set.network.as_ref() == Some(&network);
                if is_for_this {
                    set.card = Some(card);
                }
                is_for_this
            });
        }
    }
}

/// What was set, and the field that cannot be read: an earlier version may have kept what this one
/// does not take, and a box without an address could not say so.
fn read(kept: Option<&str>) -> (Option<StaticNetwork>, &'static str) {
    match kept.map(StaticNetwork::read) {
        None => (None, ""),
        Some(Ok(network)) => (Some(network), ""),
        Some(Err(field)) => {
            tracing::error!(
                "the address that was set cannot be used: {field} is not right; the box asks DHCP \
                 until it is set again, by the menu at the box"
            );
            (None, field)
        }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.network {
            Some(network) => write!(f, "{}/{}", network.address, network.length),
            None => f.write_str("DHCP"),
        }
    }
}

/// A secret of ours, as text; `Ok(None)` when there is none.
async fn secret(
    store: &Client<store::Request, store::Reply>,
    name: &str,
) -> Result<Option<String>, ()> {
    match store.call(&store::Request::Secret(name.to_owned())).await {
        Ok(store::Reply::Secret(kept)) => {
            Ok(kept.and_then(|it| String::from_utf8(it.reveal().clone()).ok()))
        }
        Ok(_) | Err(_) => Err(()),
    }
}

/// Keeps the status page on the box's own screen true. PID 1 is told again until it has heard it.
async fn present(status: SharedStatus, known: watch::Receiver<Set>) {
    let init = Client::<init::Request, init::Reply>::new(socket_path("init"));
    let mut told = None;
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        let set = known.borrow().clone();
        let news = init::Presence::Network {
            host_name: set.host_name,
            status: status
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            set: set.network.map(|it| it.to_text()),
        };
        if told.as_ref() == Some(&news) {
            continue;
        }
        let request = init::Request::Present(news.clone());
        if init.call(&request).await.is_ok() {
            told = Some(news);
        }
    }
}

/// Among our secrets in the store: hardware address of a card, a space, the address it has.
const CARD: &str = "network-card";
/// How long the store is waited for before the box asks DHCP. Longer than opening it takes after a
/// power cut, so that a box with a set address hardly ever has another one for a moment.
const STORE_WAIT_MAX: Duration = Duration::from_secs(15);
/// Before the store is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(200);
/// A wish that waited for longer, for the store, is not what anybody wants any more.
const STALE: Duration = Duration::from_secs(5);
/// In which an answer that is on its way gets there, before the address goes by which it was asked.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// People look at the screen while they plug a cable in.
const LOOK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_nobody_keeps_while_it_is_tried_gives_way_to_what_is_kept() {
        let (late, wishes) = mpsc::unbounded_channel();
        let trial = Trial::default();
        let mut of_people = Wishes {
            late: late.clone(),
            wishes,
            trial: Arc::clone(&trial),
        };
        let status = SharedStatus::default();
        let begun = tokio::time::Instant::now();
        let network = StaticNetwork::from_text("10.0.0.5/24 - -");
        let tried = tokio::spawn(async move { of_people.during(network, 300).await });
        tokio::task::yield_now().await;
        let seen = now(&status, &trial).trial.expect("it is tried");
        assert_eq!(seen.network.as_deref(), Some("10.0.0.5/24 - -"));
        assert!((299..=300).contains(&seen.left_secs), "{}", seen.left_secs);
        let next = tried.await.expect("not ended");
        assert!(matches!(next, Some(Wish::Over)) && now(&status, &trial).trial.is_none());
        let took = begun.elapsed().as_secs();
        assert!((299..=300).contains(&took), "{took} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_ends_with_the_next_wish() {
        let (late, wishes) = mpsc::unbounded_channel();
        let mut of_people = Wishes {
            late: late.clone(),
            wishes,
            trial: Trial::default(),
        };
        assert_eq!(
            wished(&late, Wish::Try(None, 60, Instant::now())),
            Reply::Done
        );
        let next = of_people.during(None, 300).await;
        assert!(matches!(next, Some(Wish::Try(None, 60, _))));
    }

    #[test]
    fn a_card_is_kept_for_the_address_it_has_and_for_no_other() {
        let (network, _) = read(Some("192.168.10.5/24 - -"));
        let network = network.expect("it is right");
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        let kept = |text| card_of(&network, text);
        assert_eq!(kept("02:00:00:00:00:01 192.168.10.5"), Some(mac));
        assert_eq!(kept("02:00:00:00:00:01 192.168.10.6"), None);
        assert_eq!(kept("02:00:00:00:00 192.168.10.5"), None);
        assert_eq!(kept("192.168.10.5"), None);
    }

    #[test]
    fn a_kept_setting_that_cannot_be_read_is_dhcp_and_its_field_is_told() {
        assert_eq!(read(None), (None, ""));
        assert_eq!(read(Some("169.254.1.5/16 - -")), (None, "address"));
        let (network, field) = read(Some("192.168.10.5/24 - -"));
        assert_eq!((network.is_some(), field), (true, ""));
    }
}
