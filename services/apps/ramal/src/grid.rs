//! `ramal grid`: the tunnel into a grid, the box's own key for it, and a Unix socket that tells how
//! it stands.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use config::Tunnel;
use grid::Notice;
use ipc::Redacted;
use ipc::grid::{Reply, Request};
use ipc::store;
use run_loop::clock::Clock;
use run_loop::ipc::{Answer, Client, Subscription};
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use run_loop::pbx_driver::Lookups;
use run_loop::{socket_path, uid};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tunnel::{PrivateKey, SharedStatus, World};

/// Command line of `ramal grid`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  ramal grid")]
pub(crate) struct Arguments {}

/// Runs the service until PID 1 stops it.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    run_loop::log::init();
    let notify = Notify::from_env();
    let listener = Passed::from_env().unix_listener("ipc")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut stop = signal(SignalKind::terminate())?;
        // The box is well without the grid, and the grid with a store that is late.
        notify.ready();
        let Some(key) = own_key(&notify, &mut stop).await? else {
            return Ok(());
        };
        let (status, clock) = (SharedStatus::default(), Clock::start());
        tell(listener, &key, Arc::clone(&status), clock)?;
        hold(&notify, key, status, clock, stop).await
    })
}

/// Answers whoever may ask, on a thread of its own.
fn tell(
    listener: std::os::unix::net::UnixListener,
    key: &PrivateKey,
    status: SharedStatus,
    clock: Clock,
) -> std::io::Result<()> {
    let public = key.public().to_text();
    let serve = move || {
        let may_ask = |peer| peer == uid::WEB;
        let answered =
            run_loop::ipc::serve(
                &listener,
                may_ask,
                move |_, request: Request| match request {
                    Request::Status => {
                        let standing = tunnel::standing(&status);
                        let told = tunnel::status(&standing, &public, clock.now());
                        Answer::Reply(Reply::Status(told))
                    }
                },
            );
        if let Err(error) = answered {
            tracing::error!("the status is no longer served: {error}");
        }
    };
    std::thread::Builder::new()
        .name("server".into())
        .spawn(serve)
        .map(drop)
}

/// Holds the tunnel that is set until SIGTERM.
async fn hold(
    notify: &Notify,
    key: PrivateKey,
    status: SharedStatus,
    clock: Clock,
    mut stop: Signal,
) -> Result<(), Box<dyn Error>> {
    let names = Arc::new(Lookups::new(socket_path("net")));
    let (sets, set) = mpsc::channel(1);
    let following = tokio::spawn(follow(sets));
    let marking = tokio::spawn(mark_time(Arc::clone(&status), clock));
    let world = World {
        now: move || clock.now(),
        resolve: move |name: String| {
            let names = Arc::clone(&names);
            async move { names.addresses(&name).await }
        },
        tell: |notice| {
            notify.tunnel(match notice {
                Notice::Unset => "unset",
                Notice::Up => "up",
                Notice::Down => "down",
            });
        },
        beat: || notify.watchdog(),
        stop: async {
            stop.recv().await;
        },
    };
    tunnel::run(key, set, Arc::clone(&status), world).await?;
    following.abort();
    marking.abort();
    if tunnel::standing(&status).is_up() {
        let mark = mark(clock);
        let store = Client::<store::Request, store::Reply>::new(socket_path("store"));
        let _ = tokio::time::timeout(LAST_MARK_MAX, store.call(&mark)).await;
    }
    Ok(())
}

/// The box's own key, made when the box has none, and on the disk before it is used. `None` when
/// the service is to end.
async fn own_key(
    notify: &Notify,
    stop: &mut Signal,
) -> Result<Option<PrivateKey>, run_loop::RandomError> {
    let store = Client::<store::Request, store::Reply>::new(socket_path("store"));
    loop {
        let asked = store.call(&store::Request::Secret(KEY.to_owned())).await;
        match asked {
            Ok(store::Reply::Secret(Some(kept))) => match PrivateKey::of_kept(kept.reveal()) {
                Some(key) => return Ok(Some(key)),
                None => tracing::error!("what is kept as the key of the tunnel is none"),
            },
            Ok(store::Reply::Secret(None)) => {
                let made = PrivateKey::of_entropy(*run_loop::entropy()?.bytes());
                let kept = Redacted::new(made.reveal().to_vec());
                let put = store::Request::PutSecret(KEY.to_owned(), kept);
                if matches!(store.call(&put).await, Ok(store::Reply::Stored)) {
                    tracing::info!("the box's key for the tunnel was made");
                    return Ok(Some(made));
                }
            }
            Ok(_) | Err(_) => {}
        }
        notify.watchdog();
        tokio::select! {
            _ = stop.recv() => return Ok(None),
            () = tokio::time::sleep(STORE_PAUSE) => {}
        }
    }
}

/// Hands on what is set, now and whenever it changes.
async fn follow(sets: mpsc::Sender<tunnel::Set>) {
    loop {
        let watch = &store::Request::Watch;
        if let Ok(mut watch) = Subscription::<store::Reply>::open(socket_path("store"), watch).await
        {
            while let Ok(store::Reply::Config { site, .. }) = watch.next().await {
                if sets.send(read(site.tunnel.as_ref())).await.is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }
}

/// What is set. What the store has committed was read before; a later version's may not be.
fn read(raw: Option<&ipc::site::Tunnel>) -> tunnel::Set {
    match raw.map(Tunnel::parse) {
        None => Ok(None),
        Some(Ok(tunnel)) => Ok(Some(Box::new(tunnel))),
        Some(Err(faults)) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Err(faults.join("; "))
        }
    }
}

/// Has the store written to now and then while the tunnel is up: a box without a clock of its own
/// starts where the store was last written to, and the hub takes no handshake whose time stamp is
/// before that of an earlier one.
async fn mark_time(status: SharedStatus, clock: Clock) {
    let store = Client::<store::Request, store::Reply>::new(socket_path("store"));
    let mut turns = tokio::time::interval(MARK_INTERVAL);
    loop {
        turns.tick().await;
        if tunnel::standing(&status).is_up()
            && let Err(error) = store.call(&mark(clock)).await
        {
            tracing::warn!("{error}");
        }
    }
}

fn mark(clock: Clock) -> store::Request {
    let seconds = clock.unix().as_secs().to_string();
    store::Request::PutSecret(MARK.to_owned(), Redacted::new(seconds.into_bytes()))
}

/// Under which name the store keeps the box's key.
const KEY: &str = "tunnel-key";
/// Under which name it keeps when the tunnel was last up, seconds since 1970.
const MARK: &str = "tunnel-up";
/// Once an hour wears out no disk, and is what a box without a clock may have to wait for its hub.
const MARK_INTERVAL: Duration = Duration::from_secs(3600);
/// PID 1 kills after 5 s.
const LAST_MARK_MAX: Duration = Duration::from_secs(1);
/// Before the store is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(200);
