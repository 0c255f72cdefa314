//! `ramal net`: the box's addresses, and a Unix socket that tells them.

use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ipc::init;
use ipc::net::{Link, Reply, Request, Status};
use net_service::{Name, SharedStatus, World};
use run_loop::clock::Clock;
use run_loop::ipc::{Answer, Client};
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use run_loop::{socket_path, uid};
use tokio::signal::unix::{SignalKind, signal};

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
    std::thread::Builder::new()
        .name("server".into())
        .spawn(move || {
            let answered = run_loop::ipc::serve(
                &listener,
                |peer| [uid::WEB, uid::PBX].contains(&peer),
                move |_, request: Request| match request {
                    Request::Status => {
                        let status = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
                        Answer::Reply(Reply::Status(status))
                    }
                },
            );
            if let Err(error) = answered {
                tracing::error!("the status is no longer served: {error}");
            }
        })?;
    let shown = Arc::clone(&status);
    let name = Name::announce();
    if let Err(error) = &name {
        tracing::warn!("{error}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(present(shown));
        let clock = Clock::start();
        let mut ready = false;
        let world = World {
            now: move || clock.now(),
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
        net_service::run(arguments.links.clone(), status, world).await?;
        Ok(())
    })
}

/// Keeps the status page on the box's own screen true. PID 1 is told again until it has heard it.
async fn present(status: SharedStatus) {
    let init = Client::<init::Request, init::Reply>::new(socket_path("init"));
    let mut told = Vec::new();
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        let addresses = addresses(&status.lock().unwrap_or_else(PoisonError::into_inner));
        if addresses == told {
            continue;
        }
        let news = init::Presence::Addresses(addresses.clone());
        if init.call(&init::Request::Present(news)).await.is_ok() {
            told = addresses;
        }
    }
}

fn addresses(status: &Status) -> Vec<Ipv4Addr> {
    let address = |link: &Link| link.address.split('/').next()?.parse().ok();
    status.links.iter().filter_map(address).collect()
}

/// People look at the screen while they plug a cable in.
const LOOK: Duration = Duration::from_secs(1);
