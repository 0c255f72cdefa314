//! `ramal web`: HTTPS, the redirect on port 80 and the control socket, all in front of `admin`.

mod bringing;
mod certificate;
mod driver;
mod fetching;
mod guarding;
mod hashing;
mod identity;
mod remote_uses;
mod restoring;
mod running;
mod store_links;
mod trail;

use std::error::Error;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipc::init::{self, Presence};
use ipc::store::{Reply, Request};
use run_loop::countries;
use run_loop::ipc::Subscription;
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use run_loop::{socket_path, uid};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use driver::Driver;

/// Command line of `ramal web`.
#[derive(clap::Args)]
#[command(after_help = "Its sockets come from init.

Example:
  ramal web --recordings /data/recordings --backups /data/backups")]
pub(crate) struct Arguments {
    /// Folder that `media` records calls into; without it, none can be heard.
    #[arg(long, value_name = "FOLDER")]
    recordings: Option<PathBuf>,
    /// Folder that the store puts backups into; without it, none can be downloaded.
    #[arg(long, value_name = "FOLDER")]
    backups: Option<PathBuf>,
    /// Folder of the sounds of prompts; without it, none can be heard.
    #[arg(long, value_name = "FOLDER")]
    sounds: Option<PathBuf>,
}

/// Whose files `web` hands out.
#[derive(Clone, Default)]
pub(crate) struct Folders {
    /// Where `media` keeps recordings; without it there are none.
    recordings: Option<PathBuf>,
    /// Where the store keeps backups.
    backups: Option<PathBuf>,
    /// Where it keeps the sounds of prompts.
    sounds: Option<PathBuf>,
}

/// What PID 1 passes; listeners are one for each IP version.
struct Sockets {
    https: Vec<TcpListener>,
    http: Vec<TcpListener>,
    control: UnixListener,
}

/// Runs the service until PID 1 stops it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    run_loop::log::init();
    let notify = Notify::from_env();
    let mut passed = Passed::from_env();
    let mut sockets = Sockets {
        https: vec![passed.tcp_listener("https")?],
        http: vec![passed.tcp_listener("http")?],
        control: passed.unix_listener("ctl")?,
    };
    // A box whose kernel has no IPv6 passes neither.
    if passed.has("https6") {
        sockets.https.push(passed.tcp_listener("https6")?);
        sockets.http.push(passed.tcp_listener("http6")?);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(hashing::THREADS + READERS)
        .thread_keep_alive(Duration::from_secs(1))
        .build()?;
    let folders = Folders {
        recordings: arguments.recordings.clone(),
        backups: arguments.backups.clone(),
        sounds: arguments.sounds.clone(),
    };
    let outcome = runtime.block_on(serve(&notify, sockets, folders));
    // Open connections and the control socket's thread have no end of their own to wait for.
    runtime.shutdown_background();
    outcome
}

async fn serve(notify: &Notify, sockets: Sockets, folders: Folders) -> Result<(), Box<dyn Error>> {
    let mut stop = signal(SignalKind::terminate())?;
    let (feed, bans) = mpsc::channel(guarding::BANS_WAITING);
    let guard = guarding::link(feed);
    let driver = Arc::new(Driver::new(folders, guard));
    driver.admin().runs(running::running());
    if let Some(table) = countries::read(&countries::place()) {
        driver.admin().know(table);
    }
    let own = rustix::process::geteuid().as_raw();
    let allow = move |user| user == uid::ROOT || user == uid::WEB || user == own;
    let https = listen(sockets.https)?;
    let http = listen(sockets.http)?;
    tokio::spawn(follow_configuration(Arc::clone(&driver)));
    tokio::spawn(show_first_password(Arc::clone(&driver)));
    tokio::spawn(present(Arc::clone(&driver)));
    tokio::spawn(attend(Arc::clone(&driver)));
    tokio::spawn(restoring::attend(Arc::clone(&driver)));
    tokio::spawn(guarding::follow(Arc::clone(&driver), bans));
    tokio::spawn(guarding::look(Arc::clone(&driver)));
    tokio::spawn(remote_uses::look(Arc::clone(&driver)));
    tokio::spawn(web_server::serve_redirect(http, Arc::clone(&driver)));
    let (stopping, stopped) = watch::channel(false);
    let stopped = || {
        let mut stopped = stopped.clone();
        async move { drop(stopped.wait_for(|is_stopping| *is_stopping).await) }
    };
    let shared = Arc::clone(&driver);
    let control = web_server::control::serve(sockets.control, allow, shared, stopped());
    let secure = serve_secure(notify, https, Arc::clone(&driver), stopped());
    tokio::pin!(control, secure);
    let mut beat = tokio::time::interval(BEAT);
    loop {
        tokio::select! {
            _ = stop.recv() => break,
            ended = &mut control => return Ok(ended?),
            ended = &mut secure => return ended,
            _ = beat.tick() => {
                notify.watchdog();
                driver.catch_up();
            }
        }
    }
    // Whoever asked for the restart is told that it was begun.
    stopping.send_replace(true);
    let both = async { tokio::join!(control, secure) };
    if tokio::time::timeout(LAST_ANSWERS_MAX, both).await.is_err() {
        tracing::info!("stopped with connections open");
    }
    Ok(())
}

/// HTTPS, from the moment there is a certificate for it.
async fn serve_secure(
    notify: &Notify,
    listeners: Vec<tokio::net::TcpListener>,
    driver: Arc<Driver>,
    stop: impl Future<Output = ()>,
) -> Result<(), Box<dyn Error>> {
    let settled = identity::settle(&driver).await?;
    certificate::tell(&driver, &settled.facts, settled.signed.as_ref());
    let tls = driver.certificates.begin(settled).await;
    guarding::warned(&driver).await;
    notify.ready();
    tracing::info!("serving https");
    web_server::serve_https(listeners, tls, driver, stop).await;
    Ok(())
}

/// Holds the newest configuration, from the first moment the store has one.
async fn follow_configuration(driver: Arc<Driver>) {
    loop {
        if let Ok(mut watch) =
            Subscription::<Reply>::open(socket_path("store"), &Request::Watch).await
        {
            while let Ok(Reply::Config { version, site }) = watch.next().await {
                if !site.guard.on {
                    driver.warned.send_replace(true);
                }
                driver.admin().configure(version, site);
                driver.configured.notify_one();
            }
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }
}

/// Shows the one-time password of the first sign-in, while nobody has claimed the box.
async fn show_first_password(driver: Arc<Driver>) {
    driver.configured.notified().await;
    driver.take_login_key().await;
    driver.take_start().await;
    driver.take_passkeys().await;
    while driver.admin().is_unclaimed() {
        if driver.first_sign_in().await {
            tracing::info!("the one-time password of the administrator is on the box's screen");
            return;
        }
        tokio::time::sleep(SCREEN_PAUSE).await;
    }
}

/// Carries out what people who stand before the box ask for.
async fn attend(driver: Arc<Driver>) {
    loop {
        let asked =
            Subscription::<init::Reply>::open(socket_path("init"), &init::Request::Attend).await;
        if let Ok(mut acts) = asked {
            while let Ok(reply) = acts.next().await {
                if let init::Reply::AtBox(wish) = reply {
                    driver.at_box(wish).await;
                }
            }
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }
}

/// Keeps the status page on the box's own screen true: the certificate, and whether the one-time
/// password is over.
async fn present(driver: Arc<Driver>) {
    let mut certificate = driver.certificate.subscribe();
    let mut told = None;
    loop {
        let shown = *certificate.borrow_and_update();
        let is_claimed = driver.admin().is_claimed();
        if let Some(is_claimed) = is_claimed {
            let news = Presence::Pages {
                certificate: shown,
                is_claimed,
            };
            if told.as_ref() != Some(&news) && driver.present(&news).await {
                told = Some(news);
            }
        }
        // Changes of the configuration wake others; a look now and then is enough here.
        let _ = tokio::time::timeout(PRESENT_PAUSE, certificate.changed()).await;
    }
}

fn listen(listeners: Vec<TcpListener>) -> std::io::Result<Vec<tokio::net::TcpListener>> {
    let listen = |listener: TcpListener| {
        listener.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(listener)
    };
    listeners.into_iter().map(listen).collect()
}

/// Threads that read recordings, a piece at a time: downloads do not wait for sign-ins.
const READERS: usize = 2;
/// Between two signs of life to PID 1.
const BEAT: Duration = Duration::from_secs(2);
/// How long what was asked before a stop may take to be answered; PID 1 kills after 2 s.
const LAST_ANSWERS_MAX: Duration = Duration::from_secs(1);
/// Before the store is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(200);
/// Between two looks at whether somebody has claimed the box.
const PRESENT_PAUSE: Duration = Duration::from_secs(2);
/// Before PID 1 is asked again to show the password.
const SCREEN_PAUSE: Duration = Duration::from_secs(3);
