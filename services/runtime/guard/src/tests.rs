//! The whole service on real sockets, between a store and a `net` of the test.

use std::collections::BTreeMap;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use config::{Guard, Network};
use ipc::guard::{
    BanRow, Bans, Fate, Finding, Guest, Measure, Offence, Protection, Reply, Request, Status,
};
use ipc::{net, store};
use run_loop::clock::Clock;
use run_loop::ipc::{Answer, Client, Subscription};
use sansio::Rng;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::service::{Places, World, run_with};
use crate::settings::Settings;
use crate::{Peers, around};

/// What the store of the test keeps.
type Rows = Arc<Mutex<BTreeMap<String, BanRow>>>;

/// What is wrong with the services of the test.
#[derive(Default)]
struct Trouble {
    /// The store keeps nothing.
    is_store_full: AtomicBool,
    /// `net` knows of no cards.
    is_net_dumb: AtomicBool,
}

/// A service that runs, and what is around it.
struct Bench {
    folder: PathBuf,
    rows: Rows,
    /// How often the store committed.
    commits: watch::Receiver<u32>,
    settings: mpsc::Sender<Settings>,
    loaded: watch::Receiver<bool>,
    trouble: Arc<Trouble>,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<std::io::Result<()>>>,
}

impl Bench {
    async fn new(rules: Guard) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ramal-guard-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let rows = Rows::default();
        let (committed, commits) = watch::channel(0);
        let trouble = Arc::<Trouble>::default();
        fake_store(&folder, &rows, committed, &trouble);
        fake_net(&folder, &trouble);
        let mut bench = Self {
            folder,
            rows,
            commits,
            settings: mpsc::channel(1).0,
            loaded: watch::channel(false).1,
            trouble,
            stop: None,
            running: None,
        };
        bench.start(rules).await;
        bench
    }

    async fn start(&mut self, rules: Guard) {
        let path = self.folder.join("guard.sock");
        let _none = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).expect("a socket");
        let (stop, stopped) = oneshot::channel();
        let (settings, set) = mpsc::channel(1);
        let (looks, around) = mpsc::channel(1);
        let places = Places {
            store: self.folder.join("store.sock"),
            net: self.folder.join("net.sock"),
        };
        let clock = Clock::start();
        let (loads, loaded) = watch::channel(false);
        self.loaded = loaded;
        let world = World {
            now: move || clock.now(),
            wall: move || Some(clock.unix()),
            loaded: move || {
                loads.send_replace(true);
            },
            beat: || {},
            stop: async move {
                let _ended = stopped.await;
            },
        };
        tokio::spawn(around::follow(places.net.clone(), looks));
        let peers = Peers {
            own: rustix::process::geteuid().as_raw(),
            pbx: 60_103,
            web: 60_105,
        };
        let rng = Rng::from_seed(1);
        self.running = Some(tokio::spawn(run_with(
            listener,
            peers,
            places.store,
            rng,
            world,
            set,
            around,
        )));
        self.stop = Some(stop);
        self.settings = settings;
        self.set(rules).await;
    }

    async fn set(&self, rules: Guard) {
        let settings = Settings {
            rules,
            ..Settings::of(&ipc::site::Site::default())
        };
        self.settings.send(settings).await.expect("it runs");
    }

    async fn end(&mut self) {
        drop(self.stop.take());
        let running = self.running.take().expect("it runs");
        running.await.expect("no panic").expect("it served");
    }

    async fn ask(&self, request: Request) -> Reply {
        let client = Client::<Request, Reply>::new(self.folder.join("guard.sock"));
        client.call(&request).await.expect("an answer")
    }

    async fn status(&self) -> Status {
        match self.ask(Request::Status).await {
            Reply::Status(status) => status,
            other => panic!("{other:?}"),
        }
    }

    async fn watch(&self) -> Watch {
        let path = self.folder.join("guard.sock");
        Watch(
            Subscription::open(path, &Request::Watch)
                .await
                .expect("it watches"),
        )
    }

    /// Waits for the next commit.
    async fn committed(&mut self) {
        self.commits.changed().await.expect("a store");
    }

    fn kept(&self) -> Vec<String> {
        let rows = self.rows.lock().expect("whole");
        rows.keys().cloned().collect()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

struct Watch(Subscription<Reply>);

impl Watch {
    async fn next(&mut self) -> Bans {
        match self.0.next().await.expect("told") {
            Reply::Bans(bans) => bans,
            other => panic!("{other:?}"),
        }
    }

    /// The next change of who is banned.
    async fn change(&mut self) -> Bans {
        loop {
            let bans = self.next().await;
            if bans.is_whole || !bans.banned.is_empty() || !bans.unbanned.is_empty() {
                return bans;
            }
        }
    }
}

fn serve<Q: serde::de::DeserializeOwned + 'static, A: serde::Serialize + 'static>(
    folder: &Path,
    name: &str,
    answer: impl Fn(Q) -> A + Send + Sync + 'static,
) {
    let listener = UnixListener::bind(folder.join(name)).expect("a socket");
    std::thread::spawn(move || {
        run_loop::ipc::serve(
            &listener,
            |_| false,
            move |_, question| Answer::Reply(answer(question)),
        )
    });
}

fn fake_store(folder: &Path, rows: &Rows, committed: watch::Sender<u32>, trouble: &Arc<Trouble>) {
    let (rows, trouble) = (Arc::clone(rows), Arc::clone(trouble));
    serve(folder, "store.sock", move |request: store::Request| {
        let mut rows = rows.lock().expect("whole");
        match request {
            store::Request::Bans { after } => {
                let behind = rows.range(after.clone()..);
                let behind = behind.filter(|(network, _)| **network != after);
                store::Reply::Bans(behind.map(|(_, row)| row.clone()).take(2).collect())
            }
            store::Request::ChangeBans(_) if trouble.is_store_full.load(Ordering::Relaxed) => {
                let reason = "no space is left".into();
                store::Reply::Failed { reason }
            }
            store::Request::ChangeBans(changes) => {
                if changes.forgets_all {
                    rows.clear();
                }
                rows.retain(|network, _| !changes.gone.contains(network));
                let put = changes.put.into_iter();
                rows.extend(put.map(|row| (row.network.clone(), row)));
                committed.send_modify(|count| *count += 1);
                store::Reply::Stored
            }
            other => panic!("{other:?}"),
        }
    });
}

fn fake_net(folder: &Path, trouble: &Arc<Trouble>) {
    let trouble = Arc::clone(trouble);
    serve(folder, "net.sock", move |_: net::Request| {
        let link = net::Link {
            address: "192.168.1.5/24".into(),
            gateway: "192.168.1.1".into(),
            ..net::Link::default()
        };
        let knows = !trouble.is_net_dumb.load(Ordering::Relaxed);
        net::Reply::Status(net::Status {
            links: Vec::from_iter(knows.then_some(link)),
            ..net::Status::default()
        })
    });
}

fn on() -> Guard {
    Guard {
        is_on: true,
        ..Guard::default()
    }
}

fn finding(source: &str) -> Finding {
    Finding {
        offence: Offence::SipPassword,
        source: source.into(),
        measure: Measure::Ban,
        is_in_force: true,
        count: 5,
        within_secs: 600,
        tried: vec!["100".into()],
        is_one_name: false,
    }
}

fn network(text: &str) -> Network {
    Network::parse(text).expect(text)
}

#[tokio::test]
async fn a_ban_is_told_to_the_doors_before_it_is_kept_and_outlives_the_process() {
    let begun = Instant::now();
    let mut bench = Bench::new(on()).await;
    let mut watch = bench.watch().await;
    let whole = watch.next().await;
    assert!(whole.is_whole && whole.banned.is_empty());
    let found = bench.ask(Request::Found(finding("203.0.113.7/32"))).await;
    assert_eq!(found, Reply::Taken);
    let told = watch.change().await;
    let [(banned, left)] = &told.banned[..] else {
        panic!("{told:?}");
    };
    assert_eq!(banned, "203.0.113.7/32");
    assert!((500_000..=600_000).contains(left), "{left}");
    for number in 1..=4 {
        let source = format!("198.51.100.{number}");
        bench.ask(Request::Found(finding(&source))).await;
    }
    let shown = bench.status().await;
    assert_eq!((shown.is_on, shown.banned_count), (true, 5));
    assert_eq!(shown.told[0].fate, Fate::Banned(1));
    assert_eq!(shown.bans[0].row.tried, ["100"]);
    assert_eq!(shown.outsider_secs, None);
    let heard = Request::Outsider("203.0.113.7".into());
    assert_eq!(bench.ask(heard).await, Reply::Taken);
    assert_eq!(bench.status().await.outsider_secs, Some(0));
    bench.end().await;
    assert_eq!(bench.kept().len(), 5, "kept at the end at the latest");
    let commits = u64::from(*bench.commits.borrow());
    assert!(commits <= begun.elapsed().as_secs() + 2, "gathered");
    bench.start(on()).await;
    let whole = bench.watch().await.next().await;
    let again: Vec<&str> = whole.banned.iter().map(|(it, _)| it.as_str()).collect();
    assert!(
        whole.is_whole && again.contains(&"203.0.113.7/32"),
        "{again:?}"
    );
    assert_eq!(again.len(), 5, "the second page too");
    bench.end().await;
}

/// E3: whoever waits for it must not hear who is banned because of that.
#[tokio::test]
async fn it_is_ready_when_it_knows_who_is_banned() {
    let mut bench = Bench::new(on()).await;
    bench.end().await;
    let rows = Arc::clone(&bench.rows);
    let (held, holds) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let _rows = rows.lock().expect("whole");
        held.send(()).expect("the test waits");
        let _over = released.recv();
    });
    holds.recv().expect("the store answers nobody");
    bench.start(on()).await;
    let mut loaded = bench.loaded.clone();
    let early = std::time::Duration::from_millis(300);
    assert!(tokio::time::timeout(early, loaded.changed()).await.is_err());
    drop(release);
    assert!(loaded.wait_for(|it| *it).await.is_ok());
    bench.end().await;
}

#[tokio::test]
async fn bans_that_are_switched_off_are_told_and_kept_no_more() {
    let mut bench = Bench::new(on()).await;
    bench.ask(Request::Found(finding("203.0.113.7"))).await;
    bench.committed().await;
    assert_eq!(bench.kept(), ["203.0.113.7/32"]);
    let mut watch = bench.watch().await;
    assert_eq!(watch.next().await.banned.len(), 1);
    bench.set(Guard::default()).await;
    let told = watch.change().await;
    assert!(told.is_whole && told.banned.is_empty());
    bench.committed().await;
    assert!(bench.kept().is_empty());
    bench.ask(Request::Found(finding("203.0.113.8"))).await;
    let shown = bench.status().await;
    assert_eq!((shown.is_on, shown.banned_count), (false, 0));
    assert_eq!(shown.told[0].fate, Fate::WouldBeBanned);
    bench.end().await;
}

#[tokio::test]
async fn what_never_is_banned_is_told_to_the_doors_and_spared() {
    let listed = vec![network("203.0.113.0/24")];
    let rules = Guard {
        never: listed,
        ..on()
    };
    let mut bench = Bench::new(rules).await;
    let mut watch = bench.watch().await;
    let mut guests = Vec::new();
    while guests.len() < 3 {
        guests = watch.next().await.protected.unwrap_or_default();
    }
    let guest = |why, network: &str| Guest {
        why,
        network: network.into(),
    };
    let of_box = [
        guest(Protection::Own, "192.168.1.5/32"),
        guest(Protection::Gateway, "192.168.1.1/32"),
        guest(Protection::Listed, "203.0.113.0/24"),
    ];
    assert_eq!(guests, of_box);
    let trunk = guest(Protection::Trunk, "198.51.100.9");
    let said = bench
        .ask(Request::Protect(vec![Protection::Trunk], vec![trunk]))
        .await;
    assert_eq!(said, Reply::Taken);
    assert_eq!(watch.next().await.protected.map(|it| it.len()), Some(4));
    let of = [
        ("192.168.1.1", Protection::Gateway),
        ("203.0.113.7", Protection::Listed),
        ("198.51.100.9", Protection::Trunk),
    ];
    for (source, why) in of {
        bench.ask(Request::Found(finding(source))).await;
        let shown = bench.status().await;
        assert_eq!(shown.told[0].fate, Fate::Spared(why), "{source}");
    }
    assert_eq!(bench.status().await.banned_count, 0);
    bench.end().await;
}

#[tokio::test]
async fn somebody_unbans_and_what_makes_no_sense_is_refused() {
    let mut bench = Bench::new(on()).await;
    bench.ask(Request::Found(finding("203.0.113.7"))).await;
    let mut watch = bench.watch().await;
    watch.next().await;
    let unban = |text: &str| Request::Unban(text.into());
    let uid = rustix::process::geteuid().as_raw();
    for wrong in ["nobody", "0.0.0.0/0", "203.0.0.0/16", "::/0"] {
        let asked = bench.ask(unban(wrong)).await;
        assert_eq!(asked, Reply::Refused { uid }, "{wrong}");
    }
    let one = "203.0.113.7/32";
    assert_eq!(bench.ask(unban(one)).await, unbanned(&[one], true));
    assert_eq!(watch.change().await.unbanned, [one]);
    assert_eq!(bench.ask(unban(one)).await, unbanned(&[], true));
    for source in ["0.0.0.0/0", "somebody"] {
        let asked = bench.ask(Request::Found(finding(source))).await;
        assert_eq!(asked, Reply::Refused { uid }, "{source}");
    }
    let network = "192.0.2.1".into();
    let why = Protection::Gateway;
    let asked = bench
        .ask(Request::Protect(vec![why], vec![Guest { why, network }]))
        .await;
    assert_eq!(asked, Reply::Refused { uid });
    assert_eq!(bench.status().await.told.len(), 1);
    bench.end().await;
}

fn unbanned(lifted: &[&str], is_kept: bool) -> Reply {
    Reply::Unbanned {
        lifted: lifted.iter().map(ToString::to_string).collect(),
        is_kept,
    }
}

#[tokio::test]
async fn who_has_an_address_unbanned_hears_that_the_network_around_it_was() {
    let mut bench = Bench::new(on()).await;
    for host in 1..=8 {
        let source = format!("203.0.113.{host}/32");
        bench.ask(Request::Found(finding(&source))).await;
    }
    let asked = bench.ask(Request::Unban("203.0.113.7".into())).await;
    assert_eq!(asked, unbanned(&["203.0.113.0/24"], true));
    assert_eq!(bench.status().await.banned_count, 0);
    assert!(bench.kept().is_empty(), "answered when it is kept");
    bench.end().await;
}

#[tokio::test]
async fn an_unban_is_answered_when_it_is_kept_or_says_that_it_is_not() {
    let mut bench = Bench::new(on()).await;
    let unban = || Request::Unban("203.0.113.7".into());
    bench.ask(Request::Found(finding("203.0.113.7/32"))).await;
    bench.committed().await;
    bench.trouble.is_store_full.store(true, Ordering::Relaxed);
    let asked = bench.ask(unban()).await;
    assert_eq!(asked, unbanned(&["203.0.113.7/32"], false));
    assert_eq!(
        (bench.status().await.banned_count, bench.kept().len()),
        (0, 1)
    );
    // Nobody is banned any more, and it is not kept all the same.
    let asked = bench.ask(unban()).await;
    assert_eq!(asked, unbanned(&[], false));
    bench.trouble.is_store_full.store(false, Ordering::Relaxed);
    let asked = bench.ask(unban()).await;
    assert_eq!(asked, unbanned(&[], true));
    assert!(bench.kept().is_empty());
    bench.end().await;
}

#[tokio::test]
async fn before_net_has_spoken_the_doors_are_left_what_they_know_of_the_boxs_place() {
    // E9.
    let mut bench = Bench::new(on()).await;
    bench.end().await;
    bench.trouble.is_net_dumb.store(true, Ordering::Relaxed);
    bench.start(on()).await;
    let mut watch = bench.watch().await;
    let whole = watch.next().await;
    let of_net = [Protection::Own, Protection::Gateway, Protection::Service];
    assert!(whole.is_whole && of_net.iter().all(|it| whole.unknown.contains(it)));
    assert!(
        !whole.unknown.contains(&Protection::Listed),
        "the site is there"
    );
    bench.trouble.is_net_dumb.store(false, Ordering::Relaxed);
    let told = loop {
        let told = watch.next().await;
        if told.protected.is_some() {
            break told;
        }
    };
    assert!(!of_net.iter().any(|it| told.unknown.contains(it)));
    assert_eq!(told.protected.map(|it| it.len()), Some(2));
    bench.end().await;
}

#[tokio::test]
async fn a_door_that_does_not_read_keeps_nobody_waiting() {
    use std::io::Write as _;
    let mut bench = Bench::new(on()).await;
    let path = bench.folder.join("guard.sock");
    let mut deaf = std::os::unix::net::UnixStream::connect(&path).expect("it connects");
    let watch = ipc::frame::encode(&Request::Watch).expect("a small frame");
    deaf.write_all(&watch).expect("it asks");
    let mut hears = bench.watch().await;
    hears.next().await;
    let client = Client::<Request, Reply>::new(&path);
    // More than its queue and what the kernel holds for it.
    for number in 0..1_500_u16 {
        let [a, b] = number.to_be_bytes();
        let guests: Vec<Guest> = (0..40)
            .map(|it| Guest {
                why: Protection::Call,
                network: format!("10.{a}.{b}.{it}/32"),
            })
            .collect();
        let said = client
            .call(&Request::Protect(vec![Protection::Call], guests))
            .await;
        assert_eq!(said.expect("an answer"), Reply::Taken);
        hears.next().await;
    }
    let found = bench.ask(Request::Found(finding("203.0.113.7"))).await;
    assert_eq!(found, Reply::Taken);
    assert_eq!(hears.change().await.banned.len(), 1);
    bench.end().await;
}
